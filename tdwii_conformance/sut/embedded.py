"""The whole TDW-II environment in this process: simulated TMS and OST, ready to be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from ..defects import Deviation, OwnWorkitems, chosen, install
from ..dimse import Peer
from ..simulators.automation import Automation
from ..simulators.instances import InstanceStore
from ..simulators.ost import OST
from ..simulators.stock import prepare
from ..simulators.tms import TMS
from ..treatment.messages import Code
from ..treatment.objects import Modality, new_treatment
from ..ups import MemoryStore, SQLiteStore, Store
from .config import Edition, SystemUnderTest, WorkitemSource, embedded

__all__ = ["embedded_system"]

ON_DEMAND = 10.0  # seconds that a workitem may take that our own command schedules: it is there when the command ends
OTHER_STATION = Code("TDD9", "99TDWII", "Another machine")


@contextmanager
def embedded_system(
    destination: Peer, edition: Edition = "ti", defects: Sequence[str] = (), described: SystemUnderTest | None = None
) -> Iterator[SystemUnderTest]:
    """Start a simulated TMS and OST on free ports, and stop them at the end.

    Parameters
    ----------
    destination : Peer
        Our TDD's listener: move destination and, under two AE titles, receiver of event reports.
    edition : {"ti", "2013"}
        Edition to judge by.
    defects : sequence of str
        Names of defects and variations that the simulators have, each that of its actor.
    described : SystemUnderTest, optional
        What is known of them before they are started, if not `config.embedded`: other time-outs.

    Raises
    ------
    UnknownDeviation
        For a name that no defect or variation has.
    """
    deviations = chosen(defects)
    described = described or embedded()
    titles = [destination.ae_title, *([described.second_watcher] if described.second_watcher else [])]
    known = {title: dataclasses.replace(destination, ae_title=title) for title in titles}
    unsupported = {option for deviation in deviations for option in deviation.unsupported}
    ost = OST("OST", destinations=known)
    install(ost, [deviation for deviation in deviations if deviation.actor == "OST"])
    tms_deviations = [deviation for deviation in deviations if deviation.actor == "TMS"]
    own = next((one.own for one in deviations if one.own), None)
    with _Restartable(known, [destination.ae_title], tms_deviations, keeps=own is not None) as tms, ost, ExitStack() as more:
        if own is not None:
            workitems = dataclasses.replace(described.workitems, sources=("existing",))
            tms.furnish(ost, own, workitems.station, edition)
            if own.on_demand:
                automation = Automation(tms.current, ost, workitems.station, edition, own.start)
                more.enter_context(automation)
                sources: tuple[WorkitemSource, ...] = ("existing", "command") if own.new + own.continuations else ("command",)
                workitems = dataclasses.replace(
                    workitems, sources=sources, command=automation.command, timeout=ON_DEMAND, changes=("cancel", "move"),
                    other_station=OTHER_STATION,
                )  # fmt: skip
            described = dataclasses.replace(described, workitems=workitems)
        yield dataclasses.replace(
            described,
            tms=tms.peer,
            ost=ost.peer,
            edition=edition,
            restart=tms.restart_kept if own else tms.restart,
            restart_kept=tms.restart_kept,
            fallback=(destination.ae_title,),
            reset=None if own else tms.restart,
            tms_supports=described.tms_supports - unsupported,
            ost_supports=described.ost_supports - unsupported,
        )


class _Restartable:
    """A simulated TMS that can be stopped and started again, on its port. A context manager."""

    def __init__(
        self, known: Mapping[str, Peer], fallback: Sequence[str], deviations: Sequence[Deviation], *, keeps: bool = False
    ) -> None:
        self._known, self._fallback, self._deviations = known, fallback, deviations
        self._instructions = InstanceStore()
        self._folder: TemporaryDirectory[str] | None = None
        self._tms = self._new(0, self._file() if keeps else None)

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

    def current(self) -> TMS:
        """Return the TMS that runs now."""
        return self._tms

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
        self._restart(self._file)

    def _file(self) -> Store:
        self._folder = self._folder or TemporaryDirectory()
        return SQLiteStore(Path(self._folder.name) / "worklist.sqlite")

    def furnish(self, ost: OST, own: OwnWorkitems, station: Code, edition: Edition) -> None:
        """Give it workitems of its own, for today; of each start, one is of a patient with a name beyond ASCII."""
        noon = datetime.combine(datetime.now().date(), time(12))
        for start, number in (("TREATMENT", own.new), ("CONTINUATION", own.continuations)):
            for count in range(number):
                modality: Modality = "ion" if start == "TREATMENT" and number > 1 and count == number - 1 else "photon"
                treatment = new_treatment(start, modality=modality, patient_name="Müller^Jürgen" if count == 0 else "")
                begins = own.start(noon + timedelta(minutes=5 * count))
                uid, attributes = prepare(self._tms, ost, treatment, station=station, start=begins, edition=edition)
                self._tms.make(uid, attributes)

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
