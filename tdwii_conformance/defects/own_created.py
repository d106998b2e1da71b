"""Defects of a TMS that makes its workitems itself: what they lack, how they begin, what is not reported of them [CC.2.5.3]."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..profile.ups_service import ASSIGNED, STATE_REPORT
from ..treatment.messages import code_item, item
from ..ups import Event, Outcome
from ..ups.datasets import merged
from .deviations import Defect, OwnWorkitems, Rows
from .hooks import Around, Reported, around, on_events, on_records
from .own_workitems import without
from .tms import MODIFIED, PROGRESS

__all__ = ["defect"]

ON_DEMAND = OwnWorkitems(0, 0, on_demand=True)
PARAMETERS = "ScheduledProcessingParametersSequence"


def _one(name: str, sentence: str, apply: Callable[[Any], None], *requirements: str) -> Defect:
    """Return a defect of a TMS that takes no N-CREATE."""

    def applied(tms: Any) -> None:
        without(tms, "push")
        apply(tms)

    return Defect(name, sentence, "TMS", applied, requirements, own=ON_DEMAND)


defect = Rows(_one)


def _when_made(change: Callable[[Dataset], None], tms: Any) -> None:
    on_records(tms, lambda attributes, earlier: change(attributes) if earlier is None else None)


@defect(
    "own-code-without-meaning", "Makes workitems with a code that has no meaning, of the station's class", "CC25-TMS-035",
    through=_when_made,
)  # fmt: skip
def _no_meaning(made: Dataset) -> None:
    made.ScheduledStationClassCodeSequence = [item(CodeValue="LINAC", CodingSchemeDesignator="99TDWII")]


@defect(
    "own-parameter-without-value", "Makes workitems with a processing parameter of type TEXT that has no text", "CC25-TMS-036",
    through=_when_made,
)  # fmt: skip
def _no_text(made: Dataset) -> None:
    made[PARAMETERS].value.append(item(ValueType="TEXT", ConceptNameCodeSequence=[code_item("NOTE", "99TDWII", "A note")]))


@defect(
    "own-issuer-without-identifier-type", "Makes workitems that leave out what may be empty, of the issuer of the Patient ID",
    "CC25-TMS-037", through=_when_made,
)  # fmt: skip
def _no_identifier_type(made: Dataset) -> None:
    made.IssuerOfPatientIDQualifiersSequence = [
        item(UniversalEntityID="1.2.3.4", UniversalEntityIDType="ISO", AssigningFacilitySequence=[])
    ]


@defect(
    "own-parameter-of-undefined-type", "Makes workitems with a processing parameter of the Value Type NUM", "CC25-TMS-038",
    through=_when_made,
)  # fmt: skip
def _undefined_type(made: Dataset) -> None:
    made[PARAMETERS].value.append(item(ValueType="NUM", ConceptNameCodeSequence=[code_item("NOTE", "99TDWII", "A note")]))


@defect("own-made-in-progress", "Makes workitems IN PROGRESS", "CC25-TMS-039")
def _in_progress(tms: Any) -> None:
    def make(original: Around, uid: str, attributes: Dataset) -> Outcome:
        started = item(ProcedureStepState="IN PROGRESS", TransactionUID=generate_uid())
        outcome: Outcome = tms.worklist.restore(uid, merged(attributes, started))
        return outcome

    around(tms, "make", make)


@defect("own-made-with-progress", "Makes workitems with a progress of 0", "CC25-TMS-040", through=_when_made)
def _with_progress(made: Dataset) -> None:
    setattr(made, PROGRESS, [item(ProcedureStepProgress="0")])


@defect("own-modification-time-of-old", "Makes workitems with a modification time of years ago", "CC25-TMS-041", through=_when_made)
def _of_old(made: Dataset) -> None:
    setattr(made, MODIFIED, "20010101120000")


@defect("own-plan-label-of-another-plan", "Makes workitems with a Plan Label that is not that of the plan", "RO58-TMS-027",
        through=_when_made)  # fmt: skip
def _another_label(made: Dataset) -> None:
    for parameter in made.get(PARAMETERS) or ():
        if parameter.ConceptNameCodeSequence[0].CodeValue == "2018001":
            parameter.TextValue = "Another plan"


def _unreported(kind: int, method: str, tms: Any) -> None:
    """Have the events of a kind that a method of the TMS causes not come."""
    here = threading.local()

    def silent(original: Around, *given: Any) -> Outcome:
        here.silent = True
        try:
            outcome: Outcome = original(*given)
        finally:
            here.silent = False
        return outcome

    def told(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if not (getattr(here, "silent", False) and event.type == kind):
            yield event, receivers

    around(tms, method, silent)
    on_events(tms, told)


@defect.rows
def _rows_of_unreported() -> Iterator[Defect]:
    yield _one(
        "own-cancel-unreported", "Does not report that its user canceled a workitem",
        partial(_unreported, STATE_REPORT, "cancel"), "CC24-TMS-028",
    )  # fmt: skip
    yield _one(
        "own-move-unreported", "Does not report that its user moved a workitem to another station",
        partial(_unreported, ASSIGNED, "move"), "CC24-TMS-029",
    )  # fmt: skip
