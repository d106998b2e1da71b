"""An observation told as a treatment: which exchange is which transaction, and what is missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydicom.uid import RTBeamsDeliveryInstructionStorage

from ...profile.ups_service import REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE
from ...transcript.exchange import Exchange
from ...transcript.observation import INTERRUPTED, OPEN, Association, Observation, Reference
from .messages import (
    FINAL_STATES,
    RECORDS,
    action_type,
    began,
    changes_state,
    done,
    ended,
    information,
    knows_a_beam,
    knows_the_end,
    knows_the_station,
    names_an_output,
    of_ups,
    progress_of,
    state_asked_for,
    tells_progress,
    text,
    uids,
    until_done,
)

__all__ = ["INJECTIONS", "ObservedSession"]


# What a scenario can be made to hold that a TDD must survive, as the fact ``inject`` names it.
INJECTIONS = ("empty-worklist", "two-workitems", "cancel-request", "claim-refused", "move-fails", "set-refused")

# What is awaited of a TDD, in its order; "found" is RO-58 with the workitem in its responses.
STAGES = ("RO-58", "found", "RO-59", "RO-60", "RO-61", "RO-62", "RO-63", "RO-64", "RO-65")

# How far a TDD has to come when the scenario holds something for it to survive; what it does then is its own choice.
AWAITED = {
    "empty-worklist": ("RO-58",),
    "claim-refused": ("RO-58", "found", "RO-59", "RO-60"),
    "move-fails": ("RO-58", "found", "RO-59"),
    "set-refused": ("RO-58", "found", "RO-59", "RO-60", "RO-61"),
    "cancel-request": ("RO-58", "found", "RO-59", "RO-60", "RO-65"),
}

# Whose exchange a fact comes from, when it is not one of the scenario.
SOURCES = {
    "transaction_uid": "RO-60",
    "record": "RO-63",
    "record_class": "RO-63",
    "record_study": "RO-63",
    "record_series": "RO-63",
}


@dataclass(frozen=True)
class ObservedSession:
    """What a system did in a scenario.

    Parameters
    ----------
    observation : Observation
        What was observed.
    actor : str
        Who is judged: ``TDD`` or ``watcher``.
    """

    observation: Observation
    actor: str

    # --- who, and what was scheduled ----------------------------------------------------------------------------------

    def fact(self, name: str) -> str:
        """Return a fact of the scenario; empty when it is not known."""
        return self.observation.facts.get(name, "")

    @property
    def title(self) -> str:
        """AE title of the system."""
        return self.fact("tdd_ae_title" if self.actor == "TDD" else "watcher_ae_title")

    @property
    def receiver(self) -> str:
        """AE title by which it is called, as move destination."""
        return self.fact(f"{self.actor.lower()}_receiver_ae_title") or self.title

    @cached_property
    def inputs(self) -> Mapping[str, Reference]:
        """The workitem's inputs by SOP Instance UID."""
        return {one.instance: one for one in self.observation.inputs}

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """The facts the attribute tables are judged by: the scenario's, and what the system's own requests have said."""
        known = {name: value for name, value in self.observation.facts.items() if value}
        known["final_state"] = self._scheduled_end if self._bound else "|".join(FINAL_STATES)
        state = self.final_state
        known["canceled"] = "yes" if state == "CANCELED" else "no"
        known["delivered"] = "yes" if self.delivered else "no"
        if state == "COMPLETED":
            known["progress"] = "100"
        if self.claim is not None and text(self.claim, "TransactionUID"):
            known["transaction_uid"] = text(self.claim, "TransactionUID")
        for name, keyword in (
            ("record", "SOPInstanceUID"),
            ("record_class", "SOPClassUID"),
            ("record_study", "StudyInstanceUID"),
            ("record_series", "SeriesInstanceUID"),
        ):
            if values := [text(store, keyword) for store in self.stores if text(store, keyword)]:
                known[name] = "|".join(dict.fromkeys(values))
        return known

    @property
    def inject(self) -> str:
        """What the scenario was made to hold; empty: nothing."""
        return self.fact("inject")

    @property
    def _bound(self) -> bool:
        """Whether the scenario says how the treatment ends."""
        return self.inject in ("", "two-workitems")

    @property
    def _scheduled_end(self) -> str:
        return "COMPLETED" if self.fact("end") == "completed" else "CANCELED"

    @property
    def final_state(self) -> str:
        """The state the system has asked for at the end; the scenario's if it has asked for none."""
        return state_asked_for(self.end) if self.end is not None else self._scheduled_end

    @cached_property
    def delivered(self) -> bool:
        """Whether radiation was delivered, as far as the system has told."""
        if self._bound and self._scheduled_end == self.final_state and not self.canceled_sooner:
            return self.fact("end") != "canceled-before"
        return self._told_of_radiation(self.of("RO-62")) or self.final_state == "COMPLETED"

    @cached_property
    def canceled_sooner(self) -> bool:
        """Whether it has canceled before any radiation, in a scenario that has it cancel afterwards."""
        sooner = self.fact("end") == "canceled-after" and self._bound and self.end is not None and done(self.end)
        updates = (*self.of("RO-62"), *self.of("RO-64"))
        named = any(names_an_output(update) for update in updates)
        return sooner and self.final_state == "CANCELED" and not named and not self._told_of_radiation(updates)

    def _told_of_radiation(self, updates: Sequence[Exchange]) -> bool:
        """Whether it has stored a record, or some updates have a progress."""
        return bool(self.of("RO-63")) or any(progress not in ("", "0", "0.0") for progress in map(progress_of, updates))

    # --- the exchanges ------------------------------------------------------------------------------------------------

    @cached_property
    def requests(self) -> tuple[Exchange, ...]:
        """What the system has asked, in the order in which it asked."""
        return tuple(sorted((e for e in self.observation.exchanges if e.requestor == self.title), key=began))

    @cached_property
    def receivers(self) -> frozenset[str]:
        """AE titles under which it is told: its own, and those its subscriptions name."""
        return frozenset([self.title, self.receiver, *(text(e, "ReceivingAE") for e in self.of("CC.2.3")), ""]) - {""}

    @cached_property
    def served(self) -> tuple[Exchange, ...]:
        """What the system was asked, in order."""
        return tuple(sorted((e for e in self.observation.exchanges if e.acceptor in self.receivers), key=began))

    @cached_property
    def associations(self) -> tuple[Association, ...]:
        """Its associations; of one that stood and then ended, the end."""
        its = [a for a in self.observation.associations if a.requestor == self.title or a.acceptor in self.receivers]
        its += [a for a in self.observation.associations if not a.requestor]
        over = {(a.time, a.requestor, a.acceptor) for a in its if a.ended != OPEN}
        return tuple(a for a in its if a.ended != OPEN or (a.time, a.requestor, a.acceptor) not in over)

    @property
    def requested(self) -> tuple[Association, ...]:
        """The associations that it has requested."""
        return tuple(one for one in self.associations if one.requestor == self.title)

    @property
    def accepted(self) -> tuple[Association, ...]:
        """The associations that were requested of it."""
        return tuple(one for one in self.associations if one.acceptor in self.receivers)

    def _asked(self, *services: str) -> tuple[Exchange, ...]:
        return tuple(e for e in self.requests if e.service in services)

    def of(self, transaction: str) -> tuple[Exchange, ...]:
        """Return the exchanges of a transaction of TDW-II, or of a section of PS3.4 Annex CC; none of others."""
        return self._by_transaction.get(transaction, ())

    @cached_property
    def _by_transaction(self) -> Mapping[str, tuple[Exchange, ...]]:
        found = {
            "CC.2.2": tuple(e for e in self._asked("N-ACTION") if action_type(e) == REQUEST_CANCEL and not changes_state(e)),
            "CC.2.3": tuple(e for e in self._asked("N-ACTION") if action_type(e) in (SUBSCRIBE, UNSUBSCRIBE, SUSPEND)),
            "CC.2.5": self._asked("N-CREATE"),
            "CC.2.6": self._asked("N-SET"),
            "CC.2.7": self._asked("N-GET"),
            "CC.2.8": tuple(e for e in self._asked("C-FIND") if of_ups(e)),
        }
        others = self._asked("N-ACTION", "N-SET", "N-GET", "N-CREATE", "N-DELETE")
        if self.actor == "TDD":
            query, claims, ends = self._query, self._claims, self._ends
            updates, final = self._updates
            found |= {
                "RO-58": (query,) if query is not None else (),
                "RO-59": self._moves[0],
                "RO-60": claims,
                "RO-61": self._moves[1],
                "RO-62": updates,
                "RO-63": self._records,
                "RO-64": final,
                "RO-65": ends,
            }
            others = tuple(e for e in others if e.service != "N-SET" and not (e.service == "N-ACTION" and changes_state(e)))
        else:
            found["RO-59"] = self._asked("C-MOVE")
        found["CC.3.1"] = others
        return found

    @cached_property
    def reports(self) -> tuple[Exchange, ...]:
        """The event reports that it was sent."""
        return tuple(e for e in self.served if e.service == "N-EVENT-REPORT")

    @cached_property
    def deliveries(self) -> tuple[Exchange, ...]:
        """The C-STOREs that came to it."""
        return tuple(e for e in self.served if e.service == "C-STORE")

    # RO-58

    @cached_property
    def _query(self) -> Exchange | None:
        """The query by which the workitem was found; the last before the claim, if by none."""
        queries = [e for e in self._asked("C-FIND") if of_ups(e)]
        claims = self._claims
        before = [e for e in queries if not claims or began(e) < began(claims[-1])] or queries
        finding = [e for e in before if self._finds(e)] or before
        return finding[-1] if finding else None

    def _finds(self, query: Exchange) -> bool:
        return self.fact("workitem") in query.matches

    @cached_property
    def found(self) -> tuple[str, ...]:
        """SOP Instance UIDs of what the query has found."""
        return tuple(dict.fromkeys(uid for query in self.of("RO-58") for uid in query.matches))

    # RO-59, RO-61

    def asked(self, move: Exchange) -> tuple[Reference, ...]:
        """Return the inputs that a C-MOVE asks for; one that names no instance asks for all of its series or study."""
        identifier = information(move)
        instances = uids(identifier, "SOPInstanceUID")
        if instances:
            return tuple(self.inputs[uid] for uid in instances if uid in self.inputs)
        keys = {"series": uids(identifier, "SeriesInstanceUID"), "study": uids(identifier, "StudyInstanceUID")}
        level = next((name for name in ("series", "study") if keys[name]), "")
        found = [one for one in self.inputs.values() if level and getattr(one, level) in keys[level]]
        # Of a study or a series, what the AE that is asked holds: the rest is for another request.
        return tuple([one for one in found if one.ae_title == move.acceptor] or found)

    @cached_property
    def _moves(self) -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
        """C-MOVEs for static and for dynamic inputs: by what they ask for, and by the AE only if that says nothing."""
        static: list[Exchange] = []
        dynamic: list[Exchange] = []
        for move in self._asked("C-MOVE"):
            classes = [one.sop_class for one in self.asked(move)]
            instructions = classes.count(RTBeamsDeliveryInstructionStorage)
            if classes and instructions < len(classes):
                static.append(move)
            if instructions:
                dynamic.append(move)
            if not classes:
                of_tms = move.acceptor == self.fact("tms_ae_title") != self.fact("ost_ae_title")
                (dynamic if of_tms else static).append(move)
        return tuple(static), tuple(dynamic)

    def brought(self, transaction: str) -> tuple[Exchange, ...]:
        """Return the C-STOREs that came to the system of what RO-59 or RO-61 has asked for."""
        wanted = {one.instance for move in self.of(transaction) for one in self.asked(move)}
        return tuple(store for store in self.deliveries if store.instance_uid in wanted)

    # RO-60, RO-65

    @cached_property
    def _claims(self) -> tuple[Exchange, ...]:
        """The claims, up to the one that was granted."""
        return until_done(e for e in self._asked("N-ACTION") if changes_state(e) and state_asked_for(e) not in FINAL_STATES)

    @cached_property
    def _ends(self) -> tuple[Exchange, ...]:
        return until_done(e for e in self._asked("N-ACTION") if changes_state(e) and state_asked_for(e) in FINAL_STATES)

    @property
    def claim(self) -> Exchange | None:
        """The claim: the one that was granted, or the last."""
        return self._claims[-1] if self._claims else None

    @property
    def end(self) -> Exchange | None:
        """The change to the final state: the one that was granted, or the last."""
        return self._ends[-1] if self._ends else None

    @cached_property
    def state_changes(self) -> tuple[Exchange, ...]:
        """Every Change UPS State."""
        return tuple(e for e in self._asked("N-ACTION") if changes_state(e))

    # RO-62, RO-64

    @cached_property
    def late(self) -> tuple[Exchange, ...]:
        """N-SETs that came when the workitem had its final state."""
        if self.end is None or not done(self.end):
            return ()
        return tuple(e for e in self._asked("N-SET") if began(e) >= ended(self.end))

    @cached_property
    def early(self) -> tuple[Exchange, ...]:
        """N-SETs that came before the workitem was claimed."""
        claim = self.claim
        return tuple(e for e in self._asked("N-SET") if claim is None or began(e) < began(claim))

    @cached_property
    def _updates(self) -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
        """Progress updates and final updates, by what they hold: only a final one knows the output, or the end."""
        # Others than the performer may set attributes of a UPS that nobody has claimed.
        beside = self.early if self.claim is not None else ()
        sets = [e for e in self._asked("N-SET") if e not in self.late and not (e in beside and not tells_progress(e))]
        final = [e for e in sets if knows_the_end(e)] or [e for e in sets if knows_the_station(e)]
        if not final and sets and (self.end is not None or self.fact("end") == "canceled-before") and not knows_a_beam(sets[-1]):
            final = [sets[-1]]
        return tuple(e for e in sets if e not in final), tuple(final)

    # RO-63

    @cached_property
    def stores(self) -> tuple[Exchange, ...]:
        """What the system has stored, of any kind."""
        return self._asked("C-STORE")

    @cached_property
    def _records(self) -> tuple[Exchange, ...]:
        records = tuple(e for e in self.stores if e.request.command.get("AffectedSOPClassUID") in RECORDS)
        return records or self.stores

    # --- what is missing ----------------------------------------------------------------------------------------------

    def _came(self, stage: str) -> bool:
        if stage == "found":
            return self.fact("workitem") in self.found or bool(self.found and not self.fact("workitem"))
        return bool(self.of(stage))

    def not_awaited(self, stage: str) -> str:
        """Return why a stage is no part of this scenario; empty when it is."""
        if stage not in AWAITED.get(self.inject, STAGES):
            return f"nothing more is awaited when the scenario holds {self.inject!r}"
        if stage in ("RO-62", "RO-63") and self.fact("end") == "canceled-before":
            return "no radiation is delivered in this scenario"
        if stage in ("RO-62", "RO-63") and self.canceled_sooner:
            return "the system has canceled before any radiation"
        if stage == "RO-63" and not self.delivered:
            return "no radiation was delivered"
        return ""

    @cached_property
    def stopped_at(self) -> str:
        """The stage that was awaited last: the first missing one that nothing came after; empty when all came."""
        came = [stage for stage in STAGES if self._came(stage) and (stage != "RO-61" or self._came("RO-60"))]
        after = STAGES[STAGES.index(came[-1]) + 1 :] if came else STAGES
        return next((one for one in after if not self._came(one) and not self.not_awaited(one)), "")

    @property
    def in_vain(self) -> str:
        """The stage that came, but was not done, so that the scenario did not come to its end; empty if not so."""
        stage = self.awaited
        if not self.observation.why_early or self.interrupted or self.stopped_at or stage not in STAGES:
            return ""
        return "" if self.not_awaited(stage) else stage

    @property
    def awaited(self) -> str:
        """The transaction that was awaited when the scenario ended early; empty when it is not known."""
        return next(iter(self.observation.awaited.replace(",", " ").split()), "")

    def went_on(self, stage: str) -> str:
        """Return the first stage that came although this one, before it, did not; empty if none came."""
        # RO-60 and RO-61 come in either order.
        after = [one for one in STAGES[STAGES.index(stage) + 1 :] if one != "found" and (stage, one) != ("RO-60", "RO-61")]
        return next((one for one in after if self._came(one)), "")

    def nothing_of(self, transaction: str) -> str:
        """Return why there is no exchange of a transaction to be judged."""
        if transaction in STAGES and self.actor != "TDD":
            return "the system retrieved nothing"
        if transaction in STAGES:
            return self.not_awaited(transaction) or missing(transaction)
        return {
            "CC.2.2": "the system requested no cancel",
            "CC.2.3": "the system did not subscribe",
            "CC.2.4": "the system was sent no event report",
            "CC.2.5": "the system created no UPS",
            "CC.2.6": "the system sent no N-SET",
            "CC.2.7": "the system sent no N-GET",
            "CC.2.8": "the system sent no query",
        }.get(transaction, "the system sent no such request")

    @property
    def why_missing(self) -> str:
        """Why what is missing did not come, and how the last association ended if not as it should."""
        why = self.observation.why_early or "the scenario ended, nothing received"
        last = self.requested[-1].ended if self.requested else "released"
        return why if last in ("released", OPEN) else f"{why}; its last association: {last}"

    @property
    def interrupted(self) -> bool:
        """Whether the run was cut off, so that what is missing may not be the system's fault."""
        return self.observation.why_early == INTERRUPTED


def missing(stage: str) -> str:
    """Return that a stage is missing, in words."""
    return "the workitem was not found by RO-58" if stage == "found" else f"{stage} missing"


def unknown(fact: str) -> str:
    """Return that there is nothing to compare with, in words."""
    return f"nothing to compare with: the scenario does not say its {fact}"
