"""Defects of C-MOVE and C-STORE [PS3.4 B, C; RO-59, RO-61, RO-63]: what is sent, what is counted, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
)
from pynetdicom import evt
from pynetdicom.dsutils import encode

from ..profile import load_catalogue
from ..simulators.instances import Instance, instance_of
from .attributes import HIDING, SHAPES, edit, shapes, slug, subject, violated
from .deviations import Defect
from .hooks import Around, around, on_responses, set_command

__all__ = ["defects"]

C_STORE_RQ, C_STORE_RSP, C_MOVE_RSP = 0x0001, 0x8001, 0x8021
SUCCESS, PENDING = 0x0000, 0xFF00
RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
ANOTHER = "1.2.826.0.1.3680043.2.1143.9995"

Apply = Callable[[Any], None]


def defects() -> Iterator[Defect]:
    """Yield the defects of both actors."""
    yield from _moves("OST", "RO59-OST")
    yield from _moves("TMS", "RO61-TMS")
    yield from _of_the_ost()
    yield from _of_the_tms()


def _instances(simulator: Any) -> Any:
    return simulator.instances if simulator.actor == "OST" else simulator.instructions


def _on_select(change: Callable[[list[Instance], Dataset, Any], list[Instance]], simulator: Any) -> None:
    store = _instances(simulator)

    def select(original: Around, identifier: Dataset) -> list[Instance]:
        return change(original(identifier), identifier, store)

    around(store, "select", select)


def _moves(actor: str, prefix: str) -> Iterator[Defect]:
    def one(name: str, sentence: str, apply: Apply, *numbers: str, alone: bool = False) -> Defect:
        full = tuple(number if "-" in number else f"{prefix}-{number}" for number in numbers)
        final = isinstance(apply, partial) and apply.func is _final
        refused = isinstance(apply, partial) and apply.func is _refused
        # Of the final response one thing at a time.
        subject = ("final",) if final else ("refused",) if refused else ()
        return Defect(f"{actor.lower()}-move-{name}", sentence, actor, apply, full, alone, subject=subject)

    unchanged = "015"
    yield one("ends-with-warning", "Ends a C-MOVE with B000 though every sub-operation succeeded", partial(_final, _warning), "001")
    yield one("ends-with-failure", "Ends a C-MOVE with A702 though every sub-operation succeeded", partial(_final, _failure), "001")
    yield one(
        "sends-nothing",
        "Sends nothing, and counts it as done",
        _sends_nothing,
        "002",
        "003",
        "004",
        "009",
        "010",
        "011",
        "012",
        unchanged,
        alone=True,
    )
    yield one(
        "sends-another-too",
        "Sends an instance that was not asked for along with each",
        partial(_on_select, _one_more),
        "002",
        "003",
        "005",
        "009",
        alone=True,
    )
    yield one(
        "sends-twice",
        "Sends each instance twice",
        partial(_on_select, lambda found, i, s: [*found, *found]),
        "002",
        "003",
        "005",
        "009",
        alone=True,
    )
    yield one("first-of-a-list-only", "Sends of a list of instances the first only", partial(_on_select, _first), "003")
    yield one(
        "command-of-another-instance",
        "Names another instance in the C-STORE command than the data set has",
        partial(_store_command, AffectedSOPInstanceUID=ANOTHER),
        "004",
        alone=True,
    )
    yield one(
        "counts-none",
        "Counts no completed sub-operations",
        partial(_final, partial(_counts, NumberOfCompletedSuboperations=0)),
        "005",
    )
    yield one("counts-too-many", "Counts one completed sub-operation too many", partial(_final, _one_too_many), "005")
    yield one(
        "counts-warnings",
        "Counts warnings where there were none",
        partial(_final, partial(_counts, NumberOfWarningSuboperations=1)),
        "005",
    )
    yield one("pending-counts-grow", "Counts more remaining sub-operations with each pending response", _growing, "006")
    yield one(
        "unknown-destination-another-failure",
        "Answers A900 to a move destination it does not know",
        partial(_status_instead, 0xA801, 0xA900),
        "007",
    )
    yield one(
        "unknown-destination-granted",
        "Answers success to a move destination it does not know",
        partial(_status_instead, 0xA801, SUCCESS),
        "007",
    )
    yield one(
        "missing-instance-replaced",
        "Sends another instance of the series for one that does not exist",
        partial(_on_select, _replacement),
        "008",
    )
    yield one(
        "list-with-missing-refused",
        "Sends nothing of a list that names an instance that does not exist",
        partial(_on_select, _all_or_none),
        "009",
    )
    yield one(
        "list-with-missing-padded",
        "Sends another instance for one of a list that does not exist",
        partial(_on_select, _padded),
        "009",
    )
    yield one(
        "refused-is-success",
        "Ends with success though the destination refused an instance",
        partial(_refused, status=SUCCESS),
        "010",
    )
    yield one(
        "refused-not-listed", "Does not list the instance that the destination refused", partial(_refused, listed=False), "011"
    )
    yield one(
        "refused-not-counted",
        "Does not count the instance that the destination refused as failed",
        partial(_refused, NumberOfFailedSuboperations=0),
        "011",
    )
    yield one("to-another-ae-title", "Calls the move destination by another AE title", _another_title, "012")
    yield one(
        "remaining-in-final",
        "Has Number of Remaining Sub-operations in the final response",
        partial(_final, partial(_counts, NumberOfRemainingSuboperations=0)),
        "013",
    )
    yield one("identifier-with-success", "Sends an identifier with the final Success", partial(_final, _identifier), "014")
    yield one(
        "changes-a-value",
        "Changes Manufacturer in what it sends",
        partial(_on_sending, lambda d: setattr(d, "Manufacturer", "Changed"), None),
        unchanged,
        alone=actor == "OST",
    )
    yield one(
        "drops-an-attribute",
        "Leaves Patient's Name out of what it sends",
        partial(_on_sending, lambda d: d.pop(0x00100010, None), None),
        unchanged,
        alone=actor == "OST",
    )
    yield one(
        "reencodes-private",
        "Adds a private attribute to what it sends",
        partial(_on_sending, _private, None),
        unchanged,
        alone=actor == "OST",
    )


# --- the final response ----------------------------------------------------------------------------------------------------


def _final(change: Callable[[Any, Any], None], simulator: Any) -> None:
    """Let `change` alter the final response of a C-MOVE that went well."""

    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == SUCCESS and command.get("NumberOfCompletedSuboperations"):
            change(message, association)

    on_responses(simulator, C_MOVE_RSP, sent)


def _warning(message: Any, association: Any) -> None:
    set_command(message.command_set, Status=0xB000)


def _failure(message: Any, association: Any) -> None:
    set_command(message.command_set, Status=0xA702)


def _counts(message: Any, association: Any, **counts: int) -> None:
    set_command(message.command_set, **counts)


def _one_too_many(message: Any, association: Any) -> None:
    command = message.command_set
    set_command(command, NumberOfCompletedSuboperations=command.NumberOfCompletedSuboperations + 1)


def _identifier(message: Any, association: Any) -> None:
    unasked = Dataset()
    unasked.FailedSOPInstanceUIDList = ANOTHER
    implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
    message.data_set = BytesIO(encode(unasked, implicit, True) or b"")
    set_command(message.command_set, CommandDataSetType=0x0001)


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


def _status_instead(status: int, other: int, simulator: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == status:
            set_command(message.command_set, Status=other)

    on_responses(simulator, C_MOVE_RSP, sent)


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


# --- what is sent ----------------------------------------------------------------------------------------------------------


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

    _on_select(select, simulator)
    on_responses(simulator, C_MOVE_RSP, sent)


def _one_more(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    others = [instance for instance in store if instance.uid not in {one.uid for one in found}]
    return [*found, *others[:1]] if found else found


def _names(identifier: Dataset) -> list[str]:
    value = identifier.get("SOPInstanceUID") or []
    return [str(value)] if isinstance(value, str) else [str(uid) for uid in value]


def _first(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    return found[:1]


def _replacement(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    same = [instance for instance in store if instance.series == identifier.get("SeriesInstanceUID")]
    return found if found or len(_names(identifier)) != 1 else same[:1]


def _all_or_none(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
    return found if len(found) == len(_names(identifier)) else []


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


def _store_command(simulator: Any, **values: str) -> None:
    def sent(event: Any) -> None:
        if event.message.command_set.get("CommandField") == C_STORE_RQ:
            set_command(event.message.command_set, **values)

    _listen_to_stores(simulator, sent)


def _listen_to_stores(simulator: Any, sent: Callable[[Any], None]) -> None:
    def listening(where: list[Any]) -> list[Any]:
        host, port, arguments = where
        return [host, port, {**arguments, "evt_handlers": [*arguments["evt_handlers"], (evt.EVT_DIMSE_SENT, sent)]}]

    _on_association(simulator, listening)


def _another_title(simulator: Any) -> None:
    _on_association(simulator, lambda where: [where[0], where[1], {**where[2], "ae_title": "ELSEWHERE"}])


def _rewritten(instance: Instance, how: Callable[[Dataset], object]) -> Instance:
    dataset = instance.dataset()
    for element in dataset.iterall():
        _ = element.value
    how(dataset)
    syntax = UID(instance.transfer_syntax)
    encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated) or b""
    return replace(instance, encoded=encoded)


def _on_sending(how: Callable[[Dataset], object], classes: tuple[str, ...] | None, simulator: Any) -> None:
    """Change, of some SOP classes, what is sent."""

    def select(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
        return [_rewritten(i, how) if classes is None or i.sop_class in classes else i for i in found]

    _on_select(select, simulator)


def _private(dataset: Dataset) -> None:
    dataset.private_block(0x0099, "TDWII DEFECT", create=True).add_new(0x01, "LO", "added")


# --- OST -------------------------------------------------------------------------------------------------------------------


def _of_the_ost() -> Iterator[Defect]:
    def one(name: str, sentence: str, apply: Apply, *requirements: str, alone: bool = False) -> Defect:
        return Defect(f"ost-{name}", sentence, "OST", apply, requirements, alone)

    yield one(
        "keeps-no-earlier-record",
        "Sends nothing for the treatment record of an interrupted session",
        partial(_not_sent, RECORDS),
        "RO59-OST-016",
        "RO63-OST-003",
    )
    yield one("sends-no-ion-plan", "Sends no RT Ion Plan", partial(_not_sent, (RTIonPlanStorage,)), "RO59-OST-017")
    yield one(
        "record-stored-with-warning",
        "Answers B000 to the C-STORE of a record",
        partial(_store_answer, 0xB000),
        "RO63-OST-001",
        "RO63-OST-005",
    )
    yield one(
        "record-refused",
        "Refuses a treatment record with A700, and keeps nothing",
        _refuses_records,
        "RO63-OST-001",
        "RO63-OST-005",
        alone=True,
    )
    yield one(
        "record-of-interrupted-refused", "Refuses the record of an interrupted treatment", _refuses_interrupted, "RO63-OST-005"
    )
    yield one(
        "record-response-of-another",
        "Names another instance in the response to C-STORE",
        partial(_store_response, AffectedSOPInstanceUID=ANOTHER),
        "RO63-OST-002",
    )
    yield one(
        "record-response-of-another-class",
        "Names another SOP class in the response to C-STORE",
        partial(_store_response, AffectedSOPClassUID=RTIonPlanStorage),
        "RO63-OST-002",
    )
    yield one("record-lost", "Answers success to a record that it does not keep", _loses_records, "RO63-OST-003", alone=True)
    yield one(
        "record-changed",
        "Keeps the record with another Manufacturer",
        partial(_keeps_changed, lambda d: setattr(d, "Manufacturer", "Changed")),
        "RO63-OST-004",
    )
    yield one(
        "record-without-meterset",
        "Keeps the record without its Specified Metersets",
        partial(_keeps_changed, _no_meterset),
        "RO63-OST-004",
    )
    yield one(
        "record-under-another-study",
        "Keeps a record under a study of its own",
        _another_study,
        "RO63-OST-003",
        "RO63-OST-004",
        "RO63-OST-006",
        alone=True,
    )


def _not_sent(classes: tuple[str, ...], ost: Any) -> None:
    _on_select(lambda found, identifier, store: [i for i in found if i.sop_class not in classes], ost)


def _is_record(event: Any) -> bool:
    return event.request.AffectedSOPClassUID in RECORDS


def _store_answer(status: int, ost: Any) -> None:
    ost.server.wrap_handler(
        evt.EVT_C_STORE, lambda handler, event: status if (answer := handler(event)) == SUCCESS and _is_record(event) else answer
    )


def _refuses_records(ost: Any) -> None:
    ost.server.wrap_handler(evt.EVT_C_STORE, lambda handler, event: 0xA700 if _is_record(event) else handler(event))


def _refuses_interrupted(ost: Any) -> None:
    def store(handler: Callable[[Any], int], event: Any) -> int:
        interrupted = _is_record(event) and any(
            session.get("TreatmentTerminationStatus") not in (None, "NORMAL")
            for session in event.dataset.get("TreatmentSessionBeamSequence") or ()
        )
        return 0xC000 if interrupted else handler(event)

    ost.server.wrap_handler(evt.EVT_C_STORE, store)


def _store_response(ost: Any, **values: str) -> None:
    on_responses(ost, C_STORE_RSP, lambda message, association: set_command(message.command_set, **values))


def _loses_records(ost: Any) -> None:
    around(ost.instances, "add", lambda original, instance: None if instance.sop_class in RECORDS else original(instance))


def _keeps_changed(how: Callable[[Dataset], object], ost: Any) -> None:
    around(ost.instances, "add", lambda original, instance: (
        original(_rewritten(instance, how) if instance.sop_class in RECORDS else instance)
    ))  # fmt: skip


def _no_meterset(dataset: Dataset) -> None:
    for session in dataset.get("TreatmentSessionBeamSequence") or ():
        for point in session.get("ControlPointDeliverySequence") or ():
            point.pop(0x30080042, None)


def _another_study(ost: Any) -> None:
    def add(original: Around, instance: Instance) -> None:
        if instance.sop_class in RECORDS:
            instance = _rewritten(instance, lambda dataset: setattr(dataset, "StudyInstanceUID", ANOTHER))
            instance = instance_of(instance.encoded, instance.transfer_syntax)
        original(instance)

    around(ost.instances, "add", add)


# --- TMS -------------------------------------------------------------------------------------------------------------------


def _of_the_tms() -> Iterator[Defect]:
    yield Defect(
        "tms-move-sends-a-plan-along", "Sends the plan along with the delivery instruction", "TMS", _plan_along,
        ("RO61-TMS-002", "RO61-TMS-003", "RO61-TMS-005", "RO61-TMS-009", "RO61-TMS-016"), alone=True,
    )  # fmt: skip
    rows = load_catalogue().attributes("RO-61 object", "TMS")
    instruction = (str(RTBeamsDeliveryInstructionStorage),)
    seen = set()
    for row in rows:
        if row.rule is None or row.id in ("RO61-TMS-101", "RO61-TMS-105", "RO61-TMS-107"):
            continue
        for shape in shapes(row):
            if (key := (slug(row), shape)) in seen:
                continue
            seen.add(key)
            how, words = SHAPES[shape]
            yield Defect(
                f"ro61-{key[0]}-{shape}", f"In the delivery instruction {row.rule.text} {words}", "TMS",
                partial(_on_sending, partial(edit, path=row.rule.path, how=how), instruction),
                (*violated(row, rows, shape), "RO61-TMS-015"), subject=subject("instruction", row), alone=slug(row) in HIDING,
            )  # fmt: skip
    for keyword, number in (("TreatmentDeliveryType", "105"), ("CurrentFractionNumber", "107")):
        yield Defect(
            f"ro61-{number}-another", f"In the delivery instruction {keyword} is another than the workitem says", "TMS",
            partial(_on_sending, partial(_in_beam_tasks, keyword), instruction), (f"RO61-TMS-{number}", "RO61-TMS-015"), subject=("instruction", "BeamTaskSequence", keyword),
        )  # fmt: skip
    yield Defect(
        "ro61-another-class", "Has another SOP Class UID in the delivery instruction than in the C-STORE command", "TMS",
        _other_class, ("RO61-TMS-101", "RO61-TMS-004", "RO61-TMS-015"), alone=True,
    )  # fmt: skip


def _other_class(tms: Any) -> None:
    def sent(event: Any) -> None:
        message = event.message
        if message.command_set.get("CommandField") == C_STORE_RQ:
            own = str(RTBeamsDeliveryInstructionStorage).encode()
            # As long as the right one, so that no length changes.
            message.data_set = BytesIO(message.data_set.getvalue().replace(own, own[:-1] + b"9", 1))

    _listen_to_stores(tms, sent)


def _in_beam_tasks(keyword: str, dataset: Dataset) -> None:
    for task in dataset.get("BeamTaskSequence") or ():
        setattr(
            task,
            keyword,
            "TREATMENT" if task.get(keyword) == "CONTINUATION" else 99 if keyword.endswith("Number") else "CONTINUATION",
        )


def _plan_along(tms: Any) -> None:
    def select(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
        def as_plan(dataset: Dataset) -> None:
            dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.5", ANOTHER

        plans = [instance_of(_rewritten(i, as_plan).encoded, i.transfer_syntax) for i in found[:1]]
        return [*found, *plans]

    _on_select(select, tms)
