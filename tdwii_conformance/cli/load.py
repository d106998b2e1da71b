"""``tdwii load``: a clinic full of users at a TMS, on Locust, and what cannot have been right in what they saw."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..load import SHIPPED
from .failures import OK, REFUSED, NoAnswer, Usage
from .load_systems import faults_of, network, ours, restarts
from .requirements import complete_defects
from .screen import note, say
from .settings import Command

if TYPE_CHECKING:
    from ..load.setting import Setting

__all__ = ["load"]

# What --p95 bounds: kinds of requests, and events, which are none.
LIMITED = {
    "query": "query",
    "claim": "claim",
    "update": "set",
    "final": "final",
    "end": "end",
    "create": "create",
    "get": "get",
    "event": "",
}


def _limits(texts: Sequence[str]) -> dict[str, float]:
    """Return the limits of ``--p95``, in milliseconds by name."""
    limits = {}
    for text in texts:
        name, _, amount = text.partition("=")
        factor = 1.0 if amount.endswith("ms") else 1000.0
        try:
            number = float(amount.removesuffix("ms").removesuffix("s"))
        except ValueError:
            number = -1.0
        if name not in LIMITED or number < 0:
            raise Usage(f"--p95 {text!r}: expected NAME=TIME, for example claim=200ms; names are {', '.join(LIMITED)}")
        limits[name] = number * factor
    return limits


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    examples=[
        "tdwii load                                   # our own TMS, a small clinic, a minute",
        "tdwii load --clinic rush --for 120 --defect claim-race-won-by-both",
        "tdwii load --fault cut --fault delay=50ms --fault restart=20s",
        "tdwii load --sut clinic.toml --clinic large --for 3600 --processes 4 --p95 claim=200ms",
        "tdwii load --sut clinic.toml --web           # Locust's page on http://localhost:8089",
        "tdwii load --sut clinic.toml --html load.html --results load.json",
        "tdwii load --sut clinic.toml -- --master --expect-workers 2   # more options of Locust",
    ],
)
@click.option("--sut", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="The system that FILE describes, instead of our own simulators.")  # fmt: skip
@click.option("--clinic", "--profile", "clinic", default="small", show_default=True, metavar="NAME",
              help=f"The clinic profile: {', '.join(SHIPPED)}, or a TOML file.")  # fmt: skip
@click.option("--for", "seconds", type=click.FloatRange(1), default=60.0, show_default=True, metavar="SECONDS",
              help="How long users work.")  # fmt: skip
@click.option("--treatments", type=click.IntRange(1), metavar="N", help="End after so many treatments, if that is earlier.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N",
              help="Processes for the users (not on Windows).")  # fmt: skip
@click.option("--web", is_flag=True, help="Show Locust's page, until Ctrl-C.")
@click.option("--web-port", type=click.IntRange(1, 65535), default=8089, show_default=True, metavar="N", help="Port of that page.")
@click.option("--title", default="LOAD{}", show_default=True, metavar="TEXT", help="AE titles of the users; {} is their number.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where users listen.")
@click.option("--port", type=click.IntRange(1, 65535), default=11200, show_default=True, metavar="N",
              help="Port of the first user; the second has the next one.")  # fmt: skip
@click.option("--first", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Number of the first user.")
@click.option("--p95", multiple=True, metavar="NAME=TIME", help="Fail if 95 % are not faster: claim=200ms; repeat.")
@click.option("--results", type=click.Path(path_type=Path), metavar="FILE", help="Write what was found (JSON).")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write Locust's page of figures.")
@click.option("--csv", metavar="PREFIX", help="Write Locust's figures as CSV files.")
@click.option("--evidence", type=click.Path(path_type=Path), metavar="DIR", help="Keep all exchanges.")
@click.option(
    "--defect", "--variation", "deviations", multiple=True, metavar="NAME", shell_complete=complete_defects,
    help="For our own simulators; repeat.",
)  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="NAME[=TIME]",
              help="Break the way to the TMS: delay, jitter, cut, reset, half-open, refused; or restart it; repeat.")  # fmt: skip
@click.option("--users", "show_users", is_flag=True, help="Show who listens where, for the TMS to know them, and end.")
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[-- LOCUST OPTIONS]...")
def load(
    sut: Path | None, clinic: str, seconds: float, treatments: int | None, processes: int, web: bool, web_port: int,
    title: str, host: str, port: int, first: int, p95: tuple[str, ...], results: Path | None, html: Path | None,
    csv: str | None, evidence: Path | None, deviations: tuple[str, ...], faults: tuple[str, ...], show_users: bool,
    more: tuple[str, ...],
) -> int:  # fmt: skip
    """Put the load of a clinic on a TMS: machines, watchers, schedulers at once.

    Users work as TDW-II has it, on Locust. What they saw of each workitem is checked: one claimer, no update lost, no state that
    goes back, locks that hold, events in order, none lost. What cannot have been right is a finding (exit code 1). Times are
    shown as percentiles; they fail only with --p95.
    """
    if importlib.util.find_spec("locust") is None:
        raise Usage("tdwii load runs on Locust, which is not installed: pip install 'tdwii_conformance[load]'")
    from ..load.clinic import load_clinic
    from ..load.setting import Setting

    limits, broken = _limits(p95), faults_of(faults)
    if "{}" not in title:
        raise Usage(f"--title {title!r}: expected a {{}} for the number of the user")
    if sut is not None and deviations:
        raise Usage("--defect is for our own simulators: not with --sut")
    setting = Setting(load_clinic(clinic), title=title, host=host, port=port, first=first, enough=treatments or 0)
    _name_all(setting)
    if show_users:
        for name, (where, number) in setting.users().items():
            say(f"{name}={where}:{number}")
        return OK
    _expect_free(setting, web_port if web else None, more)
    if evidence is not None:
        evidence.mkdir(parents=True, exist_ok=True)
        setting = replace(setting, evidence=str(evidence))
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        written = results or Path(scratch) / "results.json"
        setting = replace(setting, results=str(written.resolve()))
        restart = None
        if sut is not None:
            setting, restart = _described(setting, sut, needs_restart="restart" in broken)
        else:
            setting, restart = stack.enter_context(ours(setting, deviations, Path(scratch), restartable="restart" in broken))
        setting, done = stack.enter_context(network(setting, broken))
        setting, restarted = stack.enter_context(restarts(setting, broken, restart, Path(scratch)))
        command = [*_locust(setting, seconds, processes, web, web_port), *_meeting(processes, more), *more]
        command += ["--html", str(html)] if html is not None else []
        command += ["--csv", csv] if csv is not None else []
        _run(command, setting)
        for line in (*done(), *restarted()):
            note(line)
        if "--worker" in more:
            return OK
        if not written.is_file():
            raise NoAnswer("Locust ended without a result; what it said is above")
        return _show(json.loads(written.read_text(encoding="utf-8")), limits)


def _name_all(setting: Setting) -> None:
    """Refuse AE titles that are none."""
    from ..dimse import check_ae_title

    try:
        for name in setting.users():
            check_ae_title(name)
    except ValueError as error:
        raise Usage(f"--title: {error}") from error


def _expect_free(setting: Setting, page: int | None, more: Sequence[str]) -> None:
    """Refuse ports that somebody else has: Locust would go on with the users that are left, or end with a traceback."""
    if "--master" in more:  # whose users are elsewhere
        known = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        known.add_argument("--master-bind-port", type=int, default=5557)
        with contextlib.suppress(argparse.ArgumentError):  # Locust says what is wrong
            port = known.parse_known_args(more)[0].master_bind_port
            _expect_port(("", port), "workers cannot be awaited", "-- --master-bind-port chooses another (--master-port for them)")
    else:
        wanted = setting.users()
        for name, address in wanted.items():
            _expect_port(address, f"{name} cannot listen", f"--port chooses others, {len(wanted)} in a row")
    if page is not None:
        _expect_port(("127.0.0.1", page), "Locust's page cannot be shown", "--web-port chooses another")


def _expect_port(address: tuple[str, int], what: str, instead: str) -> None:
    with socket.socket() as probe:
        if os.name != "nt":  # where it would take a port that another has
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            host, port = address
            raise Usage(f"{what} on {host or 'all addresses'}, port {port}: {error.strerror or error}; {instead}") from error


def _described(setting: Setting, sut: Path, *, needs_restart: bool) -> tuple[Setting, Callable[[], None] | None]:
    """Return the setting for a described system, and how it is restarted; refuse one that must not be changed, or has no TMS."""
    from ..sut.config import load_system

    system = load_system(sut)
    if system.tms is None:
        raise Usage(f"{sut}: [tms] is missing: tdwii load works on the worklist of a TMS")
    if not system.test_system:
        raise Usage(f"{sut}: [system] test_system = true is missing: load is only for systems whose owner consents to changes")
    if setting.clinic.schedulers and "push" not in system.tms_supports:
        note(f"{system.name} is not said to support push: nobody schedules, its own workitems are treated")
        setting = replace(setting, clinic=setting.clinic.model_copy(update={"schedulers": 0}))
    if setting.clinic.watchers and "subscription" not in system.tms_supports:
        note(f"{system.name} is not said to support subscription: there are no watchers")
        setting = replace(setting, clinic=setting.clinic.model_copy(update={"watchers": 0}))
    if needs_restart and system.restart is None:
        raise Usage(f"{sut}: [tms] restart is missing: --fault restart needs the command that restarts the TMS")
    return replace(setting, system=str(sut.resolve())), system.restart


def _locust(setting: Setting, seconds: float, processes: int, web: bool, web_port: int) -> list[str]:
    """Return the command that runs Locust."""
    from ..load import locustfile_path

    command = [sys.executable, "-m", "locust", "-f", str(locustfile_path()), "-u", str(setting.clinic.users), "-r", "20"]
    command += ["--stop-timeout", "330", "-t", f"{seconds:g}s", "--only-summary"]
    command += ["--autostart", "--web-port", str(web_port), "--web-host", "127.0.0.1"] if web else ["--headless"]
    return command + (["--processes", str(processes)] if processes > 1 else [])


def _meeting(processes: int, more: Sequence[str]) -> list[str]:
    """Return where the processes of this machine meet: by Locust's default those of two loads would meet each other."""
    if processes == 1 or "--worker" in more or any(word.startswith("--master") for word in more):
        return []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]


def _run(command: Sequence[str], setting: Setting) -> None:
    environment = {**os.environ, **setting.to_environment(), "LOCUST_SKIP_MONKEY_PATCH": "1"}
    process = subprocess.Popen(command, env=environment)
    try:
        process.wait()
    except KeyboardInterrupt as end:
        import psutil  # comes with Locust

        workers = []
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
            workers = psutil.Process(process.pid).children(recursive=True)
        if type(end) is not KeyboardInterrupt:  # SIGTERM, which came to us alone; Ctrl-C has interrupted Locust as well
            process.terminate()
        process.wait()  # it lets treatments end, and tells what it has found
        for worker in psutil.wait_procs(workers, timeout=5)[1]:  # Locust forgets those that it had not finished starting
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.terminate()


def _show(found: Mapping[str, Any], limits: Mapping[str, float]) -> int:
    """Print what was found; return the exit code."""
    from ..load.facts import NAMES

    failed = [one for one in found["violations"] if one["level"] == "shall"]
    warned = len(found["violations"]) - len(failed)
    say(f"{found['judged']} workitems judged: {len(failed)} findings, {warned} warnings, {len(found['errors'])} kinds of errors")
    for one in found["violations"][:20]:
        say(f"  {one['requirement']} {one['workitem']}: expected {one['expected']}; received {one['received']}")
    for one in found["errors"]:
        say(f"  {one['count']} times {one['request']}: {one['error']}")
    if found["behind"]:
        first = min(found["behind"], key=found["behind"].__getitem__)
        say(
            f"  {len(found['behind'])} watchers were still told of what had happened when they ended, {first} of what was before"
            f" {found['behind'][first]}: what came later is not judged for them"
        )
    slow = []
    for name, limit in limits.items():
        measured = found["delays"].get("p95") if name == "event" else found["requests"].get(NAMES[LIMITED[name]], {}).get("p95")
        if measured is None or measured > limit:
            slow.append(f"{name}: 95 % within {'nothing measured' if measured is None else f'{measured:g} ms'}, not {limit:g} ms")
    for line in slow:
        say(f"  too slow: {line}")
    return REFUSED if failed or found["errors"] or slow else OK
