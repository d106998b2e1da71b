"""The catalogue's loader: what it reads, and that it refuses what is malformed with file and entry named."""

import pytest

from tdwii_conformance.profile import CatalogueError, load_catalogue
from tdwii_conformance.profile.ups_tables import state_table

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


# --- cells of the state and subscription tables -----------------------------------------------------------------------

CELL_HEAD = "id,event,state,also,tolerated,readings,claim,source\n"
CELL = "CC11-TMS-901,N-CREATE,no such UPS,B300,,0000: as it is|B300: changed,push,CC.1.1\n"


def load_cells(tmp_path, cells, name="cc_1_1.csv"):
    for folder in ("requirements", "attributes", "cells"):
        (tmp_path / folder).mkdir()
    (tmp_path / "cells" / name).write_text(CELL_HEAD + cells)
    return load_catalogue(tmp_path)


def test_reads_cells(tmp_path):
    event, state = next(iter(state_table()))
    row = CELL.replace("N-CREATE", event).replace("no such UPS", state)
    (read,) = load_cells(tmp_path, row).cells("CC.1.1")
    assert (read.cell, read.claim, read.transaction, read.level) == ((event, state), "push", "CC.1.1", "shall")
    assert read.statuses[-1] == 0xB300
    assert read.readings == {"0000": "as it is", "B300": "changed"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("CC11-TMS-901,N-CREATE", "CC11-TMS-901,N-INVENT"),
            "cells/cc_1_1.csv: line 2: CC11-TMS-901: the table has no cell N-INVENT / no such UPS",
        ),
        (("0000: as it is", "as it is"), "cells/cc_1_1.csv: line 2: CC11-TMS-901: reading 'as it is' is not 'STATUS: words'"),
        (("B300,", "B3,"), "statuses"),
        ((",push", ""), "fewer than 8 columns"),
    ],
)
def test_refuses_malformed_cells(tmp_path, change, said):
    event, state = next(iter(state_table()))
    row = CELL.replace(*change).replace("N-CREATE", event)
    row = row if "N-INVENT" in row else row.replace("no such UPS", state)
    with pytest.raises(CatalogueError) as error:
        load_cells(tmp_path, row)
    assert said in str(error.value)


def test_refuses_cells_of_no_section(tmp_path):
    with pytest.raises(CatalogueError, match=r"cells/cc_9.csv: is the table of no section; known are cc_1_1.csv, cc_2_3.csv"):
        load_cells(tmp_path, CELL, "cc_9.csv")
