"""Defects of the OST: what it keeps of what is stored, and how it answers C-STORE [RO-59, RO-63]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTIonPlanStorage
from pynetdicom import evt

from ..simulators.instances import Instance, instance_of
from .deviations import Defect, Rows
from .hooks import Around, around, on_responses, set_command
from .retrieval import ANOTHER, C_STORE_RSP, RECORDS, SUCCESS, Apply, on_select, rewritten


def of_the_ost(name: str, sentence: str, apply: Apply, *requirements: str) -> Defect:
    """Return a defect of the OST."""
    return Defect(f"ost-{name}", sentence, "OST", apply, requirements)


stored = Rows(of_the_ost)


@stored(
    "keeps-no-earlier-record",
    "Sends nothing for the treatment record of an interrupted session",
    "RO59-OST-016",
    "RO63-OST-003",
    given=(RECORDS,),
)
@stored("sends-no-ion-plan", "Sends no RT Ion Plan", "RO59-OST-017", given=((RTIonPlanStorage,),))
def _not_sent(classes: tuple[str, ...], ost: Any) -> None:
    on_select(lambda found, identifier, store: [i for i in found if i.sop_class not in classes], ost)


def _is_record(event: Any) -> bool:
    return event.request.AffectedSOPClassUID in RECORDS


@stored("record-stored-with-warning", "Answers B000 to the C-STORE of a record", "RO63-OST-001", "RO63-OST-005", given=(45056,))
def _store_answer(status: int, ost: Any) -> None:
    ost.server.wrap_handler(
        evt.EVT_C_STORE, lambda handler, event: status if (answer := handler(event)) == SUCCESS and _is_record(event) else answer
    )


@stored("record-refused", "Refuses a treatment record with A700, and keeps nothing", "RO63-OST-001", "RO63-OST-005")
def _refuses_records(ost: Any) -> None:
    ost.server.wrap_handler(evt.EVT_C_STORE, lambda handler, event: 0xA700 if _is_record(event) else handler(event))


@stored("records-of-one-beam-only", "Keeps of the records of a series the last that came", "RO63-OST-007")
def _keeps_the_last(ost: Any) -> None:
    came: dict[str, str] = {}

    def select(found: list[Instance], identifier: Dataset, store: Any) -> list[Instance]:
        return [one for one in found if one.sop_class not in RECORDS or came.get(one.series, one.uid) == one.uid]

    def add(original: Around, instance: Instance) -> None:
        came[instance.series] = instance.uid
        original(instance)

    around(ost.instances, "add", add)
    on_select(select, ost)


@stored("records-in-the-order-of-beams-only", "Refuses the record of a beam after that of a later one", "RO63-OST-007")
def _refuses_earlier_beams(ost: Any) -> None:
    last: dict[str, int] = {}

    def store(handler: Callable[[Any], int], event: Any) -> int:
        if not _is_record(event):
            return handler(event)
        number, series = int(event.dataset.get("InstanceNumber") or 0), str(event.dataset.SeriesInstanceUID)
        if number < last.get(series, number):
            return 0xC000
        last[series] = number
        return handler(event)

    ost.server.wrap_handler(evt.EVT_C_STORE, store)


@stored("record-of-interrupted-refused", "Refuses the record of an interrupted treatment", "RO63-OST-005")
def _refuses_interrupted(ost: Any) -> None:
    def store(handler: Callable[[Any], int], event: Any) -> int:
        interrupted = _is_record(event) and any(
            session.get("TreatmentTerminationStatus") not in (None, "NORMAL")
            for session in event.dataset.get("TreatmentSessionBeamSequence") or ()
        )
        return 0xC000 if interrupted else handler(event)

    ost.server.wrap_handler(evt.EVT_C_STORE, store)


@stored(
    "record-response-of-another",
    "Names another instance in the response to C-STORE",
    "RO63-OST-002",
    named={"AffectedSOPInstanceUID": ANOTHER},
)
@stored(
    "record-response-of-another-class",
    "Names another SOP class in the response to C-STORE",
    "RO63-OST-002",
    named={"AffectedSOPClassUID": RTIonPlanStorage},
)
def _store_response(ost: Any, **values: str) -> None:
    on_responses(ost, C_STORE_RSP, lambda message, association: set_command(message.command_set, **values))


@stored("record-lost", "Answers success to a record that it does not keep", "RO63-OST-003")
def _loses_records(ost: Any) -> None:
    around(ost.instances, "add", lambda original, instance: None if instance.sop_class in RECORDS else original(instance))


@stored.rows
def _rows_of_keeps_changed() -> Iterator[Defect]:
    yield of_the_ost(
        "record-changed",
        "Keeps the record with another Manufacturer",
        partial(_keeps_changed, lambda d: setattr(d, "Manufacturer", "Changed")),
        "RO63-OST-004",
    )


def _keeps_changed(how: Callable[[Dataset], object], ost: Any) -> None:
    around(ost.instances, "add", lambda original, instance: (
        original(rewritten(instance, how) if instance.sop_class in RECORDS else instance)
    ))  # fmt: skip


@stored("record-without-meterset", "Keeps the record without its Specified Metersets", "RO63-OST-004", through=_keeps_changed)
def _no_meterset(dataset: Dataset) -> None:
    for session in dataset.get("TreatmentSessionBeamSequence") or ():
        for point in session.get("ControlPointDeliverySequence") or ():
            point.pop(0x30080042, None)


@stored(
    "record-under-another-study",
    "Keeps a record under a study of its own",
    "RO63-OST-003",
    "RO63-OST-004",
    "RO63-OST-006",
)
def _another_study(ost: Any) -> None:
    def add(original: Around, instance: Instance) -> None:
        if instance.sop_class in RECORDS:
            instance = rewritten(instance, lambda dataset: setattr(dataset, "StudyInstanceUID", ANOTHER))
            instance = instance_of(instance.encoded, instance.transfer_syntax)
        original(instance)

    around(ost.instances, "add", add)
