"""A first look at the systems under test: whether they can be reached and accept our associations."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import sop_class

from ..dimse import DimseError, NothingAccepted, Patience, Peer, Timeouts, connect
from ..profile.statuses import is_failure
from ..profile.ups_service import UPS
from ..transcript.exchange import Exchange
from ..treatment.messages import Code, item, move_identifier, worklist_query

__all__ = ["PLAIN", "answers_plainly", "first_look", "gone", "never_called", "none_sent", "nothing_scheduled", "offered", "trouble"]

NEEDED = {
    "TMS": (UPS.PULL, "UPS Pull"),
    "OST": (sop_class.StudyRootQueryRetrieveInformationModelMove, "Study Root Query/Retrieve - MOVE"),
}


DESTINATION_UNKNOWN, RECEIVER_UNKNOWN = 0xA801, 0xC308
PLAIN = ("C-ECHO", "C-FIND", "N-GET")  # services of which a request can be plain without effect
MANY, FEW = 200, 3  # workitems that are looked through where none is for us, and stations that are named then
PAUSES = (0.0, 1.0, 3.0)  # seconds before each try to reach a system that seems to be gone


def trouble(peers: Sequence[tuple[str, Peer | None]], *, calling: str, timeouts: Timeouts) -> str:
    """Return why systems cannot be judged, in one sentence each; empty if all can.

    Parameters
    ----------
    peers : sequence of (role, Peer or None)
        ``"TMS"`` and ``"OST"``, and where they are; ``None`` is not described and not looked at.
    calling : str
        Our AE title.
    timeouts : Timeouts
        Deadlines.
    """
    found = [_trouble(role, peer, calling, timeouts) for role, peer in peers if peer is not None]
    return "; ".join(sentence for sentence in found if sentence)


# What shows by an accepted presentation context that a system has a capability, in the words of its description.
OFFERS = {
    "TMS": {
        "push": UPS.PUSH,
        "watch": UPS.WATCH,
        "query": UPS.QUERY,
        "store-instructions": sop_class.RTBeamsDeliveryInstructionStorage,
    },
    "OST": {
        "store-inputs": sop_class.RTPlanStorage,
        "photon": sop_class.RTBeamsTreatmentRecordStorage,
        "ion": sop_class.RTIonBeamsTreatmentRecordStorage,
    },
}


def offered(role: str, peer: Peer, *, calling: str, timeouts: Timeouts | None = None) -> tuple[str, tuple[str, ...]]:
    """Return why a system cannot be judged, or else which capabilities show by the presentation contexts that it accepts.

    Parameters
    ----------
    role : {"TMS", "OST"}
        What it is.
    peer, calling, timeouts
        As for `trouble`; usual deadlines by default.
    """
    deadlines = timeouts or Timeouts()
    if said := _trouble(role, peer, calling, deadlines):
        return said, ()
    offers = OFFERS[role]
    try:
        with connect(peer, [NEEDED[role][0], *offers.values()], calling=calling, timeouts=deadlines) as link:
            return "", tuple(name for name, syntax in offers.items() if link.accepts(syntax))
    except DimseError as error:
        return f"{role} {error.advice}", ()


def _trouble(role: str, peer: Peer, calling: str, timeouts: Timeouts) -> str:
    syntax, name = NEEDED[role]
    try:
        with connect(peer, [sop_class.Verification, syntax], calling=calling, timeouts=timeouts) as link:
            if not link.accepts(syntax):
                return (
                    f"{role} {peer} at {peer.host}:{peer.port} does not accept the presentation context {name} ({syntax}): "
                    f"is that the {role}, and is the service switched on for {calling!r}?"
                )
            if link.accepts(sop_class.Verification):
                echo = link.c_echo()
                if echo.failure and not link.established and not _still_there(peer, calling, timeouts):
                    return f"{role} {peer} at {peer.host}:{peer.port} accepts an association but C-ECHO got {echo.failure}"
    except DimseError as error:
        return f"{role} {error.advice}"
    return ""


def _still_there(peer: Peer, calling: str, timeouts: Timeouts) -> bool:
    try:
        connect(peer, [UPS.PULL, sop_class.Verification], calling=calling, timeouts=timeouts).close()
    except NothingAccepted:
        return True
    except DimseError:
        return False
    return True


def gone(peers: Sequence[tuple[str, Peer | None]], *, calling: str, timeouts: Timeouts) -> str:
    """Return which system is gone, in one sentence: it accepted no association in three tries; empty if none is.

    A system that is busy for a moment, or is restarted by its operator, comes back in that time.

    Parameters
    ----------
    peers, calling, timeouts
        As for `trouble`.
    """
    for role, peer in peers:
        if peer is None:
            continue
        said = ""
        for pause in PAUSES:
            threading.Event().wait(pause)
            try:
                connect(peer, [*NEEDED[role][:1], sop_class.Verification], calling=calling, timeouts=timeouts).close()
            except NothingAccepted:
                break
            except DimseError as error:
                said = error.advice
            else:
                break
        else:
            return f"{role} {said} (tried {len(PAUSES)} times)"
    return ""


def first_look(peers: Sequence[tuple[str, Peer | None]], *, calling: str, port: int, timeouts: Timeouts) -> list[str]:
    """Return what is configured wrong so that a part of the tests cannot judge: one sentence each, with what to change.

    Each system is asked to move an instance that does not exist to us: one that does not know our AE title says so [A801].

    Parameters
    ----------
    peers, calling, timeouts
        As for `trouble`.
    port : int
        Where we listen.
    """
    return [sentence for role, peer in peers if peer and (sentence := _destination(role, peer, calling, port, timeouts))]


def _destination(role: str, peer: Peer, calling: str, port: int, timeouts: Timeouts) -> str:
    model, nobody = NEEDED["OST"][0], generate_uid()
    try:
        with connect(peer, [model, sop_class.Verification], calling=calling, timeouts=timeouts) as link:
            if not link.accepts(model):
                return ""
            answer = link.c_move(model, move_identifier(nobody, nobody, [nobody]), calling)
    except DimseError:
        return ""  # has a test of its own
    return unknown_destination(role, calling, port) if answer.status == DESTINATION_UNKNOWN else ""


def nothing_scheduled(peer: Peer, station: Code, date: str, days: str, *, calling: str, timeouts: Timeouts) -> str:
    """Return what to change where a TMS has no workitem for the station and the date that a run is for; empty if it has.

    Parameters
    ----------
    peer : Peer
        The TMS.
    station : Code
        Scheduled Station Name Code.
    date, days : str
        The date as the user gave it, and as a range for Scheduled Procedure Step Start DateTime.
    calling, timeouts
        As for `trouble`.
    """
    try:
        with connect(peer, [UPS.PULL], calling=calling, timeouts=timeouts) as link:
            found = link.c_find(UPS.PULL, worklist_query(station=station.value, scheme=station.scheme, start=days))
            if found.status != 0 or found.identifiers:
                return ""  # that it answers well has tests of its own
            every = item(
                ProcedureStepState="SCHEDULED", ScheduledProcedureStepStartDateTime=None, ScheduledStationNameCodeSequence=[]
            )
            others = link.c_find(UPS.PULL, every, cancel_after=MANY)
    except DimseError:
        return ""
    there = Counter(filter(None, map(_station_and_day, others.identifiers)))
    known = ", ".join(where for where, _ in there.most_common(FEW))
    return (
        f"the TMS has no SCHEDULED workitem for the station {station.value!r} ({station.scheme}) and the date {date!r}: "
        f"schedule some, or correct station and date in [workitems]"
        f"{f'; there are some for {known}' if known else '; it shows none for another station or day either'}"
    )


def _station_and_day(identifier: Dataset) -> str:
    start = str(identifier.get("ScheduledProcedureStepStartDateTime") or "")[:8]
    stations = identifier.get("ScheduledStationNameCodeSequence") or ()
    names = [f"{station.get('CodeValue', '')!r} ({station.get('CodingSchemeDesignator', '')})" for station in stations]
    return f"{' and '.join(names) or 'no station'} on {start or 'no day'}"


def unknown_destination(role: str, calling: str, port: int) -> str:
    """Return what to change in a system that does not know our AE title as move destination."""
    return (
        f"the {role} does not know our AE title {calling!r} as move destination, or does not reach it (A801): "
        f"add it there, with this host and port {port}"
    )


def unknown_receiver(role: str, title: str, port: int) -> str:
    """Return what to change in a system that does not know our AE title as receiver of event reports."""
    return (
        f"the {role} does not know our AE title {title!r} as receiver of event reports (C308): "
        f"add it there, with this host and port {port}"
    )


def never_called(role: str, title: str, port: int) -> str:
    """Return what to change in a system that was to open an association to us, and never did."""
    return (
        f"no connection of the {role} came to our port {port}: correct the host and port of our AE title {title!r} there, "
        f"and let connections to port {port} through the firewall of this computer"
    )


def none_sent(move: Exchange) -> bool:
    """Whether a C-MOVE ended with sub-operations that failed, and none that succeeded."""
    if move.service != "C-MOVE" or move.response is None or not move.status:
        return False
    command = move.response.command
    return bool(command.get("NumberOfFailedSuboperations")) and not command.get("NumberOfCompletedSuboperations")


def answers_plainly(peer: Peer, exchange: Exchange, *, shown: bool, calling: str, timeouts: Timeouts, patience: Patience) -> bool:
    """Return whether a peer answers a plain request of the kind of one that it did not answer, or refused.

    Plain is: of a UPS that it has, or of one that nobody has; with nothing but what must be there; and without effect.

    Parameters
    ----------
    peer : Peer
        The peer.
    exchange : Exchange
        The request: of a service in `PLAIN`; or of a UPS that nobody has.
    shown : bool
        Whether it is about a UPS that the peer has.
    calling, timeouts, patience
        As for `dimse.connect`.
    """
    nobody = generate_uid()
    context = exchange.abstract_syntax
    try:
        with connect(peer, [context], calling=calling, timeouts=timeouts, patience=patience) as link:
            match exchange.service:
                case "C-ECHO":
                    answer = link.c_echo()
                case "C-FIND":
                    answer = link.c_find(context, item(ProcedureStepState="SCHEDULED", SOPInstanceUID=nobody))
                case "N-GET":
                    answer = link.n_get(exchange.instance_uid if shown else nobody, ["ProcedureStepState"], context=context)
                case "N-SET":
                    answer = link.n_set(nobody, item(TransactionUID=nobody), context=context)
                case "N-ACTION":
                    action = int(exchange.request.command.get("ActionTypeID") or 1)
                    answer = link.n_action(nobody, action, item(TransactionUID=nobody), context=context)
                case _:
                    return True
            return not answer.failure and not (shown and is_failure(answer.status))
    except DimseError:
        return False
