"""The tables of Annex CC: what they hold, by hand-picked rows of the standard, and that a malformed one is refused."""

import csv
import re
from importlib import resources

import pytest
from pydicom.dataset import Dataset

from tdwii_conformance.profile.catalogue import CatalogueError
from tdwii_conformance.profile.ups_tables import (
    COLUMNS,
    STATES,
    AttributeRow,
    Cell,
    Need,
    SubscriptionCell,
    attribute_rows,
    read_rows,
    read_states,
    read_subscriptions,
)

PROFILE = resources.files("tdwii_conformance.profile")


def table(name):
    return PROFILE.joinpath(name).read_text(encoding="utf-8")


def at(path):
    rows = attribute_rows()
    *way, last = path.split(".")
    for keyword in way:
        rows = rows[keyword].items
    return rows[last]


@pytest.mark.parametrize(
    ("path", "create", "set_", "get", "final", "match"),
    [
        ("TransactionUID", "2", "special", "not allowed", "O", "-"),
        ("ScheduledProcedureStepPriority", "1", "3", "1", "R", "R"),
        ("ScheduledStationNameCodeSequence", "2", "3", "2", "O", "R"),
        ("ScheduledStationNameCodeSequence.CodeMeaning", "1", "1", "1", "", "-"),
        ("ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue", "1C", "1C", "1C", "", "*"),
        ("InputInformationSequence.ReferencedSOPSequence.ReferencedSOPInstanceUID", "1", "1", "1", "", "O"),
        ("InputInformationSequence.DICOMRetrievalSequence.RetrieveAETitle", "1", "1", "1", "", "O"),
        ("ScheduledProcessingParametersSequence.MeasurementUnitsCodeSequence.CodeValue", "1C", "1C", "1C", "", "*"),
        ("PatientID", "1C", "not allowed", "2", "O", "R"),
        ("IssuerOfPatientID", "2", "not allowed", "2", "O", "R"),
        ("ReferencedRequestSequence.IssuerOfAccessionNumberSequence.UniversalEntityID", "1C", "not allowed", "1", "",
         "*"),
        ("ProcedureStepState", "1", "not allowed", "1", "R", "R"),
        ("ProcedureStepProgressInformationSequence.ProcedureStepProgress", "not allowed", "3", "1", "O", "-"),
        ("UnifiedProcedureStepPerformedProcedureSequence", "2", "3", "2", "P", "-"),
        ("UnifiedProcedureStepPerformedProcedureSequence.OutputInformationSequence.TypeOfInstances", "1", "1", "1", "",
         "O"),
    ],
)  # fmt: skip
def test_attributes(path, create, set_, get, final, match):
    row = at(path)
    assert (row.create, row.set, row.get, row.final, row.match) == (create, set_, get, final, match)


@pytest.mark.parametrize(
    "path",
    ["SOPInstanceUID", "ProcedureStepState", "ScheduledProcedureStepPriority", "InputReadinessState",
     "ScheduledStationNameCodeSequence.CodeValue", "ScheduledWorkitemCodeSequence.CodingSchemeDesignator"],
)  # fmt: skip
def test_single_value_matching_only(path):
    assert at(path).single_value


@pytest.mark.parametrize("path", ["PatientName", "WorklistLabel", "ScheduledStationNameCodeSequence"])
def test_other_matching(path):
    assert not at(path).single_value


def test_what_is_asked_for_is_the_package_data():
    assert attribute_rows() == read_rows("ups_attributes.csv", table("ups_attributes.csv"))


def test_state_table_is_complete():
    cells = read_states("ups_states.csv", table("ups_states.csv"))
    assert len(cells) == len({event for event, _ in cells}) * (len(STATES) + 1)


@pytest.mark.parametrize(
    ("need", "item", "holds"),
    [
        (Need("=", ("ValueType",), "TEXT"), {"ValueType": "TEXT"}, True),
        (Need("=", ("ValueType",), "TEXT"), {"ValueType": "CODE"}, False),
        (Need("=", ("ValueType",), "TEXT"), {}, False),
        (Need("no", ("LongCodeValue", "URNCodeValue")), {}, True),
        (Need("no", ("LongCodeValue", "URNCodeValue")), {"URNCodeValue": ""}, True),
        (Need("no", ("LongCodeValue", "URNCodeValue")), {"URNCodeValue": "urn:x"}, False),
        (Need("any", ("CodeValue", "LongCodeValue")), {"LongCodeValue": "x"}, True),
        (Need("any", ("CodeValue", "LongCodeValue")), {"CodeMeaning": "x"}, False),
    ],
)
def test_needs(need, item, holds):
    dataset = Dataset()
    for keyword, value in item.items():
        setattr(dataset, keyword, value)
    assert need.holds(dataset) is holds


@pytest.mark.parametrize(
    ("cell", "bad", "named"),
    [
        ("C302", "C3O2", r"claim with the right Transaction UID: IN PROGRESS: 'C3O2' is neither a state"),
        ("COMPLETED or C304", "DONE or C304", "complete with the right Transaction UID: IN PROGRESS: 'DONE or C304'"),
        ("COMPLETED or C304", "COMPLETED or else", "'COMPLETED or else'"),
        ("claim without it", "N-CREATE", "N-CREATE: is there twice"),
        ("IN PROGRESS,COMPLETED,", "IN_PROGRESS,COMPLETED,", "the columns are event, no such UPS"),
        ("0111,0111,0111,0111", "0111,0111,0111", "line 2: has not 7 entries"),
    ],
)
def test_malformed_state_table(cell, bad, named):
    text = table("ups_states.csv").replace(cell, bad, 1)
    with pytest.raises(CatalogueError, match=named) as error:
        read_states("ups_states.csv", text)
    assert "ups_states.csv" in str(error.value)


ROW = dict.fromkeys(COLUMNS, "") | {
    "table": "ups", "tag": "(0010,0020)", "keyword": "PatientID", "vr": "LO", "n_create_scu": "1C", "n_create_scp": "2",
    "n_set_scu": "not allowed", "n_set_scp": "not allowed", "n_get_scp": "2", "match_key": "R", "return_key": "2",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"keyword": "PatientIdentifier"}, "PatientIdentifier: is no DICOM keyword"),
        ({"tag": "(0010,0021)"}, r"PatientID: has tag \(0010,0020\), not \(0010,0021\)"),
        ({"vr": "SH"}, "PatientID: has VR LO, not SH"),
        ({"n_create_scu": "4"}, "PatientID: n_create_scu is '4', not one of 1, 1C"),
        ({"match_key": "X"}, "PatientID: match_key is 'X'"),
        ({"level": ">"}, "PatientID: level '>' does not follow"),
        ({"level": "+"}, r"PatientID: level '\+' does not follow"),
        ({"keyword": "@no_macro"}, "macro @no_macro is not there"),
        ({"keyword": "@ups"}, "macro @ups includes itself"),
        ({"needed_when": "PatientName"}, "needed_when 'PatientName' is not"),
        ({"needed_when": "no PatientNam"}, "needed_when 'no PatientNam' is not"),
        ({"table": "other"}, "there is no table 'ups'"),
    ],
)
def test_malformed_attribute_table(changes, named):
    row = ROW | changes
    with pytest.raises(CatalogueError, match=named) as error:
        read_rows("ups_attributes.csv", _csv(row))
    assert "ups_attributes.csv" in str(error.value)


def test_the_row_before_it_was_spoiled_is_taken():
    assert list(read_rows("ups_attributes.csv", _csv(ROW))) == ["PatientID"]


def _csv(*rows):
    class Lines(list):
        write = list.append

    lines = Lines()
    writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return "".join(lines)


def said_of(rows):
    """Return what reading these rows (the changes of each) is refused with."""
    with pytest.raises(CatalogueError) as error:
        read_rows("a.csv", _csv(*(ROW | changes for changes in rows)))
    return str(error.value)


SEQUENCE = {"tag": "(0040,4018)", "keyword": "ScheduledWorkitemCodeSequence", "vr": "SQ"}
CODE = {"tag": "(0008,0100)", "keyword": "CodeValue", "vr": "SH", "level": ">"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"level": ">"}], "a.csv: line 2: PatientID: level '>' does not follow from the row above"),
        ([{}, CODE | {"level": ">>"}], "a.csv: line 3: CodeValue: level '>>' does not follow from the row above"),
        ([SEQUENCE, CODE | {"level": "> "}], "a.csv: line 3: CodeValue: level '> ' does not follow from the row above"),
        ([SEQUENCE, CODE | {"level": "X"}], "a.csv: line 3: CodeValue: level 'X' does not follow from the row above"),
        ([SEQUENCE, CODE | {"table": "other"}], "a.csv: line 3: CodeValue: level '>' does not follow from the row above"),
        ([{"keyword": "PatientIdentifier"}], "a.csv: line 2: PatientIdentifier: is no DICOM keyword"),
        ([{"tag": "(0010,0021)"}], "a.csv: line 2: PatientID: has tag (0010,0020), not (0010,0021)"),
        ([SEQUENCE | {"tag": "(4018,0040)"}], "a.csv: line 2: ScheduledWorkitemCodeSequence: has tag (0040,4018), not (4018,0040)"),
        ([{"vr": "SH"}], "a.csv: line 2: PatientID: has VR LO, not SH"),
        ([{"final_state": "Z"}], "a.csv: line 2: PatientID: final_state is 'Z', not one of R, RC, P, X, O"),
        ([{"table": "other"}], "a.csv: there is no table 'ups'"),
        ([{"keyword": "@none"}], "a.csv: ups: macro @none is not there"),
        ([SEQUENCE, {"keyword": "@none", "level": ">"}], "a.csv: ups: macro @none is not there"),
        ([{"keyword": "@ups"}], "a.csv: ups: macro @ups includes itself"),
        ([{"table": "m", "keyword": "@m"}, {"keyword": "@m"}], "a.csv: m: macro @m includes itself"),
        (
            [{"needed_when": "PatientName"}],
            "a.csv: ups: PatientID: needed_when 'PatientName' is not 'KEYWORD = VALUE', 'no A|B' or 'any A|B'",
        ),
        (
            [{"needed_when": "PatientName = "}],
            "a.csv: ups: PatientID: needed_when 'PatientName = ' is not 'KEYWORD = VALUE', 'no A|B' or 'any A|B'",
        ),
        (
            [{"needed_when": "all PatientName"}],
            "a.csv: ups: PatientID: needed_when 'all PatientName' is not 'KEYWORD = VALUE', 'no A|B' or 'any A|B'",
        ),
        (
            [{"needed_when": "any PatientName|PatientNam"}],
            "a.csv: ups: PatientID: needed_when 'any PatientName|PatientNam' is not 'KEYWORD = VALUE', 'no A|B' or 'any A|B'",
        ),
    ],
)
def test_what_is_said_of_a_malformed_attribute_table(rows, said):
    # "@ups" includes the table it is in by its name; the others are found one level down.
    assert said_of(rows) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("table,tag\n", f"the columns are {', '.join(COLUMNS)}"),
        (_csv(ROW) + 'ups,"(0010,0020)"x', """line 3: ',' expected after '"'"""),
    ],
)
def test_what_is_said_of_what_is_no_table(text, said):
    with pytest.raises(CatalogueError) as error:
        read_rows("a.csv", text)
    assert str(error.value) == f"a.csv: {said}"


def row_of(keyword="PatientID", vr="LO", **more):
    """Return the row that ROW stands for."""
    columns = {"create": "1C", "set": "not allowed", "set_scp": "not allowed", "get": "2", "final": "", "match": "R"}
    return AttributeRow(
        keyword, vr, **(columns | {"single_value": False, "need": None, "values": (), "items": {}} | more)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "read"),
    [
        ([{}], [row_of()]),
        ([{"n_set_scu": "3", "n_set_scp": "2", "n_get_scp": "3", "final_state": "RC", "match_key": "U", "n_create_scu": "1"}],
         [row_of(create="1", set="3", set_scp="2", get="3", final="RC", match="U")]),
        ([{"remark": "1C; single value matching (so)"}], [row_of(single_value=True)]),
        ([{"values": "A|B"}], [row_of(values=("A", "B"))]),
        ([{"needed_when": "PatientName = A B"}], [row_of(need=Need("=", ("PatientName",), "A B"))]),
        ([{"needed_when": "PatientName = A = B"}], [row_of(need=Need("=", ("PatientName",), "A = B"))]),
        ([{"needed_when": "no PatientName"}], [row_of(need=Need("no", ("PatientName",)))]),
        ([{"needed_when": "any PatientName|PatientSex"}], [row_of(need=Need("any", ("PatientName", "PatientSex")))]),
        ([SEQUENCE, CODE, {}], [row_of(SEQUENCE["keyword"], "SQ", items={"CodeValue": row_of("CodeValue", "SH")}), row_of()]),
        ([{}, SEQUENCE, CODE], [row_of(), row_of(SEQUENCE["keyword"], "SQ", items={"CodeValue": row_of("CodeValue", "SH")})]),
        (
            [SEQUENCE, SEQUENCE | {"level": ">"}, CODE | {"level": ">>"}, CODE],
            [row_of(SEQUENCE["keyword"], "SQ", items={
                SEQUENCE["keyword"]: row_of(SEQUENCE["keyword"], "SQ", items={"CodeValue": row_of("CodeValue", "SH")}),
                "CodeValue": row_of("CodeValue", "SH"),
            })],
        ),
        # A macro stands for its rows, where it is and as often as it is used, and what follows it is read too.
        (
            [CODE | {"level": "", "table": "m"}, SEQUENCE, {"keyword": "@m", "level": ">"}, {"level": ">"}, {"keyword": "@m"}, {}],
            [
                row_of(SEQUENCE["keyword"], "SQ", items={"CodeValue": row_of("CodeValue", "SH"), "PatientID": row_of()}),
                row_of("CodeValue", "SH"), row_of(),
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_table_reads_to(rows, read):
    found = read_rows("a.csv", _csv(*(ROW | changes for changes in rows)))
    assert found == {row.keyword: row for row in read}
    assert list(found) == [row.keyword for row in read]


def test_tag_of_a_row():
    assert row_of().tag == 0x00100020


HEAD = "event,no such UPS,SCHEDULED,IN PROGRESS,COMPLETED,CANCELED,source"


def test_what_a_state_table_reads_to():
    cells = read_states("a.csv", f"{HEAD}\nclaim,C307,IN PROGRESS,COMPLETED or C304,0000,B304,x")
    assert cells == {
        ("claim", "no such UPS"): Cell("", 0xC307), ("claim", "SCHEDULED"): Cell("IN PROGRESS", 0),
        ("claim", "IN PROGRESS"): Cell("COMPLETED", 0xC304), ("claim", "COMPLETED"): Cell("", 0),
        ("claim", "CANCELED"): Cell("", 0xB304),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("event", f"the columns are {HEAD.replace(',', ', ')}"),
        ("", f"the columns are {HEAD.replace(',', ', ')}"),
        (f"{HEAD}\na,0,0,0,0,0,x\nb,0,0,0,0,x", "line 3: has not 7 entries"),
        (f"{HEAD}\na,0,0,0,0,0,x,y", "line 2: has not 7 entries"),
        (f"{HEAD}\na,0,0,0,0,0,x\na,0,0,0,0,0,x", "a: is there twice"),
        (f"{HEAD}\na,0,0,0,C3O4,0,x", "a: COMPLETED: 'C3O4' is neither a state, a status code, nor 'STATE or STATUS'"),
        (f"{HEAD}\na,0,0,0,0,CANCELED or,x", "a: CANCELED: 'CANCELED or' is neither a state, a status code, nor 'STATE or STATUS'"),
    ],
)
def test_what_is_said_of_a_malformed_state_table(text, said):
    with pytest.raises(CatalogueError, match=f"^a.csv: {re.escape(said)}$"):
        read_states("a.csv", text)


SUBSCRIPTIONS = (
    "event,global state of the AE,new UPS,Not Subscribed,Subscribed with Lock,Subscribed w/o Lock,source\n"
    'go,unchanged,-,"unchanged, initial event",Not Subscribed,"Subscribed with Lock, initial event",x\n'
    "stay,Global w/o Lock,unchanged,-,-,-,x\n"
)


def test_what_a_subscription_table_reads_to():
    assert read_subscriptions("a.csv", SUBSCRIPTIONS) == {
        ("go", "Not Subscribed"): SubscriptionCell("", True, ""),
        ("go", "Subscribed with Lock"): SubscriptionCell("Not Subscribed", False, ""),
        ("go", "Subscribed w/o Lock"): SubscriptionCell("Subscribed with Lock", True, ""),
        ("stay", "new UPS"): SubscriptionCell("", False, "Global w/o Lock"),
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("source", "remark"), "the columns are event, global state of the AE, new UPS, Not Subscribed, Subscribed with Lock, Subscribed w/o Lock, source"),
        (("stay", "go"), "go: is there twice"),
        (("Not Subscribed,\"", "Not,\""), "go: Subscribed with Lock: 'Not' is not one of Not Subscribed, Subscribed with Lock, Subscribed w/o Lock, unchanged"),
        (("Lock, initial event", "Lock, event"), "go: Subscribed w/o Lock: 'event' is not 'initial event'"),
        (("stay,Global w/o Lock", "stay,Global"), "stay: global state of the AE: 'Global' is not one of No Global Subscription, Global with Lock, Global w/o Lock, unchanged"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_malformed_subscription_table(change, said):
    with pytest.raises(CatalogueError) as error:
        read_subscriptions("a.csv", SUBSCRIPTIONS.replace(*change))
    assert str(error.value) == f"a.csv: {said}"
