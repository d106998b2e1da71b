"""The catalogue's loader: what it reads, and that it refuses what is malformed with file and entry named."""

import pytest

from tdwii_conformance.profile import CatalogueError, load_catalogue

GOOD = """
[[requirement]]
id = "RO60-TMS-900"
actor = "TMS"
transaction = "RO-60"
level = "shall"
source = "CC.2.1.3"
statement = "Does something."
statuses = ["C301"]
"""
HEAD = "id,edition,message,actor,path,type,mark,values,items,condition,level,source,remark\n"
ROW = "RO58-TMS-900,ti,RO-58 response,TMS,PatientID,1,R+,,,,shall,TI,\n"


def load(tmp_path, toml=GOOD, table=HEAD + ROW):
    for name, text in (("requirements/a.toml", toml), ("attributes/a.csv", table)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return load_catalogue(tmp_path)


def test_reads_requirements_and_rows(tmp_path):
    catalogue = load(tmp_path)
    assert list(catalogue) == ["RO60-TMS-900", "RO58-TMS-900"]
    assert catalogue["RO60-TMS-900"].statuses == (0xC301,)
    assert catalogue["RO60-TMS-900"].editions == ("ti",)
    assert catalogue["RO58-TMS-900"].rule.path[-1].keyword == "PatientID"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (GOOD.replace("level", "levle"), "requirements/a.toml: RO60-TMS-900: unknown key 'levle'; did you mean 'level'"),
        (GOOD + GOOD, "RO60-TMS-900: this id is already used in requirements/a.toml"),
        (GOOD.replace('"shall"', '"must"'), "requirements/a.toml: RO60-TMS-900: level is 'must'"),
        (GOOD.replace("CC.2.1.3", ""), "requirements/a.toml: RO60-TMS-900: source is missing or empty"),
        (GOOD.replace("C301", "C3"), "requirements/a.toml: RO60-TMS-900: statuses is ['C3']"),
        (GOOD.replace("RO-60", "RO-99"), "requirements/a.toml: RO60-TMS-900: transaction is 'RO-99'"),
        (GOOD.replace("RO60-TMS-900", "claim"), "requirements/a.toml: claim: 'claim' is not an id"),
        ("[[requirement", "requirements/a.toml: not TOML"),
    ],
)
def test_refuses_malformed_requirements(tmp_path, toml, said):
    with pytest.raises(CatalogueError) as error:
        load(tmp_path, toml=toml)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            ROW.replace("PatientID", "PatientIdentity"),
            "attributes/a.csv: line 2: RO58-TMS-900: 'PatientIdentity' is no DICOM keyword",
        ),
        (ROW.replace("PatientID", "00100020"), "'00100020' is no DICOM keyword: write PatientID"),
        (ROW.replace("PatientID", '"(9999,9999)"'), "line 2: RO58-TMS-900"),
        (ROW.replace(",1,R+", ",7,R+"), "type is '7'"),
        (ROW.replace(",1,R+", ",1C,R+"), "a condition goes with type 1C or 2C"),
        (ROW.replace("shall", "would"), "level is 'would'"),
        (ROW.replace(",R+,,,", ",R+,,many,"), "items is 'many': write 1, 1-3 or 1-"),
        (ROW.rstrip("\n") + ",one more\n", "more or fewer than 13 columns"),
    ],
)
def test_refuses_malformed_rows(tmp_path, row, said):
    with pytest.raises(CatalogueError) as error:
        load(tmp_path, table=HEAD + row)
    assert said in str(error.value)


def test_unknown_id_names_the_nearest(tmp_path):
    with pytest.raises(KeyError, match="did you mean 'RO60-TMS-900'"):
        load(tmp_path)["RO60-TMS-90"]


def test_asking_for_a_message_without_a_table_is_an_error(tmp_path):
    with pytest.raises(KeyError, match="no attribute table has a message 'RO-58 answer'"):
        load(tmp_path).attributes("RO-58 answer", "TMS")
