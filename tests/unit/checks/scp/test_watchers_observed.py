"""What a watcher retrieves, as a record shows it: the inputs of the workitems that the record shows."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from test_replay import BEGIN, CATALOGUE, MOVE, PLAN, Day, W

from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.observation import Association
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.witness.judging import judge_observed
from tdwii_conformance.witness.recognition import Cast, observations, recognize

INPUT = item(
    StudyInstanceUID="1.6", SeriesInstanceUID="1.7", DICOMRetrievalSequence=[item(RetrieveAETitle="OST")],
    ReferencedSOPSequence=[item(ReferencedSOPClassUID=PLAN, ReferencedSOPInstanceUID="1.5")],
)  # fmt: skip


def failing(instance="1.5", study="1.6", series="1.7", acceptor="OST", destination="PPVS"):
    """Return the requirements of RO-59 that a watcher violates, which was shown a workitem and retrieves."""
    day = Day().add("N-GET", 0, answer=item(InputInformationSequence=[INPUT]), requestor="PPVS", RequestedSOPInstanceUID=W)
    asked = item(QueryRetrieveLevel="IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance)
    day.add("C-MOVE", 0, asked=asked, requestor="PPVS", acceptor=acceptor, syntax=MOVE, MoveDestination=destination,
            AffectedSOPClassUID=MOVE)  # fmt: skip
    standing = Association("PPVS", "TMS", BEGIN)
    connection = SimpleNamespace(exchanges=day.exchanges, ended="released", association=lambda ended: standing)
    cast = Cast(tms=["TMS"], ost=["OST"], watcher=["PPVS"])
    seen = observations([connection], cast, until=BEGIN + timedelta(minutes=1))
    verdicts = judge_observed(seen, CATALOGUE, edition="ti")
    return {one.requirement for one in verdicts if one.verdict == "failed" and one.requirement.startswith("RO59")}


@pytest.mark.parametrize(("changes", "wrong"), [
    ({}, set()),
    ({"instance": "1.9"}, {"RO59-WATCHER-004"}),
    ({"study": "1.9"}, {"RO59-WATCHER-005"}),
    ({"acceptor": "TMS"}, {"RO59-WATCHER-006"}),
    ({"destination": "ELSE"}, {"RO59-WATCHER-007"}),
    ({"instance": None}, {"RO59-WATCHER-003"}),
    # the inputs of a workitem that was shown before the record began
    ({"instance": "2.5", "study": "2.6", "series": "2.7"}, set()),
])  # fmt: skip
def test_what_a_watcher_retrieves(changes, wrong):
    assert failing(**changes) == wrong


def test_a_query_that_names_another_class_may_be_refused():
    asked = item(SOPInstanceUID=None, PatientID="P1")
    named = {"AffectedSOPClassUID": UPS.PUSH}
    assert Day().add("C-FIND", 0x0122, asked=asked, syntax=UPS.WATCH, **named).judged()[0] == set()
    assert Day().add("C-FIND", 0x0122, asked=asked, syntax=UPS.WATCH, AffectedSOPClassUID=UPS.WATCH).judged()[0]


def test_who_schedules_is_no_tdd_though_it_stores_records():
    record = "1.2.840.10008.5.1.4.1.1.481.4"
    day = Day().add("C-STORE", 0, requestor="TPS", acceptor="OST", syntax=record, AffectedSOPClassUID=record)
    assert recognize(day.exchanges).tdd == ["TPS"]
    day.add("N-CREATE", 0, requestor="TPS", syntax=UPS.PUSH, AffectedSOPClassUID=UPS.PUSH)
    assert recognize(day.exchanges).tdd == []
    assert recognize(day.claim(0, requestor="TPS").exchanges).tdd == ["TPS"]


@pytest.mark.parametrize(("tag", "wrong"), [(0x00741000, set()), (0x00081195, {"CC27-TDD-001"})])
@pytest.mark.parametrize("uid", [W, "1.2.4"])
def test_how_a_tdd_looks_at_a_workitem_is_judged_whether_it_treats_it_or_not(uid, tag, wrong):
    day = Day().claim(0).add("N-GET", 0, answer=item(ProcedureStepState="SCHEDULED"), RequestedSOPInstanceUID=uid,
                             AttributeIdentifierList=[tag], RequestedSOPClassUID=UPS.PUSH)  # fmt: skip
    standing = Association("TDD", "TMS", BEGIN)
    connection = SimpleNamespace(exchanges=day.exchanges, ended="released", association=lambda ended: standing)
    seen = observations([connection], Cast(tms=["TMS"], ost=["OST"], tdd=["TDD"]), until=BEGIN + timedelta(minutes=1))
    verdicts = judge_observed(seen, CATALOGUE, edition="ti")
    failed = {one.requirement for one in verdicts if one.verdict == "failed"}
    assert {one for one in failed if one.startswith(("CC27", "CC31"))} == wrong
