"""What is compared when some of it is passed over, and whom the last of several requests blames [CC.2.5 to CC.2.7]."""

import pytest
from scp_samples import exchange
from test_scp_shown import CANCEL, CLAIM, LABEL, PERFORMED, PROGRESS, STATION, code, differences, known, request

from tdwii_conformance.treatment.messages import item


def ten(**more):
    return item(ProcedureStepProgress="10", **more)


# --- what is compared -------------------------------------------------------------------------------------------------


def test_what_is_passed_over_hides_nothing_that_follows():
    of = known("shown", SOPClassUID="1.2", PatientID="P1")
    assert differences(of, PatientID="P2") == [(("CC27-TMS-019",), [("as before: value 'P1'", "value 'P2'", "PatientID")])]
    of = known("shown", PatientID="P1", **{LABEL: "A"})
    assert differences(of, whole=False, **{LABEL: "B"}) == [(("CC27-TMS-019",), [("as before: value 'A'", "value 'B'", LABEL)])]


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        ({PROGRESS: [ten()]}, {PROGRESS: [item(ProcedureStepProgress="10.0")]}),
        ({STATION: [code()]}, {STATION: [code(SpecificCharacterSet="ISO_IR 192")]}),
    ],
)
def test_what_means_the_same_is_as_it_was_set(sent, came):
    supported = "CC26-TMS-012" if PROGRESS in sent else "CC26-TMS-013"
    assert differences(known("set", CANCEL, **sent), **came) == [((supported,), [])]


def test_what_is_right_comes_under_what_brought_it_whatever_came_later():
    assert differences(known("created", CANCEL, **{LABEL: "A"}), **{LABEL: "A"}) == [(("CC25-TMS-003",), [])]
    assert differences(known("set", CANCEL, **{LABEL: "A"}), **{LABEL: "A"}) == [(("CC26-TMS-012",), [])]
    refused = request("N-SET", 0xC301, **{LABEL: "A"})
    assert differences(known("shown", refused, **{LABEL: "A"}), **{LABEL: "A"}) == [(("CC27-TMS-019",), [])]


def test_the_character_set_of_an_item_is_nothing_more_than_was_set():
    sent, came = {STATION: [code()]}, {STATION: [code("B", SpecificCharacterSet="ISO_IR 192")]}
    ((ids, found),) = differences(known("set", **sent), **came)
    assert (ids, len(found)) == (("CC26-TMS-013",), 1)


def test_an_item_where_none_was_set_was_not_set():
    ((ids, found),) = differences(known("set", **{PROGRESS: []}), **{PROGRESS: [ten()]})
    assert ids == ("CC26-TMS-012", "CC26-TMS-015", "RO62-TMS-014")
    assert found == [("0 item(s), those that were set", "1 item(s)", PROGRESS)]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([ten()], [item(ProcedureStepProgress="11")],
         [("as before: value '10'", "value '11'", f"{PROGRESS}[0].ProcedureStepProgress")]),
        ([ten(), ten()], [item(ProcedureStepProgress="11"), ten()],
         [("as before: value '10'", "value '11'", f"{PROGRESS}[0].ProcedureStepProgress")]),
        ([ten()], [ten(ReasonForCancellation="x")], []),
        ([ten()], None, [("as before: as it was stored: present", "the contrary", PROGRESS)]),
        ([item(ReasonForCancellation="x")], None, []),
        ([], [item(ReasonForCancellation="x")], []),
    ],
)  # fmt: skip
def test_of_progress_what_a_cancellation_fills_in_is_not_compared(before, after, found):
    shown = {} if after is None else {PROGRESS: after}
    ((ids, differ),) = differences(known("shown", **{PROGRESS: before}), **shown)
    assert ids == ("CC27-TMS-019",)
    assert differ == found


# --- who has the blame ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["created", "set", "shown"])
def test_however_it_was_known_the_request_that_changed_it_has_the_blame(how):
    """Patient's Name is "not allowed" in N-SET [table CC.2.5-3]."""
    brought = request("N-SET", PatientName="B")
    ((ids, found),) = differences(known(how, brought, PatientName="A"), PatientName="B")
    assert (ids, bool(found)) == (("CC26-TMS-017", "RO62-TMS-010"), True)


@pytest.mark.parametrize(
    ("before", "after", "later", "ids"),
    [
        ({"PatientID": "A"}, {"PatientID": "B"}, [request("N-SET", PatientID="B")], ("CC26-TMS-017", "RO62-TMS-010")),
        # A request that was refused, and one that is no N-SET, has not set it.
        ({"PatientName": "A"}, {"PatientName": "B"}, [request("N-SET", 0xC301, PatientName="B")], ("X", "RO62-TMS-007")),
        ({"PatientName": "A"}, {"PatientName": "B"}, [request("N-CREATE", 0, PatientName="B")], ("CC27-TMS-019",)),
        # What came after it has not.
        ({"PatientName": "A"}, {"PatientName": "B"}, [request("N-SET", PatientName="B"), CANCEL], ("CC26-TMS-017", "RO62-TMS-010")),
        ({LABEL: "A"}, {LABEL: "B"}, [request("N-ACTION", 0xC301, kind=1, **{LABEL: "B"})], ("X",)),
        ({LABEL: "A"}, {LABEL: "B"}, [(exchange("N-SET", None), ())], ("CC26-TMS-024",)),
        ({PERFORMED: [code()]}, {PERFORMED: []}, [CLAIM, (exchange("N-GET"), ())], ("RO65-TMS-017",)),
    ],
)
def test_of_several_requests_one_has_the_blame(before, after, later, ids):
    ((found, findings),) = differences(known("shown", *later, **before), **after)
    assert (found, bool(findings)) == (ids, True)


def test_what_the_tms_may_change_by_itself_hides_nothing_that_follows():
    of = known("shown", complete=False, InputReadinessState="INCOMPLETE", **{LABEL: "A"})
    assert [found for _, found in differences(of, **{LABEL: "B"})] == [[("as before: value 'A'", "value 'B'", LABEL)]]
