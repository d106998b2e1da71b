"""Defects of a TDD: its claim, its updates, its record and its end [RO-60, RO-62 to RO-65]."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage, RTPlanStorage, generate_uid
from pynetdicom import sop_class

from ..profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, UPS
from ..simulators.tdd import CannotTreat
from ..transcript.exchange import Exchange
from ..treatment import objects
from ..treatment.messages import item
from .calling import done, instead
from .deviations import Defect
from .hooks import around, on_requests, set_command
from .performing import edits_of
from .treating import C_STORE_RQ, NO_ACTION_TYPE, PERFORMED, defect, doing_after, doing_before, editing, of_a_tdd


@defect.rows
def _rows_of_before() -> Iterator[Defect]:
    yield of_a_tdd("ro61-before-the-plan", "Retrieves the delivery instruction before the plan",
               doing_before("retrieve_static", lambda simulator, workitem: simulator.retrieve_dynamic(workitem)), "RO61-TDD-012")  # fmt: skip
    yield of_a_tdd("sets-with-a-lock-before-the-claim", "Sends a Transaction UID with an N-SET before it claims",
               doing_before("claim", lambda s, workitem: s.tdd.set(
                   workitem.uid, item(ProcedureStepLabel="Irradiation", TransactionUID=generate_uid()))),
               "CC26-TDD-001")  # fmt: skip
    yield of_a_tdd("progress-before-the-instruction", "Tells the progress before it retrieves the delivery instruction",
               doing_before("retrieve_dynamic", partial(_tell, 0)), "RO62-TDD-008")  # fmt: skip


@defect.rows
def _rows_of_after() -> Iterator[Defect]:
    yield of_a_tdd("ro59-before-the-query", "Retrieves the plan, and queries once more before it claims",
               doing_after("retrieve_static", lambda simulator, workitem: simulator.find()), "RO59-TDD-012")  # fmt: skip
    yield of_a_tdd("progress-after-the-final-update", "Tells the progress after the final update",
               doing_after("final_update", lambda s, workitem, *_: _tell(100, s, workitem)), "RO62-TDD-010", "RO63-TDD-006")  # fmt: skip
    yield of_a_tdd("record-before-the-last-progress", "Stores its record before it tells the last progress",
               doing_after("store", lambda s, workitem, *_: _tell(100, s, workitem)), "RO63-TDD-006")  # fmt: skip
    yield of_a_tdd("sets-after-the-end", "Sets something when the workitem has its final state",
               doing_after("finish", lambda s, workitem, state: s.tdd.set(
                   workitem.uid, item(ProcedureStepLabel="Done", TransactionUID=s.transaction_uid))), "RO65-TDD-006")  # fmt: skip


@defect.rows
def _rows_of_edit() -> Iterator[Defect]:
    yield of_a_tdd("ro62-sets-patient-name", "Sets Patient's Name with its progress",
               editing("RO-62 request", lambda update: update.update(item(PatientName="Other^Name"))), "CC26-TDD-002")  # fmt: skip
    yield of_a_tdd("final-progress-120", "Tells a progress of 120 at the end",
               editing("RO-64 request", lambda u: u.ProcedureStepProgressInformationSequence[0].update(item(ProcedureStepProgress="120"))),
               "RO64-TDD-005", "RO64-TDD-103")  # fmt: skip


# Requirements: SOP class named, presentation context, instance, Action Type ID.
REQUESTS = {
    "ro60": ("claim", "RO60-TDD-002", "RO60-TDD-008", "RO60-TDD-003", "RO60-TDD-004"),
    "ro62": ("progress update", "RO62-TDD-005", "RO62-TDD-007", "RO62-TDD-006", ""),
    "ro64": ("final update", "RO64-TDD-002", "RO64-TDD-004", "RO64-TDD-003", ""),
    "ro65": ("last request", "RO65-TDD-002", "RO65-TDD-005", "RO65-TDD-003", "RO65-TDD-004"),
}

STATES = {"ro60": ("IN PROGRESS",), "ro65": ("COMPLETED", "CANCELED")}


@defect.rows
def _rows_of_request() -> Iterator[Defect]:
    for step in ("ro60", "ro62", "ro64", "ro65"):
        yield from _request(step)


def _request(step: str) -> Iterator[Defect]:
    what, named, under, instance, kind = REQUESTS[step]

    def asking(change: Callable[..., Exchange]) -> Callable[[Any], None]:
        def apply(simulator: Any) -> None:
            method = "n_set" if step in ("ro62", "ro64") else "n_action"
            instead(simulator, method, partial(_is_of, simulator, step), change)

        return apply

    for word, syntax in (("pull", UPS.PULL), ("watch", UPS.WATCH)):
        yield of_a_tdd(f"{step}-names-{word}", f"Names UPS {word.capitalize()} in Requested SOP Class UID of its {what}",
                   asking(partial(_ask, sop_class=syntax)), named)  # fmt: skip
    yield of_a_tdd(f"{step}-under-push", f"Sends its {what} under UPS Push", asking(partial(_ask, context=UPS.PUSH)), under)
    yield of_a_tdd(f"{step}-of-another", f"Sends its {what} for a UPS that is not the one found",
               asking(_another), instance)  # fmt: skip
    if kind:
        yield of_a_tdd(f"{step}-action-type", f"Sends its {what} with an Action Type ID that does not exist",
                   asking(lambda original, uid, _, information: original(uid, NO_ACTION_TYPE, information)), kind)  # fmt: skip


def _another(original: Any, uid: str, *given: Any) -> Exchange:
    *kind, information = given
    changed = copy.deepcopy(information)
    if information.get("ProcedureStepState") == "IN PROGRESS":
        changed.TransactionUID = generate_uid()  # one for each claim
    exchange: Exchange = original(generate_uid(), *kind, changed)
    return exchange


def _ask(original: Any, *given: Any, **named: str) -> Exchange:
    exchange: Exchange = original(*given, **named)
    return exchange


def _is_of(simulator: Any, step: str, instance: str, *given: Any) -> bool:
    if step in ("ro62", "ro64"):
        return bool(edits_of(simulator).transaction == f"RO-{step[2:]}")
    kind, information = given
    return bool(kind == CHANGE_STATE and information.get("ProcedureStepState") in STATES[step])


@defect.rows
def _rows_of_claim_with() -> Iterator[Defect]:
    yield of_a_tdd("ro60-transaction-uid-is-the-workitem", "Claims with the SOP Instance UID of the workitem as Transaction UID",
               lambda s: around(s, "claim", partial(_claim_with, s, lambda workitem: workitem.uid)), "RO60-TDD-005")  # fmt: skip
    yield of_a_tdd("ro60-transaction-uid-is-the-study", "Claims with the Study Instance UID as Transaction UID",
               lambda s: around(s, "claim", partial(_claim_with, s, lambda workitem: workitem.facts["study"])), "RO60-TDD-005")  # fmt: skip


def _claim_with(simulator: Any, make: Callable[[Any], str], original: Any, workitem: Any) -> None:
    simulator.new_transaction_uid = lambda: make(workitem)
    original(workitem)


@defect("claims-before-the-plan", "Claims before it retrieves the plan", "RO60-TDD-006")
def _claims_first(simulator: Any) -> None:
    claimed: list[str] = []
    claim = simulator.claim

    def first(original: Any, workitem: Any) -> Dataset:
        claim(workitem)
        claimed.append(workitem.uid)
        plan: Dataset = original(workitem)
        return plan

    around(simulator, "claim", lambda original, workitem: None if workitem.uid in claimed else original(workitem))
    around(simulator, "retrieve_static", first)


@defect("goes-on-without-the-claim", "Goes on though its claim was refused", "RO60-TDD-007")
def _goes_on(simulator: Any) -> None:
    def claim(original: Any, workitem: Any) -> None:
        try:
            original(workitem)
        except CannotTreat as refusal:
            simulator.tell(f"{refusal}; it goes on")

    around(simulator, "claim", claim)


@defect("requests-cancel-of-its-own", "Requests the cancel of the UPS that it performs", "CC22-TDD-001")
def _requests_cancel(simulator: Any) -> None:
    def request(_: Any, workitem: Any, state: str) -> None:
        simulator.tdd.action(workitem.uid, REQUEST_CANCEL, item(ReasonForCancellation="none"), context=UPS.WATCH)

    doing_before("finish", request)(simulator)


@defect.rows
def _rows_of_progress() -> Iterator[Defect]:
    def tells(progress: dict[str, str]) -> Callable[[Any], None]:
        def change(update: Dataset) -> None:
            for entry in update.ProcedureStepProgressInformationSequence:
                told = str(entry.ProcedureStepProgress)
                entry.ProcedureStepProgress = progress.get(told, told)

        return editing("RO-62 request", change)

    yield of_a_tdd("begins-with-10", "Begins with a progress of 10", tells({"0": "10"}), "RO62-TDD-002")
    yield of_a_tdd("progress-120", "Tells a progress of 120", tells({"100": "120"}), "RO62-TDD-003")
    yield of_a_tdd("progress-negative", "Begins with a progress of -1", tells({"0": "-1"}), "RO62-TDD-002", "RO62-TDD-003")  # fmt: skip
    yield of_a_tdd("progress-falls", "Lets the progress fall", tells({"50": "70", "100": "60"}), "RO62-TDD-004")
    yield of_a_tdd("progress-99", "Ends with a progress of 99, and completes", tells({"100": "99"}), "RO62-TDD-009")  # fmt: skip


@defect("no-progress", "Tells no progress", "RO62-TDD-001")
def _no_progress(simulator: Any) -> None:
    around(simulator, "deliver", lambda original, workitem, treatment: simulator._scenario(workitem.start_type))


def _tell(progress: int, simulator: Any, workitem: Any) -> None:
    simulator.set("RO-62", workitem, objects.progress_update(progress, 1, edition=simulator.edition))


@defect("progress-before-the-claim", "Tells the progress before it has claimed", "RO62-TDD-008", "CC26-TDD-001")
def _tells_early(simulator: Any) -> None:
    def claim(original: Any, workitem: Any) -> None:
        uid = generate_uid()
        simulator.new_transaction_uid = lambda: uid
        update = objects.progress_update(0, 1, edition=simulator.edition)
        update.TransactionUID = uid
        simulator.tdd.set(workitem.uid, update)
        original(workitem)

    around(simulator, "claim", claim)


@defect("claims-again", "Claims its workitem once more, with another Transaction UID", "RO60-TDD-009")
def _claims_again(simulator: Any) -> None:
    def again(_: Any, workitem: Any) -> None:
        simulator.tdd.claim(workitem.uid, str(generate_uid()))

    doing_after("claim", again)(simulator)


@defect("record-of-another-beam", "Names in its record a beam that the plan does not have", "RO63-TDD-007")
def _another_beam(simulator: Any) -> None:
    def store(original: Any, role: str, record: Dataset) -> Any:
        for beam in record.get("TreatmentSessionBeamSequence") or ():
            beam.ReferencedBeamNumber = 77
        return original(role, record)

    around(simulator.tdd, "store", store)


@defect("final-progress-falls", "Reports at the end a progress below that of its last update", "RO64-TDD-008")
def _final_progress_falls(simulator: Any) -> None:
    def change(update: Dataset) -> None:
        update.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "30"

    editing("RO-64 request", change)(simulator)


@defect("no-record", "Stores no record, and refers to one", "RO63-TDD-001")
def _stores_nothing(simulator: Any) -> None:
    def store(original: Any, workitem: Any, treatment: Any, scenario: Any) -> Dataset | None:
        return objects.record(treatment, interrupted=scenario.state == "CANCELED") if scenario.delivered else None

    around(simulator, "store", store)


@defect(
    "record-of-nothing",
    "Stores a record though nothing was delivered",
    "RO63-TDD-002",
)
def _stores_a_record_of_nothing(simulator: Any) -> None:
    def store(original: Any, workitem: Any, treatment: Any, scenario: Any) -> Dataset | None:
        if not scenario.delivered:
            simulator.tdd.store("OST", objects.record(treatment, interrupted=True))
        stored: Dataset | None = original(workitem, treatment, scenario)
        return stored

    around(simulator, "store", store)


@defect("record-is-a-plan", "Stores its record as an RT Plan", "RO63-TDD-003", "RO64-TDD-126")
def _stores_a_plan(simulator: Any) -> None:
    def store(original: Any, role: str, record: Dataset) -> Any:
        record.SOPClassUID = RTPlanStorage
        return original(role, record)

    around(simulator.tdd, "store", store)


@defect("record-to-the-tms", "Stores its record to the TMS as well, as what the TMS takes", "RO63-TDD-004", "RO63-TDD-005")
def _stores_to_the_tms(simulator: Any) -> None:
    def name(message: Any) -> None:
        if names:
            set_command(message.command_set, AffectedSOPClassUID=names.pop())

    def store(original: Any, role: str, record: Dataset) -> Any:
        # The TMS accepts no presentation context for records: it is sent under the one for delivery instructions.
        names.append(record.SOPClassUID)
        record.SOPClassUID = RTBeamsDeliveryInstructionStorage
        original("TMS", record)
        record.SOPClassUID = sop_class.RTBeamsTreatmentRecordStorage
        return original(role, record)

    names: list[str] = []
    on_requests(simulator, C_STORE_RQ, name)
    around(simulator.tdd, "store", store)


@defect(
    "record-command-names-another",
    "Names another instance in the C-STORE command than in the record",
    "RO63-TDD-005",
)
def _misnames(simulator: Any) -> None:
    once: list[str] = []

    def change(message: Any) -> None:
        if once:
            set_command(message.command_set, AffectedSOPInstanceUID=once.pop())

    def store(original: Any, role: str, record: Dataset) -> Exchange:
        once[:] = [generate_uid()]
        exchange: Exchange = original(role, record)
        return exchange if done(exchange) else original(role, record)

    on_requests(simulator, C_STORE_RQ, change)
    around(simulator.tdd, "store", store)


@defect.rows
def _rows_of_final_update() -> Iterator[Defect]:
    def performed(**values: str) -> Callable[[Any], None]:
        def change(update: Dataset) -> None:
            for entry in update.get(PERFORMED) or ():
                entry.update(item(**values))

        return editing("RO-64 request", change)

    yield of_a_tdd("end-before-start", "Gives a performed end that is before the start",
               performed(PerformedProcedureStepEndDateTime="19991231235959"), "RO64-TDD-006")  # fmt: skip
    yield of_a_tdd("start-is-no-time", "Gives a word as the performed start",
               performed(PerformedProcedureStepStartDateTime="now"), "RO64-TDD-006")  # fmt: skip


@defect("no-final-update", "Makes no final update", "RO64-TDD-001", "CC23-TDD-006")
def _no_final_update(simulator: Any) -> None:
    around(simulator, "final_update", lambda original, *given: None)


@defect("refers-before-it-stores", "Refers to its record, and stores it afterwards", "RO64-TDD-007")
def _refers_first(simulator: Any) -> None:
    kept: list[Dataset] = []

    def store(original: Any, role: str, record: Dataset) -> Exchange:
        kept.append(record)
        # What a TDD knows of a record that it has not stored: that nothing went wrong.
        exchange: Exchange = simulator.tdd.echo(role)
        return exchange

    def afterwards(_: Any, *given: Any) -> None:
        while kept:
            put("OST", kept.pop())

    put = simulator.tdd.store
    around(simulator.tdd, "store", store)
    doing_after("final_update", afterwards)(simulator)


@defect.rows
def _rows_of_end() -> Iterator[Defect]:
    yield of_a_tdd("no-end", "Leaves the workitem IN PROGRESS", lambda s: around(s, "finish", lambda original, workitem, state:
               s.unsubscribe(workitem)), "RO65-TDD-001")  # fmt: skip


@defect(
    "completes-what-was-refused",
    "Asks for COMPLETED though its final update was refused",
    "RO65-TDD-007",
    "CC23-TDD-006",
)
def _completes_anyway(simulator: Any) -> None:
    def final_update(original: Any, *given: Any) -> None:
        try:
            original(*given)
        except CannotTreat as refusal:
            simulator.tell(f"{refusal}; it goes on")

    _no_progress(simulator)
    around(simulator, "final_update", final_update)
