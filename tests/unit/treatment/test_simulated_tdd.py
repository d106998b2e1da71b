"""What the simulated TDD makes of real worklists: plans of all kinds, legal date-times of all forms, and what cannot be treated."""

from datetime import datetime

import pytest
from plans import beam, group, in_particles, instruction, of_two_groups, plan, with_setup_beams
from pydicom.uid import ExplicitVRLittleEndian

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.simulators.folder import WorkitemFolder
from tdwii_conformance.simulators.instances import InstanceStore, instance_of_dataset
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.stock import prepare
from tdwii_conformance.simulators.tdd import CannotTreat, NothingScheduled, TDDSimulator
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.treatment.objects import Treatment, workitem
from tdwii_conformance.ups import Worklist

STATION = Code("FX1", "99X", "Machine 1")


class Floor:
    """A TMS, an OST and a TDD, and what the TDD says."""

    def __init__(self):
        self.known, self.said = {}, []
        self.tms, self.ost = TMS("TMS", destinations=self.known), OST("OST", destinations=self.known)

    def __enter__(self):
        self.tms.start()
        self.ost.start()
        self.tdd = TDDSimulator(self.tms.peer, self.ost.peer, station=STATION, tell=self.said.append).start()
        self.known["TDD"] = self.tdd.peer
        return self

    def __exit__(self, *_):
        for one in (self.tdd, self.tms, self.ost):
            one.stop()

    def schedule(self, of_plan, of_instruction, start=None, **changes):
        """Put a workitem on the worklist that starts now, or as a DT says."""
        treatment = Treatment(of_plan, of_instruction, None, "TREATMENT")
        try:
            uid, attributes = prepare(self.tms, self.ost, treatment, station=STATION, start=datetime.now())
        except ValueError:  # it cannot be delivered, so no workitem can be made of it: that of another, for its objects
            other = with_setup_beams()
            uid, attributes = prepare(self.tms, self.ost, Treatment(other, instruction(other, [20]), None, "TREATMENT"),
                                      station=STATION, start=datetime.now())  # fmt: skip
            self.ost.instances.add(instance_of_dataset(of_plan, ExplicitVRLittleEndian))
            self.tms.instructions.add(instance_of_dataset(of_instruction, ExplicitVRLittleEndian))
            for entry, instance in zip(attributes.InputInformationSequence, (of_plan, of_instruction), strict=True):
                entry.StudyInstanceUID, entry.SeriesInstanceUID = instance.StudyInstanceUID, instance.SeriesInstanceUID
                entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = instance.SOPInstanceUID
        if start is not None:
            attributes.ScheduledProcedureStepStartDateTime = start
        attributes.update(item(**changes))
        assert self.tms.worklist.create(uid, attributes).status == 0
        return uid

    def state(self, uid):
        return next(record.state for record in self.tms.worklist.records() if record.uid == uid)

    def records(self):
        return [one.dataset() for one in self.ost.instances if str(one.attributes.get("Modality")) == "RTRECORD"]


@pytest.fixture
def floor():
    with Floor() as there:
        yield there


def beams_of(record):
    beams = record.get("TreatmentSessionBeamSequence") or record.get("TreatmentSessionIonBeamSequence")
    return [(one.ReferencedBeamNumber, float(one.DeliveredPrimaryMeterset)) for one in beams]


@pytest.mark.parametrize(
    ("make", "numbers", "delivered", "unit", "fractions", "machine", "told"),
    [
        (
            with_setup_beams,
            [20, 30],
            [(20, 87), (30, 89.5)],
            "MU",
            7,
            "VAULT7",
            ["0 %, beam 20", "50 %, beam 30", "100 %, beam 30"],
        ),
        (of_two_groups, [5, 4], [(5, 170.58), (4, 185.3)], "MU", 4, "VAULT7", ["0 %, beam 5", "50 %, beam 4", "100 %, beam 4"]),
        (in_particles, [1], [(1, 2.5e10)], "NP", 14, "GANTRY2", ["0 %, beam 1", "50 %, beam 1", "100 %, beam 1"]),
    ],
    ids=["setup-beams", "second-group", "ions"],
)
def test_what_is_prescribed_is_delivered_recorded_and_told(floor, make, numbers, delivered, unit, fractions, machine, told):
    one = make()
    uid = floor.schedule(one, instruction(one, numbers))
    floor.tdd.perform()
    assert floor.state(uid) == "COMPLETED"
    (record,) = floor.records()
    assert beams_of(record) == delivered
    assert (record.PrimaryDosimeterUnit, record.NumberOfFractionsPlanned) == (unit, fractions)
    assert record.TreatmentMachineSequence[0].TreatmentMachineName == machine
    assert [line.removeprefix("RO-62: ") for line in floor.said if line.startswith("RO-62")] == told


@pytest.mark.parametrize(
    "form", ["{:%Y}", "{:%Y%m}", "{:%Y%m%d}", "{:%Y%m%d%H}", "{:%Y%m%d%H%M%z}", "{:%Y%m%d%H%M%S.5%z}", "{:%Y%m%d%H%M}60"]
)
def test_a_start_of_any_form_is_treated(floor, form):
    one = with_setup_beams()
    now = datetime.now().astimezone()
    uid = floor.schedule(one, instruction(one, [20]), form.format(now))
    floor.tdd.query = lambda: anything(floor.tdd)  # a year alone is its first moment, which is not today
    floor.tdd.perform()
    assert floor.state(uid) == "COMPLETED"


def anything(tdd):
    query = type(tdd).query(tdd)
    query.ScheduledProcedureStepStartDateTime = None
    return query


def test_a_start_that_is_no_date_time_is_treated_all_the_same(floor, monkeypatch):
    one = with_setup_beams()
    uid = floor.schedule(one, instruction(one, [20]))
    found = floor.tdd.find

    def with_a_bad_start():
        response = found()
        response.ScheduledProcedureStepStartDateTime = "as soon as can be"
        return response

    monkeypatch.setattr(floor.tdd, "find", with_a_bad_start)
    floor.tdd.perform()
    assert floor.state(uid) == "COMPLETED"


@pytest.mark.parametrize(
    ("unfit", "numbers", "why"),
    [
        (lambda: plan([beam(1)], [group(1, {1: None})]), [1], "ReferencedBeamSequence[0].BeamMeterset: is missing"),
        (lambda: plan([beam(1)], [group(1, {1: float("nan")})]), [1], "BeamMeterset: nan is no number"),
        (lambda: plan([beam(1)], [group(1, {1: 10})]), [8], "8 is no beam of the plan"),
        (lambda: plan([], [group(1, {1: 10})]), [1], "BeamSequence: has no beams"),
    ],
    ids=["no-meterset", "nan", "another-beam", "no-beams"],
)
def test_what_cannot_be_treated_is_said_and_the_next_is_treated(floor, unfit, numbers, why):
    bad, good = unfit(), with_setup_beams()
    first = floor.schedule(bad, instruction(bad, numbers))
    second = floor.schedule(good, instruction(good, [20, 30]))
    with pytest.raises(CannotTreat) as refused:
        floor.tdd.perform()
    assert first in str(refused.value) and why in str(refused.value)
    floor.tdd.perform()
    assert floor.state(second) == "COMPLETED"
    assert floor.state(first) in ("SCHEDULED", "CANCELED")
    assert list(map(beams_of, floor.records())) == [[(20, 87), (30, 89.5)]]
    with pytest.raises(NothingScheduled, match="nothing is scheduled for station FX1 today"):
        floor.tdd.perform()


def test_an_error_in_a_treatment_is_said_as_well(floor, monkeypatch):
    one = with_setup_beams()
    first, second = (floor.schedule(one, instruction(one, [20])) for _ in range(2))
    deliver = floor.tdd.deliver

    def failing(of_workitem, treatment):
        if of_workitem.uid == first:
            raise KeyError("what nobody has thought of")
        return deliver(of_workitem, treatment)

    monkeypatch.setattr(floor.tdd, "deliver", failing)
    with pytest.raises(CannotTreat, match=f"{first} cannot be treated: KeyError: 'what nobody has thought of'"):
        floor.tdd.perform()
    assert floor.state(first) == "CANCELED"
    floor.tdd.perform()
    assert floor.state(second) == "COMPLETED"


@pytest.mark.parametrize("instruction_first", [True, False])
def test_a_folder_gives_the_ost_the_instructions_that_workitems_say_it_has(tmp_path, instruction_first):
    one, other = with_setup_beams(), of_two_groups()
    theirs, ours = instruction(one, [20]), instruction(other, [4])
    worklist, of_tms, of_ost = Worklist(), InstanceStore(), InstanceStore()
    watched = WorkitemFolder(tmp_path, worklist, of_tms, of_ost, others_title="OST")
    for number, (of_plan, of_instruction, source) in enumerate(((one, theirs, "OST"), (other, ours, "TMS"))):
        made = workitem(
            Treatment(of_plan, of_instruction, None, "TREATMENT"), tms=source, ost="OST", station=STATION, start=datetime.now()
        )
        made.update(item(SOPClassUID="1.2.840.10008.5.1.4.34.6.1", SOPInstanceUID=f"1.2.3.{number}"))
        save_dicom(made, tmp_path / f"UPS_1.2.3.{number}.dcm")
        save_dicom(of_instruction, tmp_path / f"{'A' if instruction_first else 'Z'}{number}.dcm")
    watched.interval = 0
    watched.look()
    assert len(worklist.records()) == 2
    assert theirs.SOPInstanceUID in of_ost and ours.SOPInstanceUID not in of_ost
    assert {one.uid for one in of_tms} == {theirs.SOPInstanceUID, ours.SOPInstanceUID}
