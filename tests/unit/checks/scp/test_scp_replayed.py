"""What requests and answers of a record say of the states and attributes of a workitem, word for word [CC.1.1, CC.2.5 to CC.2.7]."""

import pytest
from scp_samples import CATALOGUE, Record, W

from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment import creation
from tdwii_conformance.treatment.messages import item

OTHER = "1.2.9.2"
SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"
LABEL, PROGRESS, PERFORMED = (
    "ProcedureStepLabel",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
TEN = {PROGRESS: [item(ProcedureStepProgress="10")]}


def found(record, *, complete=True):
    """Ids of what is wrong, with expected, received, where and weight; without what a bare N-GET of all lacks."""
    return {
        name: [(one.expected, one.received, one.path, one.weight) for one in entry.findings]
        for name, entry in record.entries(complete=complete).items()
        if entry.findings and name != "CC27-TMS-004"
    }


def looked(record, status=0, shown=None, asked=(LABEL,), **more):
    """An N-GET for some attributes."""
    tags = [creation.ROWS[keyword].tag if keyword in creation.ROWS else 0x00280010 for keyword in asked]
    return record.add("N-GET", None, shown, status=status, RequestedSOPInstanceUID=W, AttributeIdentifierList=tags, **more)


def made(record, status=0, **attributes):
    return record.create(status=status, **attributes)


# --- statuses ---------------------------------------------------------------------------------------------------------


def test_a_status_that_no_cell_has_is_said_with_the_state():
    wrong = found(Record().shown().change(status=0xC301))
    assert set(wrong) == {"CC11-TMS-022", "RO60-TMS-001"}
    for one in wrong.values():
        ((expected, received, path, weight),) = one
        assert (expected, path, weight) == ("status 0000 (Success)", "", "fault")
        assert received.startswith("status C301 (") and received.endswith("; by what was seen the workitem is SCHEDULED")


def test_a_status_that_is_tolerated_is_a_warning():
    wrong = found(Record().shown().change().change(status=0xC302))
    assert wrong == {}  # the same Transaction UID again
    again = Record().shown().change().change(status=0xC302, lock=OTHER)
    assert {one[0][3] for one in found(again).values()} == {"warning"}
    assert set(found(again)) == {"CC11-TMS-033", "RO60-TMS-004"}


def test_what_was_granted_once_is_not_granted_again():
    record = Record().shown().change().change(lock=OTHER)
    assert found(record)["RO60-TMS-015"] == [("IN PROGRESS granted once", "granted 2 times", "", "fault")]
    ended = Record().shown().change().change(CANCELED).change(COMPLETED)
    assert found(ended)["CC21-TMS-006"] == [("COMPLETED or CANCELED granted once", "granted 2 times", "", "fault")]
    assert "CC21-TMS-006" not in found(Record().shown().change().change(CANCELED).change(COMPLETED, 0xC300))


def test_an_illegal_creation_is_said_with_its_statuses():
    wrong = found(made(Record(), **{LABEL: None}))
    assert wrong == {"CC25-TMS-012": [("status 0121 (missing attribute value)", "status 0000 (Success)", "", "fault")]}


# --- N-GET that fails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0xC307, 0x0112])
def test_a_workitem_that_is_there_is_shown(status):
    wrong = found(looked(Record().shown().change(), status))
    ((expected, received, path, weight),) = wrong.pop("CC27-TMS-012")
    assert (expected, path, weight, wrong) == ("the workitem, which is IN PROGRESS", "", "fault", {})
    assert received.startswith(f"status {status:04X} (")


def test_one_that_may_have_gone_need_not_be_shown():
    assert found(looked(Record().shown().change().change(CANCELED), 0xC307)) == {}
    assert found(looked(Record().shown(), 0xC307), complete=False) == {}
    assert found(looked(Record(), 0xC307)) == {}


def test_one_that_was_said_to_be_gone_is_not_shown():
    gone = looked(looked(Record(), 0xC307), 0, item(**{LABEL: "A"}))
    wrong = found(gone)
    assert set(wrong) == {"CC27-TMS-010", "RO60-TMS-018"}
    for one in wrong.values():
        assert one == [("a failure: by what was seen there is no such UPS", "status 0000 (Success)", "", "fault")]


@pytest.mark.parametrize(("status", "wrong"), [(0xC307, set()), (0x0110, {"CC27-TMS-010", "RO60-TMS-018"})])
def test_of_one_that_is_gone_this_is_said(status, wrong):
    assert set(found(looked(looked(Record(), 0xC307), status))) == wrong


def test_another_failure_shows_no_workitem():
    wrong = found(looked(Record().shown(), 0x0110))
    assert set(wrong) == {"CC27-TMS-012", "CC31-TMS-001"}
    for ((expected, received, path, weight),) in wrong.values():
        assert (expected, path, weight) == ("the workitem", "", "fault")
        assert received.startswith("status 0110 (")
    under_watch = found(looked(Record().shown(), 0x0110, syntax=UPS.WATCH))
    assert set(under_watch) == {"CC27-TMS-012", "CC31-TMS-002"}


@pytest.mark.parametrize(
    ("record", "more"),
    [
        (Record().shown(), {"status": 0x0110, "asked": (LABEL, "Rows")}),  # no attribute of a UPS
        (Record().shown(), {"status": 0x0124, "requestor": "SOMEBODY"}),  # not authorized
        (Record(), {"status": 0x0110}),  # nobody knows that there is one
    ],
)
def test_an_n_get_that_may_fail(record, more):
    assert found(looked(record, **more)) == {}


def test_who_performs_a_workitem_is_authorized():
    assert "CC27-TMS-012" in found(looked(Record().shown().change(), 0x0124))


# --- states that are shown --------------------------------------------------------------------------------------------


def claimed():
    return Record().shown().change()


@pytest.mark.parametrize(
    ("record", "shown", "ids", "expected"),
    [
        (claimed(), SCHEDULED, {"CC11-TMS-022", "RO60-TMS-006"}, IN_PROGRESS),
        (claimed().set(**TEN), SCHEDULED, {"CC26-TMS-018", "RO62-TMS-019"}, IN_PROGRESS),
        (claimed().set(**TEN, **{PERFORMED: [item(PerformedProcedureStepDescription="x")]}), SCHEDULED, {"CC26-TMS-018", "RO64-TMS-002"}, IN_PROGRESS),
        (claimed().set(0xC301, OTHER, **TEN), SCHEDULED, {"CC26-TMS-007", "RO62-TMS-005"}, IN_PROGRESS),
        (claimed().change(CANCELED), IN_PROGRESS, {"CC11-TMS-083", "RO65-TMS-002"}, CANCELED),
        (Record().shown(), IN_PROGRESS, {"CC27-TMS-012"}, SCHEDULED),
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_has_the_request_before_it_to_blame(record, shown, ids, expected):
    before = set(found(record))
    wrong = found(record.shown(shown))
    fresh = {name: said[-1] for name, said in wrong.items() if name not in before or len(said) > 1}
    assert ids <= set(fresh)
    for one in map(fresh.get, ids):
        assert one == (f"Procedure Step State {expected}", shown, "ProcedureStepState", "fault")


@pytest.mark.parametrize(
    ("record", "state", "ids"),
    [
        (claimed(), SCHEDULED, {"CC28-TMS-047", "RO60-TMS-007"}),
        (claimed().change(CANCELED), IN_PROGRESS, {"CC28-TMS-047", "RO65-TMS-003"}),
        (Record().shown(), IN_PROGRESS, {"CC28-TMS-047"}),
    ],
)
def test_a_query_that_finds_another_state_has_other_ones(record, state, ids):
    came = item(SOPInstanceUID=W, ProcedureStepState=state)
    record.add("C-FIND", item(SOPInstanceUID=None, ProcedureStepState=None), came=[came])
    assert set(found(record)) == ids


def test_a_state_that_somebody_else_can_have_brought_about_is_none_of_its_faults():
    assert found(Record().shown().shown(COMPLETED), complete=False) == {}
    assert found(claimed().shown(COMPLETED), complete=False) != {}  # who holds the lock was seen


# --- what is known of attributes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "shown", "ids"),
    [
        (made(Record()), {LABEL: "Other", "WorklistLabel": "Given"}, {"CC25-TMS-003"}),
        (claimed().set(**{LABEL: "A"}), {LABEL: "B"}, {"CC26-TMS-012"}),
        (claimed().set(0x0107, **{LABEL: "A"}), {LABEL: "B"}, set()),  # it said that it made something else of it
        (claimed().set(0xC301, OTHER, **{LABEL: "A"}), {LABEL: "B"}, set()),  # nobody has seen what it was
        (claimed().set(**{LABEL: "A"}).set(**{LABEL: "B"}), {LABEL: "B"}, set()),
        (claimed().set(**{LABEL: "A"}).set(0x0107, **{LABEL: "B"}), {LABEL: "C"}, set()),
        (claimed().set(PatientName="X"), {"PatientName": "Y"}, set()),  # no N-SET may change it
    ],
)
def test_what_is_shown_is_compared_with_what_was_sent_and_granted(record, shown, ids):
    names = found(record.shown(SCHEDULED if len(record.exchanges) == 1 else IN_PROGRESS, **shown))
    assert {one for one in names if one not in ("CC26-TMS-005", "RO62-TMS-002")} == ids


UPDATE = item(
    PerformedProcedureStepStartDateTime="20261129120000", PerformedProcedureStepEndDateTime="20261129121000",
    PerformedStationNameCodeSequence=[item(CodeValue="A", CodingSchemeDesignator="99A", CodeMeaning="m")],
)  # fmt: skip


def test_a_final_update_is_shown_by_its_rows():
    rows = {one.id for one in CATALOGUE.attributes("RO-64 stored", "TMS")}
    final = claimed().set(**TEN, **{PERFORMED: [UPDATE]})
    assert set(final.shown(IN_PROGRESS, **TEN, **{PERFORMED: [UPDATE]}).entries()) & rows
    half = claimed().set(**TEN).shown(IN_PROGRESS, **TEN)
    assert not set(half.entries()) & rows
    unseen = claimed().set(**TEN, **{PERFORMED: [UPDATE]})
    assert not set(looked(unseen, 0, item(**{LABEL: "A"})).entries()) & rows


def test_what_of_a_final_update_is_lost_is_found_by_its_row():
    rows = {one.id for one in CATALOGUE.attributes("RO-64 stored", "TMS")}
    other = item(**{element.keyword: element.value for element in UPDATE})
    other.PerformedProcedureStepStartDateTime = "20261129110000"
    wrong = found(claimed().set(**TEN, **{PERFORMED: [UPDATE]}).shown(IN_PROGRESS, **TEN, **{PERFORMED: [other]}))
    assert set(wrong) & rows
