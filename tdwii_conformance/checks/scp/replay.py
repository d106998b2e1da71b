"""The replay of a record for one TMS: what it answers, in the order in which it did, against what is known by then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ...profile.catalogue import Catalogue
from ...profile.statuses import is_failure, status_text
from ...profile.ups_service import CHANGE_STATE, FILTERED, GLOBAL, REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ...profile.ups_tables import NO_UPS, STATES, attribute_rows
from ...transcript.exchange import Exchange
from ...ups.requests import refuse_creation
from .. import status as statuses
from ..attributes import judge_attribute
from ..creation import created_uid
from ..findings import Finding
from . import responses
from .answers import ILLEGAL, NOT_AUTHORIZED, PERFORMED, PROGRESS, Option, concerned, options
from .belief import ANY, FINAL, IN_PROGRESS, SCHEDULED, Workitem, World, begun, over
from .causes import Ledger
from .facts import facts_of_update
from .query import judge_query
from .reports import judge_reports
from .shown import differing
from .tally import Tally

__all__ = ["Replay"]

GRANTED = (0x0000, 0x0001, 0x0107, 0x0116, 0xB300, 0xB305)
SILENT = (0x0000,)  # granted as it was asked
CONTEXTS: dict[str, str] = {UPS.PULL: "CC31-TMS-001", UPS.WATCH: "CC31-TMS-002", UPS.PUSH: "CC31-TMS-003"}


class Replay:
    """What is known of the workitems of a TMS, and what was found while it became known.

    Parameters
    ----------
    title : str
        AE title of the TMS.
    exchanges : iterable of Exchange
        All that was recorded.
    catalogue : Catalogue
        The requirements.
    complete : bool
        Whether nobody works with it who is not in the record.
    """

    def __init__(self, title: str, exchanges: Iterable[Exchange], catalogue: Catalogue, *, complete: bool) -> None:
        self.title, self.catalogue, self.complete = title, catalogue, complete
        self._everything = everything = sorted(exchanges, key=over)
        self.ledger = Ledger(catalogue)
        self.exchanges = [e for e in everything if e.acceptor == title]
        self.movers = list(dict.fromkeys(e.acceptor for e in everything if e.service == "C-MOVE"))
        # Instances that came of a C-MOVE, by whoever was asked for it.
        stored = [e for e in everything if e.service == "C-STORE" and e.status == 0 and e.requestor in self.movers]
        self.retrieved = {e.instance_uid for e in stored}
        self.tally = Tally()
        self.items: dict[str, Workitem] = {}
        self._changes = [e for e in self.exchanges if changes(e)]

    def run(self) -> Tally:
        """Replay everything.

        Returns
        -------
        Tally
            What was found, by requirement.
        """
        for exchange in self.exchanges:
            if exchange.abstract_syntax not in UPS.ALL:
                continue
            if not responses.proper(exchange) and is_failure(exchange.status):
                continue  # refused, as it may be: nothing has changed
            if _subscribes(exchange):
                self.ledger.subscription(exchange, self.items)
            responses.judge_response(exchange, self.tally)
            if exchange.service == "C-FIND":
                judge_query(exchange, self)
            elif exchange.instance_uid in (GLOBAL, FILTERED):
                continue
            elif exchange.service == "N-GET":
                self._got(exchange)
            elif changes(exchange):
                self._asked(exchange)
        judge_reports(self, self._everything)
        return self.tally

    def item(self, uid: str) -> Workitem:
        """Return what is known of a workitem."""
        if uid not in self.items:
            self.items[uid] = Workitem(uid, self.complete)
        return self.items[uid]

    def overlapping(self, exchange: Exchange, uid: str) -> list[Exchange]:
        """Return the changes of a workitem that were under way at the same time."""
        start, end = begun(exchange), over(exchange)
        return [e for e in self._changes if e is not exchange and affects(e, uid) and begun(e) <= end and over(e) >= start]

    def worlds(self, exchange: Exchange, item: Workitem) -> frozenset[World]:
        """Return how a workitem can have been while an exchange was under way, without what nobody has seen."""
        found = item.during(begun(exchange), over(exchange))
        for other in self.overlapping(exchange, item.uid):
            if over(other) >= over(exchange):
                found |= {option.left(other.status) for option in options(other, item, found, self.catalogue)}
        return found

    # --- requests that change something -------------------------------------------------------------------------------

    def _asked(self, exchange: Exchange) -> None:
        uid = exchange.instance_uid or created_uid(exchange)
        if not uid:
            return
        item = self.item(uid)
        before = self.worlds(exchange, item)
        may = options(exchange, item, before, self.catalogue)
        unseen = options(exchange, item, item.possible(before) - before, self.catalogue)
        ids: tuple[str, ...] = ()
        if exchange.status is None:
            item.requests.append((exchange, ()))
            item.become({*before, *(one.after for one in may)}, over(exchange))
            item.forget(_brought(exchange))
            return
        if item.seen or before != item.worlds:
            ids = self._judge_status(exchange, may, unseen)
        elif exchange.service == "N-CREATE":
            self._judge_illegal(exchange, item)
        explained = [one for one in may + unseen if exchange.status in one.statuses | one.warnings]
        item.requests.append((exchange, ids))
        after = {one.left(exchange.status) for one in explained} or {*before, *(one.after for one in may)}
        if self.overlapping(exchange, uid):
            after |= item.worlds
        self._twice(exchange, item)
        if explained and exchange.status in GRANTED:
            self.ledger.happened(exchange, item, before)
        item.become(after, over(exchange))
        self._learn(exchange, item, explained)

    def _judge_status(self, exchange: Exchange, likely: Sequence[Option], unseen: Sequence[Option]) -> tuple[str, ...]:
        """Judge a status; return the requirements that say how the request is answered."""
        status = exchange.status
        fits = [one for one in likely if status in one.statuses]
        tolerated = [one for one in likely if status in one.warnings]
        if fits or any(status in one.statuses | one.warnings for one in unseen):
            chosen = fits[0].ids if fits else ()
            self.tally.add(chosen)
            return chosen
        kinds = {one.ids for one in likely}
        if not likely or (tolerated and len(kinds) > 1):
            return ()
        # Where it is not known in which state the workitem was, no cell of the table can be named.
        ids = next(iter(kinds)) if len(kinds) == 1 else ("CC11-TMS-101",)
        ids = ids or ("CC26-TMS-005",)  # what it may refuse, it may not answer with anything
        allowed = sorted({code for one in likely for code in one.statuses})
        expected = "status " + (" or ".join(map(status_text, allowed)) if len(allowed) < 12 else "of success, or of a failure")
        states = _in_words(one.before.state for one in likely)
        received = f"status {status_text(status, exchange.service)}; by what was seen the workitem is {states}"
        self.tally.add(ids, [Finding(expected, received, weight="warning" if tolerated else "fault")], exchange)
        return ids

    def _judge_illegal(self, exchange: Exchange, item: Workitem) -> None:
        """Judge that an N-CREATE that is illegal by itself is not granted: whether there was such a UPS already or not."""
        asked = exchange.request.dataset
        if asked is None or refuse_creation(asked) is None:
            return
        for one in options(exchange, item, frozenset({World(NO_UPS)}), self.catalogue):
            if exchange.status in one.statuses | one.warnings:
                self.tally.add(one.ids)
            elif exchange.status in SILENT:
                expected = "status " + " or ".join(status_text(code) for code in sorted(one.statuses))
                finding = Finding(expected, f"status {status_text(exchange.status, exchange.service)}")
                self.tally.add(one.ids, [finding], exchange)

    def _twice(self, exchange: Exchange, item: Workitem) -> None:
        """Judge what can be granted once in the life of a workitem only."""
        if exchange.status != 0 or exchange.service != "N-ACTION":
            return
        wanted = state_asked(exchange)
        if wanted == IN_PROGRESS or wanted in FINAL:
            same = (IN_PROGRESS,) if wanted == IN_PROGRESS else FINAL
            earlier = [e for e, _ in item.requests[:-1] if e.status == 0 and state_asked(e) in same]
            ids = ("RO60-TMS-015",) if wanted == IN_PROGRESS else ("CC21-TMS-006",)
            found = [Finding(f"{' or '.join(same)} granted once", f"granted {len(earlier) + 1} times")] if earlier else []
            if not found and not self.overlapping(exchange, item.uid):
                return
            self.tally.add(ids, found, *earlier, exchange)

    def _learn(self, exchange: Exchange, item: Workitem, explained: Sequence[Option]) -> None:
        sent = exchange.request.dataset
        if exchange.service not in ("N-CREATE", "N-SET") or sent is None or is_failure(exchange.status):
            return
        kind = "created" if exchange.service == "N-CREATE" else "set"
        if kind == "created" and not explained:
            return
        kept = [element for element in sent if kind == "created" or _may_be_set(element)]
        whole = exchange.status in SILENT and explained and not self.overlapping(exchange, item.uid)
        if kind == "set" and ILLEGAL in {one.ids for one in explained}:
            item.forget(element.keyword for element in kept)
        elif whole:
            if kind == "created":
                item.known.clear()
            item.learn(kept, "created" if kind == "created" else "set", exchange)
        else:
            item.forget(_brought(exchange))

    # --- what is shown ------------------------------------------------------------------------------------------------

    def _got(self, exchange: Exchange) -> None:
        item = self.item(exchange.instance_uid)
        worlds = self.worlds(exchange, item)
        asked = requested(exchange)
        item.requests.append((exchange, ()))
        if exchange.failure or exchange.status is None:
            return
        there = {world for world in worlds if world.state != NO_UPS}
        gone = any(world.state == NO_UPS for world in item.possible(worlds))
        if is_failure(exchange.status):
            self._not_got(exchange, item, asked, there if not gone else set())
            return
        data = exchange.dataset
        context = CONTEXTS.get(exchange.abstract_syntax)
        if not there and worlds:
            finding = Finding("a failure: by what was seen there is no such UPS", f"status {status_text(exchange.status)}")
            self.tally.add(("CC27-TMS-010", "RO60-TMS-018"), [finding], exchange)
        self.tally.add(filter(None, (context, "CC27-TMS-012")))
        responses.judge_get(exchange, asked, self.tally)
        if data is not None:
            self._stored(exchange, item, data, asked)
            self.look(exchange, item, data, asked, whole=True)

    def _stored(self, exchange: Exchange, item: Workitem, data: Dataset, asked: Sequence[str]) -> None:
        """Judge that N-GET shows the final update of a treatment, by the rows of TDW-II [RO-64]."""
        known = [item.known[keyword] for keyword in (PROGRESS, PERFORMED) if keyword in item.known]
        if len(known) < 2 or any(one.how != "set" or not item.firm(one) for one in known) or self.overlapping(exchange, item.uid):
            return
        if asked and not {PROGRESS, PERFORMED} <= set(asked):
            return
        update = Dataset()
        for one in known:
            if one.element is not None:
                update.add(one.element)
        facts = facts_of_update(update)
        for requirement in self.catalogue.attributes("RO-64 stored", "TMS"):
            # What the update lacked, its sender has to answer for.
            if requirement.rule is None or judge_attribute(requirement.rule, [update], facts).findings:
                continue
            judgement = judge_attribute(requirement.rule, [data], facts)
            if not judgement.not_judged:
                self.tally.add((requirement.id,), judgement.findings, known[-1].exchange, exchange)

    def _not_got(self, exchange: Exchange, item: Workitem, asked: Sequence[str], there: set[World]) -> None:
        unknown = [keyword for keyword in asked if keyword not in attribute_rows()]
        if exchange.status in (0xC307, 0x0112):
            if there and item.seen:
                states = _in_words(world.state for world in there)
                found = [Finding(f"the workitem, which is {states}", f"status {status_text(exchange.status)}")]
                self.tally.add(("CC27-TMS-012",), found, exchange)
            elif not any(world.state != NO_UPS for world in item.worlds):
                self.tally.add(
                    ("CC27-TMS-010", "RO60-TMS-018"), statuses.status(exchange, self.catalogue["CC27-TMS-010"]), exchange
                )
            item.become({World(NO_UPS)}, over(exchange))
        elif exchange.status == NOT_AUTHORIZED and not concerned(exchange.requestor, item):
            return  # whom it shows a UPS is its choice [CC.2.7.3]
        elif item.seen and not unknown:
            absent = all(world.state == NO_UPS for world in item.worlds)
            context = CONTEXTS.get(exchange.abstract_syntax, "")
            ids = ("CC27-TMS-010", "RO60-TMS-018") if absent else filter(None, ("CC27-TMS-012", context))
            expected = "status C307 (no such UPS here)" if absent else "the workitem"
            self.tally.add(ids, [Finding(expected, f"status {status_text(exchange.status, exchange.service)}")], exchange)

    def look(self, exchange: Exchange, item: Workitem, data: Dataset, asked: Sequence[str], *, whole: bool) -> None:
        """Compare what is shown of a workitem with what is known, and know it from now on.

        Parameters
        ----------
        exchange : Exchange
            The N-GET or C-FIND.
        item : Workitem
            The workitem.
        data : Dataset
            What is shown.
        asked : sequence of str
            Keywords of what was asked for; empty: everything.
        whole : bool
            Whether what is not there was to be shown.
        """
        others = self.overlapping(exchange, item.uid)
        state = str(data.get("ProcedureStepState") or "")
        if state in STATES:
            self._state_shown(exchange, item, state)
        elif not item.seen or all(world.state == NO_UPS for world in item.worlds):
            item.become({World(SCHEDULED), *(World(one, ANY) for one in STATES[1:])}, over(exchange))
        if others:
            return
        for ids, found, source in differing(item, data, asked, whole=whole):
            self.tally.add(ids, found, *((source, exchange) if found else ()))
        item.learn((e for e in data if whole or e.VR != "SQ"), "shown", exchange)

    def _state_shown(self, exchange: Exchange, item: Workitem, state: str) -> None:
        worlds = self.worlds(exchange, item)
        may = item.possible(worlds)
        now = {world for world in may if world.state == state}
        here = {world for world in now if world in worlds}
        if item.seen:
            find = exchange.service == "C-FIND"
            ids = self._of_state(item, find)
            found = []
            if not now:
                states = _in_words(world.state for world in worlds)
                found = [Finding(f"Procedure Step State {states}", f"{state}", "ProcedureStepState")]
            self.tally.add(ids, found, *[e for e, _ in item.requests[-2:]])
        # What only somebody else can have brought about is assumed where nothing else explains it.
        item.become(here or now or {World(state, "" if state == SCHEDULED else ANY)}, over(exchange))

    def _of_state(self, item: Workitem, find: bool) -> tuple[str, ...]:
        """Return what says which state a workitem has to show: the request that has led to it."""
        for exchange, ids in reversed(item.requests):
            if exchange.service == "N-ACTION" and exchange.request.command.get("ActionTypeID") in (CHANGE_STATE, REQUEST_CANCEL):
                if is_failure(exchange.status):
                    return ids or ("CC27-TMS-012",)
                if find:
                    return ("CC28-TMS-047", "RO60-TMS-007" if state_asked(exchange) == IN_PROGRESS else "RO65-TMS-003")
                return (*ids[:1], "RO60-TMS-006" if state_asked(exchange) == IN_PROGRESS else "RO65-TMS-002")
            if exchange.service == "N-SET":
                if is_failure(exchange.status):
                    return ids or ("CC27-TMS-012",)
                asked = exchange.request.dataset if exchange.request.dataset is not None else Dataset()
                update = ("RO64-TMS-002",) if PERFORMED in asked else ("RO62-TMS-019",) if PROGRESS in asked else ()
                return ("CC26-TMS-018", *update)
            if exchange.service == "N-CREATE":
                return ids if is_failure(exchange.status) else ("CC28-TMS-047",) if find else ("CC25-TMS-002",)
        return ("CC28-TMS-047",) if find else ("CC27-TMS-012",)


# --- what a request is ------------------------------------------------------------------------------------------------


def changes(exchange: Exchange) -> bool:
    """Whether a request is to change a workitem."""
    kind = exchange.request.command.get("ActionTypeID")
    return exchange.service in ("N-CREATE", "N-SET") or (exchange.service == "N-ACTION" and kind in (CHANGE_STATE, REQUEST_CANCEL))


def _subscribes(exchange: Exchange) -> bool:
    kinds = (SUBSCRIBE, UNSUBSCRIBE, SUSPEND)
    return exchange.service == "N-ACTION" and exchange.request.command.get("ActionTypeID") in kinds and not exchange.failure


def affects(exchange: Exchange, uid: str) -> bool:
    """Whether a change is one of this workitem."""
    return (exchange.instance_uid or created_uid(exchange)) == uid


def state_asked(exchange: Exchange) -> str:
    """Return the Procedure Step State that a request asks for; empty for all else."""
    asked = exchange.request.dataset
    kind = exchange.request.command.get("ActionTypeID")
    return str(asked.get("ProcedureStepState") or "") if kind == CHANGE_STATE and asked is not None else ""


def requested(exchange: Exchange) -> list[str]:
    """Return the keywords of what an N-GET asks for; the tag where there is none. Empty: everything."""
    tags = exchange.request.command.get("AttributeIdentifierList")
    if tags is None:
        return []
    several = [tags] if isinstance(tags, int) else list(tags)
    return [keyword_for_tag(tag) or str(tag) for tag in several]


def _may_be_set(element: DataElement) -> bool:
    """Whether an N-SET may change an attribute, and to this."""
    row = attribute_rows().get(element.keyword)
    if row is None:
        return True
    return row.set not in ("not allowed", "special", "-") and not (row.set_scp == "1" and element.is_empty)


def _in_words(states: Iterable[str]) -> str:
    found = set(states)
    return " or ".join(state for state in (NO_UPS, *STATES) if state in found)


def _brought(exchange: Exchange) -> list[str]:
    return [element.keyword for element in exchange.request.dataset or ()]
