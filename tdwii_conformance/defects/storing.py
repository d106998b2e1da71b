"""Defects of what RO-64 stores, as N-GET shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile import load_catalogue
from ..ups import Outcome
from .attributes import SHAPES, drop, edit, shapes, slug, violated
from .deviations import Defect
from .hooks import Around, around
from .modification import after_set
from .showing import any_get, on_get
from .tms import PERFORMED, PROCESSING_FAILURE, PROGRESS, defect, one


@defect.rows
def _rows_of_edit_shown() -> Iterator[Defect]:
    rows = load_catalogue().attributes("RO-64 stored", "TMS")
    seen = set()
    for row in rows:
        for shape in shapes(row):
            if (key := (slug(row), shape)) in seen:
                continue
            seen.add(key)
            how, words = SHAPES[shape]
            assert row.rule is not None
            yield one(
                f"ro64-{key[0]}-{shape}", f"Of a UPS in progress N-GET shows that {row.rule.text} {words}",
                partial(_edit_shown, row.rule.path, how), *violated(row, rows, shape),
            )  # fmt: skip


def _edit_shown(path: Any, how: Any, tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        # When all is asked for: what the TDD set is there, and not as it was set.
        if not tags and shown.get("ProcedureStepState") == "IN PROGRESS" and shown.get(PERFORMED):
            edit(shown, path, how)

    on_get(show, tms)


@defect.rows
def _rows_of_outputs() -> Iterator[Defect]:
    yield one(
        "ro64-outputs-reversed",
        "Shows output references in the opposite order",
        partial(_outputs, lambda o: o[::-1]),
        "RO64-TMS-004",
    )
    yield one(
        "ro64-outputs-first-only", "Shows the first output reference only", partial(_outputs, lambda o: o[:1]), "RO64-TMS-004"
    )


def _outputs(how: Callable[[list[Dataset]], list[Dataset]], tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        for item in shown.get(PERFORMED) or ():
            if item.get("OutputInformationSequence"):
                item.OutputInformationSequence = how(list(item.OutputInformationSequence))

    on_get(show, tms)


@defect("ro64-reason-lost", "Does not show the reason of a discontinuation", "RO64-TMS-006", "CC21-TMS-005")
def _no_reason(tms: Any) -> None:
    def show(shown: Dataset) -> None:
        for item in shown.get(PROGRESS) or ():
            drop(item, "ProcedureStepDiscontinuationReasonCodeSequence")

    any_get(show, tms)


@defect("ro64-final-update-completes", "Goes to COMPLETED with the final update", "RO64-TMS-002")
def _completes_with_update(tms: Any) -> None:
    def complete(kept: Dataset, earlier: Dataset) -> None:
        if kept.get(PERFORMED) and not earlier.get(PERFORMED):
            kept.ProcedureStepState = "COMPLETED"

    after_set(complete, tms)


@defect("ro64-final-update-refused", "Refuses the final update", "RO64-TMS-001")
def _refuses_final_update(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        return Outcome(PROCESSING_FAILURE) if modification.get(PERFORMED) else original(uid, modification)

    around(tms.worklist, "set", perform)


@defect("ro64-clears-inputs", "Loses the Input Information Sequence with the final update", "RO64-TMS-008")
def _clears_inputs(tms: Any) -> None:
    def clear(kept: Dataset, earlier: Dataset) -> None:
        if kept.get(PERFORMED) != earlier.get(PERFORMED) and kept.get("InputInformationSequence") == earlier.get(
            "InputInformationSequence"
        ):
            kept.InputInformationSequence = []

    after_set(clear, tms)
