"""Defects of how a TDD treats: what it does, with what, in which order, under which class, and when something gets in its way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage, RTIonPlanStorage, RTPlanStorage, generate_uid
from pynetdicom import sop_class

from ..dimse import left_undeclared
from ..profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, TRIAL, UPS
from ..simulators.tdd import CannotTreat
from ..transcript.exchange import Exchange
from ..treatment import objects
from ..treatment.messages import item
from .calling import done, instead
from .deviations import Defect
from .hooks import around, on_requests, on_responses, set_command
from .performing import edits_of, on_message

__all__ = ["defects"]

NO_ACTION_TYPE = 9
C_STORE_RQ, C_FIND_RQ, C_MOVE_RQ, C_STORE_RSP = 0x0001, 0x0020, 0x0021, 0x8001
PLANS = (RTPlanStorage, RTIonPlanStorage)
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = ("RO-62 request",)  # what is refused is sent once more, with the progress as it was


def defects() -> Iterator[Defect]:
    """Yield the defects of a treatment, transaction by transaction."""
    yield from _negotiation()
    yield from _query()
    yield from _retrieval("ro59", "OST", "RO59", PLANS)
    yield from _retrieval("ro61", "TMS", "RO61", (RTBeamsDeliveryInstructionStorage,))
    yield from _order_of_retrieval()
    for step in ("ro60", "ro62", "ro64", "ro65"):
        yield from _request(step)
    yield from _claim()
    yield from _progress()
    yield from _record()
    yield from _final_update()
    yield from _end()


def _one(name: str, sentence: str, apply: Callable[[Any], None], *requirements: str, **more: Any) -> Defect:
    return Defect(f"tdd-{name}", sentence, "TDD", apply, requirements, **more)


def _before(method: str, act: Callable[..., object]) -> Callable[[Any], None]:
    """Return what lets a TDD do `act` (simulator, *arguments of the method) before a step of its treatment."""

    def step(simulator: Any, original: Any, *given: Any) -> Any:
        act(simulator, *given)
        return original(*given)

    return lambda simulator: around(simulator, method, partial(step, simulator))


def _after(method: str, act: Callable[..., object]) -> Callable[[Any], None]:
    """Return what lets a TDD do `act` (simulator, *arguments of the method) after a step of its treatment."""

    def step(simulator: Any, original: Any, *given: Any) -> Any:
        result = original(*given)
        act(simulator, *given)
        return result

    return lambda simulator: around(simulator, method, partial(step, simulator))


def _edit(message: str, change: Callable[[Dataset], object]) -> Callable[[Any], None]:
    return lambda simulator: on_message(simulator, message, change)  # type: ignore[arg-type]


# --- negotiation ----------------------------------------------------------------------------------------------------------


def _negotiation() -> Iterator[Defect]:
    # The TMS grants no claim but under UPS Pull.
    everything = ("NEG-TDD-001", "RO58-TDD-003", "RO60-TDD-008", "RO61-TDD-001")
    yield _one("proposes-no-pull", "Proposes UPS Push and UPS Query and no UPS Pull", partial(_without_pull, []), *everything,
               alone=True)  # fmt: skip
    trial = [f"{TRIAL}3"]
    yield _one("proposes-trial-pull", "Proposes the trial SOP class in place of UPS Pull", partial(_without_pull, trial),
               *everything, alone=True)  # fmt: skip


def _without_pull(proposed: list[str], simulator: Any) -> None:
    contexts = simulator.tdd.contexts
    contexts["TMS"] = [*proposed, *(syntax for syntax in contexts["TMS"] if syntax != UPS.PULL)]
    around(simulator.tdd, "query", lambda original, identifier: original(identifier, UPS.QUERY))
    for method, wanted in (("n_set", _any), ("n_action", _changes_state)):
        instead(simulator, method, wanted, lambda original, *given: original(*given, context=UPS.PUSH), again=False)


def _any(*_: Any) -> bool:
    return True


def _changes_state(instance: str, kind: int, information: Dataset) -> bool:
    return kind == CHANGE_STATE


# --- RO-58 ----------------------------------------------------------------------------------------------------------------


def _query() -> Iterator[Defect]:
    def key(change: Callable[[Dataset], object]) -> Callable[[Any], None]:
        return _edit("RO-58 request", change)

    def code_meaning(text: str) -> Callable[[Dataset], object]:
        return lambda query: setattr(query.ScheduledWorkitemCodeSequence[0], "CodeMeaning", text)

    meaning = ("RO-58 request", "ScheduledWorkitemCodeSequence")
    yield _one("no-query", "Does not query the worklist", _no_query, "RO58-TDD-001", alone=True)
    yield _one("ro58-under-query", "Queries the worklist under UPS Query",
               lambda s: around(s.tdd, "query", lambda original, identifier: original(identifier, UPS.QUERY)),
               "RO58-TDD-003", subject=("RO-58",))  # fmt: skip
    yield _one("ro58-names-watch", "Names UPS Watch in Affected SOP Class UID of the worklist query",
               lambda s: on_requests(s, C_FIND_RQ, lambda m: set_command(m.command_set, AffectedSOPClassUID=UPS.WATCH)),
               "RO58-TDD-002", "RO58-TDD-003", subject=("RO-58",), alone=True)  # fmt: skip
    yield _one("ro58-key-transaction-uid", "Uses Transaction UID as a key of the worklist query",
               key(lambda query: query.update(item(TransactionUID=""))), "RO58-TDD-004")  # fmt: skip
    yield _one("ro58-by-code-meaning", "Gives a value to a Code Meaning of the worklist query",
               key(code_meaning("RT Treatment")), "RO58-TDD-005", subject=meaning)  # fmt: skip
    yield _one("ro58-characters-without-set", "Names no Specific Character Set for an umlaut in the worklist query",
               key(lambda query: code_meaning("Ger\u00e4t")(left_undeclared(query))), "RO58-TDD-005", "RO58-TDD-006", subject=meaning)  # fmt: skip
    yield _one("ro58-timezone-without-value", "Sends Timezone Offset From UTC without a value in the worklist query",
               key(lambda query: query.update(item(TimezoneOffsetFromUTC=""))), "RO58-TDD-006")  # fmt: skip
    yield _one("ro58-start-is-no-time", "Gives a word as Scheduled Procedure Step Start DateTime",
               key(lambda query: query.update(item(ScheduledProcedureStepStartDateTime="today"))),
               "RO58-TDD-002", "RO58-TDD-007", alone=True)  # fmt: skip
    yield _one("ro58-asks-for-yesterday", "Asks for what was scheduled long ago",
               key(lambda query: query.update(item(ScheduledProcedureStepStartDateTime="20200101-20200131"))),
               "RO58-TDD-002", alone=True)  # fmt: skip
    yield _one("claims-from-an-empty-worklist", "Claims something when its query has found nothing", _claims_nothing,
               "RO58-TDD-008", "RO60-TDD-003", scenario="inject_empty_worklist")  # fmt: skip
    yield _one("claims-all-that-it-found", "Claims all workitems that it has found", _claims_all, "RO58-TDD-009",
               scenario="inject_two_workitems")  # fmt: skip


def _no_query(simulator: Any) -> None:
    def find(original: Any) -> Dataset:
        raise CannotTreat("RO-58: the worklist is not queried")

    around(simulator, "find", find)


def _claims_nothing(simulator: Any) -> None:
    def find(original: Any) -> Any:
        try:
            return original()
        except CannotTreat:
            simulator.tdd.claim(generate_uid())
            raise

    around(simulator, "find", find)


def _claims_all(simulator: Any) -> None:
    found: list[str] = []

    def query(original: Any, *given: Any) -> Exchange:
        exchange: Exchange = original(*given)
        found[:] = [str(one.get("SOPInstanceUID")) for one in exchange.identifiers]
        return exchange

    def claim(original: Any, workitem: Any) -> None:
        original(workitem)
        for other in found:
            if other != workitem.uid:
                simulator.tdd.claim(other)

    around(simulator.tdd, "query", query)
    around(simulator, "claim", claim)


# --- RO-59, RO-61 ---------------------------------------------------------------------------------------------------------


def _retrieval(step: str, role: str, prefix: str, classes: tuple[str, ...]) -> Iterator[Defect]:
    other = {"OST": "TMS", "TMS": "OST"}[role]
    what = {"OST": "plan", "TMS": "delivery instruction"}[role]

    # Without the plan it claims nothing, without the instruction it cancels.
    stops = {"OST": ("RO60-TDD-001",), "TMS": ("RO62-TDD-001", "RO65-TDD-102")}[role]

    def one(
        name: str, sentence: str, apply: Callable[[Any], None], *numbers: str, also: tuple[str, ...] = (), **more: Any
    ) -> Defect:
        return _one(f"{step}-{name}", sentence, apply, *(f"{prefix}-TDD-{number}" for number in numbers), *also, **more)

    def first(retrieve: Callable[[Any, Any, Dataset], object]) -> Callable[[Any], None]:
        """Have `retrieve` (simulator, original, identifier) done before this retrieval."""

        def both(simulator: Any, original: Any, asked: str, identifier: Dataset, *given: Any) -> Any:
            if asked == role:
                retrieve(simulator, original, identifier)
            return original(asked, identifier, *given)

        return lambda simulator: around(simulator.tdd, "retrieve", partial(both, simulator))

    def changed(identifier: Dataset, **values: Any) -> Dataset:
        copy = Dataset()
        copy.update(identifier)
        copy.update(item(**values))
        return copy

    yield one("unlisted", f"Asks the {role} for an instance that the workitem does not list",
              first(lambda s, original, identifier: original(role, changed(identifier, SOPInstanceUID=generate_uid()))),
              "004")  # fmt: skip
    yield one("of-another-study", f"Asks for the {what} in a study where it is not",
              first(lambda s, original, identifier: original(role, changed(identifier, StudyInstanceUID=generate_uid()))),
              "005")  # fmt: skip
    yield one("of-two-series", f"Gives two Series Instance UIDs with the {what} that it asks for",
              first(lambda s, original, identifier: original(role, changed(
                  identifier, SeriesInstanceUID=[identifier.SeriesInstanceUID, generate_uid()]))), "005")  # fmt: skip
    yield one("from-another-ae", f"Asks the {other} for the {what}, which the workitem has at the {role}",
              first(lambda s, original, identifier: original(other, identifier)), "006", alone=True)  # fmt: skip
    yield one("to-another-ae", f"Has the {what} moved to another AE",
              first(lambda s, original, identifier: original(role, identifier, "NOWHERE")), "007")  # fmt: skip
    yield one("names-patient-root", f"Names Patient Root in Affected SOP Class UID when it asks for the {what}",
              partial(_patient_root, first, role), "008")  # fmt: skip
    yield one("refuses-the-class", f"Does not accept the storage SOP class of the {what}", partial(_refuse_class, classes),
              "009", alone=True, also=stops)  # fmt: skip
    yield one("refuses-the-instance", f"Answers the C-STORE of the {what} with failure", first(partial(_refuse_instance, role)), "010")  # fmt: skip
    yield one("answer-names-another", f"Names another instance in its answer to the C-STORE of the {what}",
              partial(_another_instance, classes), "011")  # fmt: skip


def _patient_root(first: Callable[..., Callable[[Any], None]], role: str, simulator: Any) -> None:
    renaming: list[bool] = []
    model = sop_class.PatientRootQueryRetrieveInformationModelMove
    on_requests(
        simulator,
        C_MOVE_RQ,
        lambda m: set_command(m.command_set, AffectedSOPClassUID=model) if renaming and renaming.pop() else None,
    )

    def retrieve(_: Any, original: Any, identifier: Dataset) -> None:
        renaming.append(True)
        original(role, identifier)

    first(retrieve)(simulator)


def _refuse_class(classes: tuple[str, ...], simulator: Any) -> None:
    contexts = simulator.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax not in classes]


def _refuse_instance(role: str, simulator: Any, original: Any, identifier: Dataset) -> None:
    simulator.receiver.refuse.add(str(identifier.SOPInstanceUID))
    original(role, identifier)
    simulator.receiver.refuse.clear()


def _another_instance(classes: tuple[str, ...], simulator: Any) -> None:
    def change(message: Any, association: Any) -> None:
        if message.command_set.get("AffectedSOPClassUID") in classes:
            set_command(message.command_set, AffectedSOPInstanceUID=generate_uid())

    on_responses(simulator, C_STORE_RSP, change)


def _order_of_retrieval() -> Iterator[Defect]:
    yield _one("ro59-before-the-query", "Retrieves the plan, and queries once more before it claims",
               _after("retrieve_static", lambda simulator, workitem: simulator.find()), "RO59-TDD-012",
               subject=("order",))  # fmt: skip
    yield _one("ro61-before-the-plan", "Retrieves the delivery instruction before the plan",
               _before("retrieve_static", lambda simulator, workitem: simulator.retrieve_dynamic(workitem)), "RO61-TDD-012",
               subject=("order",))  # fmt: skip
    before = "new_canceled_before"
    yield _one("no-plan", "Retrieves no static input", partial(_without, "retrieve_static", "plan"), "RO59-TDD-001",
               alone=True, scenario=before)  # fmt: skip
    yield _one("no-instruction", "Retrieves no dynamic input", partial(_without, "retrieve_dynamic", "instruction"),
               "RO61-TDD-001", alone=True, scenario=before)  # fmt: skip
    yield _one("ro61-unlisted-only", "Retrieves an instance that the workitem does not list, and no delivery instruction",
               _unlisted_only, "RO61-TDD-002", "RO61-TDD-004", alone=True, scenario=before)  # fmt: skip
    yield _one("ro59-records-only", "Retrieves the record of the interrupted session and no plan", _records_only,
               "RO59-TDD-002", alone=True, scenario="continuation_canceled_before")  # fmt: skip
    yield _one("delivers-without-the-plan", "Begins to deliver though the plan has not come", _delivers_anyway,
               "RO59-TDD-013", scenario="inject_move_fails")  # fmt: skip


def _without(method: str, part: str, simulator: Any) -> None:
    """Leave a retrieval out: what was to be retrieved is made up."""
    around(simulator, method, lambda original, workitem: getattr(workitem.treatment, part))


def _unlisted_only(simulator: Any) -> None:
    def retrieve(original: Any, workitem: Any) -> Dataset:
        one = replace(workitem.instructions[0], instance=generate_uid())
        simulator.tdd.retrieve_references("TMS", [one])
        instruction: Dataset = workitem.treatment.instruction
        return instruction

    around(simulator, "retrieve_dynamic", retrieve)


def _records_only(simulator: Any) -> None:
    def retrieve(original: Any, workitem: Any) -> Dataset:
        simulator._retrieve("RO-59", workitem.records)
        plan: Dataset = workitem.treatment.plan
        return plan

    around(simulator, "retrieve_static", retrieve)


def _delivers_anyway(simulator: Any) -> None:
    def retrieve(original: Any, workitem: Any) -> Dataset:
        try:
            plan: Dataset = original(workitem)
        except CannotTreat:
            simulator.claim(workitem)
            simulator.set("RO-62", workitem, objects.progress_update(0, 1, edition=simulator.edition))
            raise
        return plan

    around(simulator, "retrieve_static", retrieve)


# --- the requests of RO-60, RO-62, RO-64, RO-65 ---------------------------------------------------------------------------

# Requirements: SOP class named, presentation context, instance, Action Type ID.
REQUESTS = {
    "ro60": ("claim", "RO60-TDD-002", "RO60-TDD-008", "RO60-TDD-003", "RO60-TDD-004"),
    "ro62": ("progress update", "RO62-TDD-005", "RO62-TDD-007", "RO62-TDD-006", ""),
    "ro64": ("final update", "RO64-TDD-002", "RO64-TDD-004", "RO64-TDD-003", ""),
    "ro65": ("last request", "RO65-TDD-002", "RO65-TDD-005", "RO65-TDD-003", "RO65-TDD-004"),
}


STATES = {"ro60": ("IN PROGRESS",), "ro65": ("COMPLETED", "CANCELED")}


def _request(step: str) -> Iterator[Defect]:
    what, named, under, instance, kind = REQUESTS[step]

    def asking(change: Callable[..., Exchange]) -> Callable[[Any], None]:
        def apply(simulator: Any) -> None:
            method = "n_set" if step in ("ro62", "ro64") else "n_action"
            instead(simulator, method, partial(_is_of, simulator, step), change)

        return apply

    for word, syntax in (("pull", UPS.PULL), ("watch", UPS.WATCH)):
        yield _one(f"{step}-names-{word}", f"Names UPS {word.capitalize()} in Requested SOP Class UID of its {what}",
                   asking(partial(_ask, sop_class=syntax)), named)  # fmt: skip
    yield _one(f"{step}-under-push", f"Sends its {what} under UPS Push", asking(partial(_ask, context=UPS.PUSH)), under)
    yield _one(f"{step}-of-another", f"Sends its {what} for a UPS that is not the one found",
               asking(_another), instance)  # fmt: skip
    if kind:
        yield _one(f"{step}-action-type", f"Sends its {what} with an Action Type ID that does not exist",
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


# --- RO-60 ----------------------------------------------------------------------------------------------------------------


def _claim() -> Iterator[Defect]:
    yield _one("ro60-transaction-uid-is-the-workitem", "Claims with the SOP Instance UID of the workitem as Transaction UID",
               lambda s: around(s, "claim", partial(_claim_with, s, lambda workitem: workitem.uid)), "RO60-TDD-005",
               subject=("RO-60", "TransactionUID"))  # fmt: skip
    yield _one("ro60-transaction-uid-is-the-study", "Claims with the Study Instance UID as Transaction UID",
               lambda s: around(s, "claim", partial(_claim_with, s, lambda workitem: workitem.facts["study"])), "RO60-TDD-005",
               subject=("RO-60", "TransactionUID"))  # fmt: skip
    yield _one("claims-before-the-plan", "Claims before it retrieves the plan", _claims_first, "RO60-TDD-006",
               subject=("order",))  # fmt: skip
    yield _one("goes-on-without-the-claim", "Goes on though its claim was refused", _goes_on, "RO60-TDD-007",
               scenario="inject_claim_refused")  # fmt: skip
    yield _one("requests-cancel-of-its-own", "Requests the cancel of the UPS that it performs", _requests_cancel, "CC22-TDD-001")
    yield _one("sets-with-a-lock-before-the-claim", "Sends a Transaction UID with an N-SET before it claims",
               _before("claim", lambda s, workitem: s.tdd.set(
                   workitem.uid, item(ProcedureStepLabel="Irradiation", TransactionUID=generate_uid()))),
               "CC26-TDD-001")  # fmt: skip


def _claim_with(simulator: Any, make: Callable[[Any], str], original: Any, workitem: Any) -> None:
    simulator.new_transaction_uid = lambda: make(workitem)
    original(workitem)


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


def _goes_on(simulator: Any) -> None:
    def claim(original: Any, workitem: Any) -> None:
        try:
            original(workitem)
        except CannotTreat as refusal:
            simulator.tell(f"{refusal}; it goes on")

    around(simulator, "claim", claim)


def _requests_cancel(simulator: Any) -> None:
    def request(_: Any, workitem: Any, state: str) -> None:
        simulator.tdd.action(workitem.uid, REQUEST_CANCEL, item(ReasonForCancellation="none"), context=UPS.WATCH)

    _before("finish", request)(simulator)


# --- RO-62 ----------------------------------------------------------------------------------------------------------------


def _progress() -> Iterator[Defect]:
    def tells(progress: dict[str, str]) -> Callable[[Any], None]:
        def change(update: Dataset) -> None:
            for entry in update.ProcedureStepProgressInformationSequence:
                told = str(entry.ProcedureStepProgress)
                entry.ProcedureStepProgress = progress.get(told, told)

        return _edit("RO-62 request", change)

    yield _one("no-progress", "Tells no progress", _no_progress, "RO62-TDD-001", alone=True)
    yield _one("begins-with-10", "Begins with a progress of 10", tells({"0": "10"}), "RO62-TDD-002", subject=PROGRESS)
    yield _one("progress-120", "Tells a progress of 120", tells({"100": "120"}), "RO62-TDD-003", subject=PROGRESS)
    yield _one("progress-negative", "Begins with a progress of -1", tells({"0": "-1"}), "RO62-TDD-002", "RO62-TDD-003",
               subject=PROGRESS)  # fmt: skip
    yield _one("progress-falls", "Lets the progress fall", tells({"50": "70", "100": "60"}), "RO62-TDD-004", subject=PROGRESS)
    yield _one("progress-99", "Ends with a progress of 99, and completes", tells({"100": "99"}), "RO62-TDD-009", subject=PROGRESS,
               edition="2013")  # fmt: skip
    yield _one("progress-before-the-claim", "Tells the progress before it has claimed", _tells_early,
               "RO62-TDD-008", "CC26-TDD-001", subject=("order",))  # fmt: skip
    yield _one("progress-before-the-instruction", "Tells the progress before it retrieves the delivery instruction",
               _before("retrieve_dynamic", partial(_tell, 0)), "RO62-TDD-008", subject=("order",))  # fmt: skip
    yield _one("progress-after-the-final-update", "Tells the progress after the final update",
               _after("final_update", lambda s, workitem, *_: _tell(100, s, workitem)), "RO62-TDD-010", "RO63-TDD-006")  # fmt: skip
    yield _one("ro62-sets-patient-name", "Sets Patient's Name with its progress",
               _edit("RO-62 request", lambda update: update.update(item(PatientName="Other^Name"))), "CC26-TDD-002")  # fmt: skip


def _no_progress(simulator: Any) -> None:
    around(simulator, "deliver", lambda original, workitem, treatment: simulator._scenario(workitem.start_type))


def _tell(progress: int, simulator: Any, workitem: Any) -> None:
    simulator.set("RO-62", workitem, objects.progress_update(progress, 1, edition=simulator.edition))


def _tells_early(simulator: Any) -> None:
    def claim(original: Any, workitem: Any) -> None:
        uid = generate_uid()
        simulator.new_transaction_uid = lambda: uid
        update = objects.progress_update(0, 1, edition=simulator.edition)
        update.TransactionUID = uid
        simulator.tdd.set(workitem.uid, update)
        original(workitem)

    around(simulator, "claim", claim)


# --- RO-63 ----------------------------------------------------------------------------------------------------------------


def _record() -> Iterator[Defect]:
    yield _one("no-record", "Stores no record, and refers to one", _stores_nothing, "RO63-TDD-001", alone=True)
    yield _one("record-of-nothing", "Stores a record though nothing was delivered", _stores_a_record_of_nothing, "RO63-TDD-002",
               scenario="new_canceled_before", edition="2013")  # fmt: skip
    yield _one("record-is-a-plan", "Stores its record as an RT Plan", _stores_a_plan, "RO63-TDD-003", "RO64-TDD-126", alone=True)
    yield _one(
        "record-to-the-tms",
        "Stores its record to the TMS as well, as what the TMS takes",
        _stores_to_the_tms,
        "RO63-TDD-004",
        "RO63-TDD-005",
    )
    yield _one("record-command-names-another", "Names another instance in the C-STORE command than in the record",
               _misnames, "RO63-TDD-005", subject=("misnames",))  # fmt: skip
    yield _one("record-before-the-last-progress", "Stores its record before it tells the last progress",
               _after("store", lambda s, workitem, *_: _tell(100, s, workitem)), "RO63-TDD-006")  # fmt: skip


def _stores_nothing(simulator: Any) -> None:
    def store(original: Any, workitem: Any, treatment: Any, scenario: Any) -> Dataset | None:
        return objects.record(treatment, interrupted=scenario.state == "CANCELED") if scenario.delivered else None

    around(simulator, "store", store)


def _stores_a_record_of_nothing(simulator: Any) -> None:
    def store(original: Any, workitem: Any, treatment: Any, scenario: Any) -> Dataset | None:
        if not scenario.delivered:
            simulator.tdd.store("OST", objects.record(treatment, interrupted=True))
        stored: Dataset | None = original(workitem, treatment, scenario)
        return stored

    around(simulator, "store", store)


def _stores_a_plan(simulator: Any) -> None:
    def store(original: Any, role: str, record: Dataset) -> Any:
        record.SOPClassUID = RTPlanStorage
        return original(role, record)

    around(simulator.tdd, "store", store)


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


# --- RO-64 ----------------------------------------------------------------------------------------------------------------


def _final_update() -> Iterator[Defect]:
    def performed(**values: str) -> Callable[[Any], None]:
        def change(update: Dataset) -> None:
            for entry in update.get(PERFORMED) or ():
                entry.update(item(**values))

        return _edit("RO-64 request", change)

    yield _one("no-final-update", "Makes no final update", _no_final_update, "RO64-TDD-001", "CC23-TDD-006",
               alone=True)  # fmt: skip
    yield _one("final-progress-120", "Tells a progress of 120 at the end",
               _edit("RO-64 request", lambda u: u.ProcedureStepProgressInformationSequence[0].update(item(ProcedureStepProgress="120"))),
               "RO64-TDD-005", "RO64-TDD-103", subject=("RO-64 request", "ProcedureStepProgressInformationSequence"))  # fmt: skip
    yield _one("end-before-start", "Gives a performed end that is before the start",
               performed(PerformedProcedureStepEndDateTime="19991231235959"), "RO64-TDD-006",
               alone=True)  # fmt: skip
    yield _one("start-is-no-time", "Gives a word as the performed start",
               performed(PerformedProcedureStepStartDateTime="now"), "RO64-TDD-006",
               subject=("RO-64 request", PERFORMED, "PerformedProcedureStepStartDateTime"))  # fmt: skip
    yield _one("refers-before-it-stores", "Refers to its record, and stores it afterwards", _refers_first, "RO64-TDD-007",
               alone=True)  # fmt: skip


def _no_final_update(simulator: Any) -> None:
    around(simulator, "final_update", lambda original, *given: None)


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
    _after("final_update", afterwards)(simulator)


# --- RO-65 ----------------------------------------------------------------------------------------------------------------


def _end() -> Iterator[Defect]:
    yield _one("no-end", "Leaves the workitem IN PROGRESS", lambda s: around(s, "finish", lambda original, workitem, state:
               s.unsubscribe(workitem)), "RO65-TDD-001", alone=True)  # fmt: skip
    yield _one("sets-after-the-end", "Sets something when the workitem has its final state",
               _after("finish", lambda s, workitem, state: s.tdd.set(
                   workitem.uid, item(ProcedureStepLabel="Done", TransactionUID=s.transaction_uid))), "RO65-TDD-006")  # fmt: skip
    yield _one("completes-what-was-refused", "Asks for COMPLETED though its final update was refused", _completes_anyway,
               "RO65-TDD-007", "CC23-TDD-006", alone=True, scenario="inject_set_refused")  # fmt: skip


def _completes_anyway(simulator: Any) -> None:
    def final_update(original: Any, *given: Any) -> None:
        try:
            original(*given)
        except CannotTreat as refusal:
            simulator.tell(f"{refusal}; it goes on")

    _no_progress(simulator)
    around(simulator, "final_update", final_update)
