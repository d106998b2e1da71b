"""Whether a system does what is asked at all: a plain request of the kind, where those of the tests have all failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ..checks import status
from ..dimse import DimseError, asked_for
from ..profile.ups_service import ACTION_TYPES, CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, UPS
from ..scu.tdd import TDD
from ..transcript.exchange import Exchange
from ..treatment import objects
from ..treatment.messages import item
from ..treatment.scenarios import SCENARIOS, Scenario
from .outcomes import NotJudged
from .supply import Need, Supply, Use

__all__ = ["Plainly"]


class Plainly:
    """Asks plainly, once for each kind of request, and remembers what came of it.

    Plain is: of a workitem as TDW-II has it, with nothing but what must be there, in the state that it is for.

    Parameters
    ----------
    supply : Supply
        Gives the workitems.
    ost : str
        AE title of the OST.
    """

    def __init__(self, supply: Supply, ost: str) -> None:
        self.supply, self.ost = supply, ost
        self._known: dict[tuple[str, str], bool | None] = {}
        claim, cancel = f"N-ACTION {ACTION_TYPES[CHANGE_STATE]}", f"N-ACTION {ACTION_TYPES[REQUEST_CANCEL]}"
        subscribe, unsubscribe = (f"N-ACTION {ACTION_TYPES[action]}" for action in (SUBSCRIBE, UNSUBSCRIBE))
        self._ways: dict[str, Callable[[str], Exchange]] = {
            "N-CREATE": self._create,
            "N-SET": lambda peer: self.supply.need(Need(Use.UPDATES)).send(item(ProcedureStepLabel="Plain"), None),
            "N-SET with Transaction UID": lambda peer: self.supply.need(Need(Use.UPDATES, "IN PROGRESS")).update(10),
            claim: lambda peer: self.supply.need(Need(Use.CLAIMS)).claim(),
            f"{claim} to COMPLETED": lambda peer: self._end(SCENARIOS[0]),
            f"{claim} to CANCELED": lambda peer: self._end(SCENARIOS[1]),
            cancel: lambda peer: self._request_cancel(UPS.WATCH),
            f"{cancel} under Push": lambda peer: self._request_cancel(UPS.PUSH),
            # None of a global subscription: it would end, or begin, what tests have going on.
            subscribe: lambda peer: self._subscribe("FALSE"),
            f"{subscribe} with lock": lambda peer: self._subscribe("TRUE"),
            unsubscribe: lambda peer: self._unsubscribe(),
            "C-MOVE": self._move,
            "C-STORE": self._store,
        }

    def __call__(self, exchange: Exchange) -> bool | None:
        """Return whether a plain request of the kind of this one, to the same peer, is done; ``None`` if it cannot be made.

        Parameters
        ----------
        exchange : Exchange
            The request that was not done.
        """
        key = exchange.acceptor, asked_for(exchange)
        if key not in self._known:
            self._known[key] = None  # also for requests on the way, which are about to be made
            if (way := self._ways.get(key[1])) is not None:
                with suppress(NotJudged, DimseError):
                    self._known[key] = not status.accepted(way(exchange.acceptor), "a plain request")
        return self._known[key]

    @property
    def _tdd(self) -> TDD:
        return self.supply.tdd

    def _create(self, peer: str) -> Exchange:
        mark = len(self._tdd.transcript)
        self.supply.source.create("TREATMENT")
        return [one for one in self._tdd.transcript[mark:] if one.service == "N-CREATE"][-1]

    def _end(self, scenario: Scenario) -> Exchange:
        session = self.supply.need(Need(Use.ENDS, "IN PROGRESS"))
        session.conclude(scenario)
        return session.finish()

    def _request_cancel(self, context: str) -> Exchange:
        return self._tdd.action(self.supply.need(Need(Use.ENDS)).workitem.uid, REQUEST_CANCEL, None, context=context)

    def _subscribe(self, lock: str) -> Exchange:
        named = item(ReceivingAE=self._tdd.calling, DeletionLock=lock)
        answer = self._tdd.action(self._apart, SUBSCRIBE, named, context=UPS.WATCH)
        self._unsubscribe()
        return answer

    def _unsubscribe(self) -> Exchange:
        return self._tdd.action(self._apart, UNSUBSCRIBE, item(ReceivingAE=self._tdd.calling), context=UPS.WATCH)

    @property
    def _apart(self) -> str:
        """A UPS to which nobody else subscribes."""
        return self.supply.need(Need(Use.LOOKS, role="plain")).workitem.uid

    def _move(self, peer: str) -> Exchange:
        role = "OST" if peer == self.ost else "TMS"
        self.supply.source.has_instances(role)
        workitem = self.supply.need(Need(Use.LOOKS)).workitem
        wanted = workitem.plans if role == "OST" else workitem.instructions
        if not wanted or self._tdd.receiver is None:
            raise NotJudged(f"not judged: there is nothing to retrieve from the {role}")
        return self._tdd.retrieve_references(role, wanted[:1]).move

    def _store(self, peer: str) -> Exchange:
        if peer != self.ost:
            raise NotJudged("not judged: what is stored to a TMS are the objects of its workitems")
        return self._tdd.store("OST", objects.record(objects.new_treatment("TREATMENT"), interrupted=False))
