"""The catalogue's loader: what it reads, and that it refuses what is malformed with file and entry named."""

import re

import pytest

from tdwii_conformance.profile import CatalogueError, Requirement, load_catalogue
from tdwii_conformance.profile.catalogue import AttributeRule
from tdwii_conformance.profile.paths import Condition, Step
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

CELL_HEAD = "id,event,state,situation,readings,capability,source\n"
CELL = "CC11-TMS-901,N-CREATE,no such UPS,UPS created,0000: as it is|B300: changed,push,CC.1.1\n"


def load_cells(tmp_path, cells, name="cc_1_1.csv"):
    for folder in ("requirements", "attributes", "cells"):
        (tmp_path / folder).mkdir()
    (tmp_path / "cells" / name).write_text(CELL_HEAD + cells)
    return load_catalogue(tmp_path)


def test_reads_cells(tmp_path):
    event, state = next(iter(state_table()))
    row = CELL.replace("N-CREATE", event).replace("no such UPS", state)
    (read,) = load_cells(tmp_path, row).cells("CC.1.1")
    assert (read.cell, read.capability, read.transaction, read.level) == ((event, state), "push", "CC.1.1", "shall")
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
        (("UPS created,", "UPS creatde,"), "unknown situation 'UPS creatde'; did you mean 'UPS created'"),
        (("UPS created,", "unknown UPS,"), "the table says 0000, which is not exact in the situation 'unknown UPS'"),
        ((",push", ""), "fewer than 7 columns"),
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


# --- all that is read, and all that is said -----------------------------------------------------------------------------


def write(tmp_path, **files):
    """Write files; ``requirements_b`` is requirements/b.toml."""
    for name, text in files.items():
        folder, _, stem = name.partition("_")
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{stem}.{'toml' if folder == 'requirements' else 'csv'}").write_text(text, encoding="utf-8")
    return tmp_path


def said_of(folder):
    with pytest.raises(CatalogueError) as error:
        load_catalogue(folder)
    return str(error.value)


FULL = """
[defaults]
actor = "OST"
transaction = "CC.2.8"
level = "should"
source = "CC.2.8.1"

[[requirement]]
id = "CC28-OST-901"
edition = ["ti", "2013"]
statement = "Does   something\twith Ä."
statuses = ["0000", "C3FF"]
warnings = ["B300"]
readings = { C301 = "as it is" }
capability = "query"
no_defect = "Nobody can see it."

[[requirement]]
id = "CC28-TMS-902"
actor = "TMS"
edition = "2013"
statement = "x"
"""


def test_reads_all_of_a_requirement(tmp_path):
    catalogue = load_catalogue(write(tmp_path, requirements_b=FULL, requirements_a=GOOD))
    assert list(catalogue) == ["RO60-TMS-900", "CC28-OST-901", "CC28-TMS-902"]  # in the order of the files
    assert len(catalogue) == 3
    assert catalogue["CC28-OST-901"] == Requirement(
        "CC28-OST-901", "OST", "CC.2.8", "should", "CC.2.8.1", "Does something with Ä.", ("ti", "2013"),
        (0x0000, 0xC3FF), (0xB300,), {"C301": "as it is"}, "query", no_defect="Nobody can see it.",
    )  # fmt: skip
    assert catalogue["CC28-TMS-902"] == Requirement("CC28-TMS-902", "TMS", "CC.2.8", "should", "CC.2.8.1", "x", ("2013",))


def test_requirements_of_an_actor_and_an_edition(tmp_path):
    catalogue = load_catalogue(write(tmp_path, requirements_b=FULL, requirements_a=GOOD))

    def of(**which):
        return [one.id for one in catalogue.of(**which)]

    assert of() == ["RO60-TMS-900", "CC28-OST-901", "CC28-TMS-902"]
    assert of(actor="TMS") == ["RO60-TMS-900", "CC28-TMS-902"]
    assert of(edition="2013") == ["CC28-OST-901", "CC28-TMS-902"]
    assert of(actor="TMS", edition="2013") == ["CC28-TMS-902"]
    assert of(actor="TDD") == []


def test_files_of_other_kinds_are_left_alone(tmp_path):
    folder = write(tmp_path, requirements_a=GOOD)
    (folder / "requirements" / "notes.txt").write_text("not TOML")
    assert list(load_catalogue(folder)) == ["RO60-TMS-900"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[defaults]\nactr = 1", "[defaults]: unknown key 'actr'; did you mean 'actor'; known are actor, capability, edition, level, no_defect, readings, situation, source, statement, statuses, transaction, warnings"),
        ("[defaults]\nid = 1", "[defaults]: unknown key 'id'; known are actor, capability, edition, level, no_defect, readings, situation, source, statement, statuses, transaction, warnings"),
        ("x = 1", "top level: unknown key 'x'; known are defaults, requirement"),
        (GOOD.replace("level", "levle"), "RO60-TMS-900: unknown key 'levle'; did you mean 'level'; known are actor, capability, edition, id, level, no_defect, readings, situation, source, statement, statuses, transaction, warnings"),
        (GOOD.replace('id = "RO60-TMS-900"', ""), "requirement 1: id is missing or empty; every requirement has one"),
        (GOOD + GOOD.replace('id = "RO60-TMS-900"', 'id = ""'), "requirement 2: id is missing or empty; every requirement has one"),
        (GOOD.replace('"Does something."', '" "'), "RO60-TMS-900: statement is missing or empty; every requirement has one"),
        (GOOD.replace('"Does something."', "1"), "RO60-TMS-900: statement is missing or empty; every requirement has one"),
        (GOOD.replace('actor = "TMS"', ""), "RO60-TMS-900: actor is missing or empty; every requirement has one"),
        (GOOD.replace('transaction = "RO-60"', ""), "RO60-TMS-900: transaction is missing or empty; every requirement has one"),
        (GOOD.replace('level = "shall"', ""), "RO60-TMS-900: level is missing or empty; every requirement has one"),
        (GOOD.replace('"TMS"', '"PACS"'), "RO60-TMS-900: actor is 'PACS'; it is one of TMS, OST, TDD, watcher"),
        (GOOD.replace('"shall"', '"must"'), "RO60-TMS-900: level is 'must'; it is one of shall, should, may"),
        (GOOD.replace("RO-60", "RO-99"), "RO60-TMS-900: transaction is 'RO-99'; it is one of upper layer, negotiation, RO-58, RO-59, RO-60, RO-61, RO-62, RO-63, RO-64, RO-65, CC.1.1, CC.2.1, CC.2.2, CC.2.3, CC.2.4, CC.2.5, CC.2.6, CC.2.7, CC.2.8, CC.3.1, CC.3.2"),
        (GOOD.replace("RO60-TMS-900", "RO60-TMS-9000"), "RO60-TMS-9000: 'RO60-TMS-9000' is not an id: write it like RO60-TMS-004"),
        (GOOD + 'edition = "2014"', "RO60-TMS-900: edition is '2014'; it is one of ti, 2013"),
        (GOOD + 'edition = ["ti", "2014"]', "RO60-TMS-900: edition is '2014'; it is one of ti, 2013"),
        (GOOD + 'readings = "C301"', 'RO60-TMS-900: readings is a table of words: { C301 = "..." }'),
        (GOOD + "readings = { C301 = 1 }", 'RO60-TMS-900: readings is a table of words: { C301 = "..." }'),
        (GOOD.replace("C301", "C30X"), "RO60-TMS-900: statuses is ['C30X']: a list of four hexadecimal digits each, like [\"C301\"]"),
        (GOOD.replace('["C301"]', '"C301"'), "RO60-TMS-900: statuses is 'C301': a list of four hexadecimal digits each, like [\"C301\"]"),
        (GOOD.replace('["C301"]', "[49921]"), "RO60-TMS-900: statuses is [49921]: a list of four hexadecimal digits each, like [\"C301\"]"),
        (GOOD + 'warnings = ["B3000"]', "RO60-TMS-900: warnings is ['B3000']: a list of four hexadecimal digits each, like [\"C301\"]"),
        (GOOD + GOOD, "RO60-TMS-900: this id is already used in requirements/a.toml; ids are unique"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_malformed_requirement(tmp_path, toml, said):
    folder = write(tmp_path, requirements_a=toml)
    assert said_of(folder) == f"requirements/a.toml: {said}"


def test_file_without_requirements_is_refused(tmp_path):
    assert said_of(write(tmp_path, requirements_a='[defaults]\nactor = "TMS"')) == "requirements/a.toml: has no [[requirement]]"


def test_an_id_used_twice_names_both_files(tmp_path):
    folder = write(tmp_path, requirements_a=GOOD, requirements_b=GOOD)
    assert said_of(folder) == "requirements/b.toml: RO60-TMS-900: this id is already used in requirements/a.toml; ids are unique"


def row(**changes):
    columns = {
        "id": "RO58-TMS-900", "edition": "ti", "message": "RO-58 response", "actor": "TMS", "path": "PatientID", "type": "1",
        "mark": "R+", "values": "", "items": "", "condition": "", "level": "shall", "source": "TI", "remark": "",
    } | changes  # fmt: skip
    return ",".join(f'"{value}"' for value in columns.values()) + "\n"


def rule(**changes):
    """Return the rule that row() stands for."""
    path = changes.get("text", "PatientID")
    values = {
        "message": "RO-58 response", "path": tuple(Step(one) for one in path.split(".")), "text": path, "type": "1", "mark": "R+",
    } | changes  # fmt: skip
    return AttributeRule(**values)


IF_TEXT = Condition("ValueType = TEXT", "ValueType", True, ("TEXT",))


@pytest.mark.parametrize(
    ("changes", "expected", "statement"),
    [
        ({}, rule(), "PatientID is present and has a value."),
        ({"type": "2", "mark": "R"}, rule(type="2", mark="R"), "PatientID is present, with or without a value."),
        ({"type": "3", "remark": "so"}, rule(type="3"), "PatientID may be present (so)."),
        ({"type": "empty"}, rule(type="empty"), "PatientID is present without a value (a return key)."),
        ({"type": "absent"}, rule(type="absent"), "PatientID is not sent."),
        ({"type": "1C", "condition": "ValueType = TEXT"}, rule(type="1C", condition=IF_TEXT),
         "PatientID is present and has a value if ValueType = TEXT."),
        ({"type": "2C", "condition": "ValueType = TEXT"}, rule(type="2C", condition=IF_TEXT),
         "PatientID is present, with or without a value if ValueType = TEXT."),
        ({"values": "A|B"}, rule(values=("A", "B")), "PatientID is present and has a value, value: A or B."),
        ({"values": "$patient_id"}, rule(values=("$patient_id",)),
         "PatientID is present and has a value, value: the Patient ID of this treatment."),
        ({"items": "1"}, rule(items=(1, 1)), "PatientID is present and has a value, 1 item(s)."),
        ({"items": "1-3"}, rule(items=(1, 3)), "PatientID is present and has a value, 1 to 3 item(s)."),
        ({"items": "12-"}, rule(items=(12, 0)), "PatientID is present and has a value, at least 12 item(s)."),
        ({"path": "InputInformationSequence.TypeOfInstances"}, rule(text="InputInformationSequence.TypeOfInstances"),
         "InputInformationSequence.TypeOfInstances is present and has a value."),
    ],
)  # fmt: skip
def test_reads_all_of_a_row(tmp_path, changes, expected, statement):
    read = load_catalogue(write(tmp_path, attributes_a=HEAD + row(**changes)))["RO58-TMS-900"]
    assert read.rule == expected
    assert read == Requirement("RO58-TMS-900", "TMS", "RO-58", "shall", "TI", f"RO-58 response: {statement}", rule=expected)


def test_a_fact_without_words_is_refused(tmp_path):
    folder = write(tmp_path, attributes_a=HEAD + row(values="$weather"))
    assert said_of(folder).endswith("RO58-TMS-900: 'weather' has no words for the statement; add them in profile/words.py")


def test_statements_are_in_words():
    """What the tables write for the code stays there: no ``$fact``, no braces."""
    known = load_catalogue()
    assert [r.id for r in known.values() if re.search(r"[${}]|\bNone\b", r.statement)] == []
    assert known["RO58-TMS-115"].statement.endswith("has a value, value: the Patient ID of this treatment.")
    assert known["RO64-TDD-104"].statement.endswith(" if radiation was delivered, 1 item(s).")


def test_a_row_may_have_readings(tmp_path):
    readings = ",WARM: kept: so|COLD: lost"
    read = load_catalogue(write(tmp_path, attributes_a=HEAD.rstrip() + ",readings\n" + row().rstrip() + readings))["RO58-TMS-900"]
    assert read.readings == {"WARM": "kept: so", "COLD": "lost"}


def test_rows_of_event_reports_are_judged_of_those_who_send_some(tmp_path):
    changes = {"id": "CC24-TMS-901", "message": "CC.2.4 UPS Assigned", "edition": "ti|2013", "level": "may", "source": "CC.2.4.1"}
    read = load_catalogue(write(tmp_path, attributes_a=HEAD + row(**changes)))["CC24-TMS-901"]
    assert (read.transaction, read.capability, read.editions) == ("CC.2.4", "subscription", ("ti", "2013"))
    assert (read.level, read.source) == ("may", "CC.2.4.1")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("id\n", "the columns are ['id'], they have to be id, edition, message, actor, path, type, mark, values, items, condition, level, source, remark"),
        ("", "the columns are None, they have to be id, edition, message, actor, path, type, mark, values, items, condition, level, source, remark"),
        (HEAD + row() + 'RO58-TMS-901,"ti"x', """line 3: ',' expected after '"'"""),
        (HEAD + row() + "RO58-TMS-901,ti\n", "line 3: RO58-TMS-901: has more or fewer than 13 columns; quote a value with a comma"),
        (HEAD + row().strip() + ",x\n", "line 2: RO58-TMS-900: has more or fewer than 13 columns; quote a value with a comma"),
        (HEAD + row(type="4"), "line 2: RO58-TMS-900: type is '4'; it is one of 1, 1C, 2, 2C, 3, empty, absent"),
        (HEAD + row(path="PatientIdentity"), "line 2: RO58-TMS-900: 'PatientIdentity' is no DICOM keyword; spell it as PS3.6 does"),
        (HEAD + row(path="00100020"), "line 2: RO58-TMS-900: '00100020' is no DICOM keyword: write PatientID"),
        (HEAD + row(path="0040a730"), "line 2: RO58-TMS-900: '0040a730' is no DICOM keyword: write ContentSequence"),
        (HEAD + row(path="0040A730"), "line 2: RO58-TMS-900: '0040A730' is no DICOM keyword: write ContentSequence"),
        (HEAD + row(path="99999999"), "line 2: RO58-TMS-900: '99999999' is no DICOM keyword, and no such tag is known"),
        (HEAD + row(path="(0010,0020)"), "line 2: RO58-TMS-900: '(0010,0020)' in path '(0010,0020)' is not KEYWORD, KEYWORD[concept CODE SCHEME] or KEYWORD[class ...]"),
        (HEAD + row(path="ContentSequence.Text"), "line 2: RO58-TMS-900: 'Text' is no DICOM keyword; spell it as PS3.6 does"),
        (HEAD + row(type="1C", condition="Value = TEXT"), "line 2: RO58-TMS-900: 'Value' is no DICOM keyword; spell it as PS3.6 does"),
        (HEAD + row(type="1C", condition="ValueType"), "line 2: RO58-TMS-900: condition 'ValueType' is not SUBJECT = VALUE or SUBJECT != VALUE"),
        (HEAD + row(type="1C"), "line 2: RO58-TMS-900: a condition goes with type 1C or 2C and they need one; type is 1C"),
        (HEAD + row(type="2C"), "line 2: RO58-TMS-900: a condition goes with type 1C or 2C and they need one; type is 2C"),
        (HEAD + row(condition="ValueType = TEXT"), "line 2: RO58-TMS-900: a condition goes with type 1C or 2C and they need one; type is 1"),
        (HEAD + row(items="3-1-"), "line 2: RO58-TMS-900: items is '3-1-': write 1, 1-3 or 1-"),
        (HEAD + row(message="RO-99 response"), "RO58-TMS-900: transaction is 'RO-99'; it is one of"),
        (HEAD + row(message="RO-58\tresponse"), r"RO58-TMS-900: transaction is 'RO-58\tresponse'; it is one of"),
        (HEAD + row(id=""), "requirement 0: id is missing or empty; every requirement has one"),
        (HEAD.strip() + ",readings\n" + row().strip() + ",kept\n", "line 2: RO58-TMS-900: reading 'kept' is not 'STATUS: words'"),
        (HEAD + row(id="RO58"), "RO58: 'RO58' is not an id: write it like RO60-TMS-004"),
        (HEAD + row(edition="2014"), "RO58-TMS-900: edition is '2014'; it is one of ti, 2013"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_malformed_row(tmp_path, table, said):
    folder = write(tmp_path, attributes_a=table)
    text = said_of(folder)
    assert text == f"attributes/a.csv: {said}" or (said.endswith("one of") and text.startswith(f"attributes/a.csv: {said}"))


def test_a_condition_on_a_fact_names_no_keyword(tmp_path):
    folder = write(tmp_path, attributes_a=HEAD + row(type="1C", condition="$start = NEW"))
    assert load_catalogue(folder)["RO58-TMS-900"].rule.condition.subject == "$start"


def test_rows_of_a_message(tmp_path):
    table = HEAD + row() + row(id="RO58-OST-901", actor="OST") + row(id="RO58-TMS-902", message="RO-58 request")
    catalogue = load_catalogue(write(tmp_path, attributes_a=table, requirements_a=GOOD))
    assert [one.id for one in catalogue.attributes("RO-58 response", "TMS")] == ["RO58-TMS-900"]
    with pytest.raises(KeyError, match="no attribute table has a message 'RO-58 request' made by OST"):
        catalogue.attributes("RO-58 request", "OST")


def cells(tmp_path, rows, name="cc_1_1"):
    text = CELL_HEAD + "".join(f"{row}\n" for row in rows)
    return load_catalogue(write(tmp_path, **{f"cells_{name}": text, "requirements_a": GOOD}))


# What the cells say in words [CC.1.1 table CC.1.1-2, CC.2.3.1 table CC.2.3-2], and the status each has without the alternatives.
@pytest.mark.parametrize(
    ("name", "event", "state", "status", "statement"),
    [
        ("cc_1_1", "N-CREATE", "no such UPS", 0, "N-CREATE, a UPS that does not exist: goes to SCHEDULED."),
        ("cc_1_1", "claim without it", "SCHEDULED", 0xC301,
         "Claim without the right Transaction UID, a UPS that is SCHEDULED: answers C301 (the right Transaction UID was not given); "
         "no state changes."),
        ("cc_1_1", "request cancel", "no such UPS", 0xC307,
         "Request cancel, a UPS that does not exist: answers C307 (no such UPS here); no state changes."),
        ("cc_1_1", "complete with the right Transaction UID", "IN PROGRESS", 0,
         "Complete with the right Transaction UID, a UPS that is IN PROGRESS: goes to COMPLETED, unless the final state requirements "
         "are not met: C304 (the final state requirements are not met)."),
        ("cc_2_3", "UPS created; Global with Lock", "new UPS", 0,
         "UPS created; Global with Lock: the AE becomes Subscribed with Lock and is told the present state."),
        ("cc_2_3", "subscribe to the UPS with lock", "Subscribed with Lock", 0,
         "Subscribe to the UPS with lock, where the AE is Subscribed with Lock: that stays so and is told the present state."),
        ("cc_2_3", "unsubscribe globally", "Not Subscribed", 0,
         "Unsubscribe globally, where the AE is Not Subscribed: that stays so and is not told the present state."),
    ],
)  # fmt: skip
def test_reads_all_of_a_cell(tmp_path, name, event, state, status, statement):
    section = {"cc_1_1": "CC.1.1", "cc_2_3": "CC.2.3"}[name]
    situation, exact, tolerated = {
        0: ("UPS created", (0, 0xB300), (0x0107, 0x0116)),
        0xC301: ("claim with another Transaction UID", (0xC301,), (0xC302,)),
        0xC307: ("unknown UPS", (0xC307,), (0x0112, 0x0117, 0x0119)),
    }[status]
    found = cells(tmp_path, [f"CC11-TMS-901,{event},{state},{situation},B300: changed|B301: kept,push,A16"], name).cells(section)
    assert found == [
        Requirement(
            "CC11-TMS-901", "TMS", section, "shall", "A16", statement, ("ti", "2013"), exact, tolerated,
            {"B300": "changed", "B301": "kept"}, "push", cell=(event, state), situation=situation,
        )
    ]  # fmt: skip


def test_a_cell_without_alternatives(tmp_path):
    (read,) = cells(tmp_path, ["CC11-TMS-901,N-CREATE,SCHEDULED,,,,CC.1.1"]).cells("CC.1.1")
    assert (read.statuses, read.warnings, read.readings, read.capability) == ((0x0111,), (), {}, "")


def test_a_section_without_table(tmp_path):
    catalogue = cells(tmp_path, ["CC11-TMS-901,N-CREATE,SCHEDULED,,,,CC.1.1"])
    for section in ("CC.2.3", "RO-60"):
        with pytest.raises(KeyError) as error:
            catalogue.cells(section)
        assert error.value.args == (f"{section} has no table of states",)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("CC11-TMS-901,N-CREATE,DONE,,,,CC.1.1", "line 2: CC11-TMS-901: the table has no cell N-CREATE / DONE"),
        ("CC11-TMS-901,N-CREATE,SCHEDULED,,B300,,CC.1.1", "line 2: CC11-TMS-901: reading 'B300' is not 'STATUS: words'"),
        ("CC11,N-CREATE,SCHEDULED,,,,CC.1.1", "CC11: 'CC11' is not an id: write it like RO60-TMS-004"),
        (",N-CREATE,SCHEDULED,,,,CC.1.1", "requirement 0: id is missing or empty; every requirement has one"),
    ],
)
def test_what_is_said_of_a_malformed_cell(tmp_path, cell, said):
    with pytest.raises(CatalogueError) as error:
        cells(tmp_path, [cell])
    assert str(error.value) == f"cells/cc_1_1.csv: {said}"


@pytest.mark.parametrize(("asked", "near"), [("RO60-TMS-901", "; did you mean 'RO60-TMS-900'"), ("x", "")])
def test_what_is_said_of_an_unknown_id(tmp_path, asked, near):
    with pytest.raises(KeyError) as error:
        load_catalogue(write(tmp_path, requirements_a=GOOD))[asked]
    assert error.value.args == (f"no requirement {asked!r} in the catalogue{near}",)


def test_without_a_folder_it_is_the_package_data():
    assert len(load_catalogue().cells("CC.1.1")) > 0


def test_the_own_catalogue_is_read_once():
    """Many ask for it: reading it for each was three quarters of what `tdwii requirements ID` took."""
    assert load_catalogue() is load_catalogue()
