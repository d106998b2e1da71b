"""Defects of what a C-FIND response holds [CC.2.8]."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..dimse import left_undeclared
from ..profile.ups_service import TRIAL, UPS
from ..profile.ups_tables import attribute_rows
from ..ups.datasets import plain
from ..ups.times import value_start
from .attributes import asks_as_a_tdd, drop, edit, empty
from .deviations import Defect
from .hooks import on_find_responses, on_responses, set_command
from .queries import ANOTHER, C_FIND, MANY, PENDING, START, dashed
from .tms import defect, one

PENDING_UNSUPPORTED = 0xFF01
PEOPLE = {"DA": "%Y-%m-%d", "TM": "%I.%M %p", "DT": "%Y-%m-%dT%H:%M:%S"}  # how people write what DICOM writes otherwise
# Return keys of type 3, and what a response is known by.
NOT_IN_RESPONSES = (
    "SpecificCharacterSet", "TransactionUID", "SOPInstanceUID", "CommentsOnTheScheduledProcedureStep",
    "UnifiedProcedureStepPerformedProcedureSequence",
)  # fmt: skip


@defect.rows
def _rows_of_each() -> Iterator[Defect]:
    yield one(
        "find-zero-length-without-value",
        "Returns Procedure Step Label without value",
        partial(_each, lambda r, i: empty(r, "ProcedureStepLabel") if not asks_as_a_tdd(i) and len(i) < MANY else None),
        "CC28-TMS-008",
    )
    yield one(
        "find-lock-when-asked",
        "Returns the Transaction UID to who asks for it",
        partial(_each, partial(_with_lock, asked=True)),
        "CC28-TMS-040",
        "RO58-TMS-020",
    )
    yield one(
        "find-lock-always",
        "Returns a Transaction UID with every response",
        partial(_each, partial(_with_lock, asked=False)),
        "CC28-TMS-038",
        "CC28-TMS-040",
        "RO58-TMS-006",
        "RO58-TMS-020",
        "RO58-TMS-162",
    )
    yield one(
        "find-without-character-set",
        "Names no Specific Character Set in responses",
        partial(_each, lambda r, i: drop(left_undeclared(r), "SpecificCharacterSet")),
        "CC28-TMS-061",
        "RO58-TMS-021",
    )


def _each(how: Callable[[Dataset, Dataset], None], tms: Any) -> None:
    def changed(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        for response in responses:
            response._tms = tms
            how(response, identifier)
            yield response

    on_find_responses(tms, changed)


@defect.rows
def _rows_of_edit_everything() -> Iterator[Defect]:
    for keyword in [k for k, r in attribute_rows().items() if r.create in ("1", "2", "special") and k not in NOT_IN_RESPONSES]:
        yield one(
            f"find-everything-without-{dashed((keyword,))}", f"Leaves {keyword} out when a query asks for every attribute",
            partial(_edit_everything, keyword), "CC28-TMS-037",
        )  # fmt: skip


def _edit_everything(keyword: str, tms: Any) -> None:
    _each(lambda response, identifier: drop(response, keyword) if len(identifier) > MANY else None, tms)


@defect("find-empty-sequence-key-nothing", "Returns no items for an empty sequence key", "CC28-TMS-009")
def _no_whole_sequences(tms: Any) -> None:
    def no_items(response: Dataset, identifier: Dataset) -> None:
        for element in identifier:
            whole = element.VR == "SQ" and not any(len(item) for item in element.value or ())
            if (
                whole
                and element.keyword.startswith("ScheduledStation")
                and not asks_as_a_tdd(identifier)
                and len(identifier) < MANY
            ):
                empty(response, element.keyword)

    _each(no_items, tms)


@defect("find-with-more", "Returns Comments with every response, asked for or not", "CC28-TMS-038", "RO58-TMS-006", through=_each)
def _with_comments(response: Dataset, identifier: Dataset) -> None:
    if "CommentsOnTheScheduledProcedureStep" not in identifier:
        response.CommentsOnTheScheduledProcedureStep = "Unasked"


@defect(
    "find-with-more-in-items",
    "Returns whole items when some of their attributes are asked for",
    "CC28-TMS-038",
    "CC28-TMS-026",
    "RO58-TMS-006",
)
def _whole_items(tms: Any) -> None:
    def more(response: Dataset, identifier: Dataset) -> None:
        for element in identifier:
            if element.VR == "SQ" and any(len(item) for item in element.value or ()):
                for item in response.get(element.keyword) or ():
                    if "CodeMeaning" not in element.value[0]:
                        item.CodeMeaning = "Unasked"

    _each(more, tms)


def _with_lock(response: Dataset, identifier: Dataset, asked: bool) -> None:
    if ("TransactionUID" in identifier) or not asked:
        response.TransactionUID = ANOTHER


@defect(
    "find-class-as-negotiated",
    "Returns in SOP Class UID the class that the query came through",
    "CC28-TMS-039",
    "CC31-TMS-004",
    "RO58-TMS-101",
    through=_each,
)
def _negotiated_class(response: Dataset, identifier: Dataset) -> None:
    if "SOPClassUID" in response:
        response.SOPClassUID = UPS.PULL


@defect("find-trial-class", "Returns the trial UPS class in SOP Class UID to a TDD", "RO58-TMS-101", "RO58-TMS-024", through=_each)
def _trial(response: Dataset, identifier: Dataset) -> None:
    if "SOPClassUID" in response and asks_as_a_tdd(identifier):
        response.SOPClassUID = f"{TRIAL}3"


@defect("find-empty-character-set", "Sends an empty Specific Character Set", "CC28-TMS-045", through=_each)
def _empty_set(response: Dataset, identifier: Dataset) -> None:
    if len(identifier) > MANY:
        left_undeclared(response).SpecificCharacterSet = None


@defect("find-first-item-only", "Returns of a sequence the first item only", "CC28-TMS-009", through=_each)
def _first_items(response: Dataset, identifier: Dataset) -> None:
    for element in response:
        if element.VR == "SQ" and element.keyword.startswith("ScheduledStation") and not asks_as_a_tdd(identifier):
            element.value = element.value[:1]


@defect("find-matching-items-missing", "Returns the items of a sequence that do not match", "CC28-TMS-026", through=_each)
def _other_items(response: Dataset, identifier: Dataset) -> None:
    for element in identifier:
        wanted = [item.get("AccessionNumber") for item in element.value or ()] if element.VR == "SQ" else []
        if element.keyword == "ReferencedRequestSequence" and any(wanted) and response.get(element.keyword):
            for item in response[element.keyword].value:
                if item.get("AccessionNumber") in wanted:
                    item.AccessionNumber = "Acc-9"


@defect("find-one-of-several-values", "Returns of several values the one that was asked for", "CC28-TMS-066", through=_each)
def _one_value(response: Dataset, identifier: Dataset) -> None:
    for keyword in ("AdmittingDiagnosesDescription", "MedicalAlerts"):
        if identifier.get(keyword) and response.get(keyword):
            setattr(response, keyword, identifier[keyword].value)


@defect("find-special-needs-left-out", "Leaves Special Needs out of responses, with FF00", "CC28-TMS-065", through=_each)
def _left_out(response: Dataset, identifier: Dataset) -> None:
    drop(response, "SpecialNeeds")


@defect("find-ff01-always", "Sends every match with FF01, also where no optional key was asked for", "CC28-TMS-065")
def _always_ff01(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == PENDING:
            set_command(message.command_set, Status=PENDING_UNSUPPORTED)

    on_responses(tms, C_FIND, sent)


@defect("find-labels-mixed", "Returns the label of another UPS", "CC28-TMS-053")
def _mixed_labels(tms: Any) -> None:
    def mixed(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        kept = list(responses)
        labels = [one_.get("ProcedureStepLabel") for one_ in kept]
        for response, label in zip(kept, labels[1:] + labels[:1], strict=True):
            if label is not None and len(kept) > 10:
                response.ProcedureStepLabel = label
            yield response

    on_find_responses(tms, mixed)


@defect(
    "find-start-as-people-write-it-for-a-tdd",
    "Returns Scheduled Procedure Step Start DateTime to a TDD as 2026-11-29T12:00:00",
    "RO58-TMS-026",
    through=_each,
)
def _start_as_people_write_it(response: Dataset, identifier: Dataset) -> None:
    there = value_start(str(response.get(START) or ""), "DT")
    if there is not None and asks_as_a_tdd(identifier):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom sees it, too
            response[START] = DataElement(response[START].tag, "DT", f"{there.astimezone():%Y-%m-%dT%H:%M:%S}")


@defect(
    "find-times-as-people-write-them", "Returns every date, time and date-time as people write them", "RO58-TMS-026", through=_each
)
def _times_as_people_write_them(response: Dataset, identifier: Dataset) -> None:
    for element in response.iterall():
        there = value_start(str(element.value or ""), element.VR) if element.VR in PEOPLE else None
        if there is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom sees it, too
                element.value = f"{there.astimezone():{PEOPLE[element.VR]}}"


@defect(
    "find-inputs-first-only-for-a-tdd",
    "Returns the first input only to a TDD",
    "RO58-TMS-023",
    "RO58-TMS-148",
    "RO58-TMS-150",
    through=_each,
)
def _first_input(response: Dataset, identifier: Dataset) -> None:
    if asks_as_a_tdd(identifier) and response.get("InputInformationSequence"):
        response.InputInformationSequence = list(response.InputInformationSequence)[:1]


def _parameter(response: Dataset, code: str) -> Iterator[Dataset]:
    for item in response.get("ScheduledProcessingParametersSequence") or ():
        if any(name.get("CodeValue") == code for name in item.get("ConceptNameCodeSequence") or ()):
            yield item


@defect(
    "ro58-start-other-of-two",
    "Tells a TDD TREATMENT for CONTINUATION, and the other way round",
    "RO58-TMS-141",
    through=_each,
)
def _other_start(response: Dataset, identifier: Dataset) -> None:
    if asks_as_a_tdd(identifier):
        for item in _parameter(response, "121740"):
            item.TextValue = {"TREATMENT": "CONTINUATION"}.get(item.TextValue, "TREATMENT")


@defect(
    "ro58-plan-of-another",
    "Names another plan, of the same class, in answers to a TDD",
    "RO58-TMS-160",
    "RO58-TMS-023",
    through=_each,
)
def _other_plan(response: Dataset, identifier: Dataset) -> None:
    from ..profile.paths import parse_path

    if asks_as_a_tdd(identifier):
        path = "InputInformationSequence[class RTPlanStorage].ReferencedSOPSequence.ReferencedSOPInstanceUID"
        edit(response, parse_path(path), lambda item, keyword: setattr(item, keyword, ANOTHER))


@defect("find-all-items", "Returns all items of a sequence, not only those that match", "CC28-TMS-026")
def _all_items(tms: Any) -> None:
    """Return the items that do not match beside those that do, with the attributes asked for."""

    def more(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        for response in responses:
            record = tms.worklist.store.get(str(response.get("SOPInstanceUID") or ""))
            for element in identifier:
                asked = element.value[0] if element.VR == "SQ" and element.value and len(element.value[0]) else None
                if asked is not None and record is not None and record.attributes.get(element.keyword):
                    items = [_part(item, asked) for item in plain(record.attributes)[element.keyword].value]
                    setattr(response, element.keyword, items)
            yield response

    on_find_responses(tms, more)


def _part(item: Dataset, asked: Dataset) -> Dataset:
    part = Dataset()
    for element in asked:
        if element.tag not in item:
            continue
        below = element.value[0] if element.VR == "SQ" and element.value and len(element.value[0]) else None
        if below is None:
            part[element.tag] = item[element.tag]
        else:
            setattr(part, element.keyword, [_part(one_, below) for one_ in item[element.tag].value or ()])
    return part
