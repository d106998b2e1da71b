"""Retrieval and storage as observed: a C-MOVE with the C-STOREs it causes, and what was stored [RO-59, RO-61, RO-63]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pydicom.dataset import Dataset
from pydicom.uid import (
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
)

from ...profile.catalogue import Catalogue
from ...profile.statuses import CANCEL, is_failure, is_warning
from ...transcript.exchange import Exchange
from .. import move, status
from ..attributes import judge_attribute
from ..findings import Finding
from ..move import Retrieval
from .belief import Workitem, begun, over
from .facts import facts_of_workitem
from .tally import Tally

__all__ = ["Instances", "judge_retrievals", "retrieval_of"]

LATE = timedelta(seconds=2)  # after the final response, in which an instance may still come
RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
SOME_FAILED = 0xB000
REFUSED = (SOME_FAILED, 0xA702)


class Instances:
    """What systems have of instances, by what was stored to them or came from them.

    Parameters
    ----------
    exchanges : iterable of Exchange
        All that were recorded.
    """

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        everything = sorted(exchanges, key=begun)
        self.stores = [exchange for exchange in everything if exchange.service == "C-STORE"]
        self.moves = [exchange for exchange in everything if exchange.service == "C-MOVE"]
        # AE titles whose side of C-STORE was recorded: what does not come to others may have gone another way.
        self.receivers = {exchange.acceptor for exchange in self.stores}
        self.retrievals = [retrieval_of(one, self.moves, self.stores) for one in self.moves]
        self.moved = {id(store) for retrieval in self.retrievals if retrieval is not None for store in retrieval.stores}

    def held(self, title: str, uid: str, before: Exchange) -> Dataset | None:
        """Return an instance as a system was given it, or has given it out, before a request; ``None`` if that was not seen."""
        for store in self.stores:
            gave = store.requestor == title
            took = store.acceptor == title and store.status == 0
            if (gave or took) and store.instance_uid == uid and over(store) < begun(before):
                return store.request.dataset
        return None


def retrieval_of(exchange: Exchange, moves: Sequence[Exchange], stores: Sequence[Exchange]) -> Retrieval | None:
    """Return a C-MOVE with its C-STOREs; ``None`` if those of another cannot be told from them.

    Parameters
    ----------
    exchange : Exchange
        The C-MOVE.
    moves, stores : sequence of Exchange
        All that were recorded.
    """
    destination = _destination(exchange)
    end = over(exchange) + LATE
    asked = {one.acceptor for one in moves} - {exchange.acceptor}
    found = []
    for store in stores:
        if store.acceptor != destination or not begun(exchange) <= begun(store) <= end:
            continue
        originator = str(store.request.command.get("MoveOriginatorApplicationEntityTitle") or "").strip()
        number = store.request.command.get("MoveOriginatorMessageID")
        # Some give their own AE title as that of the originator: the Message ID tells more. Some send under another title
        # than they are asked under; not under that of a system that was asked as well.
        if store.requestor != exchange.acceptor and (originator != exchange.requestor or store.requestor in asked):
            continue
        if number is None:
            others = [e for e in moves if e is not exchange and e.acceptor == exchange.acceptor and _destination(e) == destination]
            if any(begun(e) <= begun(store) <= over(e) + LATE for e in others):
                return None
        if number in (None, exchange.request.command.get("MessageID")):
            found.append(store)
    later = [e for e in moves if e is not exchange and _same(e, exchange) and begun(e) > begun(exchange)]
    following = min(map(begun, later), default=end)
    return Retrieval(exchange, tuple(store for store in found if begun(store) <= max(following, over(exchange))))


def _same(one: Exchange, other: Exchange) -> bool:
    """Whether two C-MOVEs go from one AE to another under one Message ID."""
    ones, others = ((e.requestor, e.acceptor, e.request.command.get("MessageID")) for e in (one, other))
    return ones == others


def _destination(exchange: Exchange) -> str:
    return str(exchange.request.command.get("MoveDestination") or "").strip()


def _asked(exchange: Exchange) -> list[str]:
    asked = exchange.request.dataset
    value = asked.get("SOPInstanceUID") if asked is not None else None
    return [] if not value else [value] if isinstance(value, str) else [str(one) for one in value]


def judge_retrievals(
    title: str,
    actor: str,
    others: Sequence[str],
    instances: Instances,
    items: Mapping[str, Workitem],
    catalogue: Catalogue,
    tally: Tally,
) -> None:
    """Judge what a system gave out and took.

    Parameters
    ----------
    title : str
        Its AE title.
    actor : {"TMS", "OST"}
        What it is judged as.
    others : sequence of str
        AE titles that are both: of them a TMS answers for delivery instructions, an OST for all else.
    instances : Instances
        What was moved and stored.
    items : mapping of str to Workitem
        What is known of workitems, which refer to instances.
    catalogue : Catalogue
        The requirements.
    tally : Tally
        Takes what is found.
    """
    prefix = "RO61-TMS" if actor == "TMS" else "RO59-OST"
    for retrieval in instances.retrievals:
        if retrieval is None or retrieval.move.acceptor != title or retrieval.move.failure:
            continue
        dynamic = [
            store.request.command.get("AffectedSOPClassUID") == RTBeamsDeliveryInstructionStorage for store in retrieval.stores
        ]
        if title in others and (not dynamic or any(dynamic) != (actor == "TMS")):
            continue
        _judge_move(retrieval, prefix, instances, tally)
        if actor == "TMS":
            _rows(retrieval, instances, items, catalogue, tally)
    if actor == "OST":
        for store in instances.stores:
            if store.acceptor == title and id(store) not in instances.moved and not store.failure:
                _judge_store(store, catalogue, tally)
        _given_back(title, instances, tally)


def _judge_move(retrieval: Retrieval, prefix: str, instances: Instances, tally: Tally) -> None:
    exchange, asked = retrieval.move, _asked(retrieval.move)

    def add(number: str, found: Iterable[Finding]) -> None:
        tally.add((f"{prefix}-{number}",), found, *retrieval.exchanges[:4])

    add("006", move.pending_consistent(retrieval))
    add("013", move.remaining_absent(retrieval))
    add("014", move.no_identifier(retrieval))
    came = Counter(retrieval.received)
    extra = [uid for uid in came if uid not in asked] if asked else []
    twice = [uid for uid, count in came.items() if count > 1]
    number = "003" if len(asked) > 1 else "002"
    held = [uid for uid in asked if uid in came or instances.held(exchange.acceptor, uid, exchange) is not None]
    if extra and len(held) < len(asked):
        # Nobody has seen that there is what did not come: what came in its place is wrong in any case.
        number = "009" if len(asked) > 1 else "008"
    if retrieval.stores and asked:
        wrong = [Finding(f"only what was asked for ({', '.join(asked)})", f"{uid} came") for uid in extra]
        wrong += [Finding(f"{uid} once", f"{came[uid]} times") for uid in twice]
        wrong += [
            Finding(f"the instance {uid} before the final response", f"it came {seconds:.1f} s after it")
            for uid, seconds in retrieval.late.items()
        ]
        add(number, wrong)
        if prefix == "RO61-TMS":
            add("016", move.only_classes(retrieval, (RTBeamsDeliveryInstructionStorage,)) if extra else [])
        add("004", move.command_agrees(retrieval))
        add("012", [])
        add("018", move.originator(retrieval, exchange.requestor))
        add("021", move.priority(retrieval))
    if asked and not any(_of_the_series(instances.held(exchange.acceptor, uid, exchange), exchange) for uid in asked):
        expected = "nothing: it is of another Study or Series than the C-MOVE names"
        add("019", [Finding(expected, f"{uid} came") for uid in asked if uid in came])
    add("012", _strays(retrieval.move, instances.stores))
    if _destination(exchange) not in instances.receivers or (is_failure(exchange.status) and not retrieval.stores):
        return
    if exchange.status == CANCEL:  # what remained did not come
        return
    _counted(retrieval, asked, add, instances)


def _strays(exchange: Exchange, stores: Sequence[Exchange]) -> list[Finding]:
    """Return the C-STOREs that say that a C-MOVE has caused them, and went to another AE than it names."""
    expected = f"the move destination {_destination(exchange)}, which it was given, as the called AE title"
    end = over(exchange) + LATE
    return [
        Finding(expected, f"{store.instance_uid} sent to {store.acceptor}")
        for store in stores
        if store.requestor == exchange.acceptor
        and begun(exchange) <= begun(store) <= end
        and store.acceptor != _destination(exchange)
        if str(store.request.command.get("MoveOriginatorApplicationEntityTitle") or "").strip() == exchange.requestor
        if store.request.command.get("MoveOriginatorMessageID") == exchange.request.command.get("MessageID")
        if store.instance_uid in _asked(exchange)
    ]


def _counted(retrieval: Retrieval, asked: Sequence[str], add: object, instances: Instances) -> None:
    assert callable(add)
    exchange = retrieval.move
    done = [store for store in retrieval.stores if store.status == 0]
    failed = [store for store in retrieval.stores if is_failure(store.status)]
    warned = [store for store in retrieval.stores if is_warning(store.status)]
    missing = [uid for uid in asked if uid not in retrieval.received]
    # A list that names one that nobody has seen: the others are to come.
    unseen = any(instances.held(exchange.acceptor, uid, exchange) is None for uid in missing)
    for uid in missing:
        held = instances.held(exchange.acceptor, uid, exchange)
        if held is not None and _of_the_series(held, exchange):
            number = "002" if len(asked) == 1 else "009" if unseen else "003"
            add(number, [Finding(f"the instance {uid}, which it has", "it did not come")])
            if held.get("SOPClassUID") == RTIonPlanStorage:
                add("017", [Finding(f"the RT Ion Plan {uid}", "it did not come")])
    if failed:
        wrong = [] if exchange.status in REFUSED else [Finding("status B000 or A702", _status(exchange))]
        add("010", wrong)
        add("011", move.failed_list(retrieval, [store.instance_uid for store in failed]))
    elif missing and not retrieval.stores:
        add("008", move.counted_none_completed(retrieval))
    elif missing:
        add("009", [])
    elif asked and len(done) == len(asked):
        add("001", [] if exchange.status == 0 else [Finding("status 0000 (Success)", _status(exchange))])
        add("005", move.counted(retrieval, completed=len(done)))
    elif warned and len(done) + len(warned) == len(asked):
        wrong = [] if exchange.status == SOME_FAILED else [Finding("status B000", _status(exchange))]
        add("025", wrong + move.counted(retrieval, completed=len(done), warning=len(warned)))
    for store in retrieval.stores:
        original = instances.held(exchange.acceptor, store.instance_uid, exchange)
        if original is not None and store.request.dataset is not None:
            add("015", _kept(original, store.request.dataset))


def _status(exchange: Exchange) -> str:
    return "no status" if exchange.status is None else f"status {exchange.status:04X}"


def _kept(original: Dataset, came: Dataset | None) -> list[Finding]:
    """Compare an instance with what was stored; an OST of storage level 0 or 1 may leave some of a record out [PS3.4 B.4.1]."""
    found = move.same_content(original, came)
    if original.get("SOPClassUID") not in RECORDS:
        return found
    left_out = ("as it was stored: present", "the contrary")
    return [replace(one, weight="warning") if (one.expected, one.received) == left_out else one for one in found]


def _of_the_series(held: Dataset | None, exchange: Exchange) -> bool:
    """Whether an instance is of the study and series that a C-MOVE names; what was not seen may be."""
    if held is None:
        return True
    asked = exchange.request.dataset or Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        named = asked.get(keyword)
        if named and str(held.get(keyword) or "") not in ([named] if isinstance(named, str) else list(named)):
            return False
    return True


def _rows(retrieval: Retrieval, instances: Instances, items: Mapping[str, Workitem], catalogue: Catalogue, tally: Tally) -> None:
    """Judge the delivery instructions that came, by the rows of TDW-II [RO-61]."""
    for store in retrieval.stores:
        instruction = store.request.dataset
        if instruction is None or store.request.command.get("AffectedSOPClassUID") != RTBeamsDeliveryInstructionStorage:
            continue
        facts: dict[str, str] = {}
        for item in items.values():
            known = Dataset()
            for one in item.known.values():
                if one.element is not None:
                    known.add(one.element)
            said = facts_of_workitem(known)
            if said.get("instruction") == store.instance_uid:
                facts = said
        for other in instances.stores:
            if facts.get("plan") == other.instance_uid and other.request.dataset is not None:
                beams = [beam for name in ("BeamSequence", "IonBeamSequence") for beam in other.request.dataset.get(name) or ()]
                facts["beam_numbers"] = "|".join(str(beam.get("BeamNumber")) for beam in beams)
        for requirement in catalogue.attributes("RO-61 object", "TMS"):
            if requirement.rule is not None:
                judgement = judge_attribute(requirement.rule, [instruction], facts)
                if not judgement.not_judged:
                    tally.add((requirement.id,), judgement.findings, retrieval.move, store)


def _judge_store(store: Exchange, catalogue: Catalogue, tally: Tally) -> None:
    command = store.request.command
    if command.get("AffectedSOPClassUID") in RECORDS and not store.request.undecodable:
        record = store.request.dataset or Dataset()
        ends = {
            str(beam.get("TreatmentTerminationStatus") or "NORMAL")
            for name in ("TreatmentSessionBeamSequence", "TreatmentSessionIonBeamSequence")
            for beam in record.get(name) or ()
        }
        named = (str(record.get("SOPClassUID") or ""), str(record.get("SOPInstanceUID") or ""))
        agrees = all(named) and named == (command.get("AffectedSOPClassUID"), store.instance_uid)
        if not agrees and is_failure(store.status):
            return  # the record is of another class than its request says, or another instance, or of none: it may be refused
        number = "001" if ends <= {"NORMAL"} else "005"
        tally.add((f"RO63-OST-{number}",), status.status(store, catalogue["RO63-OST-001"]), store)
        found = status.no_foreign_uid(store, "AffectedSOPClassUID", str(command.get("AffectedSOPClassUID")))
        found += status.no_foreign_uid(store, "AffectedSOPInstanceUID", store.instance_uid)
        tally.add(("RO63-OST-002",), found, store)


def _given_back(title: str, instances: Instances, tally: Tally) -> None:
    """Judge that the records that an OST took can be retrieved, as they were [RO-63]."""
    for retrieval in instances.retrievals:
        if retrieval is None or retrieval.move.acceptor != title or _destination(retrieval.move) not in instances.receivers:
            continue
        for uid in _asked(retrieval.move):
            taken = [
                store
                for store in instances.stores
                if store.acceptor == title
                and store.instance_uid == uid
                and store.status == 0
                and over(store) < begun(retrieval.move)
            ]
            if not taken or taken[0].request.command.get("AffectedSOPClassUID") not in RECORDS:
                continue
            if not _of_the_series(taken[0].request.dataset or Dataset(), retrieval.move):
                continue
            came = [store for store in retrieval.stores if store.instance_uid == uid]
            lost = [] if came else [Finding(f"the record {uid}, which was stored", "it did not come")]
            tally.add(("RO63-OST-003", "RO63-OST-006"), lost, taken[0], retrieval.move)
            original = taken[0].request.dataset
            if came and original is not None:
                tally.add(("RO63-OST-004",), _kept(original, came[0].request.dataset), taken[0], came[0])
