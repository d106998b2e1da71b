"""Simulated TMS and OST under many associations at once: nothing is lost or mixed up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from pydicom.uid import generate_uid

from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.ups import SQLiteStore

PERFORMERS = 16
STATION = Code("FX1", "99X", "FX1")


def treat(tms, ost, number):
    """One TDD's whole treatment; returns what the TMS and the OST show of it at the end."""
    with TDD(tms, ost, calling=f"TDD{number}") as tdd:
        treatment, uid, lock = objects.new_treatment(), generate_uid(), generate_uid()
        attributes = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime.now())
        statuses = [tdd.create(uid, attributes).status, tdd.claim(uid, lock).status]
        record = objects.record(treatment)
        statuses.append(tdd.store("OST", record).status)
        now = datetime.now()
        final = objects.final_update(progress=100, station=STATION, start=now, end=now, records=[record], ost="OST", canceled=False)
        final.TransactionUID = lock
        statuses += [tdd.set(uid, final).status, tdd.change_state(uid, "COMPLETED", lock).status]
        shown = tdd.get(uid, ["ProcedureStepState", "PatientID"]).dataset
        return statuses, shown.ProcedureStepState, shown.PatientID == treatment.plan.PatientID, record.SOPInstanceUID


def test_treatments_side_by_side():
    with TMS() as tms, OST() as ost, ThreadPoolExecutor(PERFORMERS) as pool:
        seen = list(pool.map(lambda number: treat(tms.peer, ost.peer, number), range(PERFORMERS)))
        stored = {instance.uid for instance in ost.instances}
    assert [s[:3] for s in seen] == [([0, 0, 0, 0, 0], "COMPLETED", True)] * PERFORMERS
    assert stored == {s[3] for s in seen}


def test_what_is_stored_survives_a_restart(tmp_path):
    treatment, uid = objects.new_treatment(patient_name="Müller^Jürgen"), generate_uid()
    attributes = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime.now())
    with TMS(store=SQLiteStore(tmp_path / "w.sqlite")) as tms, TDD(tms.peer, tms.peer, calling="TDD") as tdd:
        assert tdd.create(uid, attributes).status == 0
        assert tdd.claim(uid, "1.2.3").status == 0
    with OST(folder=tmp_path / "ost") as ost, TDD(ost.peer, ost.peer, calling="TDD") as tdd:
        assert tdd.store("OST", treatment.plan).status == 0
    with TMS(store=SQLiteStore(tmp_path / "w.sqlite")) as tms, TDD(tms.peer, tms.peer, calling="TDD") as tdd:
        shown = tdd.get(uid, ["ProcedureStepState", "PatientName", "SpecificCharacterSet"]).dataset
        assert (shown.ProcedureStepState, str(shown.PatientName)) == ("IN PROGRESS", "Müller^Jürgen")
        assert tdd.change_state(uid, "IN PROGRESS", "1.2.3").status == 0xC302  # the lock is known as well
    with OST(folder=tmp_path / "ost") as ost:
        assert [i.attributes.RTPlanLabel for i in ost.instances] == ["TDWII"]
