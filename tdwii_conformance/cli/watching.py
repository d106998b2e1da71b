"""``tdwii watch``, ``receive``, ``notify``: event reports: subscribing, listening, sending."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..checks.events import event_type
from ..dimse import DimseError, connect
from ..profile.ups_service import EVENT_TYPES, STATUS_CHANGE, UPS
from ..scu.receiver import Receiver
from ..scu.watcher import FILTERED, GLOBAL, Watcher
from ..transcript.exchange import Exchange
from ..treatment.messages import Code, code_item, item
from .answers import settle
from .failures import NoAnswer, Refused, Usage
from .files import read_dataset, read_or_fill
from .lenient import as_json as json_model
from .lenient import readable as readable_dataset
from .screen import Spoken, note, plain, say, say_json, say_json_line, stdout_gone
from .settings import Command, Settings, common, templated, words
from .worklist import State, code, performer

__all__ = ["notify", "receive", "watch"]

RECEIVE_PORT = 11115
TICK = 0.2  # seconds: how soon a closed pipe is noticed


class _Feed(Spoken):
    """A transcript whose event reports can be waited for."""

    def __init__(self, verbosity: int) -> None:
        super().__init__(verbosity)
        self.reports: queue.SimpleQueue[Exchange] = queue.SimpleQueue()

    def append(self, exchange: Exchange) -> None:
        """Add an event report."""
        super().append(exchange)
        self.reports.put(exchange)


def _listening(function: Any) -> Any:
    """Add the options of commands that listen for event reports."""
    for option in reversed(
        (
            click.option("--port", type=click.IntRange(0, 65535), metavar="N",
                         help=f"Listen here  [default: the address book's port of our AE title, or {RECEIVE_PORT}]"),
            click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
                         help="Listen here; 0.0.0.0 for peers on other machines."),
            click.option("--count", type=click.IntRange(1), metavar="N", help="End after so many events."),
            click.option("--for", "seconds", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
                         help="End after that time; with --count: how long to wait for them."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@contextmanager
def _receiver(settings: Settings, feed: _Feed, host: str, port: int | None) -> Iterator[Receiver]:
    known = settings.book.get(settings.calling)
    at = port if port is not None else known.port if known else RECEIVE_PORT
    with Receiver(
        settings.calling, host=host, port=at, timeouts=settings.timeouts, transcript=feed, tls=settings.our_tls
    ) as receiver:
        yield receiver


def _events(feed: _Feed, count: int | None, seconds: float | None) -> Iterator[Exchange]:
    """Yield event reports until there were enough, the time is up, or the reader of our output has gone.

    Raises
    ------
    NoAnswer
        If fewer than `count` came in the time.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    came = 0
    while count is None or came < count:
        left = TICK if deadline is None else min(TICK, deadline - time.monotonic())
        if left <= 0:
            if count is not None:
                raise NoAnswer(f"only {came} of {count} events came within {seconds:g} s")
            return
        if stdout_gone():
            return
        try:
            report = feed.reports.get(timeout=left)
        except queue.Empty:
            continue
        came += 1
        yield report


def _tell(report: Exchange, as_json: bool) -> None:
    came = readable_dataset(report.request)
    information = came if came is not None else Dataset()
    kind = event_type(report)
    if as_json:
        say_json_line(
            {
                "time": report.request.time.isoformat(),
                "from": report.requestor,
                "to": report.acceptor,
                "type": kind,
                "event": EVENT_TYPES.get(kind, ""),
                "sop_instance_uid": report.instance_uid,
                "information": json_model(information),
            }
        )
        return
    name = EVENT_TYPES.get(kind, f"event of type {kind}")
    unreadable = came is None and report.request.encoded is not None
    said = "no data set that can be read" if unreadable else _said(information)
    say(f"{report.request.time:%H:%M:%S}  {name:<20}  {plain(said):<24}  {plain(report.instance_uid)}".rstrip())


def _said(information: Dataset) -> str:
    """Return what an event is about, in a few words."""
    parts = [
        str(information.get(keyword))
        for keyword in (
            "ProcedureStepState", "InputReadinessState", "RequestingAE", "ReasonForCancellation", "SCPStatus",
            "SubscriptionListStatus",
        )
        if information.get(keyword)
    ]  # fmt: skip
    for entry in information.get("ProcedureStepProgressInformationSequence") or ():
        if entry.get("ProcedureStepProgress") is not None:
            parts.append(f"{entry.ProcedureStepProgress} %")
        if entry.get("ProcedureStepProgressDescription"):
            parts.append(str(entry.ProcedureStepProgressDescription))
    for entry in information.get("ScheduledStationNameCodeSequence") or ():
        parts.append(str(entry.get("CodeValue") or ""))
    return ", ".join(parts)


@click.command(
    cls=Command,
    examples=["tdwii watch localhost 11114", "tdwii watch TMS --workitem 1.2.3.4 --lock",
              "tdwii watch TMS --station FX1",
              "tdwii watch TMS --filter filter.dcmdump.txt --json", "tdwii watch TMS --count 3 --for 60"],
)  # fmt: skip
@click.argument("peer", nargs=-1, metavar="PEER")
@click.option("--workitem", metavar="UID", help="Subscribe to this workitem alone, instead of to all.")
@click.option("--station", metavar="VALUE[^SCHEME]", help="Subscribe to those of this station (a filtered subscription).")
@click.option("--filter", "filter_", type=click.Path(path_type=Path), metavar="FILE",
              help="Subscribe to those that match: a DICOM file or dcmdump text with match keys.")  # fmt: skip
@click.option("--lock", is_flag=True, help="With deletion lock: what is final is kept until we unsubscribe.")
@_listening
@common(calling="WATCHER")
def watch(
    settings: Settings,
    peer: tuple[str, ...],
    workitem: str | None,
    station: str | None,
    filter_: Path | None,
    lock: bool,
    port: int | None,
    host: str,
    count: int | None,
    seconds: float | None,
) -> None:
    """Subscribe to workitems and show their events as they come (UPS Watch and Event).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book. It must know where our AE title (--calling) listens.
    Ctrl-C (or SIGTERM) unsubscribes, which releases the locks, and ends with exit code 0.
    """
    whom, _ = words(settings, peer)
    if sum(one is not None for one in (workitem, station, filter_)) > 1:
        raise Usage("--workitem, --station and --filter exclude each other")
    keys = read_dataset(filter_, text=True, what="a filter") if filter_ is not None else None
    if station is not None:
        value, _, scheme = station.partition("^")
        keys = item(ScheduledStationNameCodeSequence=code_item(value, scheme.partition("^")[0] or None, None))
    target = workitem or (FILTERED if keys is not None else GLOBAL)
    feed = _Feed(settings.verbosity)
    with _receiver(settings, feed, host, port) as receiver:
        tdd = performer(settings, whom)
        watcher = Watcher(tdd, receiver, settings.calling, settings.timeouts.message)
        subscribed = False
        try:
            try:
                subscribed = True  # should we be interrupted before the answer, we may be subscribed all the same
                try:
                    settle(watcher.subscribe(target, lock=lock, keys=keys), f"the subscription of {settings.calling}", whom)
                except (Refused, DimseError):
                    subscribed = False
                    raise
                except NoAnswer:
                    # It may have subscribed us all the same. The error that is reported is that of the subscription, not of this.
                    subscribed = False
                    with suppress(DimseError):
                        watcher.unsubscribe(workitem or GLOBAL)
                    raise
                tdd.close()  # nothing is asked for a long time
                note(f"{settings.calling} at {receiver.peer.host}:{receiver.peer.port} watches {whom}; Ctrl-C ends it")
                for report in _events(feed, count, seconds):
                    _tell(report, settings.as_json)
                    if _lost(report):
                        note(f"{whom} was restarted and forgot its subscriptions: subscribing again")
                        settle(watcher.subscribe(target, lock=lock, keys=keys), "the subscription", whom)
                        tdd.close()
            except KeyboardInterrupt:
                note("")  # behind the ^C of the terminal
        finally:
            if subscribed:
                # Of one workitem, or of all that we subscribed to, filtered or not [CC.2.3.1].
                ended = watcher.unsubscribe(workitem or GLOBAL)
                tdd.close()
                settle(ended, f"to unsubscribe {settings.calling}", whom)
            else:
                tdd.close()


def _lost(report: Exchange) -> bool:
    """Whether the SCP says that it was restarted and our subscription is gone [CC.2.4.3]."""
    information = report.request.dataset
    return (
        event_type(report) == STATUS_CHANGE
        and information is not None
        and information.get("SCPStatus") == "RESTARTED"
        and information.get("SubscriptionListStatus") != "WARM START"
    )


@click.command(
    cls=Command,
    examples=["tdwii receive", "tdwii receive --port 11115 --calling PPVS_SCP -v", "tdwii receive --json --count 1 --for 60"],
)
@_listening
@common(calling="WATCHER")
def receive(settings: Settings, port: int | None, host: str, count: int | None, seconds: float | None) -> None:
    """Receive event reports and show them as they come, without subscribing to anything.

    Reports to any AE title are taken. Ctrl-C (or SIGTERM) ends it with exit code 0.
    """
    feed = _Feed(settings.verbosity)
    with _receiver(settings, feed, host, port) as receiver:
        note(f"{settings.calling} listens on {receiver.peer.host}:{receiver.peer.port}; Ctrl-C ends it")
        try:
            for report in _events(feed, count, seconds):
                _tell(report, settings.as_json)
        except KeyboardInterrupt:
            note("")


KINDS = {"state": 1, "cancel-requested": 2, "progress": 3, "scp-status": 4, "assigned": 5}


@click.command(
    cls=Command,
    examples=["tdwii notify WATCHER", "tdwii notify localhost 11115 --workitem 1.2.3.4 --state IN-PROGRESS",
              "tdwii notify WATCHER --type progress --workitem 1.2.3.4 --progress 50",
              "tdwii notify WATCHER --type scp-status", "tdwii notify WATCHER --type all --workitem 1.2.3.4"],
)  # fmt: skip
@click.argument("peer", nargs=-1, metavar="PEER")
@click.option("--type", "kind", type=click.Choice([*KINDS, "all"]),
              help="Event type  [default: state; without --workitem: all, of a made-up workitem]")  # fmt: skip
@click.option("--workitem", metavar="UID", help="SOP Instance UID; not for scp-status.")
@click.option("--state", type=State(), default="SCHEDULED", show_default=True, metavar="STATE", help="state: Procedure Step State.")
@click.option("--readiness", default="READY", show_default=True, metavar="STATE", help="state: Input Readiness State.")
@click.option("--progress", type=click.IntRange(0, 100), default=0, show_default=True, help="progress: per cent.")
@click.option("--reason", metavar="TEXT", help="cancel-requested: Reason for Cancellation.")
@click.option("--station", default="FX1^99TDWII^FX1", show_default=True, metavar="VALUE^SCHEME^MEANING",
              help="assigned: ScheduledWorkitem Station Name.")  # fmt: skip
@click.option("--scp-status", type=click.Choice(["RESTARTED", "GOING DOWN"]), default="RESTARTED", show_default=True,
              help="scp-status: SCP Status.")  # fmt: skip
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE",
              help="The event information itself: DICOM file or dcmdump text.")  # fmt: skip
@templated
@common(calling="UPSSCP")
def notify(
    settings: Settings,
    peer: tuple[str, ...],
    kind: str | None,
    workitem: str | None,
    state: str,
    readiness: str,
    progress: int,
    reason: str | None,
    station: str,
    scp_status: str,
    file: Path | None,
    template: str | None,
    values: tuple[str, ...],
) -> None:
    """Send event reports to a watcher, as a TMS does (UPS Event, N-EVENT-REPORT).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book.
    """
    whom, _ = words(settings, peer)
    if kind is None:
        kind = "state" if workitem is not None or file is not None or template is not None else "all"
        if workitem is None and kind == "all":
            workitem = str(generate_uid())
            note(f"a report of each type, of a workitem that does not exist: {workitem}")
    if workitem is None and kind != "scp-status":
        raise Usage(f"--workitem UID is missing: {kind} is about one")
    given = read_or_fill(file, template, values, "event information")
    if given is not None and kind == "all":
        raise Usage("--file and --template are for one --type")
    made = {
        1: lambda: item(ProcedureStepState=state, InputReadinessState=readiness),
        2: lambda: item(RequestingAE=settings.calling, **({"ReasonForCancellation": reason} if reason else {})),
        3: lambda: item(ProcedureStepProgressInformationSequence=item(ProcedureStepProgress=str(progress))),
        4: lambda: item(SCPStatus=scp_status, SubscriptionListStatus="WARM START", UnifiedProcedureStepListStatus="WARM START"),
        5: lambda: item(ScheduledStationNameCodeSequence=_station(station).item),
    }
    told = []
    with connect(
        whom, settings.proposed([UPS.EVENT]), transcript=Spoken(settings.verbosity), scp_roles=[UPS.EVENT],
        **settings.association,
    ) as link:  # fmt: skip
        for number in KINDS.values() if kind == "all" else [KINDS[kind]]:
            about = GLOBAL if number == STATUS_CHANGE else workitem or GLOBAL
            exchange = link.n_event_report(about, number, given if given is not None else made[number]())
            answer = settle(exchange, f"the {EVENT_TYPES[number]}", whom)
            told.append({"type": number, "event": EVENT_TYPES[number], "sop_instance_uid": about, **answer})
            if not settings.as_json:
                say(f"{whom} took {EVENT_TYPES[number]} for {about}: {answer['status']} ({answer['meaning']})")
    if settings.as_json:
        say_json(told)


def _station(text: str) -> Code:
    return code(text, "--station")
