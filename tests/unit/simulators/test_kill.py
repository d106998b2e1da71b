"""The TMS with its SQLite store is killed in the middle of its work: what it had answered with success is there."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import datetime

import pytest
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


@contextmanager
def tms(path, destination):
    command = [
        sys.executable, "-m", "tdwii_conformance", "serve", "tms", "--ae-title", "TMS", "--port", "0", "--store", str(path),
        "--json", "--destination", f"{destination.ae_title}={destination.host}:{destination.port}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = json.loads(process.stdout.readline())
            # What else it prints is read, so that it never waits for us.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process, Peer(ready["ae_title"], ready["host"], ready["port"])
        finally:
            process.kill()


class Work(threading.Thread):
    """Creates and claims UPS until the TMS is gone; knows what was asked and what was answered with success."""

    def __init__(self, peer, calling, enough, some):
        super().__init__()
        self.peer, self.calling, self.enough, self.some = peer, calling, enough, some
        self.asked, self.created, self.claimed = {}, [], {}

    def run(self):
        treatment = objects.new_treatment()
        attributes = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime(2026, 1, 1, 12))
        try:
            with TDD(self.peer, self.peer, calling=self.calling) as tdd:
                while True:
                    uid, lock = generate_uid(), generate_uid()
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


@pytest.mark.parametrize("some", [3, 20, 47])
def test_killed_in_the_middle_of_traffic(tmp_path, some):
    path = tmp_path / "worklist.sqlite"
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
            uid = generate_uid()
            treatment = objects.new_treatment()
            new = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime(2026, 1, 1, 12))
            assert tdd.create(uid, new).status == 0
            assert watcher.wait_for_state(uid, "SCHEDULED", since=since) is not None  # subscribed as before


def look_at(tdd, worker):
    """Everything answered with success is there; of the rest each is there whole, or not at all."""
    for uid, lock in worker.asked.items():
        shown = tdd.get(uid, KEYWORDS)
        if uid in worker.created:
            assert shown.status == 0
        else:
            assert shown.status in (0, 0xC307)
        if shown.status != 0:
            continue
        assert set(KEYWORDS) == {element.keyword for element in shown.dataset}
        state = shown.dataset.ProcedureStepState
        if uid in worker.claimed:
            assert state == "IN PROGRESS"
        # A state and its lock are kept together: whoever is IN PROGRESS has that of its claim.
        again = tdd.claim(uid, lock).status
        assert again == (0xC302 if state == "IN PROGRESS" else 0)
