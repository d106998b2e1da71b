"""The whole TDW-II environment in this process: simulated TMS and OST, ready to be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from .config import Edition, SystemUnderTest, embedded
from .dimse import Peer
from .simulators.instances import InstanceStore
from .simulators.ost import OST
from .simulators.tms import TMS

__all__ = ["embedded_system"]


@contextmanager
def embedded_system(destination: Peer, edition: Edition = "ti") -> Iterator[SystemUnderTest]:
    """Start a simulated TMS and OST on free ports, and stop them at the end.

    Parameters
    ----------
    destination : Peer
        Our TDD's listener: move destination and, under two AE titles, receiver of event reports.
    edition : {"ti", "2013"}
        Edition to judge by.
    """
    described = embedded()
    titles = [destination.ae_title, *([described.second_watcher] if described.second_watcher else [])]
    known = {title: dataclasses.replace(destination, ae_title=title) for title in titles}
    with _Restartable(known, [destination.ae_title]) as tms, OST("OST", destinations=known) as ost:
        yield dataclasses.replace(described, tms=tms.peer, ost=ost.peer, edition=edition, restart=tms.restart, reset=tms.restart)


class _Restartable:
    """A simulated TMS that can be stopped and started again, on its port. A context manager."""

    def __init__(self, known: Mapping[str, Peer], fallback: Sequence[str]) -> None:
        self._known, self._fallback = known, fallback
        self._instructions = InstanceStore()
        self._tms = self._new(0)

    def _new(self, port: int) -> TMS:
        return TMS("TMS", port=port, instructions=self._instructions, destinations=self._known, fallback=self._fallback)

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return self._tms.peer

    def restart(self) -> None:
        """Stop, and start anew: a cold start, as the worklist is in memory."""
        port = self.peer.port
        self._tms.stop()
        self._tms = self._new(port)
        self._tms.start()

    def __enter__(self) -> Self:
        self._tms.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._tms.stop()
