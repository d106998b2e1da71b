"""What an association and a DIMSE message cost: ours beside plain pynetdicom, in one run, between two processes.

``make bench``, or ``python -m benchmarks``. Server and client are separate processes on loopback. "floor" is pynetdicom as
shipped with handlers that do nothing; "ours" is the simulated TMS, with real workitems, spoken to through
`tdwii_conformance.dimse`. The two are measured alternately, so that the noise of the machine hits both alike: look at
the ratio.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydicom.uid import generate_uid
from pynetdicom import AE, _config
from rich.console import Console
from rich.table import Table

from tdwii_conformance.dimse import Peer, connect
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import item, state_change, worklist_query

from . import events, faulty, witness
from .servers import CONTEXTS, PULL, PUSH, RESPONSES, plain_server, tms_server, workitem

ROUNDS, MESSAGES, SIZES = 5, 20, (100, 1_000, 10_000)


@contextmanager
def running(server: Callable[..., None], *arguments: Any) -> Iterator[Peer]:
    """Run a server in a child process."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    stop = spawn.Event()
    process = spawn.Process(target=server, args=(theirs, stop, *arguments))
    process.start()
    try:
        if not ours.poll(120):
            raise TimeoutError("the server did not start")
        yield Peer("TMS", "127.0.0.1", ours.recv())
    finally:
        stop.set()
        process.join(10)


def timed(call: Callable[[], object], times: int = 1) -> float:
    """Return milliseconds per call."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times * 1000


def plain_round(peer: Peer) -> dict[str, float]:
    """Measure pynetdicom as shipped, once."""
    # our client turns these off for the whole process
    _config.LOG_HANDLER_LEVEL, _config.LOG_REQUEST_IDENTIFIERS, _config.LOG_RESPONSE_IDENTIFIERS = "standard", True, True
    entity = AE("TDD")
    for context in CONTEXTS:
        entity.add_requested_context(context)

    def associate() -> None:
        entity.associate(peer.host, peer.port, ae_title="TMS").release()

    took = {"association + release": timed(associate, 3)}
    link = entity.associate(peer.host, peer.port, ae_title="TMS")
    query, update = worklist_query(station="FX1", start="20260101"), objects.progress_update(50, 1)
    took["C-ECHO"] = timed(link.send_c_echo, MESSAGES)
    made = iter([workitem() for _ in range(MESSAGES)])
    took["N-CREATE"] = timed(lambda: link.send_n_create(next(made), PUSH, generate_uid()), MESSAGES)
    took["N-SET"] = timed(lambda: link.send_n_set(update, PUSH, "1.2.3", meta_uid=PULL), MESSAGES)
    took["N-GET"] = timed(lambda: link.send_n_get([0x00741000], PUSH, "1.2.3", meta_uid=PULL), MESSAGES)
    change = state_change("IN PROGRESS", generate_uid())
    took["N-ACTION"] = timed(lambda: link.send_n_action(change, 1, PUSH, "1.2.3", meta_uid=PULL), MESSAGES)
    took["C-FIND"] = timed(lambda: list(link.send_c_find(query, PULL)))
    link.release()
    return took


def our_round(peer: Peer, responses: int) -> dict[str, float]:
    """Measure our client against the simulated TMS, once."""

    def associate() -> None:
        connect(peer, CONTEXTS, calling="TDD").close()

    took = {"association + release": timed(associate, 3)}
    with connect(peer, CONTEXTS, calling="TDD") as link:
        uids = [generate_uid() for _ in range(MESSAGES)]
        locks = {uid: generate_uid() for uid in uids}
        took["C-ECHO"] = timed(link.c_echo, MESSAGES)
        made = iter([(uid, workitem()) for uid in uids])
        took["N-CREATE"] = timed(lambda: link.n_create(*next(made)), MESSAGES)
        claims = iter(uids)
        took["N-ACTION"] = timed(lambda: link.n_action(uid := next(claims), 1, state_change("IN PROGRESS", locks[uid])), MESSAGES)
        update = objects.progress_update(50, 1)
        update.TransactionUID = locks[uids[0]]
        took["N-SET"] = timed(lambda: link.n_set(uids[0], update), MESSAGES)
        took["N-GET"] = timed(lambda: link.n_get(uids[0], ["ProcedureStepState"]), MESSAGES)
        query = worklist_query(station="FX1", start=f"{datetime.now():%Y%m%d}")
        began = time.perf_counter()
        found = len(link.c_find(PULL, query).pending)
        took["C-FIND"] = (time.perf_counter() - began) * 1000 * responses / found
    return took


def single_key(workitems: int) -> float:
    """Return milliseconds of a C-FIND by Patient ID among some workitems, with one match."""
    with running(tms_server, workitems) as peer, connect(peer, CONTEXTS, calling="TDD") as link:
        wanted = workitem()
        link.n_create(generate_uid(), wanted)
        query = item(PatientID=wanted.PatientID, SOPInstanceUID=None, ProcedureStepLabel=None)
        assert len(link.c_find(PULL, query).pending) == 1
        return statistics.median(timed(lambda: link.c_find(PULL, query)) for _ in range(20))


def whole_run() -> str:
    """Return what a verdict of the embedded run costs, in one process."""
    command = [sys.executable, "-m", "pytest", "tests/conformance", "-q", "-p", "no:cacheprovider"]
    out = subprocess.run(command, capture_output=True, text=True, timeout=300).stdout
    match = re.search(r"(\d+) passed(?:, (\d+) skipped)?.* in ([\d.]+)s", out)
    if not match:
        return "did not end with a count"
    verdicts, seconds = int(match[1]) + int(match[2] or 0), float(match[3])
    return f"{seconds / verdicts * 1000:.1f} ms per verdict ({verdicts} in {seconds:.1f} s)"


def main() -> None:
    """Measure and print."""
    floor: dict[str, list[float]] = {}
    ours: dict[str, list[float]] = {}
    with running(plain_server) as plain, running(tms_server, RESPONSES) as tms:
        for _ in range(ROUNDS):
            for rows, took in ((floor, plain_round(plain)), (ours, our_round(tms, RESPONSES))):
                for name, value in took.items():
                    rows.setdefault(name, []).append(value)
    table = Table("median of " + str(ROUNDS), "pynetdicom as shipped", "ours", "ratio", title="DIMSE between two processes")
    for name, values in floor.items():
        before, after = statistics.median(values), statistics.median(ours[name])
        if name == "C-FIND":
            rates = (RESPONSES / before * 1000, RESPONSES / after * 1000)
            table.add_row(f"C-FIND, {RESPONSES} matches", f"{rates[0]:.0f}/s", f"{rates[1]:.0f}/s", f"{after / before:.2f}")
        else:
            table.add_row(name, f"{before:.1f} ms", f"{after:.1f} ms", f"{after / before:.2f}")
    for size in SIZES:
        table.add_row(f"C-FIND by Patient ID among {size:,}", "", f"{single_key(size):.1f} ms", "")
    for row in events.rows(running):
        table.add_row(*row)
    for row in faulty.rows():
        table.add_row(*row)
    for row in witness.rows(running):
        table.add_row(*row)
    table.add_row("whole embedded run, one process", "", whole_run(), "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
