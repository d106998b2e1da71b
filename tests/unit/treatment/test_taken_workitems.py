"""Workitems of a system under test, of which only references are known: what our TDD records of them."""

from datetime import datetime

import pytest
from plans import in_particles, instruction, of_two_groups, with_setup_beams
from pydicom.uid import generate_uid

from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem, TreatmentSession
from tdwii_conformance.sut.embedded import embedded_system
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.treatment.objects import Treatment, record, workitem
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.workitems.sources import Listed

STATION = Code("FX1", "99X", "Machine 1")


def taken(treatment):
    response = workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime(2026, 11, 29, 8))
    response.update(item(SOPInstanceUID="1.2.3"))
    return ScheduledWorkitem.of_response(response, STATION, "TMS", "OST", "ti")


def test_what_is_made_of_it_refers_to_its_plan():
    one = in_particles()
    found = taken(Treatment(one, instruction(one, [1]), None, "TREATMENT"))
    made = record(found.treatment)
    (reference,) = made.ReferencedRTPlanSequence
    assert (reference.ReferencedSOPInstanceUID, reference.ReferencedSOPClassUID) == (one.SOPInstanceUID, one.SOPClassUID)
    assert (made.StudyInstanceUID, made.PatientID) == (one.StudyInstanceUID, one.PatientID)
    assert made.PatientName == one.PatientName
    assert found.fractions_planned == 14


def test_with_the_objects_at_hand_it_is_of_them():
    one, other = with_setup_beams(), in_particles()
    theirs = Treatment(one, instruction(one, [30, 20]), None, "TREATMENT")
    found = taken(theirs).with_objects([Treatment(other, instruction(other, [1]), None, "TREATMENT"), theirs])
    assert found.treatment.beam_numbers == [30, 20]
    assert taken(theirs).with_objects([]).treatment.plan.SOPInstanceUID == one.SOPInstanceUID


@pytest.fixture
def system():
    with (
        Receiver("TDD", host="127.0.0.1", port=0) as receiver,
        embedded_system(receiver.peer) as system,
        TDD(system.tms, system.ost, calling="TDD", receiver=receiver) as tdd,
    ):
        yield system, tdd


def scheduled(tdd, system, treatment, *, stored=True):
    """A workitem of today on a worklist, with its objects where it says."""
    station = system.workitems.station
    made = workitem(treatment, tms=system.tms.ae_title, ost=system.ost.ae_title, station=station, start=datetime.now())
    if stored:
        tdd.store("OST", treatment.plan)
        tdd.store("TMS", treatment.instruction)
    assert tdd.create(generate_uid(), made).status == 0


def test_what_is_recorded_is_what_its_own_plan_prescribes(system):
    system, tdd = system
    one = of_two_groups()
    scheduled(tdd, system, Treatment(one, instruction(one, [5, 4]), None, "TREATMENT"))
    found = Listed(system, tdd, retriever=lambda: tdd)("TREATMENT")
    assert not found.made_up
    session = TreatmentSession(tdd, found, "OST")
    session.claim()
    session.deliver(next(one for one in SCENARIOS if one.start == "TREATMENT" and one.delivered))
    beams = session.record.TreatmentSessionBeamSequence
    assert [(beam.ReferencedBeamNumber, float(beam.DeliveredPrimaryMeterset)) for beam in beams] == [(5, 170.58), (4, 185.3)]
    assert session.record.TreatmentMachineSequence[0].TreatmentMachineName == "VAULT7"
    assert session.exchanges[-1].service == "C-STORE" and session.exchanges[-1].status == 0
    assert session.beam(0) == 5


@pytest.mark.parametrize("why", ["not there", "not deliverable", "not asked for"])
def test_nothing_is_recorded_of_what_is_not_known(system, why):
    system, tdd = system
    one = with_setup_beams()
    made = Treatment(one, instruction(one, [20, 30]), None, "TREATMENT")
    scheduled(tdd, system, made, stored=why == "not asked for")
    if why == "not deliverable":
        made.instruction.BeamTaskSequence[1].ReferencedBeamNumber = 99
        tdd.store("OST", made.plan)
        tdd.store("TMS", made.instruction)
    found = Listed(system, tdd, retriever=None if why == "not asked for" else lambda: tdd)("TREATMENT")
    assert found.made_up
    session = TreatmentSession(tdd, found, "OST")
    session.claim()
    session.deliver(next(one for one in SCENARIOS if one.start == "TREATMENT" and one.delivered))
    assert "C-STORE" not in [exchange.service for exchange in session.exchanges]
    updates = [exchange for exchange in session.exchanges if exchange.service == "N-SET"]
    assert updates and session.beam(0) is None
    for update in updates:  # which beam is in progress is not known, and none is named
        (progress,) = update.request.dataset.ProcedureStepProgressInformationSequence
        assert progress.ProcedureStepProgress is not None and "ProcedureStepProgressParametersSequence" not in progress
    assert session.record.SOPInstanceUID  # the final update names one all the same
