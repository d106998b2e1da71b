"""What Locust is started with (``locust -f``): the users of the clinic, and the history that is checked while they work."""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent
import locust.main
from gevent import monkey
from locust import events
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner
from locust.stats import StatsCSVFileWriter

from tdwii_conformance.load.facts import Fact
from tdwii_conformance.load.faults import read_disturbances
from tdwii_conformance.load.history import History, Violation
from tdwii_conformance.load.setting import Setting
from tdwii_conformance.load.users import InClinic, Intruder, Machine, Scheduler, Watcher, take_collected
from tdwii_conformance.profile import load_catalogue

log = logging.getLogger("tdwii")
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # Locust sets up logging anew, and would show every message
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


class _Time:
    """Python's `time`, whose `sleep` lets other greenlets go on."""

    sleep = staticmethod(gevent.sleep)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


# A master sleeps while it waits for its workers; with threads as they are that would keep it from hearing them.
locust.main.time = _Time()
monkey.patch_os()  # and it waits for processes of its own that gevent has seen end

_write_figures = StatsCSVFileWriter.stats_writer


def _write_while_open(self: Any) -> None:
    """Write figures until Locust closes the files, which it does while they are being written."""
    try:
        _write_figures(self)
    except ValueError:
        if not self.requests_csv_filehandle.closed:
            raise


StatsCSVFileWriter.stats_writer = _write_while_open

SETTING = Setting.from_environment()
REPORTED = 4.0  # seconds; workers report to their master every three
# A master that ends waits half a second for what its workers say last. They need longer: treatments end, and watchers wait for
# late reports. So they are stopped before, and the master waits until each has handed on what it saw.
STOP, STOPPED = "tdwii-stop", "tdwii-stopped"
LONGEST = 400.0  # seconds that a master waits for workers that may have died
HISTORY = History(settle=10.0)
CATALOGUE = load_catalogue()

InClinic.setting = SETTING
for _kind in (Machine, Watcher, Scheduler, Intruder):
    _kind.fixed_count = int(getattr(SETTING.clinic, _kind.kind))
    _kind.abstract = not _kind.fixed_count
del _kind  # Locust takes every name of this module for a user of its own


def _gather(environment: Any) -> None:
    """Judge what has ended, again and again, until the end."""
    while True:
        gevent.sleep(1.0)
        for fact in take_collected():
            HISTORY.add(fact)
        _look_for_restarts()
        for violation in HISTORY.judge_ended(SETTING.clock.now() - REPORTED):
            _say(violation)
        if 0 < SETTING.enough <= HISTORY.treated:
            environment.runner.quit()
            return


def _look_for_restarts() -> None:
    if SETTING.restarts:
        HISTORY.restarts = read_disturbances(Path(SETTING.restarts))


def _say(violation: Violation) -> None:
    statement = " ".join(CATALOGUE[violation.requirement].statement.split())
    said = violation.finding.expected, violation.finding.received
    how = log.error if CATALOGUE[violation.requirement].level == "shall" else log.warning
    how("%s %s: %s | expected %s; received %s", violation.requirement, violation.workitem, statement, *said)


@events.init.add_listener
def _begin(environment: Any, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        events.report_to_master.add_listener(_report)
        runner.register_message(STOP, _stop, concurrent=True)
        events.test_stop.add_listener(_hand_on)
    else:
        if isinstance(runner, MasterRunner):
            events.worker_report.add_listener(_reported)
            runner.register_message(STOPPED, _stopped)
            events.test_start.add_listener(lambda environment, **_: _STOPPED.clear())
            events.test_stopping.add_listener(_await_workers)
        gevent.spawn(_gather, environment)
        events.quitting.add_listener(_conclude)


def _report(client_id: str, data: dict[str, Any], **_: Any) -> None:
    data["facts"] = [fact.to_json() for fact in take_collected()]


def _reported(client_id: str, data: dict[str, Any], **_: Any) -> None:
    for said in data.get("facts", ()):
        HISTORY.add(Fact.from_json(said))


_STOPPED: set[str] = set()  # workers that have handed on everything


def _stop(environment: Any, msg: Any) -> None:
    environment.runner.stop()


def _hand_on(environment: Any, **_: Any) -> None:
    environment.runner.send_message(STOPPED, {"facts": [fact.to_json() for fact in take_collected()]})


def _stopped(environment: Any, msg: Any) -> None:
    _reported(msg.node_id, msg.data)
    _STOPPED.add(msg.node_id)


def _await_workers(environment: Any, **_: Any) -> None:
    """Have the workers stop, and wait for what they saw until then."""
    runner = environment.runner
    runner.send_message(STOP)
    until = time.monotonic() + LONGEST
    while missing := [one.id for one in runner.clients.all if one.state != STATE_MISSING and one.id not in _STOPPED]:
        if time.monotonic() > until:
            log.error("no word of the end from %s: what it saw last is not judged", ", ".join(missing))
            break
        gevent.sleep(0.1)


def _conclude(environment: Any, **_: Any) -> None:
    for fact in take_collected():
        HISTORY.add(fact)
    _look_for_restarts()
    for violation in HISTORY.judge_rest():
        _say(violation)
    stats = environment.stats
    found = {
        "judged": HISTORY.judged,
        "violations": [
            {
                "requirement": one.requirement,
                "level": CATALOGUE[one.requirement].level,
                "workitem": one.workitem,
                "expected": one.finding.expected,
                "received": one.finding.received,
                "facts": [fact.to_json() for fact in one.facts],
            }
            for one in HISTORY.violations
        ],
        "requests": {
            name: {
                "count": entry.num_requests,
                "failures": entry.num_failures,
                **{f"p{part}": entry.get_response_time_percentile(part / 100) for part in (50, 95, 99)},
            }
            for (name, _kind), entry in sorted(stats.entries.items())
        },
        "errors": [{"request": one.name, "error": str(one.error), "count": one.occurrences} for one in stats.errors.values()],
        "delays": _percentiles(HISTORY.delays),
        "behind": {who: f"{datetime.fromtimestamp(until):%H:%M:%S}" for who, until in sorted(HISTORY.behind().items())},
    }
    if SETTING.results:
        Path(SETTING.results).write_text(json.dumps(found, indent=1), encoding="utf-8")
    environment.process_exit_code = 0  # what was found is for `tdwii load` to say


def _percentiles(delays: list[float]) -> dict[str, float | int]:
    """Return how many delays there were, and percentiles of them in milliseconds."""
    ordered = sorted(delays)
    if not ordered:
        return {"count": 0}
    places = {part: min(len(ordered) - 1, len(ordered) * part // 100) for part in (50, 95, 99)}
    return {"count": len(ordered), **{f"p{part}": round(1000 * ordered[place], 1) for part, place in places.items()}}
