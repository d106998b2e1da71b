"""Defects of filtered global subscriptions: which kinds of keys they match [CC.2.3.3.1]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..ups import FILTERED, Outcome
from ..ups.datasets import plain
from .deviations import Defect
from .hooks import Around, around
from .tms import dashed, defect, one

START, STATION, LABEL = "ScheduledProcedureStepStartDateTime", "ScheduledStationNameCodeSequence", "ProcedureStepLabel"
NOBODY = "~"  # Patient ID of nobody
LEFT_OUT = ("ProcedureStepState", START, STATION, LABEL, "ReplacedProcedureStepSequence")


def _on_filters(tms: Any, change: Callable[[Dataset], None]) -> None:
    """Let `change` alter the keys of each filtered global subscription."""

    def subscribe(original: Around, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        if uid == FILTERED and keys is not None:
            keys = plain(keys)
            change(keys)
        outcome: Outcome = original(uid, receiver, lock, keys)
        return outcome

    around(tms.worklist, "subscribe", subscribe)


@defect.rows
def _rows_of_left_out() -> Iterator[Defect]:
    for keyword in LEFT_OUT:
        yield one(
            f"filter-without-{dashed(keyword)}", f"Leaves {keyword} out of the keys of a filtered global subscription",
            partial(_leave_out, keyword), "CC23-TMS-041",
        )  # fmt: skip


def _leave_out(keyword: str, tms: Any) -> None:
    _on_filters(tms, lambda keys: keys.__delattr__(keyword) if keyword in keys else None)


@defect("filter-by-a-range-nothing", "Matches nothing by a range in a filtered global subscription", "CC23-TMS-041",
        given=(lambda keys: "-" in str(keys.get(START) or ""),))  # fmt: skip
@defect("filter-by-a-sequence-nothing", "Matches nothing by a sequence in a filtered global subscription", "CC23-TMS-041",
        given=(lambda keys: bool(keys.get(STATION)),))  # fmt: skip
@defect("filter-by-an-empty-key-nothing", "Matches nothing by a filtered global subscription with an empty key", "CC23-TMS-041",
        given=(lambda keys: LABEL in keys and not keys.get(LABEL),))  # fmt: skip
@defect("filter-by-a-state-nothing", "Matches nothing by the state in a filtered global subscription", "CC23-TMS-041",
        given=(lambda keys: bool(keys.get("ProcedureStepState") and keys.get("PatientID")),))  # fmt: skip
def _nothing(where: Callable[[Dataset], bool], tms: Any) -> None:
    _on_filters(tms, lambda keys: setattr(keys, "PatientID", NOBODY) if where(keys) else None)
