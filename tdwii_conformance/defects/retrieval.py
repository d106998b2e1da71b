"""Defects of C-MOVE, of the OST and of the TMS alike [RO-59, RO-61]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
)
from pynetdicom import evt
from pynetdicom.dsutils import encode

from ..simulators.instances import Instance
from .deviations import Defect, Rows
from .hooks import Around, around, on_responses, set_command

__all__ = [
    "ANOTHER",
    "C_STORE_RQ",
    "C_STORE_RSP",
    "RECORDS",
    "SUCCESS",
    "Apply",
    "defect",
    "listen_to_stores",
    "on_select",
    "on_sending",
    "rewritten",
]


C_STORE_RQ, C_STORE_RSP, C_MOVE_RSP = 0x0001, 0x8001, 0x8021
SUCCESS, PENDING = 0x0000, 0xFF00
RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
ANOTHER = "1.2.826.0.1.3680043.2.1143.9995"

Apply = Callable[[Any], None]


def of_both(name: str, sentence: str, apply: Apply, *numbers: str) -> Iterator[Defect]:
    """Yield a defect of both actors: numbers are of the requirements on RO-59 and RO-61."""
    for actor, prefix in (("OST", "RO59-OST"), ("TMS", "RO61-TMS")):
        full = tuple(number if "-" in number else f"{prefix}-{number}" for number in numbers)
        yield Defect(f"{actor.lower()}-move-{name}", sentence, actor, apply, full)


defect = Rows(of_both)


def _instances(simulator: Any) -> Any:
    return simulator.instances if simulator.actor == "OST" else simulator.instructions


@defect.rows
def _rows_of_on_select() -> Iterator[Defect]:
    yield from of_both(
        "sends-twice",
        "Sends each instance twice",
        partial(on_select, lambda found, i, s: [*found, *found]),
        "002",
        "003",
        "005",
        "009",
        "020",
    )


def on_select(change: Callable[[list[Instance], Dataset, Any], list[Instance]], simulator: Any) -> None:
    """Let `change` (instances found, identifier, store) make another list of what a C-MOVE sends."""
    store = _instances(simulator)

    def select(original: Around, identifier: Dataset) -> list[Instance]:
        return change(original(identifier), identifier, store)

    around(store, "select", select)


@defect.rows
def _rows_of_final() -> Iterator[Defect]:
    yield from of_both(
        "counts-none",
        "Counts no completed sub-operations",
        partial(_final, partial(_counts, NumberOfCompletedSuboperations=0)),
        "005",
    )
    yield from of_both(
        "counts-warnings",
        "Counts warnings where there were none",
        partial(_final, partial(_counts, NumberOfWarningSuboperations=1)),
        "005",
    )
    yield from of_both(
        "remaining-in-final",
        "Has Number of Remaining Sub-operations in the final response",
        partial(_final, partial(_counts, NumberOfRemainingSuboperations=0)),
        "013",
    )


def _final(change: Callable[[Any, Any], None], simulator: Any) -> None:
    """Let `change` alter the final response of a C-MOVE that went well."""

    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == SUCCESS and command.get("NumberOfCompletedSuboperations"):
            change(message, association)

    on_responses(simulator, C_MOVE_RSP, sent)


@defect("ends-with-warning", "Ends a C-MOVE with B000 though every sub-operation succeeded", "001", through=_final)
def _warning(message: Any, association: Any) -> None:
    set_command(message.command_set, Status=0xB000)


@defect("ends-with-failure", "Ends a C-MOVE with A702 though every sub-operation succeeded", "001", through=_final)
def _failure(message: Any, association: Any) -> None:
    set_command(message.command_set, Status=0xA702)


def _counts(message: Any, association: Any, **counts: int) -> None:
    set_command(message.command_set, **counts)


@defect("counts-too-many", "Counts one completed sub-operation too many", "005", through=_final)
def _one_too_many(message: Any, association: Any) -> None:
    command = message.command_set
    set_command(command, NumberOfCompletedSuboperations=command.NumberOfCompletedSuboperations + 1)


@defect("identifier-with-success", "Sends an identifier with the final Success", "014", through=_final)
def _identifier(message: Any, association: Any) -> None:
    unasked = Dataset()
    unasked.FailedSOPInstanceUIDList = ANOTHER
    implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
    message.data_set = BytesIO(encode(unasked, implicit, True) or b"")
    set_command(message.command_set, CommandDataSetType=0x0001)


@defect("pending-counts-grow", "Counts more remaining sub-operations with each pending response", "006")
def _growing(simulator: Any) -> None:
    told: dict[int, int] = {}

    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == PENDING:
            told[id(association)] = told.get(id(association), 0) + 5
            set_command(command, NumberOfRemainingSuboperations=told[id(association)])
        else:
            told.pop(id(association), None)

    on_responses(simulator, C_MOVE_RSP, sent)


@defect(
    "unknown-destination-another-failure",
    "Answers A900 to a move destination it does not know",
    "007",
    given=(
        43009,
        43264,
    ),
)
@defect(
    "unknown-destination-granted",
    "Answers success to a move destination it does not know",
    "007",
    given=(
        43009,
        SUCCESS,
    ),
)
def _status_instead(status: int, other: int, simulator: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == status:
            set_command(message.command_set, Status=other)

    on_responses(simulator, C_MOVE_RSP, sent)


@defect(
    "refused-is-success", "Ends with success though the destination refused an instance", "010", "020", named={"status": SUCCESS}
)
@defect("refused-not-listed", "Does not list the instance that the destination refused", "011", "020", named={"listed": False})
@defect(
    "refused-not-counted",
    "Does not count the instance that the destination refused as failed",
    "011",
    "020",
    named={"NumberOfFailedSuboperations": 0},
)
def _refused(simulator: Any, status: int | None = None, listed: bool = True, **counts: int) -> None:
    """Change the final response of a C-MOVE of which sub-operations failed."""

    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status not in (PENDING, SUCCESS) and command.get("NumberOfFailedSuboperations"):
            set_command(command, **({"Status": status} if status is not None else {}), **counts)
            if not listed:
                message.data_set = BytesIO()
                set_command(command, CommandDataSetType=0x0101)

    on_responses(simulator, C_MOVE_RSP, sent)


@defect("sends-nothing", "Sends nothing, and counts it as done", "002", "003", "004", "009", "010", "011", "012", "015", "020")
def _sends_nothing(simulator: Any) -> None:
    asked: list[int] = []

    def select(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
        asked.append(len(found))
        return []

    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == SUCCESS and asked:
            set_command(
                command, NumberOfCompletedSuboperations=asked.pop(), NumberOfFailedSuboperations=0, NumberOfWarningSuboperations=0
            )

    on_select(select, simulator)
    on_responses(simulator, C_MOVE_RSP, sent)


@defect(
    "sends-another-too",
    "Sends an instance that was not asked for along with each",
    "002",
    "003",
    "005",
    "009",
    "020",
    through=on_select,
)
def _one_more(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    others = [instance for instance in store if instance.uid not in {one.uid for one in found}]
    return [*found, *others[:1]] if found else found


def _names(identifier: Dataset) -> list[str]:
    value = identifier.get("SOPInstanceUID") or []
    return [str(value)] if isinstance(value, str) else [str(uid) for uid in value]


@defect("first-of-a-list-only", "Sends of a list of instances the first only", "003", "020", through=on_select)
def _first(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    return found[:1]


@defect("keys-above-ignored", "Looks at the SOP Instance UID of a C-MOVE only", "019", through=on_select)
def _keys_above(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    return found or [instance for instance in store if instance.uid in _names(identifier)]


@defect("missing-instance-replaced", "Sends another instance of the series for one that does not exist", "008", through=on_select)
def _replacement(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    names = _names(identifier)
    same = [instance for instance in store if instance.series == identifier.get("SeriesInstanceUID")]
    return found if found or len(names) != 1 or any(instance.uid in names for instance in store) else same[:1]


@defect("list-with-missing-refused", "Sends nothing of a list that names an instance that does not exist", "009", through=on_select)
def _all_or_none(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    return found if len(found) == len(_names(identifier)) else []


@defect("list-with-missing-padded", "Sends another instance for one of a list that does not exist", "009", through=on_select)
def _padded(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    return _one_more(found, identifier, store) if len(found) < len(_names(identifier)) else found


def _on_association(simulator: Any, change: Callable[[list[Any]], list[Any]]) -> None:
    """Let `change` alter where a C-MOVE sends: host, port, and pynetdicom's arguments of the association."""

    def c_move(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        answers = handler(event)
        where = next(answers)
        yield tuple(change(list(where))) if where[0] is not None else where
        yield from answers

    simulator.server.wrap_handler(evt.EVT_C_MOVE, c_move)


@defect("store-without-origin", "Does not name the C-MOVE in its C-STOREs", "018",
        named={"MoveOriginatorApplicationEntityTitle": None, "MoveOriginatorMessageID": None})  # fmt: skip
@defect("store-with-another-priority", "Sends C-STOREs with high priority, whatever that of the C-MOVE was", "021",
        named={"Priority": 1})  # fmt: skip
@defect(
    "command-of-another-instance",
    "Names another instance in the C-STORE command than the data set has",
    "004",
    "020",
    named={"AffectedSOPInstanceUID": ANOTHER},
)
def _store_command(simulator: Any, **values: str | int | None) -> None:
    def sent(event: Any) -> None:
        if event.message.command_set.get("CommandField") == C_STORE_RQ:
            set_command(event.message.command_set, **values)

    listen_to_stores(simulator, sent)


def listen_to_stores(simulator: Any, sent: Callable[[Any], None]) -> None:
    """Call `sent` (event) with every message on the associations to move destinations."""

    def listening(where: list[Any]) -> list[Any]:
        host, port, arguments = where
        return [host, port, {**arguments, "evt_handlers": [*arguments["evt_handlers"], (evt.EVT_DIMSE_SENT, sent)]}]

    _on_association(simulator, listening)


@defect("to-another-ae-title", "Calls the move destination by another AE title", "012")
def _another_title(simulator: Any) -> None:
    _on_association(simulator, lambda where: [where[0], where[1], {**where[2], "ae_title": "ELSEWHERE"}])


def rewritten(instance: Instance, how: Callable[[Dataset], object]) -> Instance:
    """Return an instance with its data set changed."""
    dataset = instance.dataset()
    for element in dataset.iterall():
        _ = element.value
    how(dataset)
    syntax = UID(instance.transfer_syntax)
    encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated) or b""
    return replace(instance, encoded=encoded)


@defect.rows
def _rows_of_on_sending() -> Iterator[Defect]:
    yield from of_both(
        "changes-a-value",
        "Changes Manufacturer in what it sends",
        partial(on_sending, lambda d: setattr(d, "Manufacturer", "Changed"), None),
        "015",
    )
    yield from of_both(
        "drops-an-attribute",
        "Leaves Patient's Name out of what it sends",
        partial(on_sending, lambda d: d.pop(0x00100010, None), None),
        "015",
    )
    yield from of_both(
        "reencodes-private",
        "Adds a private attribute to what it sends",
        partial(on_sending, _private, None),
        "015",
    )


def on_sending(how: Callable[[Dataset], object], classes: tuple[str, ...] | None, simulator: Any) -> None:
    """Change, of some SOP classes, what is sent."""

    def select(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
        return [rewritten(i, how) if classes is None or i.sop_class in classes else i for i in found]

    on_select(select, simulator)


def _private(dataset: Dataset) -> None:
    dataset.private_block(0x0099, "TDWII DEFECT", create=True).add_new(0x01, "LO", "added")
