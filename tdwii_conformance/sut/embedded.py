"""The whole TDW-II environment in this process: simulated TMS and OST, ready to be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from ..defects import Deviation, Variation, chosen, install
from ..dimse import Peer
from ..simulators.instances import InstanceStore
from ..simulators.ost import OST
from ..simulators.tms import TMS
from ..ups import MemoryStore, SQLiteStore, Store
from .config import Edition, SystemUnderTest, embedded

__all__ = ["embedded_system"]


@contextmanager
def embedded_system(destination: Peer, edition: Edition = "ti", defects: Sequence[str] = ()) -> Iterator[SystemUnderTest]:
    """Start a simulated TMS and OST on free ports, and stop them at the end.

    Parameters
    ----------
    destination : Peer
        Our TDD's listener: move destination and, under two AE titles, receiver of event reports.
    edition : {"ti", "2013"}
        Edition to judge by.
    defects : sequence of str
        Names of defects and variations that the simulators have, each that of its actor.

    Raises
    ------
    UnknownDeviation
        For a name that no defect or variation has.
    """
    deviations = chosen(defects)
    described = embedded()
    titles = [destination.ae_title, *([described.second_watcher] if described.second_watcher else [])]
    known = {title: dataclasses.replace(destination, ae_title=title) for title in titles}
    unsupported = {option for deviation in deviations if isinstance(deviation, Variation) for option in deviation.unsupported}
    ost = OST("OST", destinations=known)
    install(ost, [deviation for deviation in deviations if deviation.actor == "OST"])
    tms_deviations = [deviation for deviation in deviations if deviation.actor == "TMS"]
    with _Restartable(known, [destination.ae_title], tms_deviations) as tms, ost:
        yield dataclasses.replace(
            described,
            tms=tms.peer,
            ost=ost.peer,
            edition=edition,
            restart=tms.restart,
            restart_kept=tms.restart_kept,
            reset=tms.restart,
            tms_supports=described.tms_supports - unsupported,
            ost_supports=described.ost_supports - unsupported,
        )


class _Restartable:
    """A simulated TMS that can be stopped and started again, on its port. A context manager."""

    def __init__(self, known: Mapping[str, Peer], fallback: Sequence[str], deviations: Sequence[Deviation]) -> None:
        self._known, self._fallback, self._deviations = known, fallback, deviations
        self._instructions = InstanceStore()
        self._folder: TemporaryDirectory[str] | None = None
        self._tms = self._new(0)

    def _new(self, port: int, store: Store | None = None) -> TMS:
        tms = TMS(
            "TMS",
            port=port,
            store=store,
            instructions=self._instructions,
            destinations=self._known,
            fallback=self._fallback,
        )
        install(tms, self._deviations)
        return tms

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return self._tms.peer

    def restart(self) -> None:
        """Stop, and start anew: a cold start, as the worklist is in memory."""
        self._restart(MemoryStore)
        self._forget()

    def restart_kept(self) -> None:
        """Stop, and start with a worklist in a file: a warm start, if the one before was such."""
        folder = self._folder = self._folder or TemporaryDirectory()
        self._restart(lambda: SQLiteStore(Path(folder.name) / "worklist.sqlite"))

    def _restart(self, store: Callable[[], Store]) -> None:
        port = self.peer.port
        self._tms.stop()
        self._tms = self._new(port, store())
        self._tms.start()

    def _forget(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        self._tms.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._tms.stop()
        self._forget()
