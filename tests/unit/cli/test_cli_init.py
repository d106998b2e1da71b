"""`tdwii init`: the example configuration reaches somebody who has no checkout."""

from tdwii_conformance import resources
from tdwii_conformance.sut.config import load_system


def test_the_example_is_written_and_can_be_loaded(tdwii, tmp_path):
    ran = tdwii("init")
    assert (ran.code, ran.out) == (0, "")
    assert "sut.toml written" in ran.err
    assert (tmp_path / "sut.toml").read_bytes() == (resources.examples() / "sut_example.toml").read_bytes()
    assert load_system(tmp_path / "sut.toml").name == "Example clinic, test installation"


def test_a_file_that_is_there_is_kept(tdwii, tmp_path):
    (tmp_path / "clinic.toml").write_text("mine")
    ran = tdwii("init", "clinic.toml")
    assert (ran.code, ran.err) == (2, "tdwii init: clinic.toml: is there already: --force replaces it\n")
    assert (tmp_path / "clinic.toml").read_text() == "mine"
    assert tdwii("init", "clinic.toml", "--force").code == 0
    assert load_system(tmp_path / "clinic.toml").name == "Example clinic, test installation"


def test_where_nothing_can_be_written(tdwii):
    ran = tdwii("init", "no/such/folder.toml")
    assert ran.code == 2
    assert ran.err.startswith("tdwii init: ") and "folder.toml" in ran.err
