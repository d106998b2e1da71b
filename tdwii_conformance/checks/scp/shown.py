"""What an answer shows of a workitem, compared with what is known of it [CC.2.5, CC.2.6, CC.2.7]."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ...profile.statuses import is_failure
from ...profile.ups_service import CHANGE_STATE, REQUEST_CANCEL
from ...profile.ups_tables import attribute_rows
from ...transcript.exchange import Exchange
from .. import creation
from ..attributes import shown
from ..findings import Finding
from ..modification import same_meaning
from ..move import same_content
from .answers import ILLEGAL, PERFORMED, PROGRESS, REASON
from .belief import Known, Workitem

__all__ = ["OWN", "differing"]

# What the SCP says by itself, and what may change without a request that a record shows.
OWN = (
    "ScheduledProcedureStepModificationDateTime", "SpecificCharacterSet", "TransactionUID", "ProcedureStepState", "SOPClassUID",
    "SOPInstanceUID", "TimezoneOffsetFromUTC",
)  # fmt: skip
BY_THE_TMS = ("InputReadinessState", "InputInformationSequence")  # it has the inputs: it may fetch what lacks
# What an SCP fills in when a workitem is canceled [CC.2.2.3, CC.2.5.1.3].
FILLED_IN = ("ProcedureStepCancellationDateTime", REASON, "ReasonForCancellation", "ContactURI", "ContactDisplayName")

Difference = tuple[tuple[str, ...], list[Finding], Exchange]


def differing(
    item: Workitem, dataset: Dataset, keywords: Collection[str], refused: Sequence[str] = (), *, whole: bool
) -> Iterator[Difference]:
    """Yield what is not as it is known to be.

    Parameters
    ----------
    item : Workitem
        What is known.
    dataset : Dataset
        What is shown.
    keywords : collection of str
        The attributes that the answer has to show; empty: all.
    refused : sequence of str
        Attributes that are not compared.
    whole : bool
        Whether an attribute that is not there is missing.

    Yields
    ------
    tuple
        Ids of requirements, findings, and the exchange from which it is known. Without findings: it is as it has to be.
    """
    for keyword, known in item.known.items():
        if (keywords and keyword not in keywords) or keyword in OWN or keyword in refused or not item.firm(known):
            continue
        if keyword in BY_THE_TMS and not item.complete:
            continue
        came = dataset.get_item(keyword) if keyword in dataset else None
        came = dataset[keyword] if came is not None else None
        if came is None and not whole:
            continue
        later = item.requests[known.since :]
        if known.how == "created":
            yield from _as_created(keyword, known, came, later)
        elif known.how == "set":
            yield from _as_set(keyword, known, came, later)
        else:
            yield from _as_shown(keyword, known, came, later)


def _alone(element: DataElement | None) -> Dataset:
    found = Dataset()
    if element is not None:
        found.add(element)
    return found


def _as_created(keyword: str, known: Known, came: DataElement | None, later: Sequence[Any]) -> Iterator[Difference]:
    sent = known.element
    row = attribute_rows().get(keyword)
    if sent is None or row is None or keyword in creation.APART:
        return
    found = list(creation.differences(_alone(sent), _alone(came)))
    ids = ("CC25-TMS-003",) if creation.supported(row) else ("CC25-TMS-007",)
    if keyword == "WorklistLabel" and sent.is_empty:
        ids, found = ("CC25-TMS-025",), [] if came is not None and not came.is_empty else [_no_value(keyword, came)]
    if not creation.supported(row) and (came is None or creation.nothing(came)):
        return  # kept or not, as the vendor likes
    yield (_blamed(keyword, came, later, ids) if found else ids), found, known.exchange


def _no_value(keyword: str, came: DataElement | None) -> Finding:
    return Finding("a value", "attribute absent" if came is None else "present without a value", keyword)


def _as_set(keyword: str, known: Known, came: DataElement | None, later: Sequence[Any]) -> Iterator[Difference]:
    sent = known.element
    if sent is None:
        return
    row = attribute_rows().get(keyword)
    supported = row is not None and (row.set_scp == "1" or keyword in (PROGRESS, PERFORMED))
    ids = ["CC26-TMS-012" if supported else "CC26-TMS-013"]
    found = list(_not_as_set(sent, came, keyword))
    if sent.VR == "SQ":
        items = list(came.value or ()) if came is not None and came.VR == "SQ" else []
        ids += ["CC26-TMS-015"] if came is not None and (len(items) > len(sent.value) or _more(sent.value, items)) else []
        ids += _of_tdw(keyword, sent, came) if found else []
    ids = list(dict.fromkeys(ids))
    yield (_blamed(keyword, came, later, tuple(ids)) if found else tuple(ids[:1])), found, known.exchange


def _more(sent: Sequence[Dataset], came: Sequence[Dataset]) -> bool:
    """Whether items have attributes that were not sent."""
    return any(
        e.tag not in one and not e.is_empty and e.keyword not in ("SpecificCharacterSet", *FILLED_IN)
        for one, other in zip(sent, came, strict=False)
        for e in other
    )


def _not_as_set(sent: DataElement, came: DataElement | None, path: str) -> Iterator[Finding]:
    if came is None:
        if not creation.nothing(sent):
            yield Finding("what was set", "attribute absent", path)
    elif sent.VR != "SQ":
        if not same_meaning(sent.VR, sent.value, came.value):
            yield Finding(f"value {shown(sent.value)}", f"value {shown(came.value)}", path)
    elif came.VR == "SQ":
        items, others = list(sent.value or ()), list(came.value or ())
        if len(items) != len(others):
            yield Finding(f"{len(items)} item(s), those that were set", f"{len(others)} item(s)", path)
        for number, (one, other) in enumerate(zip(items, others, strict=False)):
            for element in one:
                yield from _not_as_set(element, other.get(element.tag), f"{path}[{number}].{element.keyword or element.tag}")
            for extra in other:
                if extra.tag not in one and not extra.is_empty and extra.keyword not in ("SpecificCharacterSet", *FILLED_IN):
                    name = f"{path}[{number}].{extra.keyword or extra.tag}"
                    yield Finding("not there: it was not set", shown(extra.value), name)


def _of_tdw(keyword: str, sent: DataElement, came: DataElement | None) -> Iterator[str]:
    """Yield what TDW-II says of what an update has set."""
    one = next(iter(sent.value or ()), Dataset())
    other = next(iter(came.value or ()), Dataset()) if came is not None and came.VR == "SQ" else Dataset()
    if keyword == PROGRESS:
        for name, ids in (
            ("ProcedureStepProgress", ("RO62-TMS-003",)),
            ("ProcedureStepProgressParametersSequence", ("RO62-TMS-004",)),
            (REASON, ("RO64-TMS-006",)),
        ):
            came = other[name] if name in other else None  # noqa: SIM401  # get() of a data set gives the value alone
            if name in one and list(_not_as_set(one[name], came, name)):
                yield from ids
        if any(e.tag not in one and not e.is_empty and e.keyword not in FILLED_IN for e in other):
            yield "RO62-TMS-014"
    elif keyword == PERFORMED:
        outputs = [list(each.get("OutputInformationSequence") or ()) for each in (one, other)]
        if outputs[0] != outputs[1] and len(outputs[0]) > 1:
            yield "RO64-TMS-004"
        names = [
            [str(code.get("CodeMeaning")) for code in each.get("PerformedStationNameCodeSequence") or ()] for each in (one, other)
        ]
        if names[0] != names[1] and not all(name.isascii() for name in names[0]):
            yield "RO64-TMS-005"


def _without_filled_in(progress: DataElement | None) -> DataElement | None:
    """Return Progress Information without what a cancellation may have brought; ``None`` if nothing is left."""
    if progress is None or progress.VR != "SQ":
        return progress
    items = []
    for one in progress.value or ():
        left = Dataset()
        left.update({element.tag: element for element in one if element.keyword not in FILLED_IN})
        items += [left] if len(left) else []
    return DataElement(progress.tag, "SQ", items)


def _as_shown(keyword: str, known: Known, came: DataElement | None, later: Sequence[Any]) -> Iterator[Difference]:
    element = known.element
    if keyword == PROGRESS:
        came = _without_filled_in(came)
        element = _without_filled_in(element)
    if element is None or creation.nothing(element):
        found = [] if came is None or creation.nothing(came) else [Finding("no value, as before", shown(came.value), keyword)]
    else:
        found = same_content(_alone(element), _alone(came))
    found = [dataclasses.replace(one, expected=f"as before: {one.expected}") for one in found]
    ids = ("CC27-TMS-019",)
    yield (_blamed(keyword, came, later, ids) if found else ids), found, known.exchange


def _blamed(
    keyword: str, came: DataElement | None, later: Sequence[tuple[Exchange, tuple[str, ...]]], default: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the requirements on the request since then that is most likely to have changed an attribute."""
    row = attribute_rows().get(keyword)
    for exchange, _ids in reversed(later):  # one that brought just this, and must not have been taken
        brought = exchange.request.dataset
        if exchange.service != "N-SET" or is_failure(exchange.status) or brought is None or keyword not in brought or row is None:
            continue
        if (
            row.set in ("not allowed", "special", "-")
            and came is not None
            and not list(_not_as_set(brought[keyword], came, keyword))
        ):
            return ("CC26-TMS-017", *(("RO62-TMS-010",) if keyword in ("PatientName", "PatientID") else ()))
        if row.set_scp == "1" and brought[keyword].is_empty and (came is None or creation.nothing(came)):
            return ("CC26-TMS-019",)
    for exchange, ids in reversed(later):  # a request that was refused, and brought just this
        brought = exchange.request.dataset
        there = is_failure(exchange.status) and ids and brought is not None and keyword in brought and came is not None
        if there and brought is not None and not list(_not_as_set(brought[keyword], came, keyword)):
            if ids == ILLEGAL:
                return ids
            return (*ids, *({"N-CREATE": ("CC25-TMS-021",), "N-SET": ("RO62-TMS-007",)}.get(exchange.service, ())))
    for exchange, ids in reversed(later):
        if is_failure(exchange.status) and ids:
            return ids
    for exchange, _ids in reversed(later):
        kind = exchange.request.command.get("ActionTypeID")
        if exchange.service == "N-SET":
            also = ("RO64-TMS-008",) if exchange.request.dataset is not None and PERFORMED in exchange.request.dataset else ()
            return ("CC26-TMS-024", *also)
        if exchange.service == "N-ACTION" and kind == CHANGE_STATE:
            return {PERFORMED: ("RO65-TMS-017",), PROGRESS: ("CC21-TMS-005",)}.get(keyword, default)
        if exchange.service == "N-ACTION" and kind == REQUEST_CANCEL:
            return ("CC22-TMS-005",)
    return default
