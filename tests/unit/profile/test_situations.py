"""The table of situations: the same situation gets the same verdict, whichever requirement meets it."""

import pytest

from tdwii_conformance.profile import CatalogueError, load_catalogue
from tdwii_conformance.profile.situations import load_situations, read_situations
from tdwii_conformance.profile.statuses import is_failure

HEAD = "situation,exact,tolerated,source,why\n"


def test_every_situation_is_known_to_a_requirement():
    known = {requirement.situation for requirement in load_catalogue().values()}
    assert [name for name in load_situations() if name not in known] == []


def test_what_may_be_refused_has_a_situation():
    own = [one.id for one in load_catalogue().values() if not one.situation and any(map(is_failure, one.statuses))]
    assert own == [], "name its situation, and put it into situations.csv if it is a new one"


def test_a_requirement_has_the_statuses_of_its_situation():
    catalogue, situations = load_catalogue(), load_situations()
    duplicate = catalogue["CC25-TMS-020"]
    assert (duplicate.statuses, duplicate.warnings) == ((0x0111,), (0x0106, 0x0110, 0x0117))
    # In the module of creation and in that of the state table, with one verdict.
    assert {one.warnings for one in catalogue.values() if one.situation == duplicate.situation} == {duplicate.warnings}
    assert situations[duplicate.situation].exact == ("0111",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("one,C301,C302,CC.1.1", "more or fewer than 5 columns"),
        ("one,,C302,CC.1.1,", "has no exact status"),
        ("one,C301,C3,CC.1.1,", "'C3' is no status of four hexadecimal digits"),
        ("one,C301,C301,CC.1.1,", "'C301' is no status of four hexadecimal digits, or is there twice"),
        ("one,C301,,CC.1.1,\none,C302,,CC.1.1,", "line 3: one: is there twice"),
    ],
)
def test_malformed_table_is_refused(row, said):
    with pytest.raises(CatalogueError, match=said):
        read_situations("situations.csv", f"{HEAD}{row}\n")


def test_other_columns_are_refused():
    with pytest.raises(CatalogueError, match="they have to be situation, exact, tolerated"):
        read_situations("situations.csv", "situation,exact\n")


def test_statuses_beside_a_situation_are_refused(tmp_path):
    for folder in ("requirements", "attributes", "cells"):
        (tmp_path / folder).mkdir()
    entry = 'id = "RO60-TMS-901"\nactor = "TMS"\ntransaction = "RO-60"\nlevel = "shall"\nsource = "CC.1.1"\nstatement = "Does."\n'
    text = f'[[requirement]]\n{entry}situation = "unknown UPS"\nstatuses = ["C307"]\n'
    (tmp_path / "requirements" / "some.toml").write_text(text, "utf-8")
    with pytest.raises(CatalogueError, match="RO60-TMS-901: has a situation and statuses of its own"):
        load_catalogue(tmp_path)
