"""Workitems of a system under test, of which only references are known: what our TDD records of them."""

from datetime import datetime

from plans import in_particles, instruction, with_setup_beams

from tdwii_conformance.scu.treatment_session import ScheduledWorkitem
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.treatment.objects import Treatment, record, workitem

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
