"""RO-63 Store Treatment Delivery Results to OST: the treatment record (C-STORE), and that it can be had again."""

import copy

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import move, status
from tdwii_conformance.treatment.messages import move_identifier


@pytest.fixture(scope="module", params=["photon", "ion"])
def record(request, supported, supply, looks_at, make_record):
    supported("OST", request.param)
    session = supply.of_ions() if request.param == "ion" else looks_at(start="TREATMENT")
    return make_record(session.workitem, interrupted=False)


@pytest.fixture(scope="module")
def store(tdd, record):
    return tdd.store("OST", record)


@pytest.fixture(scope="module")
def retrieval(retriever, store, record):
    """The record, retrieved again."""
    return retriever.retrieve("OST", move_identifier(record.StudyInstanceUID, record.SeriesInstanceUID, [record.SOPInstanceUID]))


@pytest.mark.requirement("RO63-OST-001")
def test_record_is_stored(store, judge_status):
    judge_status(store)


@pytest.mark.requirement("RO63-OST-002")
def test_response_names_the_record(store, record, judge):
    judge(status.no_foreign_uid(store, "AffectedSOPClassUID", record.SOPClassUID))
    judge(status.no_foreign_uid(store, "AffectedSOPInstanceUID", record.SOPInstanceUID))


@pytest.mark.requirement("RO63-OST-003")
def test_record_can_be_retrieved(retrieval, record, judge):
    judge(move.received_exactly(retrieval, [record.SOPInstanceUID]))


@pytest.mark.requirement("RO63-OST-004")
def test_record_is_unchanged(retrieval, record, judge):
    judge(move.unchanged(retrieval, record))


@pytest.mark.requirement("RO63-OST-005")
def test_record_of_an_interrupted_treatment_is_stored(tdd, looks_at, make_record, judge_status):
    judge_status(tdd.store("OST", make_record(looks_at(start="TREATMENT").workitem, interrupted=True)))


def of_each_beam(record):
    """A record of each beam, in one series, instead of one of all."""
    keyword = next(name for name in ("TreatmentSessionBeamSequence", "TreatmentSessionIonBeamSequence") if name in record)
    series, found = generate_uid(), []
    for number, beam in enumerate(record[keyword].value, 1):
        one = copy.deepcopy(record)
        one.SOPInstanceUID, one.SeriesInstanceUID, one.InstanceNumber = generate_uid(), series, number
        setattr(one, keyword, [copy.deepcopy(beam)])
        found.append(one)
    return found


@pytest.mark.requirement("RO63-OST-007")
def test_records_of_several_associations_in_any_order_are_kept(associate, consent, retriever, record, judge):
    records = of_each_beam(record)
    if len(records) < 2:
        pytest.skip("not judged: the plan has one beam")
    consent("C-STORE")
    for one in reversed(records):
        with associate("OST", [record.SOPClassUID]) as link:
            judge(status.accepted(link.c_store(one), f"the C-STORE of the record of beam {one.InstanceNumber}"))
    uids = [one.SOPInstanceUID for one in records]
    result = retriever.retrieve("OST", move_identifier(record.StudyInstanceUID, records[0].SeriesInstanceUID, uids))
    judge(finding for uid in uids for finding in move.received(result, uid))


@pytest.mark.requirement("RO63-OST-006")
def test_record_is_in_the_study_of_its_plan(retriever, store, record, judge):
    retrieval = retriever.retrieve(
        "OST", move_identifier(record.StudyInstanceUID, record.SeriesInstanceUID, [record.SOPInstanceUID])
    )
    judge(move.received(retrieval, record.SOPInstanceUID))  # what comes beside it is for RO59-OST-002
