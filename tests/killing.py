"""The TMS with its SQLite store, killed in the middle of its work: what it had answered with success is there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tdwii_conformance.dimse import DimseError, Peer
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.watcher import GLOBAL, Watcher
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code

STATION = Code("TDD1", "99TDWII", "Treatment machine 1")
STATUS_CHANGE = 4
# Of which a UPS that is there at all has every one.
KEYWORDS = ("ProcedureStepState", "ProcedureStepLabel", "PatientID", "InputInformationSequence", "WorklistLabel")
START = datetime(2026, 1, 1, 12)


@contextmanager
def serving(*words: str, errors: IO[str] | None = None) -> Iterator[tuple[subprocess.Popen[str], Peer]]:
    """Run a simulator in a process of its own, which is ended at the end; yield the process, and where it listens."""
    command = [sys.executable, "-m", "tdwii_conformance", "serve", *words, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            # What else it prints is read, so that it never waits for us.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process, Peer(ready["ae_title"], ready["host"], ready["port"])
        finally:
            process.terminate()


def tms(path: Path, destination: Peer) -> AbstractContextManager[tuple[subprocess.Popen[str], Peer]]:
    """Run a TMS with a store."""
    known = f"{destination.ae_title}={destination.host}:{destination.port}"
    return serving("tms", "--ae-title", "TMS", "--store", str(path), "--destination", known)


class Work(threading.Thread):
    """Creates and claims UPS until the TMS is gone; knows what was asked and what was answered with success."""

    def __init__(self, peer: Peer, calling: str, enough: threading.Semaphore, some: int) -> None:
        super().__init__()
        self.peer, self.calling, self.enough, self.some = peer, calling, enough, some
        self.asked: dict[str, str] = {}
        self.created: list[str] = []
        self.claimed: dict[str, str] = {}

    def run(self) -> None:
        """Work."""
        attributes = workitem()
        try:
            with TDD(self.peer, self.peer, calling=self.calling) as tdd:
                while True:
                    uid, lock = str(generate_uid()), str(generate_uid())
                    self.asked[uid] = lock
                    if tdd.create(uid, attributes).status != 0:
                        return
                    self.created.append(uid)
                    if tdd.claim(uid, lock).status != 0:
                        return
                    self.claimed[uid] = lock
                    if len(self.claimed) == self.some:
                        self.enough.release()
        except DimseError:
            pass  # the TMS was killed


def workitem() -> Any:
    """Return the attributes of a workitem."""
    return objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=STATION, start=START)


def killed(path: Path, some: int) -> int:
    """Kill a TMS when one of three callers has claimed some workitems, and assert that nothing is lost.

    Returns
    -------
    int
        How many operations had been acknowledged.
    """
    enough = threading.Semaphore(0)
    with Receiver("TDD") as receiver:
        with tms(path, receiver.peer) as (process, peer):
            with TDD(peer, peer, calling="TDD") as tdd:
                assert Watcher(tdd, receiver, "TDD", 10.0).subscribe(lock=True).status == 0
            workers = [Work(peer, f"TDD{number}", enough, some) for number in range(3)]
            for worker in workers:
                worker.start()
            assert enough.acquire(timeout=60)
            process.send_signal(signal.SIGKILL)
            for worker in workers:
                worker.join()
        since = receiver.mark()
        with tms(path, receiver.peer) as (_, peer), TDD(peer, peer, calling="TDD") as tdd:
            assert sum(len(worker.claimed) for worker in workers) >= some
            for worker in workers:
                look_at(tdd, worker)
            watcher = Watcher(tdd, receiver, "TDD", 10.0)
            assert watcher.wait_for(GLOBAL, STATUS_CHANGE, since=since) is not None
            uid = str(generate_uid())
            assert tdd.create(uid, workitem()).status == 0
            assert watcher.wait_for_state(uid, "SCHEDULED", since=since) is not None  # subscribed as before
    return sum(len(worker.created) + len(worker.claimed) for worker in workers)


def look_at(tdd: TDD, worker: Work) -> None:
    """Assert that everything answered with success is there; of the rest each is there whole, or not at all."""
    for uid, lock in worker.asked.items():
        shown = tdd.get(uid, KEYWORDS)
        assert shown.status == 0 or (uid not in worker.created and shown.status == 0xC307), f"{uid} is lost: {shown.status:04X}"
        if shown.status != 0:
            continue
        content = shown.dataset or Dataset()
        there = {element.keyword for element in content}
        assert there == set(KEYWORDS), f"{uid} is there with {sorted(there)} alone"
        state = content.ProcedureStepState
        assert uid not in worker.claimed or state == "IN PROGRESS", f"the claim of {uid} is lost: it is {state}"
        # A state and its lock are kept together: whoever is IN PROGRESS has that of its claim.
        again = tdd.claim(uid, lock).status
        assert again == (0xC302 if state == "IN PROGRESS" else 0), f"{uid} is {state}, and its claim is answered {again:04X}"
