"""Defects of the delivery instruction that the TMS sends [RO-61]."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage

from ..profile import load_catalogue
from ..simulators.instances import Instance, instance_of
from .attributes import SHAPES, edit, shapes, slug, violated
from .deviations import Defect
from .retrieval import ANOTHER, C_STORE_RQ, listen_to_stores, on_select, on_sending, rewritten


def defects() -> Iterator[Defect]:
    """Yield the defects of the delivery instruction."""
    yield Defect(
        "tms-move-sends-a-plan-along", "Sends the plan along with the delivery instruction", "TMS", _plan_along,
        ("RO61-TMS-002", "RO61-TMS-003", "RO61-TMS-005", "RO61-TMS-009", "RO61-TMS-016"),
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
                partial(on_sending, partial(edit, path=row.rule.path, how=how), instruction),
                (*violated(row, rows, shape), "RO61-TMS-015"),
            )  # fmt: skip
    for keyword, number in (("TreatmentDeliveryType", "105"), ("CurrentFractionNumber", "107")):
        yield Defect(
            f"ro61-{number}-another", f"In the delivery instruction {keyword} is another than the workitem says", "TMS",
            partial(on_sending, partial(_in_beam_tasks, keyword), instruction), (f"RO61-TMS-{number}", "RO61-TMS-015"),
        )  # fmt: skip
    yield Defect(
        "ro61-another-class", "Has another SOP Class UID in the delivery instruction than in the C-STORE command", "TMS",
        _other_class, ("RO61-TMS-101", "RO61-TMS-004", "RO61-TMS-015"),
    )  # fmt: skip


def _other_class(tms: Any) -> None:
    def sent(event: Any) -> None:
        message = event.message
        if message.command_set.get("CommandField") == C_STORE_RQ:
            own = str(RTBeamsDeliveryInstructionStorage).encode()
            # As long as the right one, so that no length changes.
            message.data_set = BytesIO(message.data_set.getvalue().replace(own, own[:-1] + b"9", 1))

    listen_to_stores(tms, sent)


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

        plans = [instance_of(rewritten(i, as_plan).encoded, i.transfer_syntax) for i in found[:1]]
        return [*found, *plans]

    on_select(select, tms)
