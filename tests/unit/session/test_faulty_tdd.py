"""A simulated TDD with a fault put in by hand performs a scenario with the test partners, and fails exactly the requirements concerned.

The expected sets are written by hand. Where the fault makes the TMS or OST refuse something the TDD may have to give up, and
then what it did not come to is missed once.
"""

import threading

import pytest
from partner_callers import ABORT, HALF_A_MESSAGE, STATION, associate_and_send

from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.dimse import DimseError, Peer, Timeouts
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.session.conduct import Display
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.session.scenarios import perform_treatment
from tdwii_conformance.simulators.tdd import CannotTreat, TDDSimulator
from tdwii_conformance.sut.config import Caller, Listener, PartnerSettings
from tdwii_conformance.treatment.scenarios import SCENARIOS, Scenario

REQUIREMENTS = load_catalogue().of(actor="TDD", edition="ti")
PATIENT = Timeouts(connect=20, association=20, message=20, network=20)


class WrongStateInTheQuery(TDDSimulator):
    def query(self):
        keys = super().query()
        keys.ProcedureStepState = "IN PROGRESS"
        return keys


class NoReturnKeys(TDDSimulator):
    def query(self):
        keys = super().query()
        for keyword in (
            "PatientName", "PatientID", "SOPClassUID", "SOPInstanceUID", "ProcedureStepLabel", "StudyInstanceUID",
            "ScheduledProcessingParametersSequence", "InputInformationSequence",
        ):  # fmt: skip
            delattr(keys, keyword)
        return keys


class PlanFromTheWrongAE(TDDSimulator):
    def source(self, reference):
        return "TMS"


class OldTransactionUID(TDDSimulator):
    def new_transaction_uid(self):
        return "1.2.3.4"


class FallingProgress(TDDSimulator):
    def _scenario(self, start):
        return Scenario(start, "COMPLETED", (0, 70, 30, 100), 100)


class NoBeamNumber(TDDSimulator):
    def set(self, transaction, workitem, modification):
        if transaction == "RO-62":
            del modification.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressParametersSequence
        super().set(transaction, workitem, modification)


class RecordStoredTooLate(TDDSimulator):
    def store(self, workitem, treatment, scenario):
        stored, self.tdd.store = self.tdd.store, lambda role, record: DONE
        record = super().store(workitem, treatment, scenario)
        self.tdd.store = stored
        return record

    def final_update(self, workitem, scenario, record):
        super().final_update(workitem, scenario, record)
        self.tdd.store("OST", record)


class Done:
    failure, status = "", 0


DONE = Done()


class AnotherRecordReferenced(TDDSimulator):
    def final_data_set(self, workitem, scenario, record):
        update = super().final_data_set(workitem, scenario, record)
        output = update.UnifiedProcedureStepPerformedProcedureSequence[0].OutputInformationSequence[0]
        output.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3.4"
        return update


class NoEndTime(TDDSimulator):
    def final_data_set(self, workitem, scenario, record):
        update = super().final_data_set(workitem, scenario, record)
        del update.UnifiedProcedureStepPerformedProcedureSequence[0].PerformedProcedureStepEndDateTime
        return update


class CompletedAt60(TDDSimulator):
    def final_data_set(self, workitem, scenario, record):
        update = super().final_data_set(workitem, scenario, record)
        update.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "60"
        return update


class SetsAfterTheEnd(TDDSimulator):
    def finish(self, workitem, state):
        super().finish(workitem, state)
        self.set("RO-64", workitem, self.final_data_set(workitem, self._scenario(workitem.start_type), None))


class SetsTheState(TDDSimulator):
    def set(self, transaction, workitem, modification):
        if transaction == "RO-62":
            modification.ProcedureStepState = "IN PROGRESS"
            modification.TransactionUID = self.transaction_uid
            self.tdd.set(workitem.uid, modification)  # refused, and it does not mind
        else:
            super().set(transaction, workitem, modification)


FAULTS = [
    (WrongStateInTheQuery, {"RO58-TDD-101", "RO58-TDD-002"}),
    # without SOP Instance UID nothing can be found
    (NoReturnKeys, {"RO58-TDD-002", *(f"RO58-TDD-{number}" for number in range(109, 117))}),
    # the TMS does not have it, so the TDD gives up before its claim
    (PlanFromTheWrongAE, {"RO59-TDD-006", "RO60-TDD-001"}),
    (OldTransactionUID, {"RO60-TDD-005"}),
    (FallingProgress, {"RO62-TDD-004"}),
    (NoBeamNumber, {"RO62-TDD-104", "RO62-TDD-105"}),
    (RecordStoredTooLate, {"RO64-TDD-007"}),
    (AnotherRecordReferenced, {"RO64-TDD-120"}),
    # Without an end time the final state requirements are not met: COMPLETED is refused, and the workitem has no end.
    (NoEndTime, {"RO64-TDD-110", "RO65-TDD-001"}),
    (CompletedAt60, {"RO64-TDD-103"}),
    (SetsAfterTheEnd, {"RO65-TDD-006"}),
    (SetsTheState, {"RO62-TDD-111"}),
]


class Quiet(Display):
    """Shows nothing."""


class InAThread:
    """Lets a simulator perform in a thread."""

    def __init__(self, simulator):
        self.simulator = simulator

    def begin(self, session, facts):
        session.definite = True
        self.thread = threading.Thread(target=self._perform, args=(session,))
        self.thread.start()

    def _perform(self, session):
        reason = ""
        try:
            self.simulator.perform()
        except (CannotTreat, DimseError) as fault:
            reason = f"given up: {fault}"
        self.simulator.tdd.close()
        session.finish(reason)

    def end(self):
        self.thread.join()


def performed(kind, folder, times=1):
    plan = PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0))
    systems = {"TDD": Peer("TDD", "127.0.0.1", 9)}
    with Partners(plan, systems, folder, timeouts=PATIENT, station=STATION) as partners:
        simulator = kind(partners.tms.peer, partners.ost.peer, "TDD", station=STATION, timeouts=PATIENT)
        with simulator:
            systems["TDD"] = simulator.peer
            caller = Caller(simulator.peer, step_timeout=10, settle=10)
            for _ in range(times):
                found = perform_treatment(partners, caller, InAThread(simulator), SCENARIOS[0], lambda title: Quiet())
    return found


@pytest.mark.parametrize(("kind", "expected"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_a_fault_fails_exactly_what_it_concerns(kind, expected, tmp_path):
    observation = performed(kind, tmp_path, times=2 if kind is OldTransactionUID else 1)
    judgements = {r.id: judge_scu(r, observation) for r in REQUIREMENTS}
    assert {key for key, judgement in judgements.items() if judgement.findings} == expected


@pytest.mark.parametrize(
    ("content", "requirement"),
    [
        (HALF_A_MESSAGE + ABORT, "NEG-TDD-003"),
        (HALF_A_MESSAGE, "NEG-TDD-003"),
        (ABORT, "NEG-TDD-004"),
        (b"\xff" * 64, "NEG-TDD-006"),
    ],
    ids=["aborts in a message", "is gone in a message", "aborts", "sends garbage"],
)
def test_a_broken_association_is_a_finding_beside_what_did_not_come(content, requirement, tmp_path):
    plan = PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0))
    with Partners(plan, {"TDD": Peer("TDD", "127.0.0.1", 9)}, tmp_path, timeouts=PATIENT, station=STATION) as partners:
        with partners.session("TDD", "TDD", {"end": "completed"}, [partners.worklist.schedule()]) as session:
            associate_and_send(partners.tms.peer, "TDD", content)
            assert session.wait(lambda: len(session.associations) == 1, 10)
            session.ended("awaited 10 s, nothing received")
        judgements = {r.id: judge_scu(r, session.observation()) for r in REQUIREMENTS}
    assert {key for key, judgement in judgements.items() if judgement.findings} == {requirement, "RO58-TDD-001"}
    (missing,) = judgements["RO58-TDD-001"].findings
    assert missing.received == f"awaited 10 s, nothing received; its last association: {session.associations[0].ended}"


def test_without_a_fault_nothing_fails(tmp_path):
    observation = performed(TDDSimulator, tmp_path, times=2)
    assert observation.why_early == ""
    assert {r.id: f for r in REQUIREMENTS if (f := judge_scu(r, observation).findings)} == {}
