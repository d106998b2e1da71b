"""A worklist query as a TMS answers it: what came, how it came, and what should have come [CC.2.8, TDW-II RO-58]."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ...profile.paths import Step
from ...profile.statuses import CANCEL, is_failure, status_text
from ...profile.ups_service import TRIAL, UPS
from ...profile.ups_tables import NO_UPS, attribute_rows
from ...transcript.exchange import Exchange
from .. import find, status
from ..attributes import judge_attribute, shown
from ..findings import Finding
from ..matching_oracle import MATCH, NO_MATCH, verdicts
from ..values import illegal_answers
from .belief import Workitem, World, over
from .facts import facts_of_query

if TYPE_CHECKING:
    from .replay import Replay

__all__ = ["is_of_tdw", "judge_query"]

TREATMENT = "121726"  # Scheduled Workitem Code of TDW-II
STATION, CODE = "ScheduledStationNameCodeSequence", "ScheduledWorkitemCodeSequence"
START, STATE = "ScheduledProcedureStepStartDateTime", "ProcedureStepState"
TEMPORAL = frozenset("0123456789.+- ")  # characters of dates, times and ranges of them [PS3.5 6.2, CC.2.8.1]
# What a workitem that does not match a key violates: of TDW-II, and of PS3.4 CC.2.8.
UNMATCHED = {
    STATION: "RO58-TMS-009", STATE: "RO58-TMS-010", START: "RO58-TMS-011", CODE: "RO58-TMS-012", "SOPInstanceUID": "RO58-TMS-018",
    "PatientID": "RO58-TMS-019",
}  # fmt: skip


def is_of_tdw(exchange: Exchange) -> bool:
    """Whether a query is that of RO-58: what is scheduled for a station, to be treated."""
    asked = exchange.request.dataset
    if exchange.service != "C-FIND" or asked is None or asked.get(STATE) != "SCHEDULED":
        return False
    codes = [str(one.get("CodeValue") or "") for keyword in (STATION, CODE) for one in asked.get(keyword) or ()]
    return len(codes) == 2 and bool(codes[0]) and codes[1] == TREATMENT


def judge_query(exchange: Exchange, replay: Replay) -> None:
    """Judge a worklist query, and know from now on what it has shown.

    Parameters
    ----------
    exchange : Exchange
        The C-FIND.
    replay : Replay
        What is known of the TMS, and takes what is found.
    """
    asked, tally = exchange.request.dataset, replay.tally
    if asked is None or exchange.failure or exchange.status is None:
        return
    tdw = is_of_tdw(exchange)
    if is_failure(exchange.status) and exchange.status != CANCEL:
        _failed(exchange, asked, replay, tdw=tdw)
        return
    for ids, found in _forms(exchange, asked, tdw=tdw):
        tally.add(ids, found, exchange)
    if exchange.status == CANCEL:
        return
    if tdw:
        _rows(exchange, asked, replay)  # by what was known before the matches
    uids = [_uid(identifier) for identifier in exchange.identifiers]
    times = Counter(uids)
    for number, (uid, identifier) in enumerate(zip(uids, exchange.identifiers, strict=True)):
        # Which of two with one UID shows the workitem nobody knows.
        item = replay.item(uid) if uid and times[uid] == 1 else None
        _of_a_match(exchange, asked, identifier, number, item, replay, tdw=tdw)
    _missing(exchange, asked, replay, tdw=tdw)


def _failed(exchange: Exchange, asked: Dataset, replay: Replay, *, tdw: bool) -> None:
    rows = attribute_rows()
    keys = [element for element in asked if element.keyword in rows]
    strange = any(element.keyword not in rows for element in asked) or any(_ill_formed(element) for element in asked)
    if strange or "TransactionUID" in asked or not len(asked):
        return
    given = [element.keyword for element in keys if not _universal(element)]
    finding = Finding("the query ends with status 0000 (Success)", f"status {status_text(exchange.status, exchange.service)}")
    optional = [keyword for keyword in given if rows[keyword].match in ("O", "-")]
    if tdw:
        ids: tuple[str, ...] = ("RO58-TMS-001", "RO58-TMS-008")
    elif not given:
        ids = ("CC28-TMS-010", "CC28-TMS-036") if len(keys) > 10 else ("CC28-TMS-010",)
    elif "UnifiedProcedureStepPerformedProcedureSequence" in given:
        ids = ("CC28-TMS-035",)
    elif optional:
        ids = ("CC28-TMS-032", "CC28-TMS-033")
    else:
        ids = ("CC28-TMS-044",)
    replay.tally.add(ids, [finding], exchange)


def _ill_formed(element: DataElement) -> bool:
    """Whether a key is one that an SCP may be at a loss with."""
    row = attribute_rows().get(element.keyword)
    if row is None or (row.vr == "SQ") != (element.VR == "SQ"):
        return True
    if element.VR == "SQ":
        return len(element.value or ()) > 1
    if element.VR in ("DA", "TM", "DT") and set(str(element.value or "")) - TEMPORAL:
        return True
    return isinstance(element.value, MultiValue) and element.VR != "UI"


def _forms(exchange: Exchange, asked: Dataset, *, tdw: bool) -> Iterator[tuple[tuple[str, ...], list[Finding]]]:
    """Yield what is judged without knowing any workitem."""
    canceled = exchange.status == CANCEL
    if not canceled:
        if tdw:
            yield ("RO58-TMS-001",), find.ended(exchange)
        yield ("RO58-TMS-002" if tdw else "CC28-TMS-042",), find.pending_with_identifier(exchange)
        yield ("RO58-TMS-004" if tdw else "CC28-TMS-052",), find.each_once(exchange) if "SOPInstanceUID" in asked else []
        yield ("RO58-TMS-006" if tdw else "CC28-TMS-038",), find.only_asked(exchange)
        yield ("RO58-TMS-025",), find.identifiers_decodable(exchange)
        if not exchange.pending:
            yield ("RO58-TMS-008" if tdw else "CC28-TMS-044",), []
    yield ("RO58-TMS-007" if tdw else "CC28-TMS-043",), find.final_without_identifier(exchange)
    if not exchange.identifiers:
        return
    yield (("RO58-TMS-026",) if tdw else ()), find.times_legal(exchange) if not canceled else []
    yield (("RO58-TMS-028",) if tdw else ()), illegal_answers(exchange) if not canceled else []
    yield ("RO58-TMS-020" if tdw else "CC28-TMS-040",), status.no_transaction_uid([exchange])
    foreign = status.no_foreign_uid(exchange, "AffectedSOPClassUID", exchange.abstract_syntax)
    yield ("RO58-TMS-005" if tdw else "CC28-TMS-051", "CC31-TMS-005"), foreign
    yield ("RO58-TMS-024",), list(_trial(exchange))
    empty = [
        Finding("with a value or not at all", "present without a value", f"identifier[{number}].{keyword}")
        for number, one in enumerate(exchange.identifiers)
        for keyword in find.ALWAYS_ALLOWED
        if keyword in one and one[keyword].is_empty
    ]
    yield ("CC28-TMS-045",), empty
    if "SOPClassUID" in asked:
        others = [str(one.get("SOPClassUID")) for one in exchange.identifiers if one.get("SOPClassUID") not in (None, "", UPS.PUSH)]
        found = [Finding(f"SOP Class UID {UPS.PUSH}", other, "SOPClassUID") for other in others]
        yield ("CC28-TMS-039", "CC31-TMS-004", *(("RO58-TMS-101",) if tdw else ())), found


def _trial(exchange: Exchange) -> Iterator[Finding]:
    for number, dataset in enumerate(exchange.identifiers):
        for element in dataset.iterall():
            if element.VR == "UI" and str(element.value).startswith(TRIAL):
                yield Finding(
                    "a final UPS SOP class", f"trial SOP class {element.value}", f"identifier[{number}].{element.keyword}"
                )


# --- matches ----------------------------------------------------------------------------------------------------------


def _uid(identifier: Dataset) -> str:
    return str(identifier.get("SOPInstanceUID") or "")


def _universal(key: DataElement) -> bool:
    if key.VR == "SQ":
        return all(all(_universal(below) for below in one) for one in key.value or ())
    return key.is_empty


def _open(key: DataElement) -> bool:
    """Whether a key asks for the whole of an attribute."""
    return all(not len(one) for one in key.value or ()) if key.VR == "SQ" else key.is_empty


def _narrowing(asked: Dataset) -> Dataset:
    keys = Dataset()
    for element in asked:
        row = attribute_rows().get(element.keyword)
        if row is not None and row.match not in ("O", "-") and not _universal(element):
            keys.add(element)
    return keys


def _of_a_match(
    exchange: Exchange, asked: Dataset, identifier: Dataset, number: int, item: Workitem | None, replay: Replay, *, tdw: bool
) -> None:
    tally, keys = replay.tally, _narrowing(asked)
    stored = Dataset()
    for element in keys:
        if element.keyword in identifier:
            stored.add(identifier[element.keyword])
    for keyword, verdict in verdicts(keys, stored).items():
        found = []
        if verdict is NO_MATCH:
            came = identifier.get(keyword)
            found = [Finding(f"only workitems that match {_key(keys[keyword])}", _held(came), f"identifier[{number}].{keyword}")]
        tally.add(_of_unmatched(keys[keyword], tdw=tdw), found, exchange)
    if item is None:
        return
    _unfitting(exchange, keys, item, replay, tdw=tdw)
    whole = [element.keyword for element in asked if _open(element)]
    item.requests.append((exchange, ()))
    replay.look(exchange, item, identifier, [*whole, STATE], whole=False)
    if not tdw:
        _returned(exchange, asked, identifier, number, replay)


def _held(value: object) -> str:
    if isinstance(value, (list, tuple)) or type(value).__name__ == "Sequence":
        return "; ".join(str(code.get("CodeValue") or "an item") for code in value) or "no item"  # type: ignore[attr-defined]
    return f"value {shown(value)}"


def _key(element: DataElement) -> str:
    if element.VR == "SQ":
        inner = ", ".join(_key(below) for one in element.value for below in one if not _universal(below))
        return f"{element.keyword} ({inner})"
    return f"{element.keyword} {shown(element.value)}"


def _of_unmatched(key: DataElement, *, tdw: bool) -> tuple[str, ...]:
    if tdw:
        return (UNMATCHED.get(key.keyword, "RO58-TMS-010"),) if key.keyword in UNMATCHED else ("CC28-TMS-002",)
    if key.keyword == STATE:
        return ("CC28-TMS-047", "CC28-TMS-002")
    if key.VR == "UI":
        return ("CC28-TMS-029",) if isinstance(key.value, MultiValue) else ("CC28-TMS-030", "CC28-TMS-002")
    if key.VR in ("DA", "DT"):
        return ("CC28-TMS-019",) if "-" in str(key.value) else ("CC28-TMS-002",)
    if key.VR == "SQ":
        several = sum(not _universal(below) for one in key.value for below in one) > 1
        return ("CC28-TMS-025", "CC28-TMS-002") if several else ("CC28-TMS-002",)
    return ("CC28-TMS-012",) if any(wild in str(key.value) for wild in "*?") else ("CC28-TMS-002",)


def _stored(item: Workitem, keys: Dataset, worlds: Iterable[World]) -> tuple[Dataset, set[str]]:
    """Return what is known of a workitem for some keys, and the keys for which nothing is."""
    found, unknown = Dataset(), set()
    states = {world.state for world in item.possible(worlds)}
    for element in keys:
        keyword = element.keyword
        known = item.known.get(keyword)
        if keyword == "SOPInstanceUID":
            found.SOPInstanceUID = item.uid
        elif keyword == STATE:
            if len(states) == 1:
                found.ProcedureStepState = next(iter(states))
            else:
                unknown.add(keyword)
        elif known is not None and known.element is not None and item.firm(known):
            found.add(known.element)
        else:
            unknown.add(keyword)
    return found, unknown


def _unfitting(exchange: Exchange, keys: Dataset, item: Workitem, replay: Replay, *, tdw: bool) -> None:
    """Judge a workitem that was found by what it is known to have."""
    if replay.overlapping(exchange, item.uid):
        return
    worlds = replay.worlds(exchange, item)
    stored, unknown = _stored(item, keys, worlds)
    for keyword, verdict in verdicts(keys, stored).items():
        if keyword in unknown or keyword not in stored:
            continue
        if verdict is NO_MATCH:
            finding = Finding(
                f"only workitems that match {_key(keys[keyword])}", f"{item.uid}, which has {_held(stored.get(keyword))}"
            )
            ids = _of_unmatched(keys[keyword], tdw=tdw)
            known = item.known.get(keyword)
            if known is not None and known.how == "set" and not tdw:
                ids = (*ids, "CC28-TMS-048")
            replay.tally.add(ids, [finding], *((known.exchange,) if known else ()), exchange)


def _missing(exchange: Exchange, asked: Dataset, replay: Replay, *, tdw: bool) -> None:
    """Judge that every workitem came that matches by all that is known of it."""
    if "SOPInstanceUID" not in asked or any(_ill_formed(key) or _no_matching_key(key) for key in asked):
        return
    keys, came = _narrowing(asked), find.uids(exchange)
    if not len(keys) and not exchange.identifiers:
        return  # an SCP may want a key with a value (A15)
    for item in list(replay.items.values()):
        if item.uid in came or not item.seen:
            continue
        worlds = replay.worlds(exchange, item)
        if any(world.state == NO_UPS for world in item.possible(worlds)) or replay.overlapping(exchange, item.uid):
            continue
        stored, unknown = _stored(item, keys, worlds)
        if unknown or min(verdicts(keys, stored).values(), default=MATCH) is not MATCH:
            continue
        finding = Finding(f"the workitem {item.uid}, which matches", f"{len(came)} response(s), none with it")
        replay.tally.add(_of_missing(exchange, keys, item, came, tdw=tdw), [finding], exchange)
    if (
        replay.complete
        and not came
        and len(keys) == 1
        and "SOPInstanceUID" in keys
        and not isinstance(keys.SOPInstanceUID, MultiValue)
    ):
        item = replay.item(str(keys.SOPInstanceUID))
        if not item.seen:
            item.become({World(NO_UPS)}, over(exchange))


def _no_matching_key(key: DataElement) -> bool:
    """Whether a key with a value is none that every SCP has to match by."""
    # What is no attribute of a UPS is ill-formed; the character set says how the others are meant.
    return key.keyword != "SpecificCharacterSet" and not _universal(key) and attribute_rows()[key.keyword].match in ("O", "-")


def _of_missing(exchange: Exchange, keys: Dataset, item: Workitem, came: list[str], *, tdw: bool) -> tuple[str, ...]:
    if tdw:
        return ("RO58-TMS-022",) if came else ("RO58-TMS-003",)
    contexts: dict[str, tuple[str, ...]] = {UPS.WATCH: ("CC28-TMS-049",), UPS.QUERY: ("CC28-TMS-050",)}
    context = contexts.get(exchange.abstract_syntax, ())
    if not len(keys):
        return ("CC28-TMS-010", "CC28-TMS-007", *context)
    ids: list[str] = ["CC28-TMS-005"] if len(keys) > 1 else []
    for key in keys:
        known = item.known.get(key.keyword)
        if key.keyword == STATE:
            ids += ["CC28-TMS-047"]
        elif key.VR == "UI":
            ids += ["CC28-TMS-028" if isinstance(key.value, MultiValue) else "CC28-TMS-030"]
        elif key.VR in ("DA", "DT"):
            ids += ["CC28-TMS-018" if "-" in str(key.value) else "CC28-TMS-001"]
        elif key.VR == "SQ":
            several = sum(not _universal(below) for one in key.value for below in one) > 1
            ids += ["CC28-TMS-024" if several else "CC28-TMS-001"]
        else:
            ids += ["CC28-TMS-011" if any(wild in str(key.value) for wild in "*?") else "CC28-TMS-001"]
        if known is not None and known.how == "set":
            ids += ["CC28-TMS-048"]
    return (*dict.fromkeys(ids), *context)


def _returned(exchange: Exchange, asked: Dataset, identifier: Dataset, number: int, replay: Replay) -> None:
    """Judge that each attribute that every UPS has is returned where it was asked for [CC.2.8.1.3.2]."""
    for element in asked:
        row = attribute_rows().get(element.keyword)
        if row is None or row.get not in ("1", "2") or row.create not in ("1", "2"):
            continue
        found = []
        if element.keyword not in identifier:
            found = [Finding("returned, as it was asked for", "attribute absent", f"identifier[{number}].{element.keyword}")]
        elif row.create == "1" and identifier[element.keyword].is_empty:
            found = [Finding("returned with a value", "no value", f"identifier[{number}].{element.keyword}")]
        replay.tally.add(("CC28-TMS-037",), found, exchange)


# --- RO-58 ------------------------------------------------------------------------------------------------------------


def _rows(exchange: Exchange, asked: Dataset, replay: Replay) -> None:
    if not exchange.identifiers:
        return
    facts = []
    for identifier in exchange.identifiers:
        uid = _uid(identifier)
        item = replay.items.get(uid) if not replay.overlapping(exchange, uid) else None
        facts.append(facts_of_query(asked, identifier, item, replay))
    for requirement in replay.catalogue.attributes("RO-58 response", "TMS"):
        rule = requirement.rule
        if rule is None or not (rule.type == "absent" or _asked_for(asked, rule.path)):
            continue
        for number, (identifier, known) in enumerate(zip(exchange.identifiers, facts, strict=True)):
            judgement = judge_attribute(rule, [identifier], known)
            if not judgement.not_judged:
                found = [dataclasses.replace(one, path=f"identifier[{number}].{one.path}") for one in judgement.findings]
                replay.tally.add((requirement.id,), found, exchange)


def _asked_for(asked: Dataset, path: Iterable[Step]) -> bool:
    """Whether a query asks for an attribute: by its name, or by a sequence that is asked for whole."""
    here = asked
    for step in path:
        if step.keyword not in here:
            return False
        element = here[step.keyword]
        if element.VR != "SQ" or not element.value or not len(element.value[0]):
            return True
        here = element.value[0]
    return True
