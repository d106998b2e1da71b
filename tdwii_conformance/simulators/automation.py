"""What schedules treatments in a simulated TMS when it is told to, as the program of a vendor does: no N-CREATE is needed.

It is told by a command, which finds in its environment what is wanted (``docs/own-workitems.md``), and which hands that on
to this process over a connection.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from ..treatment import objects
from ..treatment.messages import Code
from ..ups import Outcome
from .ost import OST
from .stock import prepare
from .tms import TMS

__all__ = ["Automation"]

# The command: what it finds in its environment goes to us, and what we answer is its exit code and what it says.
PROGRAM = """
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as link, link.makefile("rw") as file:
    file.write(json.dumps({name[6:].lower(): value for name, value in os.environ.items() if name.startswith("TDWII_")}) + "\\n")
    file.flush()
    said = file.readline().strip()
print(said)
sys.exit(said != "done")
"""


class Automation:
    """Schedules, cancels and moves workitems of a simulated TMS. A context manager.

    Parameters
    ----------
    tms : callable
        Returns the TMS, which may be another one after a restart.
    ost : OST
        Gets the plans and records.
    station : Code
        The station of the tests.
    edition : {"ti", "2013"}
        Edition of TDW-II.
    start : callable
        Makes of the moment that is asked for when a treatment starts.
    """

    def __init__(
        self, tms: Callable[[], TMS], ost: OST, station: Code, edition: str, start: Callable[[datetime], datetime]
    ) -> None:
        self._tms, self._ost, self._station, self._edition, self._start = tms, ost, station, edition, start
        automation = self

        class Told(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    automation.perform(json.loads(self.rfile.readline()))
                    said = "done"
                except Exception as error:  # whatever it is, the command says it
                    said = f"{type(error).__name__}: {error}".splitlines()[0]
                self.wfile.write(f"{said}\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Told)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="automation", daemon=True)

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command."""
        return (sys.executable, "-I", "-S", "-c", PROGRAM, str(self._server.server_address[1]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def perform(self, wanted: Mapping[str, str]) -> None:
        """Do what is wanted.

        Parameters
        ----------
        wanted : mapping of str to str
            As in the environment of the command, without ``TDWII_``.

        Raises
        ------
        ValueError
            If the worklist refuses it.
        """
        tms = self._tms()
        if wanted["task"] == "cancel":
            _done(tms.cancel(wanted["workitem"]))
        elif wanted["task"] == "move":
            _done(tms.move(wanted["workitem"], Code(wanted["new_station_value"], wanted["new_station_scheme"], "Another machine")))
        else:
            self._schedule(tms, wanted)

    def _schedule(self, tms: TMS, wanted: Mapping[str, str]) -> None:
        modality: objects.Modality = "ion" if wanted["plan"] == "ion" else "photon"
        treatment = objects.new_treatment(
            wanted["start"], modality=modality, patient_name=wanted["patient_name"], patient_id=wanted["patient_id"]
        )
        code = Code(wanted["station_value"], wanted["station_scheme"], self._station.meaning)
        begins = self._start(datetime.strptime(wanted["start_datetime"], "%Y%m%d%H%M%S"))
        uid, attributes = prepare(tms, self._ost, treatment, station=code, start=begins, edition=self._edition)
        attributes.ProcedureStepLabel = wanted["label"]
        _done(tms.make(uid, attributes))


def _done(outcome: Outcome) -> None:
    if outcome.status:
        raise ValueError(f"status {outcome.status:04X} {outcome.comment}")
