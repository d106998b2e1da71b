"""What a UPS has to have that an SCP has made itself: the same as one that was created by N-CREATE [PS3.4 CC.2.5.1.3, CC.2.5.3]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydicom.dataset import Dataset

from ..profile.ups_service import STATE_REPORT
from ..profile.ups_tables import STATES, AttributeRow, attribute_rows
from ..transcript.exchange import Exchange
from . import events
from .creation import PERFORMED, PROGRESS, nothing
from .findings import Finding

__all__ = ["born_scheduled", "conditional_values", "defined_values", "nothing_performed", "plan_agrees", "present", "values"]

ROWS = attribute_rows()
# Asked and answered elsewhere: identity and state have requirements of their own, and what is the performer's is empty.
APART = frozenset({"TransactionUID", "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", PROGRESS, PERFORMED})
Place = tuple[str, Dataset, AttributeRow]  # where an attribute is, or ought to be: path, what holds it, its row


def _places(holder: Dataset, rows: Mapping[str, AttributeRow] = ROWS, path: str = "") -> Iterator[Place]:
    """Yield every attribute that a UPS, or an item of it, may have; those of items that are not there are left out."""
    for keyword, row in rows.items():
        if keyword in APART or row.get == "not allowed":
            continue
        yield f"{path}{keyword}", holder, row
        for number, item in enumerate(holder.get(keyword) or () if row.vr == "SQ" else ()):
            yield from _places(item, row.items, f"{path}{keyword}[{number}].")


def _lacks(holder: Dataset, row: AttributeRow) -> str:
    if row.keyword not in holder:
        return "attribute absent"
    return "present without a value" if nothing(holder[row.keyword]) else ""


def values(shown: Dataset) -> list[Finding]:
    """Check that everything of type 1 has a value in every item that is there.

    At the top level, where N-GET asks for each by its name, that is CC27-TMS-001.

    Parameters
    ----------
    shown : Dataset
        All that N-GET shows of the UPS.
    """
    return [
        Finding("a value, as type 1 asks for", lacking, place)
        for place, holder, row in _places(shown)
        if row.create == "1" and "." in place and (lacking := _lacks(holder, row))
    ]


def conditional_values(shown: Dataset) -> list[Finding]:
    """Check that what is of type 1C has a value where its condition holds, as far as the data set shows that."""
    return [
        Finding("a value, as the condition of type 1C holds", lacking, place)
        for place, holder, row in _places(shown)
        if row.create == "1C" and row.need is not None and row.need.holds(holder) and (lacking := _lacks(holder, row))
    ]


def present(shown: Dataset) -> list[Finding]:
    """Check that what is of type 2 is there in every item, with or without a value.

    At the top level, where N-GET asks for each by its name, that is CC27-TMS-001.
    """
    return [
        Finding("the attribute, if need be without a value, as type 2 asks for", "attribute absent", place)
        for place, holder, row in _places(shown)
        if row.create == "2" and "." in place and row.keyword not in holder
    ]


def defined_values(shown: Dataset) -> list[Finding]:
    """Check that every attribute with defined values has one of these."""
    return [
        Finding(f"one of {', '.join(row.values)}", f"value {holder.get(row.keyword)!r}", place)
        for place, holder, row in _places(shown)
        if row.values and not _lacks(holder, row) and str(holder.get(row.keyword)) not in row.values
    ]


def nothing_performed(shown: Dataset) -> list[Finding]:
    """Check that a new UPS has no progress and no performed procedure: they are created empty."""
    return [
        Finding("no items, or empty ones: nothing was done yet", f"{len(items)} item(s) with content", keyword)
        for keyword in (PROGRESS, PERFORMED)
        if any(map(len, items := shown.get(keyword) or ()))
    ]


def born_scheduled(state: str, reports: Iterable[Exchange]) -> list[Finding] | None:
    """Check that a UPS began as SCHEDULED; ``None`` if that cannot be first.

    Parameters
    ----------
    state : str
        In which it was first found.
    reports : iterable of Exchange
        What was reported of it to an AE with a global subscription.
    """
    first: Sequence[str] = events.states_reported(one for one in reports if events.event_type(one) == STATE_REPORT)
    if state == "SCHEDULED" or first[:1] == ["SCHEDULED"]:
        return []
    if state not in STATES:
        return [Finding("state SCHEDULED, in which a UPS begins", f"state {state!r}", "ProcedureStepState")]
    # Somebody else may have claimed it before we looked.
    return [Finding("SCHEDULED as the first state that is reported", f"{first[0]}", "ProcedureStepState")] if first else None


LABEL, PLANNED = "2018001", "2018003"


def plan_agrees(identifier: Dataset, plan: Dataset) -> list[Finding]:
    """Check that a workitem says of its plan what the plan says: Plan Label, and Number of Fractions Planned.

    Parameters
    ----------
    identifier : Dataset
        The response of RO-58.
    plan : Dataset
        The RT Plan or RT Ion Plan that it refers to. It may have several fraction groups: the workitem is of one of them.
    """
    found: list[Finding] = []
    groups = plan.get("FractionGroupSequence") or ()
    numbers = [str(int(group.NumberOfFractionsPlanned)) for group in groups if group.get("NumberOfFractionsPlanned")]
    for entry in identifier.get("ScheduledProcessingParametersSequence") or ():
        concept = next((str(name.get("CodeValue")) for name in entry.get("ConceptNameCodeSequence") or ()), "")
        place = f"ScheduledProcessingParametersSequence[concept {concept}]"
        label = str(plan.get("RTPlanLabel") or "")
        if concept == LABEL and label and str(entry.get("TextValue") or "").strip() != label.strip():
            found.append(Finding(f"the RT Plan Label of the plan, {label!r}", f"{entry.get('TextValue')!r}", f"{place}.TextValue"))
        if concept == PLANNED and numbers and entry.get("NumericValue") is not None:
            given = float(entry.NumericValue)
            if given not in map(float, numbers):
                expected = f"the Number of Fractions Planned of the plan, {' or '.join(numbers)}"
                found.append(Finding(expected, f"{entry.NumericValue}", f"{place}.NumericValue"))
    return found
