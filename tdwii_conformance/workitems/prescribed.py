"""What the workitems of a system under test prescribe: their plans and delivery instructions, retrieved from it.

A treatment record that we store says what was delivered. Nothing of it is made up: where the objects cannot be had, the workitem
stays one whose treatment is made up, and no record of it is stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress

from pydicom.dataset import Dataset

from ..dimse import DimseError
from ..scu.tdd import TDD
from ..scu.treatment_session import ScheduledWorkitem
from ..transcript.exchange import Exchange
from ..treatment.messages import Reference
from ..treatment.parts import Treatment
from ..treatment.prescription import PlanError

__all__ = ["Prescribed"]


class Prescribed:
    """Gives workitems the treatments that their own objects prescribe.

    Parameters
    ----------
    retriever : callable
        Returns our TDD, with its receiver; called once it is needed.
    tms, ost : str
        AE titles of the TMS and the OST; empty for one that is not described.
    """

    def __init__(self, retriever: Callable[[], TDD], tms: str, ost: str) -> None:
        self._retriever = retriever
        self._roles = {title: role for role, title in (("TMS", tms), ("OST", ost)) if title}
        self._silent: set[str] = set()  # who hands out nothing is not asked again

    def __call__(self, workitem: ScheduledWorkitem) -> ScheduledWorkitem:
        """Return a workitem with the treatment that it refers to; as it is where that cannot be had, or not be delivered."""
        if not workitem.made_up:
            return workitem
        plan = self._retrieved(workitem.plans)
        instruction = self._retrieved(workitem.instructions) if plan is not None else None
        if plan is None or instruction is None:
            return workitem
        treatment = Treatment(
            plan, instruction, workitem.treatment.previous_record, workitem.start_type, fractions=workitem.fractions_planned
        )
        try:
            _ = treatment.prescription
        except PlanError:
            return workitem
        return dataclasses.replace(workitem, treatment=treatment, made_up=False)

    def _retrieved(self, references: Sequence[Reference]) -> Dataset | None:
        """Return the first of the instances that are referred to; ``None`` if it does not come."""
        role = self._roles.get(references[0].ae_title) if references else None
        if role is None or role in self._silent:
            return None
        stores: Sequence[Exchange] = ()
        with suppress(DimseError):  # that it cannot be asked is found elsewhere
            stores = self._retriever().retrieve_references(role, references[:1]).stores
        came = [store.request.dataset for store in stores if store.instance_uid == references[0].instance]
        if not came:
            self._silent.add(role)
        return came[0] if came else None
