"""``tdwii serve tdd``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import click

from ...dimse import DimseError, Peer
from ...simulators.tdd import CannotTreat, NothingScheduled, TDDSimulator
from ..failures import Refused
from ..settings import Command
from .dialogue import PATIENCE, Dialogue, treat_on_request
from .options import (
    OST_PORT,
    OST_TITLE,
    PORT,
    STATION,
    TDD_PORT,
    TDD_TITLE,
    TMS_PORT,
    TMS_TITLE,
    deny_others,
    other_at,
    ours_at,
    serving,
    station_code,
)
from .session import Session

logger = logging.getLogger(__name__)
BRIEFLY = 0.5  # seconds between a workitem that cannot be treated and the next

_TDD = (
    click.option("--station", default=STATION, show_default=True, metavar="VALUE^SCHEME^MEANING", help="Scheduled station."),
    click.option("--end", type=click.Choice(["completed", "canceled-after", "canceled-before"]), default="completed",
                 show_default=True, help="How treatments end: canceled after radiation, or before any."),
    click.option("--pace", type=click.FloatRange(0, 3600), default=1.0, show_default=True, metavar="SECONDS",
                 help="How long each step of a treatment takes."),
    click.option("--every", type=click.FloatRange(0.1, 86400), default=5.0, show_default=True, metavar="SECONDS",
                 help="How often it asks for workitems."),
    click.option("--edition", type=click.Choice(["ti", "2013"]), default="ti", show_default=True, help="Edition of TDW-II."),
    click.option("--watch/--no-watch", default=True, show_default=True,
                 help="Subscribe to the workitem while it is performed, and cancel when that is requested."),
)  # fmt: skip


def tdd_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a TDD to a command."""
    for option in reversed(_TDD):
        function = option(function)
    return function


class _Treatments:
    """A TDD that performs what is on the worklist, one after the other, until the end. A context manager."""

    def __init__(self, session: Session, tdd: TDDSimulator, title: str, every: float, times: int | None, *, once: bool) -> None:
        self._session, self._tdd, self._title, self._every, self._times = session, tdd, title, every, times
        self._once, self._given_up = once, ""
        self._thread = threading.Thread(target=self._treat, name=f"{title} treats")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._session.stop.set()
        self._thread.join()

    def _treat(self) -> None:
        session, done = self._session, 0
        said: set[str] = set()  # what need not be said every few seconds
        while not session.stop.is_set() and done != self._times:
            idle = True
            try:
                self._tdd.perform()
                done += 1
                said.clear()
                continue
            except NothingScheduled as nothing:
                trouble, refused = str(nothing), False
            except CannotTreat as fault:
                trouble, refused, idle = str(fault), True, False  # the next one may do
            except DimseError as error:
                trouble, refused = error.advice, True
            except Exception as error:  # the environment goes on, whatever the worklist has brought
                logger.debug("a treatment ended by an error", exc_info=True)
                trouble, refused = f"a treatment ended by an error: {type(error).__name__}: {error}", True
            if self._once:
                self._given_up = trouble
                break
            if trouble not in said:
                said.add(trouble)
                session.note(self._title, trouble, refused=refused)
            session.stop.wait(self._every if idle else min(self._every, BRIEFLY))
        if self._once or done == self._times:
            session.stop.set()

    def raise_given_up(self) -> None:
        """Raise `Refused` if the one treatment was given up."""
        if self._given_up:
            raise Refused(self._given_up)


def start_tdd(
    session: Session,
    ours: Peer,
    tms: Peer,
    ost: Peer,
    *,
    station: str,
    end: Any,
    edition: str,
    watch: bool,
    pace: float,
    every: float,
    times: int | None,
    once: bool = False,
) -> None:
    """Start a TDD in a session, which performs what is scheduled until the end, or one treatment.

    Raises
    ------
    Refused
        If the one treatment was given up.
    """

    def tell(sentence: str) -> None:
        session.note(ours.ae_title, sentence)
        session.stop.wait(pace)

    tdd = TDDSimulator(
        tms,
        ost,
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        station=station_code(station),
        end=end,
        edition=edition,
        watch=watch,
        tell=tell,
        timeouts=session.timeouts,
        patience=PATIENCE if once else 0.0,
    )
    session.start(tdd, "TDD", f"treats at {station_code(station).value}")
    session.know(tdd.peer)
    treatments = _Treatments(session, tdd, ours.ae_title, every, times, once=once)
    session.after.append(treatments.raise_given_up)
    session.stack.enter_context(treatments)


@click.command(
    cls=Command,
    examples=[
        "tdwii serve tdd --station FX1",
        "tdwii serve tdd --tms TMS --ost OST --end canceled-after --times 1",
        "tdwii serve tdd --once --station LINAC1^99MY",
    ],
)
@click.option("--ae-title", metavar="AE", help=f"AE title, which TMS and OST have to know  [default: {TDD_TITLE}]")
@click.option("--port", type=PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {TDD_PORT}]")
@click.option(
    "--tms", metavar="PEER", help=f"The TMS: AE title, HOST:PORT or AE=HOST:PORT  [default: {TMS_TITLE}, port {TMS_PORT}]"
)
@click.option("--ost", metavar="PEER", help=f"The OST, as the TMS  [default: {OST_TITLE}, port {OST_PORT}]")
@click.option("--times", type=click.IntRange(1), metavar="N", help="Stop after so many treatments.")
@click.option("--once", is_flag=True, help="Perform one treatment, now, and end; exit code 1 if it was given up.")
@click.option(
    "--on-request", is_flag=True,
    help="Perform a treatment for each line of the standard input, which says how it ends; answer 'done' or 'given up: ...'.",
)  # fmt: skip
@tdd_options
@serving
def tdd(
    session: Session,
    ae_title: str | None,
    port: int | None,
    tms: str | None,
    ost: str | None,
    times: int | None,
    once: bool,
    on_request: bool,
    **how: Any,
) -> int | None:
    """Be a Treatment Delivery Device: perform what is scheduled for it today, RO-58 to RO-65."""
    deny_others(session, "TDD")
    ours = ours_at(session, None, ae_title, port, Peer(TDD_TITLE, session.host, TDD_PORT))
    the_tms = other_at(session, "tms", tms, Peer(TMS_TITLE, "127.0.0.1", TMS_PORT))
    the_ost = other_at(session, "ost", ost, Peer(OST_TITLE, "127.0.0.1", OST_PORT))
    if on_request:
        talk = Dialogue.of_context()
        simulated = TDDSimulator(
            the_tms, the_ost, ours.ae_title, host=ours.host, port=ours.port, station=station_code(how["station"]),
            end=how["end"], edition=how["edition"], watch=how["watch"], pace=how["pace"], tell=talk.say, timeouts=session.timeouts,
            patience=talk.patience,
        )  # fmt: skip
        return treat_on_request(session, simulated, talk)
    start_tdd(session, ours, the_tms, the_ost, times=1 if once else times, once=once, **how)
    return None
