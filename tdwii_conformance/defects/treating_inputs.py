"""Defects of a TDD: its negotiation, its query and what it retrieves [RO-58, RO-59, RO-61]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage, generate_uid
from pynetdicom import sop_class

from ..dimse import left_undeclared
from ..profile.ups_service import CHANGE_STATE, TRIAL, UPS
from ..simulators.tdd import CannotTreat
from ..transcript.exchange import Exchange
from ..treatment import objects
from ..treatment.messages import item
from .calling import instead
from .deviations import Defect
from .hooks import around, on_requests, on_responses, set_command
from .treating import C_FIND_RQ, C_MOVE_RQ, C_STORE_RSP, PLANS, defect, editing, of_a_tdd


@defect.rows
def _rows_of_without_pull() -> Iterator[Defect]:
    everything = ("NEG-TDD-001", "RO58-TDD-003", "RO60-TDD-008", "RO61-TDD-001")
    trial = [f"{TRIAL}3"]
    yield of_a_tdd("proposes-no-pull", "Proposes UPS Push and UPS Query and no UPS Pull", partial(_without_pull, []), *everything)  # fmt: skip
    yield of_a_tdd("proposes-trial-pull", "Proposes the trial SOP class in place of UPS Pull", partial(_without_pull, trial),
               *everything)  # fmt: skip


def _without_pull(proposed: list[str], simulator: Any) -> None:
    contexts = simulator.tdd.contexts
    contexts["TMS"] = [*proposed, *(syntax for syntax in contexts["TMS"] if syntax != UPS.PULL)]
    around(simulator.tdd, "query", lambda original, identifier: original(identifier, UPS.QUERY))
    for method, wanted in (("n_set", whatever), ("n_action", _changes_state)):
        instead(simulator, method, wanted, lambda original, *given: original(*given, context=UPS.PUSH), again=False)


def whatever(*_: Any) -> bool:
    """Whether a request is wanted: every one is."""
    return True


def _changes_state(instance: str, kind: int, information: Dataset) -> bool:
    return kind == CHANGE_STATE


@defect.rows
def _rows_of_query() -> Iterator[Defect]:
    def key(change: Callable[[Dataset], object]) -> Callable[[Any], None]:
        return editing("RO-58 request", change)

    def code_meaning(text: str) -> Callable[[Dataset], object]:
        return lambda query: setattr(query.ScheduledWorkitemCodeSequence[0], "CodeMeaning", text)

    yield of_a_tdd("ro58-under-query", "Queries the worklist under UPS Query",
               lambda s: around(s.tdd, "query", lambda original, identifier: original(identifier, UPS.QUERY)),
               "RO58-TDD-003")  # fmt: skip
    yield of_a_tdd("ro58-names-watch", "Names UPS Watch in Affected SOP Class UID of the worklist query",
               lambda s: on_requests(s, C_FIND_RQ, lambda m: set_command(m.command_set, AffectedSOPClassUID=UPS.WATCH)),
               "RO58-TDD-002", "RO58-TDD-003")  # fmt: skip
    yield of_a_tdd("ro58-key-transaction-uid", "Uses Transaction UID as a key of the worklist query",
               key(lambda query: query.update(item(TransactionUID=""))), "RO58-TDD-004")  # fmt: skip
    yield of_a_tdd("ro58-by-code-meaning", "Gives a value to a Code Meaning of the worklist query",
               key(code_meaning("RT Treatment")), "RO58-TDD-005")  # fmt: skip
    yield of_a_tdd("ro58-characters-without-set", "Names no Specific Character Set for an umlaut in the worklist query",
               key(lambda query: code_meaning("Ger\u00e4t")(left_undeclared(query))), "RO58-TDD-005", "RO58-TDD-006")  # fmt: skip
    yield of_a_tdd("ro58-timezone-without-value", "Sends Timezone Offset From UTC without a value in the worklist query",
               key(lambda query: query.update(item(TimezoneOffsetFromUTC=""))), "RO58-TDD-006")  # fmt: skip
    yield of_a_tdd("ro58-start-is-no-time", "Gives a word as Scheduled Procedure Step Start DateTime",
               key(lambda query: query.update(item(ScheduledProcedureStepStartDateTime="today"))),
               "RO58-TDD-002", "RO58-TDD-007")  # fmt: skip
    yield of_a_tdd("ro58-asks-for-yesterday", "Asks for what was scheduled long ago",
               key(lambda query: query.update(item(ScheduledProcedureStepStartDateTime="20200101-20200131"))),
               "RO58-TDD-002")  # fmt: skip


@defect("no-query", "Does not query the worklist", "RO58-TDD-001")
def _no_query(simulator: Any) -> None:
    def find(original: Any) -> Dataset:
        raise CannotTreat("RO-58: the worklist is not queried")

    around(simulator, "find", find)


@defect(
    "claims-from-an-empty-worklist",
    "Claims something when its query has found nothing",
    "RO58-TDD-008",
    "RO60-TDD-003",
)
def _claims_nothing(simulator: Any) -> None:
    def find(original: Any) -> Any:
        try:
            return original()
        except CannotTreat:
            simulator.tdd.claim(generate_uid())
            raise

    around(simulator, "find", find)


@defect("claims-all-that-it-found", "Claims all workitems that it has found", "RO58-TDD-009")
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


@defect.rows
def _rows_of_retrieval() -> Iterator[Defect]:
    yield from _retrieval("ro59", "OST", "RO59", PLANS)
    yield from _retrieval("ro61", "TMS", "RO61", (RTBeamsDeliveryInstructionStorage,))


def _retrieval(step: str, role: str, prefix: str, classes: tuple[str, ...]) -> Iterator[Defect]:
    other = {"OST": "TMS", "TMS": "OST"}[role]
    what = {"OST": "plan", "TMS": "delivery instruction"}[role]

    # Without the plan it claims nothing, without the instruction it cancels.
    stops = {"OST": ("RO60-TDD-001",), "TMS": ("RO62-TDD-001", "RO65-TDD-102")}[role]

    def one(
        name: str, sentence: str, apply: Callable[[Any], None], *numbers: str, also: tuple[str, ...] = (), **more: Any
    ) -> Defect:
        return of_a_tdd(f"{step}-{name}", sentence, apply, *(f"{prefix}-TDD-{number}" for number in numbers), *also, **more)

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
    yield one("with-another-key", f"Sends Patient's Name as a key with the {what} that it asks for",
              first(lambda s, original, identifier: original(role, changed(identifier, PatientName=""))), "005")  # fmt: skip
    yield one("from-another-ae", f"Asks the {other} for the {what}, which the workitem has at the {role}",
              first(lambda s, original, identifier: original(other, identifier)), "006")  # fmt: skip
    yield one("to-another-ae", f"Has the {what} moved to another AE",
              first(lambda s, original, identifier: original(role, identifier, "NOWHERE")), "007")  # fmt: skip
    yield one("names-patient-root", f"Names Patient Root in Affected SOP Class UID when it asks for the {what}",
              partial(_patient_root, first, role), "008")  # fmt: skip
    yield one("refuses-the-class", f"Does not accept the storage SOP class of the {what}", partial(_refuse_class, classes),
              "009", also=stops)  # fmt: skip
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


@defect.rows
def _rows_of_without() -> Iterator[Defect]:
    yield of_a_tdd("no-plan", "Retrieves no static input", partial(_without, "retrieve_static", "plan"), "RO59-TDD-001")  # fmt: skip
    yield of_a_tdd("no-instruction", "Retrieves no dynamic input", partial(_without, "retrieve_dynamic", "instruction"),
               "RO61-TDD-001")  # fmt: skip


def _without(method: str, part: str, simulator: Any) -> None:
    """Leave a retrieval out: what was to be retrieved is made up."""
    around(simulator, method, lambda original, workitem: getattr(workitem.treatment, part))


@defect.rows
def _rows_of_unlisted_only() -> Iterator[Defect]:
    yield of_a_tdd("ro61-unlisted-only", "Retrieves an instance that the workitem does not list, and no delivery instruction",
               _unlisted_only, "RO61-TDD-002", "RO61-TDD-004")  # fmt: skip


def _unlisted_only(simulator: Any) -> None:
    def retrieve(original: Any, workitem: Any) -> Dataset:
        one = replace(workitem.instructions[0], instance=generate_uid())
        simulator.tdd.retrieve_references("TMS", [one])
        instruction: Dataset = workitem.treatment.instruction
        return instruction

    around(simulator, "retrieve_dynamic", retrieve)


@defect(
    "ro59-records-only",
    "Retrieves the record of the interrupted session and no plan",
    "RO59-TDD-002",
)
def _records_only(simulator: Any) -> None:
    def retrieve(original: Any, workitem: Any) -> Dataset:
        simulator._retrieve("RO-59", workitem.records)
        plan: Dataset = workitem.treatment.plan
        return plan

    around(simulator, "retrieve_static", retrieve)


@defect("delivers-without-the-plan", "Begins to deliver though the plan has not come", "RO59-TDD-013")
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


@defect("ro58-single-start", "Asks for the one moment at which its workitem starts, once it knows it", "RO58-TDD-010")
def _single_start(simulator: Any) -> None:
    def find(original: Any) -> Dataset:
        found: Dataset = original()

        def at_that_moment(query: Any) -> Dataset:
            keys: Dataset = query()
            keys.ScheduledProcedureStepStartDateTime = found.ScheduledProcedureStepStartDateTime
            return keys

        around(simulator, "query", at_that_moment)
        once_more: Dataset = original()
        return once_more

    around(simulator, "find", find)
