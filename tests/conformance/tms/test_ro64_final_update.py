"""RO-64 Treatment Delivery Final Update: all that the final state needs (N-SET)."""

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, judge_attribute, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.move import same_content
from tdwii_conformance.plugin import attribute_parameters
from tdwii_conformance.treatment.messages import code_item, item
from tdwii_conformance.treatment.scenarios import SCENARIOS

PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = "ProcedureStepProgressInformationSequence"


@pytest.fixture(scope="module", params=SCENARIOS, ids=str)
def treatment(request, treated):
    """A treatment of each scenario, with what was shown before and after its final update."""
    return treated(request.param)


@pytest.fixture(scope="module")
def session(treatment):
    return treatment.session


@pytest.fixture(scope="module")
def before(treatment):
    return treatment.before


@pytest.fixture(scope="module")
def final(treatment):
    return treatment.final


@pytest.fixture(scope="module")
def stored(treatment):
    """The workitem after the final update, by N-GET."""
    return treatment.stored


@pytest.mark.requirement("RO64-TMS-001")
def test_final_update_is_accepted(final, judge_status):
    judge_status(final)


@pytest.mark.parametrize("rule", attribute_parameters("RO-64 stored", "TMS"))
def test_stored_has(rule, final, stored, session, judge):
    judge(ups.got(stored))
    judge(judge_attribute(rule.rule, [stored.dataset], session.facts))


@pytest.mark.requirement("RO64-TMS-002")
def test_state_stays_in_progress(final, stored, judge):
    judge(ups.state_is(stored, "IN PROGRESS"))


@pytest.mark.requirement("RO64-TMS-007")
def test_response_names_the_workitem(final, session, judge):
    judge(status.no_foreign_uid(final, "AffectedSOPInstanceUID", session.workitem.uid))


@pytest.mark.requirement("RO64-TMS-008")
def test_the_rest_is_untouched(before, final, stored, judge):
    judge(ups.untouched(before, stored, ignoring=(PERFORMED, PROGRESS, "SpecificCharacterSet")))


@pytest.mark.requirement("RO64-TMS-003")
def test_other_transaction_uid_is_refused(updates, judge, judge_status):
    session = updates("IN PROGRESS").deliver(SCENARIOS[0])
    before = session.get()
    refused = session.final_update(transaction_uid=generate_uid())
    judge(ups.untouched(before, session.get()))
    judge_status(refused)


@pytest.mark.requirement("RO64-TMS-004")
def test_every_output_is_stored(updates, judge):
    session = updates("IN PROGRESS").deliver(SCENARIOS[0])
    update = session.final_data_set()
    outputs = update.UnifiedProcedureStepPerformedProcedureSequence[0].OutputInformationSequence
    for _ in range(2):
        more = item(**{element.keyword: element.value for element in outputs[0]})
        reference = outputs[0].ReferencedSOPSequence[0]
        more.ReferencedSOPSequence = [
            item(ReferencedSOPClassUID=reference.ReferencedSOPClassUID, ReferencedSOPInstanceUID=generate_uid())
        ]
        outputs.append(more)
    judge(status.accepted(session.send(update), "a final update with three outputs"))
    stored = session.get([PERFORMED])
    judge(ups.got(stored))
    performed = stored.dataset.get(PERFORMED) or [item()]
    came = item(OutputInformationSequence=list(performed[0].get("OutputInformationSequence") or []))
    judge(same_content(item(OutputInformationSequence=list(outputs)), came))


@pytest.mark.requirement("RO64-TMS-005")
def test_text_of_iso_ir_100_stays_readable(updates, judge):
    session = updates("IN PROGRESS").deliver(SCENARIOS[0])
    update = session.final_data_set()
    update.SpecificCharacterSet = "ISO_IR 100"
    station = session.workitem.station
    performed = update.UnifiedProcedureStepPerformedProcedureSequence[0]
    performed.PerformedStationNameCodeSequence = [code_item(station.value, station.scheme, "Gerät Süd")]
    judge(status.accepted(session.send(update), "a final update in ISO_IR 100"))
    stored = session.get([PERFORMED, "SpecificCharacterSet"])
    judge(ups.got(stored))
    meanings = [
        code.get("CodeMeaning")
        for procedure in stored.dataset.get(PERFORMED) or []
        for code in procedure.get("PerformedStationNameCodeSequence") or []
    ]
    judge(ups.equal(meanings, ["Gerät Süd"], f"{PERFORMED}[0].PerformedStationNameCodeSequence[0].CodeMeaning"))


@pytest.fixture(scope="module", params=[s for s in SCENARIOS if s.state == "CANCELED"], ids=str)
def canceled(request, treated):
    """A treatment that was canceled, its final update, and the N-GET after it."""
    treatment = treated(request.param)
    return treatment.session, treatment.final, treatment.stored


@pytest.mark.requirement("RO64-TMS-006")
def test_reason_of_cancellation_is_stored(canceled, needs, judge):
    session, final, stored = canceled
    needs(status.accepted(final, "the final update"), "RO64-TMS-001")
    judge(ups.got(stored))
    reasons = [
        reason.get("CodeValue")
        for progress in stored.dataset.get(PROGRESS) or []
        for reason in progress.get("ProcedureStepDiscontinuationReasonCodeSequence") or []
    ]
    sent = session.final_data_set().ProcedureStepProgressInformationSequence[0]
    expected = [reason.CodeValue for reason in sent.ProcedureStepDiscontinuationReasonCodeSequence]
    place = f"{PROGRESS}[0].ProcedureStepDiscontinuationReasonCodeSequence"
    judge(ups.equal(reasons, expected, place) if expected else [Finding("a reason in the final update", "none", place)])
