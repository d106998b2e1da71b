"""What is delivered and recorded of a plan and a delivery instruction. Values are worked out by hand."""

import copy
from datetime import datetime

import pytest
from plans import beam, group, in_particles, instruction, ion_beam, of_two_groups, plan, with_setup_beams

from tdwii_conformance.treatment.course import plan_facts
from tdwii_conformance.treatment.objects import Treatment, record
from tdwii_conformance.treatment.prescription import PlanError, prescription

AT = datetime(2026, 11, 29, 10, 15)


def recorded(of_plan, of_instruction, **how):
    made = record(Treatment(of_plan, of_instruction, None, ""), at=AT, **how)
    return made, list(made.get("TreatmentSessionBeamSequence") or made.get("TreatmentSessionIonBeamSequence"))


def metersets(beams):
    return [(one.ReferencedBeamNumber, float(one.SpecifiedPrimaryMeterset), float(one.DeliveredPrimaryMeterset)) for one in beams]


def points(one):
    sequence = one.get("ControlPointDeliverySequence") or one.get("IonControlPointDeliverySequence")
    return [(p.ReferencedControlPointIndex, float(p.SpecifiedMeterset), float(p.DeliveredMeterset)) for p in sequence]


def test_setup_beams_are_not_treated():
    one = with_setup_beams()
    made, beams = recorded(one, instruction(one, [20, 30]))
    assert metersets(beams) == [(20, 87, 87), (30, 89.5, 89.5)]
    assert (made.NumberOfFractionsPlanned, made.PrimaryDosimeterUnit) == (7, "MU")


def test_a_setup_beam_is_left_out_of_the_tasks_when_it_has_no_meterset():
    one = with_setup_beams()
    assert prescription(one, instruction(one, [10, 20, 30, 40])).numbers == [20, 30]


def test_a_setup_beam_is_treated_when_it_is_prescribed():
    one = with_setup_beams()
    one.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset = 2
    assert metersets(recorded(one, instruction(one, [10, 20]))[1]) == [(10, 2, 2), (20, 87, 87)]


def test_the_fraction_group_is_that_of_the_beams():
    one = of_two_groups()
    made, beams = recorded(one, instruction(one, [4, 5]))
    assert metersets(beams) == [(4, 185.3, 185.3), (5, 170.58, 170.58)]
    assert (made.NumberOfFractionsPlanned, made.ReferencedFractionGroupNumber) == (4, 2)
    made, beams = recorded(one, instruction(one, [1, 2, 3]))
    assert [number for number, _, _ in metersets(beams)] == [1, 2, 3]
    assert (made.NumberOfFractionsPlanned, made.ReferencedFractionGroupNumber) == (16, 1)


def test_the_order_is_that_of_the_delivery_instruction():
    one = of_two_groups()
    treated = prescription(one, instruction(one, [3, 1]))
    assert treated.numbers == [3, 1]
    assert [treated.beam_at(progress) for progress in (0, 49, 50, 100)] == [3, 3, 1, 1]


def test_particles_stay_particles():
    one = in_particles()
    made, (treated,) = recorded(one, instruction(one, [1]))
    assert (made.PrimaryDosimeterUnit, made.NumberOfFractionsPlanned) == ("NP", 14)
    assert made.TreatmentMachineSequence[0].TreatmentMachineName == "GANTRY2"
    assert str(treated.DeliveredPrimaryMeterset) == "2.5e10"
    assert points(treated) == [(0, 0, 0), (1, 1.5e10, 1.5e10), (2, 2.5e10, 2.5e10)]
    assert (treated.ScanMode, treated.RadiationType, treated.BeamName) == ("MODULATED", "PROTON", "spots 1")


def test_what_the_plan_says_of_a_beam_is_in_the_record():
    one = plan([beam(7, BeamType="STATIC", RadiationType="ELECTRON", NumberOfWedges=1,
                     WedgeSequence=[beam_wedge()])], [group(1, {7: 200})])  # fmt: skip
    made, (treated,) = recorded(one, instruction(one, [7], fraction=2))
    assert (treated.BeamName, treated.BeamType, treated.RadiationType) == ("field 7", "STATIC", "ELECTRON")
    assert (treated.CurrentFractionNumber, treated.NumberOfControlPoints, treated.NumberOfWedges) == (2, 3, 1)
    assert treated.RecordedWedgeSequence[0].WedgeAngle == 45
    assert treated.BeamLimitingDeviceLeafPairsSequence[0].RTBeamLimitingDeviceType == "ASYMX"
    first, second, _ = treated.ControlPointDeliverySequence
    assert (first.GantryAngle, first.NominalBeamEnergy, first.NominalBeamEnergyUnit, first.DoseRateSet) == (10, 10, "MEV", 600)
    assert first.BeamLimitingDevicePositionSequence[0].LeafJawPositions == [-20, 30]
    assert (second.GantryAngle, second.DoseRateSet) == (20, 600)
    assert (made.TreatmentDate, made.TreatmentTime) == ("20261129", "101500")
    machine = made.TreatmentMachineSequence[0]
    assert (machine.TreatmentMachineName, machine.Manufacturer, machine.DeviceSerialNumber) == ("VAULT7", "", "")


def beam_wedge():
    from tdwii_conformance.treatment.messages import item

    return item(WedgeNumber=1, WedgeType="STANDARD", WedgeID="W45", WedgeAngle=45, WedgeFactor=0.5, WedgeOrientation=0)


def test_an_interrupted_delivery_stops_at_two_fifths_of_the_first_beam():
    one = of_two_groups()
    _, beams = recorded(one, instruction(one, [3, 1]), interrupted=True)
    assert metersets(beams) == [(3, 190, 76)]
    # The control points are at 0, 95 and 190; the second is not reached.
    assert points(beams[0]) == [(0, 0, 0), (1, 95, 76)]
    assert beams[0].TreatmentTerminationStatus == "OPERATOR"


def test_a_continuation_goes_on_where_it_says():
    one = of_two_groups()
    _, beams = recorded(one, instruction(one, [3, 1], ranges={3: (76, 190), 1: (0, 189.57)}))
    assert metersets(beams) == [(3, 114, 114), (1, 189.57, 189.57)]
    assert points(beams[0]) == [(0, 76, 76), (1, 95, 95), (2, 190, 190)]
    assert {treated.TreatmentDeliveryType for treated in beams} == {"CONTINUATION"}


def test_a_plan_without_weights_has_its_metersets_all_the_same():
    one = plan([beam(1, ControlPointSequence=..., FinalCumulativeMetersetWeight=...)], [group(1, {1: 50})])
    _, beams = recorded(one, instruction(one, [1]))
    assert metersets(beams) == [(1, 50, 50)] and points(beams[0]) == [(0, 0, 0), (1, 50, 50)]


def test_a_plan_that_does_not_say_how_many_fractions():
    one = plan([beam(1, TreatmentMachineName=...)], [group(1, {1: 50}, fractions=None)])
    made, _ = recorded(one, instruction(one, [1]))
    assert made.NumberOfFractionsPlanned is None and made.TreatmentMachineSequence[0].TreatmentMachineName == ""


def test_of_groups_with_the_same_beams_the_workitem_tells_which():
    one = plan([beam(1)], [group(1, {1: 200}, 20), group(2, {1: 150}, 5)])
    of = instruction(one, [1])
    assert float(prescription(one, of, fractions=5).beams[0].specified) == 150
    assert float(prescription(one, of, group=1).beams[0].specified) == 200
    with pytest.raises(PlanError, match="2 fraction groups have the beams 1, with other metersets"):
        prescription(one, of)


def test_of_groups_that_differ_in_their_fractions_alone_none_is_chosen():
    one = plan([beam(1)], [group(1, {1: 200}, 20), group(2, {1: 200}, 5)])
    made, beams = recorded(one, instruction(one, [1]))
    assert metersets(beams) == [(1, 200, 200)]
    assert made.NumberOfFractionsPlanned is None and "ReferencedFractionGroupNumber" not in made
    known = prescription(one, instruction(one, [1]), group=2)
    assert (known.fractions, known.group) == (5, 2)


def refusals():
    one = plan([beam(1), beam(2)], [group(1, {1: 100, 2: 100})])

    def changed(change, numbers=(1, 2), **how):
        other = copy.deepcopy(one)
        of = instruction(other, numbers, **how)
        change(other, of)
        return other, of

    def references(of_plan):
        return of_plan.FractionGroupSequence[0].ReferencedBeamSequence

    yield (
        "nan",
        changed(lambda p, i: setattr(references(p)[1], "BeamMeterset", float("nan"))),
        ("FractionGroupSequence[0].ReferencedBeamSequence[1].BeamMeterset: nan is no number"),
    )
    yield "infinite", changed(lambda p, i: setattr(references(p)[0], "BeamMeterset", float("inf"))), "inf is no number"
    yield (
        "no meterset",
        changed(lambda p, i: delattr(references(p)[0], "BeamMeterset")),
        ("FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset: is missing"),
    )
    yield "empty meterset", changed(lambda p, i: setattr(references(p)[0], "BeamMeterset", None)), "BeamMeterset: is empty"
    yield "zero", changed(lambda p, i: setattr(references(p)[0], "BeamMeterset", 0)), "nothing would be delivered"
    yield "no beams", changed(lambda p, i: setattr(p, "BeamSequence", [])), "BeamSequence: has no beams"
    yield "no groups", changed(lambda p, i: delattr(p, "FractionGroupSequence")), "FractionGroupSequence: is missing or empty"
    yield "no tasks", changed(lambda p, i: setattr(i, "BeamTaskSequence", [])), "BeamTaskSequence: has no task that treats"
    yield (
        "no such beam",
        changed(lambda p, i: setattr(i.BeamTaskSequence[0], "ReferencedBeamNumber", 9)),
        ("BeamTaskSequence[0].ReferencedBeamNumber: 9 is no beam of the plan; its BeamSequence has 1, 2"),
    )
    yield "another plan", changed(lambda p, i: setattr(p, "SOPInstanceUID", "1.2.3")), "the delivery instruction is for the plan"
    yield (
        "two machines",
        changed(lambda p, i: setattr(p.BeamSequence[1], "TreatmentMachineName", "VAULT8")),
        ("TreatmentMachineName is 'VAULT7' and 'VAULT8': a treatment record has one"),
    )
    yield (
        "nan weight",
        changed(lambda p, i: setattr(p.BeamSequence[0].ControlPointSequence[1], "CumulativeMetersetWeight", float("nan"))),
        ("beam 1, control point 1.CumulativeMetersetWeight: nan is no number"),
    )
    yield (
        "no fraction",
        changed(lambda p, i: setattr(i.BeamTaskSequence[0], "CurrentFractionNumber", None)),
        ("BeamTaskSequence[0].CurrentFractionNumber: is empty"),
    )
    yield "range", changed(lambda p, i: None, ranges={1: (40, 140)}), "from 40 to 140 is no part of the beam's 100"
    yield (
        "unit",
        changed(lambda p, i: setattr(i.BeamTaskSequence[0], "PrimaryDosimeterUnit", "NP"), ranges={1: (40, 100)}),
        ("BeamTaskSequence[0].PrimaryDosimeterUnit: is NP, in the plan MU"),
    )
    yield (
        "no plan",
        changed(lambda p, i: setattr(p, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.481.3")),
        "is neither that of an RT Plan",
    )


@pytest.mark.parametrize(("made", "sentence"), [pytest.param(*rest, id=name) for name, *rest in refusals()])
def test_what_cannot_be_delivered_is_refused_in_a_sentence(made, sentence):
    with pytest.raises(PlanError) as refused:
        prescription(*made)
    assert sentence in str(refused.value)


def test_two_units_are_refused():
    one = plan([ion_beam(1), ion_beam(2, PrimaryDosimeterUnit="MU")], [group(1, {1: "2.5e10", 2: 100})], ion=True)
    with pytest.raises(PlanError, match="PrimaryDosimeterUnit is 'NP' and 'MU'"):
        prescription(one, instruction(one, [1, 2]))


@pytest.mark.parametrize("unit", [..., None, ""])
def test_a_unit_that_is_not_given(unit):
    """Of photon beams it is MU, and that is said; of ion beams it may be MU or NP."""
    photons = plan([beam(1, PrimaryDosimeterUnit=unit)], [group(1, {1: 50})])
    assert prescription(photons, instruction(photons, [1])).unit == "MU"
    assert "PrimaryDosimeterUnit: is not given of beam 1, and taken as MU" in plan_facts(photons).remarks
    ions = plan([ion_beam(1, PrimaryDosimeterUnit=unit)], [group(1, {1: "2.5e10"})], ion=True)
    for reader in (plan_facts, lambda one: prescription(one, instruction(one, [1]))):
        with pytest.raises(PlanError, match="PrimaryDosimeterUnit is missing or empty: it is MU or NP"):
            reader(ions)
