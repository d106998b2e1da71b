"""What a run costs against a TMS that aborts, and one that never answers, beside a healthy one."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from tdwii_conformance import engine
from tdwii_conformance.dimse import Timeouts
from tdwii_conformance.plugin import Setting
from tdwii_conformance.sut.config import embedded

__all__ = ["rows"]

# The transactions of TDW-II with a TMS, and how a state is changed.
PARTS = (
    "tms/test_negotiation_tms.py", "tms/test_ro58_worklist_query.py", "tms/test_ro60_in_progress.py",
    "tms/test_ro62_progress_update.py", "tms/test_ro64_final_update.py", "tms/test_ro65_completed_canceled.py",
    "tms/test_cc_2_1_change_state.py",
)  # fmt: skip
WAYS = {"aborts on every": "aborted", "answers no": "unanswered"}
SERVICES = ("N-GET", "N-SET", "C-FIND")
MESSAGE = 2.0  # seconds that an answer is waited for


def run(deviations: Sequence[str]) -> tuple[float, int]:
    """Judge an embedded TMS; return the seconds it took, and how many tests failed."""
    described = embedded()
    quick = dataclasses.replace(described, timeouts=dataclasses.replace(described.timeouts or Timeouts(), message=MESSAGE))
    began = time.perf_counter()
    result = engine.run(PARTS, deviations=deviations, setting=Setting(embedded=quick, texts=False))
    counted = Counter(verdict.verdict for verdict in result.verdicts)
    return time.perf_counter() - began, counted["failed"] + counted["error"]


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield a row of the table for each TMS: name, the healthy one's time, its own with what failed, and their ratio."""
    healthy, _ = run(())
    yield f"run of RO-58 to RO-65, healthy TMS, time-out {MESSAGE:g} s", "", f"{healthy:.1f} s", ""
    for words, way in WAYS.items():
        for service in SERVICES:
            took, failed = run([f"{service.lower()}-{way}"])
            yield f"  one that {words} {service}", f"{healthy:.1f} s", f"{took:.1f} s, {failed} failed", f"{took / healthy:.2f}"
