"""Defects of what a TDD sends, made from the rows of the attribute tables; and the seam of its messages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

from pydicom.dataset import Dataset

from ..profile import Requirement, load_catalogue
from ..profile.catalogue import EDITIONS
from ..profile.ups_service import CHANGE_STATE
from ..transcript.exchange import Exchange
from ..treatment.messages import item
from .attributes import SHAPES, Edit, changed_value, edit, put, rows_of, shapes, slug, violated
from .calling import done
from .deviations import Defect, Rows
from .hooks import around

__all__ = ["defect", "edits_of", "of_a_tdd", "on_message"]


def of_a_tdd(name: str, sentence: str, apply: Callable[[Any], None], *requirements: str) -> Defect:
    """Return a defect of the TDD."""
    return Defect(f"tdd-{name}", sentence, "TDD", apply, requirements)


defect = Rows(of_a_tdd)


# --- the messages it sends ------------------------------------------------------------------------------------------------


class Edits:
    """Edits of the messages of one TDD. What is refused when it was edited is sent once more as it should be.

    So a defect of one message leaves the others what they stand on.
    """

    def __init__(self, simulator: Any) -> None:
        self.of: dict[str, list[Callable[[Dataset], None]]] = {}
        self.again: dict[str, bool] = {}
        self.transaction, self._final = "", Dataset()
        tdd = simulator.tdd
        around(simulator, "query", lambda original: self.edited("RO-58 request", original()))
        around(simulator, "set", self._during)
        around(tdd, "retrieve", self._retrieve)
        around(tdd, "action", partial(self._action, tdd.set))
        around(tdd, "set", self._set)
        around(tdd, "store", self._store)

    def edited(self, message: str, dataset: Dataset) -> Dataset:
        changed = copy.deepcopy(dataset)
        for change in self.of.get(message, ()):
            change(changed)
        return changed

    def _during(self, original: Any, transaction: str, *given: Any) -> None:
        self.transaction = transaction
        try:
            original(transaction, *given)
        finally:
            self.transaction = ""

    def _retrieve(self, original: Any, role: str, identifier: Dataset, destination: str | None = None) -> Any:
        message = {"OST": "RO-59 request", "TMS": "RO-61 request"}[role]
        retrieval = original(role, self.edited(message, identifier), destination)
        if message in self.of and not (done(retrieval.move) and retrieval.stores):
            return original(role, identifier, destination)
        return retrieval

    def _action(self, set_: Any, original: Any, workitem: str, kind: int, information: Dataset, **more: Any) -> Exchange:
        message = ""
        if kind == CHANGE_STATE:
            message = "RO-60 request" if information.ProcedureStepState == "IN PROGRESS" else "RO-65 request"
        exchange: Exchange = original(workitem, kind, self.edited(message, information), **more)
        if not done(exchange) and message == "RO-65 request" and self.again.get("RO-64 request", False) and self._final:
            set_(workitem, self._final)
        elif done(exchange) or not self.again.get(message, False):
            return exchange
        again: Exchange = original(workitem, kind, information, **more)
        return again

    def _set(self, original: Any, workitem: str, modification: Dataset) -> Exchange:
        message = f"{self.transaction} request"
        exchange: Exchange = original(workitem, self.edited(message, modification))
        if self.transaction == "RO-64":
            self._final = modification
        if self.again.get(message, False) and not done(exchange):
            exchange = original(workitem, modification)
        return exchange

    def _store(self, original: Any, role: str, instance: Dataset) -> Exchange:
        exchange: Exchange = original(role, self.edited("RO-63 record", instance))
        if "RO-63 record" in self.of and not done(exchange):
            exchange = original(role, instance)
        return exchange


def edits_of(simulator: Any) -> Edits:
    """Return the edits of the messages of a TDD; they also know in which transaction it is that sets something."""
    if "deviating_messages" not in vars(simulator):
        simulator.deviating_messages = Edits(simulator)
    edits: Edits = simulator.deviating_messages
    return edits


def on_message(simulator: Any, message: str, change: Callable[[Dataset], None], *, again: bool = True) -> None:
    """Let `change` alter the data set of a message, as the attribute tables name it: ``RO-62 request``.

    When the TMS or the OST refuses it, it is sent once more as it should be, if that is to be done ``again``.
    """
    edits = edits_of(simulator)
    edits.of.setdefault(message, []).append(change)
    edits.again[message] = edits.again.get(message, True) and again


# --- attributes -----------------------------------------------------------------------------------------------------------


def _send(dataset: Dataset, keyword: str) -> None:
    if keyword.endswith("Sequence"):
        setattr(dataset, keyword, [item(StorageMediaFileSetUID=changed_value("StorageMediaFileSetUID"))])
    else:
        put(dataset, keyword)


MORE_SHAPES: dict[str, tuple[Edit, str]] = {
    **SHAPES,
    "valued": (put, "comes with a value"),
    "sent": (_send, "is sent"),
}


@defect.rows
def _one_for_each_row() -> Iterator[Defect]:
    """Yield the defects of what a TDD sends."""
    catalogue = load_catalogue()
    rules = [r.rule for r in catalogue.of(actor="TDD") if r.rule and r.transaction.startswith("RO-")]
    messages = dict.fromkeys(rule.message for rule in rules)
    for message, edition in product(messages, EDITIONS):
        rows, own = rows_of(catalogue, message, "TDD", edition)
        for row in own:
            for shape in _shapes(row):
                yield _of_row(message, row, rows, shape)


def _shapes(row: Requirement) -> Iterator[str]:
    assert row.rule is not None
    if row.rule.type == "empty":
        yield "absent"
        if not row.rule.path[-1].keyword.endswith("Sequence"):
            yield "valued"
    elif row.rule.type == "absent":
        yield "sent"
    else:
        yield from shapes(row)


# A query that finds nothing, or not what is needed, ends the treatment.
FRUITLESS = {
    **dict.fromkeys(("changed", "another", "valued", "doubled"), ("RO58-TDD-002",)),
    "sop-instance-absent": ("RO58-TDD-002", "RO60-TDD-003", "RO61-TDD-001"),  # it does not know what to claim
    "input-absent": ("RO59-TDD-001",),  # it does not know what to retrieve
}
# What else is violated, where one row says of a sequence what another says of its items.
ALSO = {
    "ro62-progress-procedure-step-progress-parameters-2018004-absent": ("RO62-TDD-104",),
    **{f"ro64-performed-output-referenced-class-{shape}": ("RO64-TDD-126",) for shape in ("absent", "empty", "changed")},
    **{f"ro64-performed-output-referenced-{shape}": ("RO64-TDD-126",) for shape in ("absent", "empty")},
    # The TMS keeps what has no performed procedure from COMPLETED, so that it was in vain.
    **{f"ro64-performed-{shape}": ("RO64-TDD-001", "CC23-TDD-006") for shape in ("absent", "empty")},
    "ro64-performed-output-record-absent": ("RO64-TDD-115",),
    "ro65-procedure-step-state-changed": ("RO64-TDD-127",),  # canceled, without a reason
    **{f"ro65-procedure-step-state-{shape}": ("CC23-TDD-006",) for shape in ("absent", "empty")},  # it gives up there
}
# Without these a final update is not known to be one: the treatment ends without.
ESSENTIAL = ("ro64-performed-absent", "ro64-performed-empty")


def _of_row(message: str, row: Requirement, rows: Sequence[Requirement], shape: str) -> Defect:
    assert row.rule is not None
    how, words = MORE_SHAPES[shape]
    transaction = message.split()[0]
    what = f"{slug(row)}-{shape}"
    name = f"{transaction.replace('-', '').lower()}-{what}"
    requirements = (row.id,) if shape in ("valued", "sent") or row.rule.type == "empty" else tuple(violated(row, rows, shape))
    more = FRUITLESS.get(what, FRUITLESS.get(shape, ())) if transaction == "RO-58" else ()
    again = name not in ESSENTIAL
    if message == "RO-65 request" and row.rule.path[0].keyword == "ProcedureStepState":
        how, words = (_cancel, "is CANCELED when COMPLETED is due") if shape == "changed" else (how, words)
        if shape != "changed":
            requirements, again = ("RO65-TDD-001",), False  # what names no final state is no RO-65
    apply = partial(_edit_message, message, row, how, again)
    return of_a_tdd(name, f"In its {transaction} {row.rule.text} {words}", apply, *requirements, *more, *ALSO.get(name, ()))


def _cancel(dataset: Dataset, keyword: str) -> None:
    setattr(dataset, keyword, "CANCELED")


def _edit_message(message: str, row: Requirement, how: Edit, again: bool, tdd: Any) -> None:
    assert row.rule is not None
    path = row.rule.path
    on_message(tdd, message, lambda dataset: edit(dataset, path, how), again=again)
