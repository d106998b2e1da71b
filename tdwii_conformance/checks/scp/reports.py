"""Event reports as observed: what each says, whether it was owed, and what is missing [CC.2.4]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from ...profile.statuses import is_failure
from ...profile.ups_service import (
    ASSIGNED,
    CANCEL_REQUESTED,
    EVENT_TYPES,
    FILTERED,
    GLOBAL,
    PROGRESS_REPORT,
    REQUEST_CANCEL,
    STATE_REPORT,
    STATUS_CHANGE,
)
from ...profile.ups_tables import NO_UPS
from ...transcript.exchange import Exchange
from ...ups.states import is_uid
from .. import events
from ..attributes import judge_attribute
from ..findings import Finding
from .answers import PROGRESS, REASON
from .belief import ANY, IN_PROGRESS, Workitem, begun, over
from .causes import READINESS, STATION, SUSPENDED, Owed

if TYPE_CHECKING:
    from .replay import Replay

__all__ = ["judge_reports"]

PATIENCE = timedelta(seconds=10)  # in which a report that nothing comes after may still be under way
RANK = {"SCHEDULED": 0, "IN PROGRESS": 1, "COMPLETED": 2, "CANCELED": 2}
FROM_REQUEST = ("reason", "reason_code", "contact_uri", "contact_name", "station_value")  # where there is none, none is reported


def judge_reports(replay: Replay, exchanges: Sequence[Exchange]) -> None:
    """Judge the event reports of a TMS, when all its answers have been replayed.

    Parameters
    ----------
    replay : Replay
        What is known, and takes what is found.
    exchanges : sequence of Exchange
        All that were recorded.
    """
    reports = [e for e in exchanges if e.service == "N-EVENT-REPORT" and e.requestor == replay.title]
    reports.sort(key=begun)
    for report in reports:
        _judge_report(report, replay)
    ends = max(map(over, exchanges), default=None)
    # Who gets none at all may get them on a way that was not recorded.
    known = [*(one.acceptor for one in reports), *(replay.ledger.receivers if replay.complete else ())]
    for receiver in dict.fromkeys(known):
        its = [one for one in reports if one.acceptor == receiver]
        _in_order(its, replay)
        _not_owed(receiver, its, replay)
        for owed in replay.ledger.owed:
            if owed.receiver == receiver and ends is not None:
                _came(owed, its, replay, last=ends - PATIENCE > over(owed.cause.exchange))


def _judge_report(report: Exchange, replay: Replay) -> None:
    tally, kind = replay.tally, events.event_type(report)
    information = report.request.dataset
    tally.add(("CC24-TMS-022",), events.reported(report, "event information that can be decoded"), report)
    if kind == STATUS_CHANGE:
        bad = [] if is_uid(report.instance_uid) else [Finding("a valid SOP Instance UID", repr(report.instance_uid))]
        tally.add(("CC24-TMS-019",), bad, report)
    else:
        found = events.about(report, report.instance_uid)
        item = replay.items.get(report.instance_uid)
        if replay.complete and (item is None or not item.seen):
            found = [*found, Finding("the SOP Instance UID of a UPS that there is", report.instance_uid, "command set")]
        tally.add(("CC24-TMS-011",), found, report)
    if information is None or kind not in EVENT_TYPES:
        return
    facts = _facts(report, replay)
    if _of_somebody_else(report, information, facts, replay):
        return
    for requirement in replay.catalogue.attributes(f"CC.2.4 {EVENT_TYPES[kind]}", "TMS"):
        rule = requirement.rule
        if rule is None or (rule.type == "1" and any(f"${name}" in rule.values and name not in facts for name in FROM_REQUEST)):
            continue
        if requirement.id == "CC24-TMS-113" and not _gave_a_reason(report, replay):
            continue
        if kind == CANCEL_REQUESTED and "$requesting_ae" not in rule.values and not _of_a_performer(report, replay):
            continue
        if requirement.id == "CC24-TMS-141" and facts.get("station_value", "|").count("|"):
            continue  # none, or several
        judgement = judge_attribute(rule, [information], facts)
        if not judgement.not_judged:
            tally.add((requirement.id,), judgement.findings, report)
            if judgement.findings and _of_a_refused(report, information, replay):
                tally.add(("CC24-TMS-004",), judgement.findings, report)


def _of_a_performer(report: Exchange, replay: Replay) -> bool:
    """Whether a request to cancel was made of a workitem that is performed: else it need not be told, and what is said is open."""
    item = replay.items.get(report.instance_uid)
    asked = _requests_to_cancel(report, item)
    return any({w.state for w in item.during(begun(one), over(one))} == {IN_PROGRESS} for one in asked) if item else False


def _requests_to_cancel(report: Exchange, item: Workitem | None) -> list[Exchange]:
    """Return the requests that a report of one may be about."""
    return [
        exchange
        for exchange, _ in (item.requests if item is not None else ())
        if exchange.service == "N-ACTION" and exchange.request.command.get("ActionTypeID") == REQUEST_CANCEL
        if begun(exchange) <= begun(report)
    ]


def _gave_a_reason(report: Exchange, replay: Replay) -> bool:
    """Whether each request that a report of one may be about has the code of a reason."""
    requests = _requests_to_cancel(report, replay.items.get(report.instance_uid))
    asked = [one.request.dataset or Dataset() for one in requests]
    return bool(asked) and all(one.get(REASON) for one in asked)


def _of_somebody_else(report: Exchange, information: Dataset, facts: dict[str, str], replay: Replay) -> bool:
    """Whether what is reported may be the doing of somebody who was not recorded."""
    if replay.complete:
        return False
    kind, item = events.event_type(report), replay.items.get(report.instance_uid)
    if kind == CANCEL_REQUESTED:
        named = str(information.get("RequestingAE") or "")  # who is not named is nobody else either
        return named not in ("", *facts.get("requesting_ae", "").split("|"))
    if kind not in (PROGRESS_REPORT, ASSIGNED):
        return False
    # Who holds the lock changes it, and nobody else.
    return item is None or any(world.lock in ("", ANY) for world in item.during(begun(report), begun(report)))


def _of_a_refused(report: Exchange, information: Dataset, replay: Replay) -> bool:
    """Whether a report says what somebody has asked for in vain."""
    item = replay.items.get(report.instance_uid)
    for exchange, _ in item.requests if item is not None else ():
        asked = exchange.request.dataset
        if asked is None or not is_failure(exchange.status) or over(exchange) > begun(report) + PATIENCE:
            continue
        for keyword in ("ProcedureStepState", PROGRESS):
            if keyword in asked and information.get(keyword) == asked.get(keyword):
                return True
    return False


def _facts(report: Exchange, replay: Replay) -> dict[str, str]:
    """Return what a report may say: all that the workitem had, and was asked, until then."""
    item = replay.items.get(report.instance_uid)
    if item is None or not item.seen:
        return {}
    facts: dict[str, list[str]] = {"state": sorted(item.states_until(begun(report)) - {NO_UPS})}
    for exchange, _ in item.requests:
        if begun(exchange) > begun(report) or (exchange.service != "N-GET" and is_failure(exchange.status)):
            continue
        if exchange.service == "C-FIND":
            continue
        shown = (exchange.dataset if exchange.service == "N-GET" else exchange.request.dataset) or Dataset()
        if exchange.service == "N-ACTION" and exchange.request.command.get("ActionTypeID") == REQUEST_CANCEL:
            facts.setdefault("requesting_ae", []).append(exchange.requestor)
            facts["state"] += ["IN PROGRESS", "CANCELED"]  # through which a SCHEDULED one goes
            _of_progress(shown, facts)
        for progress in shown.get(PROGRESS) or ():
            _of_progress(progress, facts)
        if shown.get(READINESS):
            facts.setdefault("readiness", []).append(str(shown.get(READINESS)))
        facts.setdefault("station_value", []).extend(str(code.get("CodeValue") or "") for code in shown.get(STATION) or ())
    if not replay.complete:
        facts.pop("readiness", None)  # the TMS may change it by itself
    return {name: "|".join(dict.fromkeys(filter(None, values))) for name, values in facts.items() if any(values)}


def _of_progress(progress: Dataset, facts: dict[str, list[str]]) -> None:
    names = {
        "progress": "ProcedureStepProgress", "description": "ProcedureStepProgressDescription", "reason": "ReasonForCancellation",
        "contact_uri": "ContactURI", "contact_name": "ContactDisplayName",
    }  # fmt: skip
    for name, keyword in names.items():
        if progress.get(keyword) not in (None, ""):
            facts.setdefault(name, []).append(str(progress.get(keyword)))
    for contact in progress.get("ProcedureStepCommunicationsURISequence") or ():
        facts.setdefault("contact_uri", []).append(str(contact.get("ContactURI") or ""))
    for code in progress.get(REASON) or ():
        facts.setdefault("reason_code", []).append(str(code.get("CodeValue") or ""))


def _state(report: Exchange) -> str:
    information = report.request.dataset
    is_state = events.event_type(report) == STATE_REPORT and information is not None
    return str(information.get("ProcedureStepState") or "") if is_state and information is not None else ""


def _in_order(its: Sequence[Exchange], replay: Replay) -> None:
    last: dict[str, str] = {}
    for report in its:
        state, before = _state(report), last.get(report.instance_uid, "")
        if state not in RANK:
            continue
        found = []
        if before and RANK[state] < RANK[before]:
            found = [Finding(f"nothing before {before} any more", f"{state} after {before}")]
        replay.tally.add(("CC24-TMS-012",) if before else (), found, report)
        last[report.instance_uid] = state


def _came(owed: Owed, its: Sequence[Exchange], replay: Replay, *, last: bool) -> None:
    """Judge that what is owed has come: missing is what something later came after."""
    cause = owed.cause
    fitting = [one for one in its if _answers(one, owed)]
    overtaken = any(
        other.receiver == owed.receiver and begun(other.cause.exchange) > over(cause.exchange) and _answers(one, other)
        for other in replay.ledger.owed
        for one in its
    )
    if fitting:
        replay.tally.add(cause.ids)
    elif overtaken or last:
        what = f"{EVENT_TYPES[cause.kind]}{f' ({cause.state})' if cause.state else ''} of {cause.uid} to {owed.receiver}"
        ids = (*cause.ids, *(("CC24-TMS-013",) if _others_got(owed, replay) else ()))
        replay.tally.add(ids, [Finding(what, "no such event report")], cause.exchange)


def _answers(report: Exchange, owed: Owed) -> bool:
    """Whether a report is one that is owed."""
    cause = owed.cause
    of_it = report.instance_uid == cause.uid and events.event_type(report) == cause.kind and begun(report) >= begun(cause.exchange)
    return of_it and cause.state in ("", _state(report))


def _others_got(owed: Owed, replay: Replay) -> bool:
    return any(one.cause is owed.cause and one.receiver != owed.receiver for one in replay.ledger.owed)


def _not_owed(receiver: str, its: Sequence[Exchange], replay: Replay) -> None:
    """Judge reports to an AE that is known not to be subscribed."""
    known = replay.ledger.receivers.get(receiver)
    if known is None:
        return
    for report in its:
        kind, uid = events.event_type(report), report.instance_uid
        created = replay.ledger.created.get(uid)
        ends = [
            (over(one), begun(one), ids)
            for one, target, ids in known.ended
            if over(one) < begun(report)
            and (target in (GLOBAL, uid) or (target == SUSPENDED and created is not None and created > over(one)))
        ]
        if kind not in (STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, ASSIGNED) or not ends:
            continue
        time, since, ids = max(ends)
        subscriptions = [(one, what) for one, what in known.subscribed if begun(one) <= begun(report)]
        if any(over(one) >= since and what in (GLOBAL, FILTERED, uid) for one, what in subscriptions):
            continue
        if any(what == FILTERED for _, what in subscriptions):
            continue  # that may go on
        state = _state(report)
        causes = [one for one in replay.ledger.causes if one.uid == uid and one.kind == kind and one.state in ("", state)]
        before = [one for one in causes if begun(one.exchange) <= time]
        after = [one for one in causes if begun(one.exchange) > time]
        new = created is not None and created > time
        had = sum(
            begun(one) < time and one.instance_uid == uid and events.event_type(one) == kind and _state(one) == state for one in its
        )
        # A report that says any state may be of this one.
        owed = sum(
            one.receiver == receiver and one.cause.uid == uid and one.cause.kind == kind and one.cause.state in ("", state)
            for one in replay.ledger.owed
        )
        if new or (after and not before):
            also = ("CC23-TMS-001",) if new and any(one.exchange.service == "N-CREATE" for one in after) else ids
        elif not after and kind == STATE_REPORT and replay.complete and had >= max(owed, 1):
            also = ids  # an initial event at the end of a subscription
        else:
            continue
        found = [Finding(f"no event report to {receiver}, which is not subscribed", EVENT_TYPES[kind])]
        replay.tally.add(("CC24-TMS-014", *also), found, report)
