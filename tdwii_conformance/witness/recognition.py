"""Which system of a record has which part, and to which treatment or watcher's session an exchange belongs. No sockets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage

from ..profile.statuses import is_failure
from ..profile.ups_service import CANCEL_REQUESTED, CHANGE_STATE, FILTERED, GLOBAL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ..scu.treatment_session import PLANS, RECORDS, inputs_of
from ..transcript.exchange import Exchange
from ..transcript.observation import INTERRUPTED, Association, Observation, Reference
from ..upper_layer import Connection
from .records import RECORD_ENDS

__all__ = ["Cast", "Observed", "observations", "recognize"]

WELL_KNOWN = (GLOBAL, FILTERED)  # no workitems
FINAL_STATES = ("COMPLETED", "CANCELED")
SETTLE = 5.0  # seconds in which a system may still do something after the end of a treatment, as in a session with us


@dataclass
class Cast:
    """Which AE titles play which part; one may play several.

    Parameters
    ----------
    tms, ost, tdd, watcher : list of str
        AE titles, in the order in which they were recognized.
    receivers : dict of str to str
        By AE title of a TDD, the move destination that it names, where that is another.
    """

    tms: list[str] = field(default_factory=list)
    ost: list[str] = field(default_factory=list)
    tdd: list[str] = field(default_factory=list)
    watcher: list[str] = field(default_factory=list)
    receivers: dict[str, str] = field(default_factory=dict)

    def add(self, part: str, ae_title: str) -> None:
        """Give a system a part."""
        known: list[str] = getattr(self, part)
        if ae_title and ae_title not in known:
            known.append(ae_title)


@dataclass(frozen=True)
class Observed:
    """An observation of a system that calls, and whose it is.

    Parameters
    ----------
    actor : {"TDD", "watcher"}
        What it is judged as.
    ae_title : str
        The system.
    observation : Observation
        Its session.
    settled : bool
        Whether the record goes on for long enough after the end of the treatment to show what the system does then.
    """

    actor: str
    ae_title: str
    observation: Observation
    settled: bool = True


def recognize(exchanges: Iterable[Exchange], said: Mapping[str, Sequence[str]] | None = None) -> Cast:
    """Return which system has which part, from SOP classes, services and AE titles.

    Parameters
    ----------
    exchanges : iterable of Exchange
        All that were seen.
    said : mapping of str to sequence of str, optional
        AE titles that the user has named: ``tms``, ``ost``, ``tdd``, ``watcher``. A part that is named is not guessed.
    """
    found = Cast()
    exchanges = sorted(exchanges, key=_began)
    for exchange in exchanges:
        for part, ae_title in _parts(exchange):
            found.add(part, ae_title)
        if exchange.service == "C-MOVE":
            found.receivers.setdefault(exchange.requestor, str(exchange.request.command.get("MoveDestination") or "").strip())
    # A TMS answers C-MOVE as well: an OST is who answers it, or takes records, and has no worklist.
    found.ost = [title for title in found.ost if title not in found.tms] or [t for t in found.ost if t in found.tms]
    # A record that a C-MOVE brings is stored by who keeps it, not by who has made it; the move's originator may be left out.
    movers = {exchange.acceptor for exchange in exchanges if exchange.service == "C-MOVE"}
    retrieving = {exchange.requestor for exchange in exchanges if exchange.service == "C-MOVE"} | set(found.receivers.values())
    found.ost = [title for title in found.ost if title in movers or title not in retrieving]
    claimers = {exchange.requestor for exchange in exchanges if _state_asked(exchange)}
    # Who schedules may bring old records as well: that makes no TDD of it.
    not_by_records = movers | {exchange.requestor for exchange in exchanges if exchange.service == "N-CREATE" and _of_ups(exchange)}
    found.tdd = [title for title in found.tdd if title in claimers or title not in not_by_records]
    # Who got no further than the query of RO-58, which is for a station, and plays no other part.
    for exchange in exchanges:
        others = (*found.tms, *found.ost, *found.tdd, *found.watcher)
        if exchange.requestor not in others and _queries_for_a_station(exchange):
            found.add("tdd", exchange.requestor)
    # A TDD may subscribe to what it performs: that makes no watcher of it.
    found.watcher = [title for title in found.watcher if title not in found.tdd]
    for part, titles in (said or {}).items():
        if titles:
            setattr(found, part, list(titles))
    return found


def _queries_for_a_station(exchange: Exchange) -> bool:
    asked = exchange.request.dataset
    of_ups = exchange.service == "C-FIND" and exchange.abstract_syntax in UPS.ALL
    return of_ups and asked is not None and "ScheduledStationNameCodeSequence" in asked


def _sop_class(exchange: Exchange) -> str:
    command = exchange.request.command
    return str(command.get("AffectedSOPClassUID") or command.get("RequestedSOPClassUID") or exchange.abstract_syntax)


def _of_ups(exchange: Exchange) -> bool:
    return _sop_class(exchange) in UPS.ALL or exchange.abstract_syntax in UPS.ALL


def _parts(exchange: Exchange) -> Iterable[tuple[str, str]]:
    command, sop_class, of_ups = exchange.request.command, _sop_class(exchange), _of_ups(exchange)
    match exchange.service:
        case "N-EVENT-REPORT" if of_ups:
            yield "tms", exchange.requestor
        case "C-FIND" | "N-CREATE" | "N-SET" | "N-GET" | "N-ACTION" if of_ups:
            yield "tms", exchange.acceptor
            if exchange.service == "N-ACTION":
                kind = int(command.get("ActionTypeID") or 0)
                yield "tdd" if kind == CHANGE_STATE else "watcher", exchange.requestor
        case "C-MOVE":
            yield "ost", exchange.acceptor
        case "C-STORE" if sop_class in RECORDS:
            yield "ost", exchange.acceptor
            if exchange.requestor != exchange.acceptor and "MoveOriginatorApplicationEntityTitle" not in command:
                yield "tdd", exchange.requestor


def observations(
    connections: Sequence[Connection], cast: Cast, *, edition: str = "ti", until: datetime | None = None
) -> list[Observed]:
    """Return a session for each workitem that a TDD has tried to claim, and one for each watcher.

    Parameters
    ----------
    connections : sequence of Connection
        All that were recorded, closed.
    cast : Cast
        Who is who.
    edition : {"ti", "2013"}
        Edition of TDW-II that the systems say they follow.
    until : datetime, optional
        When the record ends, if later than all that is in it.
    """
    # What the record breaks off nobody has broken off.
    exchanges = sorted((e for c in connections for e in c.exchanges if e.failure != RECORD_ENDS), key=_began)
    associations = sorted((connection.association(connection.ended) for connection in connections), key=lambda one: one.time)
    seen = _Seen(exchanges)
    titles = {"tms_ae_title": _one(cast.tms), "ost_ae_title": _one(cast.ost), "edition": edition, "deadline": "0"}
    found = []
    for tdd in cast.tdd:
        treated = _treatments(tdd, cast, exchanges, associations, seen, titles)
        ended = max([until, *map(_ended, exchanges)] if until is not None else map(_ended, exchanges))
        # Who has begun another treatment is done with the one before.
        found += [Observed("TDD", tdd, one, one is not treated[-1] or _settled(one, ended)) for one in treated]
    for watcher in cast.watcher:
        inputs = seen.inputs
        its = [e for e in exchanges if watcher in (e.requestor, e.acceptor) and not _of_the_unseen(e, watcher, inputs)]
        facts = {"actor": "watcher", "system": watcher, "scenario": "watch", "watcher_ae_title": watcher, **titles}
        found.append(
            Observed("watcher", watcher, Observation(facts, inputs, tuple(its), _of(watcher, watcher, associations), INTERRUPTED))
        )
    return found


def _one(titles: Sequence[str]) -> str:
    return titles[0] if titles else ""


def _began(exchange: Exchange) -> datetime:
    return exchange.request.time


def _ended(exchange: Exchange) -> datetime:
    return exchange.response.time if exchange.response is not None else exchange.request.time


class _Seen:
    """What the record says of workitems, plans and instructions, whoever has sent it."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self.workitems: dict[str, Dataset] = {}
        self.objects: dict[str, Dataset] = {}
        for exchange in exchanges:
            asked = exchange.request.dataset
            if exchange.service == "C-FIND":
                for identifier in exchange.identifiers:
                    self._workitem(str(identifier.get("SOPInstanceUID") or ""), identifier)
            elif exchange.service == "N-GET" and exchange.dataset is not None:
                self._workitem(exchange.instance_uid, exchange.dataset)
            elif exchange.service == "N-CREATE" and asked is not None:
                uid = str(exchange.response.command.get("AffectedSOPInstanceUID") or "") if exchange.response else ""
                self._workitem(exchange.instance_uid or uid, asked)
            elif exchange.service == "C-STORE" and asked is not None:
                self.objects[exchange.instance_uid] = asked

    @property
    def inputs(self) -> tuple[Reference, ...]:
        """What all workitems refer to as their inputs."""
        return tuple(one for workitem in self.workitems.values() for one in inputs_of(workitem))

    def _workitem(self, uid: str, attributes: Dataset) -> None:
        # The fullest description is kept: a query may ask for little.
        if uid and ("InputInformationSequence" in attributes or uid not in self.workitems):
            self.workitems.setdefault(uid, attributes)
            if len(attributes) > len(self.workitems[uid]):
                self.workitems[uid] = attributes


def _treatments(
    tdd: str, cast: Cast, exchanges: Sequence[Exchange], associations: Sequence[Association], seen: _Seen, titles: Mapping[str, str]
) -> list[Observation]:
    receiver = cast.receivers.get(tdd) or tdd
    its = [e for e in exchanges if tdd in (e.requestor, e.acceptor) or e.acceptor == receiver]
    order: list[str] = []
    for exchange in its:
        state = _state_asked(exchange)
        if exchange.requestor == tdd and state and state not in FINAL_STATES and exchange.instance_uid not in order:
            order.append(exchange.instance_uid)
    order = order or [_asked_for(its, tdd, seen)]
    found: list[Observation] = []
    known: list[str] = []
    its = [e for e in its if not _of_another(e, tdd, order, seen)]
    for uid, part in zip(order, _shared_out(its, order, tdd), strict=True):
        facts = {
            "actor": "TDD", "system": tdd, "workitem": uid, "tdd_ae_title": tdd, "tdd_receiver_ae_title": receiver,
            "known_transaction_uids": "|".join(known), **titles, **_facts(uid, part, tdd, seen),
        }  # fmt: skip
        inputs = inputs_of(seen.workitems.get(uid, Dataset()))
        last = max(map(_ended, part), default=datetime.now().astimezone())
        of_it = [one for one in associations if one.time <= last]
        ended = any(_state_asked(e) in FINAL_STATES and e.status == 0 for e in part if e.requestor == tdd)
        found.append(Observation(facts, inputs, tuple(part), _of(tdd, receiver, of_it), "" if ended else INTERRUPTED))
        known += [uid for uid in _transaction_uids(part, tdd) if uid not in known]
    return found


def _settled(observation: Observation, until: datetime) -> bool:
    finals = [_ended(e) for e in observation.exchanges if _state_asked(e) in FINAL_STATES and e.status == 0]
    return not finals or (until - max(finals)).total_seconds() >= SETTLE


def _asked_for(its: Sequence[Exchange], tdd: str, seen: _Seen) -> str:
    """Return the workitem that a TDD without a claim has begun with: the one whose inputs it asks for; empty if none."""
    moves = [e.request.dataset for e in its if e.requestor == tdd and e.service == "C-MOVE" and e.request.dataset is not None]
    wanted = {str(uid) for one in moves for uid in _several(one.get("SOPInstanceUID"))}
    for uid, workitem in seen.workitems.items():
        if wanted & {reference.instance for reference in inputs_of(workitem)}:
            return uid
    return ""


def _of_another(exchange: Exchange, tdd: str, order: Sequence[str], seen: _Seen) -> bool:
    """Whether a TDD retrieves the inputs of a workitem that it has not tried to claim: it has given that up before."""
    asked = exchange.request.dataset
    if exchange.service == "C-MOVE" and exchange.requestor == tdd and asked is not None:
        wanted = {str(uid) for uid in _several(asked.get("SOPInstanceUID"))}
    elif exchange.service == "C-STORE" and exchange.requestor != tdd:
        wanted = {exchange.instance_uid}
    else:
        return False
    owners = {uid for uid, one in seen.workitems.items() if wanted & {reference.instance for reference in inputs_of(one)}}
    return bool(owners) and not owners & set(order)


def _of_the_unseen(exchange: Exchange, watcher: str, inputs: Sequence[Reference]) -> bool:
    """Whether a watcher retrieves the inputs of a workitem that the record does not show: of a study that none has inputs of."""
    asked = exchange.request.dataset
    if exchange.service != "C-MOVE" or exchange.requestor != watcher or asked is None:
        return False
    known = {one.instance for one in inputs} | {one.study for one in inputs}
    return not known & {str(uid) for name in ("SOPInstanceUID", "StudyInstanceUID") for uid in _several(asked.get(name))}


def _several(value: object) -> Iterable[object]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else ()


def _shared_out(its: Sequence[Exchange], order: Sequence[str], tdd: str) -> list[list[Exchange]]:
    """Return the exchanges of each workitem: by its UID, else by the time in which it is treated."""
    last: dict[str, datetime] = {}
    for exchange in its:
        if exchange.instance_uid in order and exchange.requestor == tdd:
            last[exchange.instance_uid] = max(last.get(exchange.instance_uid, _ended(exchange)), _ended(exchange))
    # Event reports, and the end of a subscription, may come while the next workitem is looked for already.
    for uid in last:
        finals = [_ended(e) for e in its if e.instance_uid == uid and _state_asked(e) in FINAL_STATES and e.status == 0]
        last[uid] = min([last[uid], *finals])
    parts: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in its:
        uid = exchange.instance_uid
        if uid not in last and uid not in WELL_KNOWN and _of_a_workitem(exchange) and not _while_treating(exchange, its, order):
            continue  # one that it has not tried to claim
        if uid not in last and not last:
            uid = order[0]
        elif uid not in last:
            uid = next((one for one in order if one in last and _began(exchange) <= last[one]), order[-1])
        parts[uid].append(exchange)
    return [parts[uid] for uid in order]


def _while_treating(exchange: Exchange, its: Sequence[Exchange], order: Sequence[str]) -> bool:
    """Whether a TDD asks for a change of another workitem while it treats one: that is meant for the one."""
    if exchange.service in ("N-EVENT-REPORT", "N-GET"):
        return False
    claims = {e.instance_uid: _ended(e) for e in its if _state_asked(e) not in ("", *FINAL_STATES) and e.status == 0}
    return any(claims[uid] <= _began(exchange) for uid in order if uid in claims and _over(uid, its) >= _began(exchange))


def _over(uid: str, its: Sequence[Exchange]) -> datetime:
    """Return when a treatment was over: its final state granted, or the last that was seen of it."""
    finals = [_ended(e) for e in its if e.instance_uid == uid and _state_asked(e) in FINAL_STATES and e.status == 0]
    return min(finals) if finals else max(map(_ended, its))


def _of_a_workitem(exchange: Exchange) -> bool:
    if exchange.service == "N-ACTION":  # a subscription is a matter of its own, whatever it is to
        return exchange.request.command.get("ActionTypeID") not in (SUBSCRIBE, UNSUBSCRIBE, SUSPEND)
    return exchange.service in ("N-SET", "N-EVENT-REPORT")  # whoever looks at another's workitem does so besides


def _of(ae_title: str, receiver: str, associations: Sequence[Association]) -> tuple[Association, ...]:
    return tuple(one for one in associations if one.requestor == ae_title or one.acceptor in (ae_title, receiver))


def _state_asked(exchange: Exchange) -> str:
    if exchange.service != "N-ACTION" or exchange.request.dataset is None:
        return ""
    return str(exchange.request.dataset.get("ProcedureStepState") or "")


def _transaction_uids(part: Iterable[Exchange], tdd: str) -> list[str]:
    asked = [e.request.dataset for e in part if e.requestor == tdd and e.service in ("N-ACTION", "N-SET")]
    return [str(one.TransactionUID) for one in asked if one is not None and one.get("TransactionUID")]


def _facts(uid: str, part: Sequence[Exchange], tdd: str, seen: _Seen) -> dict[str, str]:
    workitem = seen.workitems.get(uid, Dataset())
    its = [e for e in part if e.requestor == tdd]
    start = _parameter(workitem, "121740", "ccc001")
    facts = {
        "start": start,
        "end": _end(its),
        "inject": _injected(part, its),
        "patient_name": str(workitem.get("PatientName") or ""),
        "patient_id": str(workitem.get("PatientID") or ""),
        "study": str(workitem.get("StudyInstanceUID") or ""),
        **_station(workitem, its),
    }
    for reference in inputs_of(workitem):
        held = seen.objects.get(reference.instance)
        if reference.sop_class in PLANS:
            facts |= {"plan": reference.instance, "plan_class": reference.sop_class, **_of_plan(held)}
        elif reference.sop_class == RTBeamsDeliveryInstructionStorage:
            facts |= {"instruction": reference.instance, **_of_instruction(held)}
    facts["scenario"] = "-".join(filter(None, ("continuation" if start == "CONTINUATION" else "new", facts["end"])))
    return {name: value for name, value in facts.items() if value}


def _parameter(workitem: Dataset, *codes: str) -> str:
    for entry in workitem.get("ScheduledProcessingParametersSequence") or ():
        for name in entry.get("ConceptNameCodeSequence") or ():
            if name.get("CodeValue") in codes:
                return str(entry.get("TextValue") or entry.get("NumericValue") or "")
    return ""


def _station(workitem: Dataset, its: Sequence[Exchange]) -> dict[str, str]:
    # A workitem may name several stations: the one that was asked for is meant.
    asked = [e.request.dataset for e in its if e.service == "C-FIND" and e.request.dataset is not None]
    asked.reverse()
    for dataset in [*asked, workitem]:
        for code in dataset.get("ScheduledStationNameCodeSequence") or ():
            if code.get("CodeValue"):
                return {"station_value": str(code.CodeValue), "station_scheme": str(code.get("CodingSchemeDesignator") or "")}
    return {}


def _of_plan(plan: Dataset | None) -> dict[str, str]:
    if plan is None:
        return {}
    groups = list(plan.get("FractionGroupSequence") or ())
    # With several fraction groups the instruction says which is meant; their numbers are then not compared.
    planned = str(groups[0].get("NumberOfFractionsPlanned") or "") if len(groups) == 1 else ""
    return {"plan_label": str(plan.get("RTPlanLabel") or ""), "fractions_planned": planned}


def _of_instruction(instruction: Dataset | None) -> dict[str, str]:
    tasks = instruction.get("BeamTaskSequence") or () if instruction is not None else ()
    if not tasks:
        return {}
    numbers = [str(task.ReferencedBeamNumber) for task in tasks if task.get("ReferencedBeamNumber") is not None]
    fraction = tasks[0].get("CurrentFractionNumber")
    return {"beam_numbers": "|".join(dict.fromkeys(numbers)), "fraction": "" if fraction is None else str(fraction)}


def _end(its: Sequence[Exchange]) -> str:
    states = [_state_asked(e) for e in its]
    if "CANCELED" not in states:
        return "completed" if "COMPLETED" in states else ""
    recorded = any(e.service == "C-STORE" for e in its)
    return "canceled-after" if recorded or any(map(_progressed, its)) else "canceled-before"


def _progressed(exchange: Exchange) -> bool:
    if exchange.service != "N-SET" or exchange.request.dataset is None:
        return False
    for progress in exchange.request.dataset.get("ProcedureStepProgressInformationSequence") or ():
        if str(progress.get("ProcedureStepProgress") or "0") not in ("0", "0.0"):
            return True
    return False


def _injected(part: Sequence[Exchange], its: Sequence[Exchange]) -> str:
    """Return what got in the way first, as `checks.scu.INJECTIONS` names it; empty if nothing did."""
    for exchange in part:
        event = exchange.request.command.get("EventTypeID") if exchange.service == "N-EVENT-REPORT" else None
        if event == CANCEL_REQUESTED:
            return "cancel-request"
        if exchange not in its or not is_failure(exchange.status):
            continue
        kind = {"C-MOVE": "move-fails", "N-SET": "set-refused"}.get(exchange.service, "")
        if exchange.service == "N-ACTION" and _state_asked(exchange) == "IN PROGRESS":
            kind = "claim-refused"
        if kind:
            return kind
    return ""
