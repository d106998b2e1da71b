"""What an answer shows of a workitem otherwise than it is known to be, and which requirement has the blame [CC.2.5 to CC.2.7]."""

import pytest
from pydicom.dataset import Dataset
from scp_samples import LOCK, NOON, W, exchange

from tdwii_conformance.checks.scp.belief import Workitem, World
from tdwii_conformance.checks.scp.shown import differing
from tdwii_conformance.treatment.messages import item

LABEL, STATION, PERFORMERS = "ProcedureStepLabel", "ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence"
PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
REASON, OUTPUT = "ProcedureStepDiscontinuationReasonCodeSequence", "OutputInformationSequence"


def code(value="A", **more):
    return item(CodeValue=value, CodingSchemeDesignator="99A", CodeMeaning="m", **more)


def known(how, *later, complete=True, **attributes):
    """A workitem of which these attributes are known, and the requests that came after that, with what they came under."""
    made = Workitem(W, complete)
    made.become([World("IN PROGRESS", LOCK)], NOON)
    made.learn(item(**attributes), how, exchange("N-GET"))
    made.requests += later
    return made


def differences(of, keywords=(), refused=(), whole=True, **shown):
    """Ids, and findings as expected, received and where."""
    return [
        (ids, [(one.expected, one.received, one.path) for one in found])
        for ids, found, _ in differing(of, item(**shown), keywords, refused, whole=whole)
    ]


# --- what is compared -------------------------------------------------------------------------------------------------


def test_what_is_as_it_is_known_is_judged_as_right():
    assert differences(known("shown", PatientID="P1"), PatientID="P1") == [(("CC27-TMS-019",), [])]


def test_the_source_of_what_is_known_is_named():
    of = known("shown", PatientID="P1")
    ((_, _, source),) = differing(of, item(PatientID="P1"), (), whole=True)
    assert source is of.known["PatientID"].exchange


@pytest.mark.parametrize(
    "keyword",
    ["ScheduledProcedureStepModificationDateTime", "ProcedureStepState", "TransactionUID", "SOPClassUID", "TimezoneOffsetFromUTC"],
)
def test_what_the_tms_says_by_itself_is_not_compared(keyword):
    value = {
        "ProcedureStepState": "SCHEDULED",
        "ScheduledProcedureStepModificationDateTime": "2026",
        "TimezoneOffsetFromUTC": "+0100",
    }
    assert differences(known("shown", **{keyword: value.get(keyword, "1.2")})) == []


def test_only_what_was_asked_for_is_compared():
    of = known("shown", PatientID="P1", PatientName="A")
    assert len(differences(of, ["PatientID"], PatientID="P1", PatientName="B")) == 1
    assert len(differences(of, [], PatientID="P1", PatientName="A")) == 2
    assert len(differences(of, [], ["PatientName"], PatientID="P1")) == 1


@pytest.mark.parametrize(("complete", "compared"), [(True, 1), (False, 0)])
def test_the_tms_may_see_by_itself_that_its_inputs_are_ready(complete, compared):
    of = known("shown", complete=complete, InputReadinessState="INCOMPLETE")
    assert len(differences(of, InputReadinessState="READY")) == compared


def test_what_others_may_have_changed_is_not_compared():
    loose = Workitem(W, complete=False)
    loose.become([World("SCHEDULED")], NOON)
    loose.learn(item(PatientID="P1"), "shown", exchange("N-GET"))
    assert differences(loose, PatientID="P2") == []


def test_what_a_match_leaves_out_was_not_asked_for():
    of = known("shown", PatientID="P1")
    assert differences(of, whole=False) == []
    assert differences(of) != []
    assert differences(of, whole=False, PatientID="P2") != []


# --- as it was created ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "shown", "ids", "found"),
    [
        ({LABEL: "A"}, {LABEL: "A"}, ("CC25-TMS-003",), []),
        ({LABEL: "A"}, {LABEL: "B"}, ("CC25-TMS-003",), [("value 'A'", "value 'B'", LABEL)]),
        ({LABEL: "A"}, {}, ("CC25-TMS-003",), [("value 'A', as it was sent", "attribute absent", LABEL)]),
        ({"PregnancyStatus": 1}, {"PregnancyStatus": 2}, ("CC25-TMS-007",), [("value 1", "value 2", "PregnancyStatus")]),
        ({"WorklistLabel": ""}, {"WorklistLabel": "x"}, ("CC25-TMS-025",), []),
        (
            {"WorklistLabel": ""},
            {"WorklistLabel": ""},
            ("CC25-TMS-025",),
            [("a value", "present without a value", "WorklistLabel")],
        ),
        ({"WorklistLabel": ""}, {}, ("CC25-TMS-025",), [("a value", "attribute absent", "WorklistLabel")]),
        ({"WorklistLabel": "A"}, {"WorklistLabel": "B"}, ("CC25-TMS-003",), [("value 'A'", "value 'B'", "WorklistLabel")]),
    ],
)
def test_what_a_workitem_was_created_with(sent, shown, ids, found):
    assert differences(known("created", **sent), **shown) == [(ids, found)]


@pytest.mark.parametrize("shown", [{}, {"PregnancyStatus": None}])
def test_what_a_tms_need_not_support_it_need_not_keep(shown):
    assert differences(known("created", PregnancyStatus=1), **shown) == []


@pytest.mark.parametrize("attributes", [{PROGRESS: []}, {"PixelData": b"\0\0"}])
def test_what_is_no_part_of_a_creation_is_not_compared(attributes):
    assert differences(known("created", **attributes)) == []


# --- as it was set ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "shown", "ids", "found"),
    [
        ({LABEL: "A"}, {LABEL: "A"}, ("CC26-TMS-012",), []),
        ({LABEL: "A"}, {LABEL: "B"}, ("CC26-TMS-012",), [("value 'A'", "value 'B'", LABEL)]),
        ({LABEL: "A"}, {}, ("CC26-TMS-012",), [("what was set", "attribute absent", LABEL)]),
        ({PERFORMERS: []}, {}, ("CC26-TMS-013",), []),
        ({STATION: [code("A")]}, {STATION: [code("A")]}, ("CC26-TMS-013",), []),
        (
            {STATION: [code("A")]}, {STATION: [code("A"), code("B")]}, ("CC26-TMS-013", "CC26-TMS-015"),
            [("1 item(s), those that were set", "2 item(s)", STATION)],
        ),
        (
            {STATION: [code("A"), code("B")]}, {STATION: [code("A")]}, ("CC26-TMS-013",),
            [("2 item(s), those that were set", "1 item(s)", STATION)],
        ),
        (
            {STATION: [code("A")]}, {STATION: [code("A", CodingSchemeVersion="1")]}, ("CC26-TMS-013", "CC26-TMS-015"),
            [("not there: it was not set", "'1'", f"{STATION}[0].CodingSchemeVersion")],
        ),
        ({STATION: [code("A")]}, {STATION: [code("A", CodingSchemeVersion="")]}, ("CC26-TMS-013",), []),
        (
            {STATION: [code("A"), code("B")]}, {STATION: [code("A"), code("C")]}, ("CC26-TMS-013",),
            [("value 'B'", "value 'C'", f"{STATION}[1].CodeValue")],
        ),
        (
            {STATION: [code("A")]}, {STATION: [item(CodeValue="A", CodeMeaning="m")]}, ("CC26-TMS-013",),
            [("what was set", "attribute absent", f"{STATION}[0].CodingSchemeDesignator")],
        ),
    ],
)  # fmt: skip
def test_what_was_set_is_shown(sent, shown, ids, found):
    assert differences(known("set", **sent), **shown) == [(ids, found)]


def progress(**changes):
    return {PROGRESS: [item(**{"ProcedureStepProgress": "10"} | changes)]}


@pytest.mark.parametrize(
    ("sent", "shown", "ids"),
    [
        (progress(), progress(), ("CC26-TMS-012",)),
        (progress(), progress(ProcedureStepProgress="11"), ("CC26-TMS-012", "RO62-TMS-003")),
        (progress(), {PROGRESS: []}, ("CC26-TMS-012", "RO62-TMS-003")),
        (progress(), {}, ("CC26-TMS-012", "RO62-TMS-003")),
        (
            progress(ProcedureStepProgressParametersSequence=[item(ValueType="NUMERIC", NumericValue="1")]),
            progress(ProcedureStepProgressParametersSequence=[item(ValueType="NUMERIC", NumericValue="2")]),
            ("CC26-TMS-012", "RO62-TMS-004"),
        ),
        (progress(**{REASON: [code("110501")]}), progress(**{REASON: [code("110513")]}), ("CC26-TMS-012", "RO64-TMS-006")),
        (progress(), progress(ProcedureStepProgressDescription="x"), ("CC26-TMS-012", "CC26-TMS-015", "RO62-TMS-014")),
        # what a cancellation fills in
        (progress(), progress(ProcedureStepCancellationDateTime="20261129120000", ReasonForCancellation="x"), ("CC26-TMS-012",)),
    ],
)  # fmt: skip
def test_what_tdw_says_of_an_update_of_progress(sent, shown, ids):
    ((found_ids, found),) = differences(known("set", **sent), **shown)
    assert found_ids == ids
    assert bool(found) is (len(ids) > 1)


def performed(outputs=("1.2.8",), station="Linac"):
    made = [item(TypeOfInstances="DICOM", SeriesInstanceUID=one) for one in outputs]
    return {PERFORMED: [item(PerformedStationNameCodeSequence=[item(CodeValue="A", CodeMeaning=station)], **{OUTPUT: made})]}


@pytest.mark.parametrize(
    ("sent", "shown", "ids"),
    [
        (performed(), performed(), ("CC26-TMS-012",)),
        (performed(["1.2.8", "1.2.9"]), performed(["1.2.8"]), ("CC26-TMS-012", "RO64-TMS-004")),
        (performed(["1.2.8"]), performed(["1.2.9"]), ("CC26-TMS-012",)),
        (performed(station="Gerät"), performed(station="Ger?t"), ("CC26-TMS-012", "RO64-TMS-005")),
        (performed(station="Linac"), performed(station="Linac 2"), ("CC26-TMS-012",)),
        (performed(["1.2.8", "1.2.9"], "Gerät"), {}, ("CC26-TMS-012", "RO64-TMS-004", "RO64-TMS-005")),
    ],
)
def test_what_tdw_says_of_a_final_update(sent, shown, ids):
    assert [found for found, _ in differences(known("set", **sent), **shown)] == [ids]


# --- as it was shown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"PatientID": ""}, {"PatientID": ""}, []),
        ({"PatientID": ""}, {}, []),
        ({"PatientID": ""}, {"PatientID": "P1"}, [("as before: no value, as before", "'P1'", "PatientID")]),
    ],
)
def test_what_had_no_value_has_none(before, after, found):
    assert differences(known("shown", **before), **after) == [(("CC27-TMS-019",), found)]


@pytest.mark.parametrize("after", [{"PatientID": "P2"}, {"PatientID": ""}, {}])
def test_what_was_shown_is_shown_again(after):
    ((ids, found),) = differences(known("shown", PatientID="P1"), **after)
    assert ids == ("CC27-TMS-019",)
    assert [(expected[:11], path) for expected, _, path in found] == [("as before: ", "PatientID")]


def test_what_a_cancellation_fills_in_may_be_new_in_the_progress():
    of = known("shown", **progress())
    assert differences(of, **progress(ReasonForCancellation="x", ContactDisplayName="y")) == [(("CC27-TMS-019",), [])]
    assert differences(known("shown", **{PROGRESS: []}), **{PROGRESS: [item(ReasonForCancellation="x")]}) == [
        (("CC27-TMS-019",), [])
    ]
    ((_, found),) = differences(of, **progress(ProcedureStepProgress="11"))
    assert found


# --- who has the blame ------------------------------------------------------------------------------------------------


def request(service, status=0, ids=("X",), kind=None, **attributes):
    command = {} if kind is None else {"ActionTypeID": kind}
    return exchange(service, item(**attributes), status=status, **command), ids


CLAIM = request("N-ACTION", kind=1, ProcedureStepState="COMPLETED")
CANCEL = request("N-ACTION", kind=2, ReasonForCancellation="x")


@pytest.mark.parametrize(
    ("before", "after", "later", "ids"),
    [
        # an N-SET that brought what nobody may set, and it was taken
        ({"PatientName": "A"}, {"PatientName": "B"}, [request("N-SET", PatientName="B")], ("CC26-TMS-017", "RO62-TMS-010")),
        ({"PatientSex": "F"}, {"PatientSex": "M"}, [request("N-SET", PatientSex="M")], ("CC26-TMS-017",)),
        ({"PatientSex": "F"}, {"PatientSex": "O"}, [request("N-SET", PatientSex="M")], ("CC26-TMS-024",)),
        # one that emptied what needs a value
        ({LABEL: "A"}, {LABEL: ""}, [request("N-SET", **{LABEL: None})], ("CC26-TMS-019",)),
        ({LABEL: "A"}, {}, [request("N-SET", **{LABEL: None})], ("CC26-TMS-019",)),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", **{LABEL: None})], ("CC26-TMS-024",)),
        # one that was refused, and it is shown all the same
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", 0xC301, **{LABEL: "B"})], ("X", "RO62-TMS-007")),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", 0x0106, ("CC26-TMS-021",), **{LABEL: "B"})], ("CC26-TMS-021",)),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-CREATE", 0x0111, **{LABEL: "B"})], ("X", "CC25-TMS-021")),
        # one that was refused, with something else
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", 0xC301, **{LABEL: "C"})], ("X",)),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", 0xC301, (), **{LABEL: "B"})], ("CC26-TMS-024",)),
        # what was granted since then, the last first
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", WorklistLabel="x")], ("CC26-TMS-024",)),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", **{PERFORMED: []})], ("CC26-TMS-024", "RO64-TMS-008")),
        ({LABEL: "A"}, {LABEL: "B"}, [CLAIM], ("CC27-TMS-019",)),
        ({PERFORMED: [code()]}, {PERFORMED: []}, [CLAIM], ("RO65-TMS-017",)),
        (progress(), progress(ProcedureStepProgress="11"), [CLAIM], ("CC21-TMS-005",)),
        ({LABEL: "A"}, {LABEL: "B"}, [CANCEL], ("CC22-TMS-005",)),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-SET", WorklistLabel="x"), CANCEL], ("CC22-TMS-005",)),
        ({LABEL: "A"}, {LABEL: "B"}, [CANCEL, request("N-SET", WorklistLabel="x")], ("CC26-TMS-024",)),
        ({LABEL: "A"}, {LABEL: "B"}, [(exchange("N-GET"), ())], ("CC27-TMS-019",)),
        ({LABEL: "A"}, {LABEL: "B"}, [(exchange("N-ACTION", ActionTypeID=3), ())], ("CC27-TMS-019",)),
    ],
)  # fmt: skip
def test_the_request_that_can_have_changed_it_has_the_blame(before, after, later, ids):
    ((found, findings),) = differences(known("shown", *later, **before), **after)
    assert found == ids
    assert findings


def test_what_came_before_it_was_known_has_no_blame():
    of = known("shown", CANCEL, PatientID="P0")
    of.learn(item(**{LABEL: "A"}), "shown", exchange("N-GET"))
    assert next((ids, [bool(found)]) for ids, found in differences(of, [LABEL], **{LABEL: "B"})) == (("CC27-TMS-019",), [True])


def test_nothing_is_known_of_a_new_workitem():
    assert list(differing(Workitem(W, complete=True), Dataset(), (), whole=True)) == []
