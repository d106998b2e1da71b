"""A TMS that refuses what it may: undeclared text, attributes that an action does not have, filtered subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR
from pynetdicom import evt

from ..dcmdump.coding import character_encodings
from .variations import variation

__all__: list[str] = []

INVALID_VALUE, INVALID_ARGUMENT, CANNOT_PROCESS = 0x0106, 0x0115, 0xC000
# Attributes of Action Information, by Action Type ID [CC.2.1.1, CC.2.2.1, CC.2.3.1].
REASONS = {
    "ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence", "ContactURI", "ContactDisplayName",
    "SpecificCharacterSet",
}  # fmt: skip
ACTIONS = {
    1: {"ProcedureStepState", "TransactionUID"}, 2: REASONS, 4: {"ReceivingAE"}, 5: {"ReceivingAE"},
}  # fmt: skip


@variation(
    "strict", "Refuses undeclared text, attributes that an action does not have, and filtered subscriptions", "CC.2.5, CC.2.6",
    unsupported=("filtered-subscription",),
)  # fmt: skip
def _strict(tms: Any) -> None:
    tms.refuse_filtered()
    for kind, data, status in (
        (evt.EVT_N_CREATE, "AttributeList", INVALID_VALUE),
        (evt.EVT_N_SET, "ModificationList", INVALID_VALUE),
        (evt.EVT_N_ACTION, "ActionInformation", INVALID_ARGUMENT),
    ):
        tms.server.wrap_handler(kind, partial(_answered, data, status))
    tms.server.wrap_handler(evt.EVT_C_FIND, _found)


def _answered(data: str, status: int, handler: Callable[[Any], Any], event: Any) -> Any:
    sent = _sent(event, data)
    if sent is not None:
        if fault := _undeclared(sent, [default_encoding]):
            return _refusal(status, fault), None
        if data == "ActionInformation" and (fault := _undefined(sent, event)):
            return _refusal(status, fault), None
    return handler(event)


def _found(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
    sent = _sent(event, "Identifier")
    if sent is not None and (fault := _undeclared(sent, [default_encoding])):
        yield _refusal(CANNOT_PROCESS, fault), None
        return
    yield from handler(event)


def _sent(event: Any, data: str) -> Dataset | None:
    """Return the data set of a request, as its bytes are; ``None`` if there is none, which others judge."""
    stream = getattr(event.request, data)
    if stream is None:
        return None
    try:
        return read_dataset(BytesIO(stream.getvalue()), event.context.transfer_syntax.is_implicit_VR, True)
    except Exception:  # pydicom raises whatever the bytes lead it to
        return None


def _refusal(status: int, comment: str) -> Dataset:
    refused = Dataset()
    refused.Status, refused.ErrorComment = status, comment[:64]
    return refused


def _vr(element: Any) -> str:
    if element.VR is not None:
        return str(element.VR)
    try:
        return dictionary_VR(element.tag)
    except KeyError:
        return "UN"


def _undeclared(dataset: Dataset, encodings: list[str]) -> str:
    """Return what is not in the character sets that it is said to be in."""
    if "SpecificCharacterSet" in dataset:
        encodings = character_encodings(dataset.SpecificCharacterSet)
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if _vr(element) == "SQ":
            for item in dataset[tag].value or ():
                if fault := _undeclared(item, encodings):
                    return fault
        elif isinstance(element, RawDataElement) and element.value and _vr(element) in CUSTOMIZABLE_CHARSET_VR:
            plain = element.value.isascii() and b"\x1b" not in element.value
            if not plain and not any(_reads(element.value, encoding) for encoding in encodings):
                return f"{element.tag} is not in the Specific Character Set"
    return ""


def _reads(value: bytes, encoding: str) -> bool:
    if encoding == default_encoding:  # ASCII, which pydicom takes Latin 1 for
        return False
    try:
        value.decode(encoding)
    except (UnicodeError, LookupError):
        return b"\x1b" in value  # code extensions are for others to judge
    return True


def _undefined(dataset: Dataset, event: Any) -> str:
    """Return an attribute that the Action Information does not have."""
    known = ACTIONS.get(event.action_type)
    return "" if known is None else next((f"{e.tag} is undefined here" for e in dataset if e.keyword not in known), "")
