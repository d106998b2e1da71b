"""The tables of Annex CC: what they hold, by hand-picked rows of the standard, and that a malformed one is refused."""

import csv
from importlib import resources

import pytest
from pydicom.dataset import Dataset

from tdwii_conformance.profile.catalogue import CatalogueError
from tdwii_conformance.profile.ups_tables import COLUMNS, STATES, Need, attribute_rows, read_rows, read_states

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


def _csv(row):
    class Lines(list):
        write = list.append

    lines = Lines()
    writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return "".join(lines)
