"""``tdwii record`` and ``tdwii judge``: two systems that talk to each other, recorded and judged from between them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..profile import load_catalogue
from ..witness.proxy import Listener, Onlooker, Proxy, ProxyError
from ..witness.records import Chunk, Recorded, RecordError, RecordWriter
from ..witness.table import AtTable, load_table, port_of
from .failures import OK, REFUSED, NoAnswer, Usage
from .following import Judging, following
from .screen import note, plain, say
from .settings import Command

if TYPE_CHECKING:
    from ..profile import Requirement
    from ..report.results import Results
    from ..report.verdicts import TestVerdict
    from ..witness.judging import Witnessed

__all__ = ["judge", "record"]

PARTS = ("tms", "ost", "tdd", "watcher")
EDITIONS = ("ti", "2013")
MOST_FINDINGS = 4  # of a requirement, that `judge` prints; the page has more
MOST_MALFORMATIONS = 20  # lines of them that `judge` prints


class _Writing(Onlooker):
    """Writes the record, and nothing else: the process that carries the traffic does no more than it has to."""

    def __init__(self, writer: RecordWriter) -> None:
        self._writer = writer

    def opened(self, name: str, time: datetime, requestor: str, acceptor: str) -> None:
        """Write that a connection was opened."""
        self._writer.opened(name, time, requestor, acceptor)

    def passed(self, name: str, chunk: Chunk) -> None:
        """Write bytes."""
        self._writer.passed(name, chunk)

    def closed(self, name: str, time: datetime, why: str) -> None:
        """Write that a connection is closed."""
        self._writer.closed(name, time, why)


def _listener(text: str) -> Listener:
    where, _, system = text.partition("=")
    name, _, address = system.rpartition("@")
    try:
        bind, ours = port_of(where, usual="127.0.0.1", lowest=0)
        host, port = port_of(address)
    except ValueError:
        raise Usage(f"--listen {text!r}: expected PORT=NAME@HOST:PORT, for example 11114=TMS@10.0.0.5:11114") from None
    return Listener(ours, name or address, host, port, bind)


def _parts(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say who is who, and how they are judged."""
    options = [
        click.option("--edition", type=click.Choice(EDITIONS), help="Edition of TDW-II that they follow.  [default: ti]"),
        click.option("--tms", multiple=True, metavar="AE", help="The AE title of a TMS; repeat. Recognized without it."),
        click.option("--ost", multiple=True, metavar="AE", help="The same for an OST."),
        click.option("--tdd", multiple=True, metavar="AE", help="The same for a TDD."),
        click.option("--watcher", multiple=True, metavar="AE", help="The same for a watcher."),
        click.option(
            "--complete", is_flag=True, help="Nobody works with the TMS meanwhile who is not recorded: more can be judged."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    cls=Command,
    examples=[
        "tdwii record table7.jsonl --listen 11114=TMS@10.0.0.5:11114 --listen 11115=OST@10.0.0.6:104",
        "tdwii record table7.jsonl --table table7.toml --for 3600",
    ],
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--listen",
    "listeners",
    multiple=True,
    metavar="[ADDRESS:]PORT=NAME@HOST:PORT",
    help="A local port, and the system behind it; repeat.",
)
@click.option(
    "--table", type=click.Path(path_type=Path), metavar="FILE",
    help="All systems, from a TOML file (fixtures/table_example.toml); also TLS that is ended here.",
)  # fmt: skip
@click.option("--for", "seconds", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="End after that time.")
@click.option("--quiet", is_flag=True, help="Show nothing while it is recorded.")
@_parts
def record(
    file: Path, listeners: tuple[str, ...], table: Path | None, seconds: float | None, quiet: bool, edition: str | None,
    complete: bool, **parts: tuple[str, ...],
) -> int:  # fmt: skip
    """Record what systems send each other, as a proxy between them.

    Configure each system with the local port instead of the other's address. The calling system needs a port as well, for what
    comes back (C-STORE of a C-MOVE, event reports). The bytes pass unchanged. FILE grows as they pass, and must not exist yet.
    Associations, exchanges and findings are shown as they appear. Ends with Ctrl-C. `tdwii judge FILE` judges it.
    """
    at_table = load_table(table) if table is not None else AtTable((), {})
    behind = [*at_table.listeners, *map(_listener, listeners)]
    if not behind:
        raise Usage("no system to stand before: give --listen PORT=NAME@HOST:PORT, or --table FILE")
    said = {part: [*at_table.said.get(part, ()), *titles] for part, titles in parts.items()}
    judging = Judging(edition or at_table.edition or "ti", said, complete or at_table.complete)
    try:
        writer = RecordWriter(file)
    except FileExistsError as error:
        raise Usage(f"{file}: is there already: a record is not written over") from error
    try:
        with (
            nullcontext() if quiet else following(file, judging),
            closing(writer),
            Proxy(behind, [_Writing(writer)]) as proxy,
        ):
            for listener, port in zip(behind, proxy.ports, strict=True):
                note(f"{listener.bind}:{port} leads to {listener}{', TLS is ended here' if listener.tls else ''}")
            note(f"recording to {file}; Ctrl-C ends it")
            _wait(seconds, lambda: proxy.error)
    except ProxyError as error:
        raise Usage(str(error)) from error
    if proxy.error is not None:
        raise NoAnswer(f"{file}: could not be written to the end: {proxy.error}")
    note(f"tdwii judge {file} judges it")
    return OK


def _wait(seconds: float | None, failed: Callable[[], object]) -> None:
    over = threading.Event()
    left = seconds
    try:
        while failed() is None and (left is None or left > 0):
            step = 0.5 if left is None else min(0.5, left)
            over.wait(step)
            left = None if left is None else left - step
    except KeyboardInterrupt:
        # The way a recording ends; another Ctrl-C while it is written to its end breaks that off.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@click.command(
    cls=Command,
    examples=[
        "tdwii judge table7.jsonl",
        "tdwii judge hospital.pcapng --report page.html --tdd LINAC1 --tms ARIA",
        "tdwii judge hospital.pcapng --report page.html --results results.json --pseudonymise",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_parts
@click.option("--report", type=click.Path(path_type=Path), metavar="PAGE", help="Write a page as well (HTML).")
@click.option(
    "--results", "results_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the results as one file, for tdwii report, compare and pack.",
)  # fmt: skip
@click.option("--pseudonymise", is_flag=True, help="Replace names, ids, birth dates, UIDs, AE titles and addresses everywhere.")
def judge(
    files: tuple[Path, ...], edition: str | None, complete: bool, report: Path | None, results_file: Path | None,
    pseudonymise: bool, **parts: tuple[str, ...],
) -> int:  # fmt: skip
    """Judge a record of `tdwii record`, or a capture (pcap, pcapng).

    The systems that call are judged, TDD and watcher, by the same requirements as in a session with them; the TMS by what it
    answers; and the bytes of all systems. What was not recorded is not judged.
    """
    from ..report.results import write_results
    from ..report.verdicts import requirement_verdicts
    from ..witness.answering import judge_all
    from ..witness.judging import witness

    edition = edition or "ti"
    recorded = [one for file in files for one in _read(file)]
    seen = witness(recorded, edition=edition, said=parts)
    catalogue = load_catalogue()
    verdicts = judge_all(seen, catalogue, edition=edition, complete=complete)
    judged = _judged(seen, verdicts, catalogue, edition, files)
    if pseudonymise:
        judged = _hidden(judged, seen, recorded)
    _show(judged, catalogue)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(judged.results.page(catalogue), encoding="utf-8", newline="\n")
        note(f"report: {report.resolve()}")
    if results_file is not None:
        write_results(results_file, judged.results)
        note(f"results: {results_file.resolve()}")
    if not verdicts:
        note("no TMS and no system that calls one was recognized: nothing was judged")
    bad = any(one.verdict == "failed" for one in requirement_verdicts(verdicts).values())
    return REFUSED if bad or any(not one.tolerable for _, one in seen.malformations) else OK


@dataclass(frozen=True)
class _Judged:
    """What is shown of a record: who is who, what could not be judged, what is no DICOM; and the results."""

    cast: Mapping[str, Sequence[str]]
    counts: str
    not_judged: Sequence[str]
    malformed: Sequence[str]
    results: Results


def _judged(
    seen: Witnessed, verdicts: Sequence[TestVerdict], catalogue: Mapping[str, Requirement], edition: str, files: Sequence[Path]
) -> _Judged:
    from ..report.results import results_of

    malformed = [f"{who}: {one}" for who, one in seen.malformations]
    results = results_of(
        verdicts, catalogue, system=_systems(seen), edition=edition, description=f"from {', '.join(file.name for file in files)}",
        notices=[*seen.not_judged, *malformed],
    )  # fmt: skip
    numbers = {"connection": len(seen.connections), "exchange": len(seen.exchanges), "session": len(seen.observed)}
    counts = ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for what, number in numbers.items())
    return _Judged({part: getattr(seen.cast, part) for part in PARTS}, counts, seen.not_judged, malformed, results)


def _systems(seen: Witnessed, named: Callable[[str], str] = str) -> str:
    return (
        ", ".join(dict.fromkeys(map(named, [*seen.cast.tms, *seen.cast.ost, *(one.ae_title for one in seen.observed)]))) or "nobody"
    )


def _hidden(judged: _Judged, seen: Witnessed, recorded: Sequence[Recorded]) -> _Judged:
    """Return the same with nobody to be recognised in it: the originals were judged, and every verdict is the same."""
    from ..report.pseudonymise import learn_exchange, learn_observation, learn_results, pseudonymised_results
    from ..report.pseudonyms import Pseudonyms

    names = Pseudonyms()
    for one in recorded:
        for address in (one.requestor, one.acceptor):  # host:port, of a record also NAME@host:port
            name, _, host = address.rpartition(":")[0].rpartition("@")
            names.value(name, "AE")
            names.hosts([host])
    for _, connection in seen.connections:
        if connection.request is not None:
            names.value(connection.request.calling, "AE")
            names.value(connection.request.called, "AE")
    for exchange in seen.exchanges:
        learn_exchange(exchange, names)
    for observed in seen.observed:
        learn_observation(observed.observation, names)
    cast = {part: [names.value(title, "AE") for title in titles] for part, titles in judged.cast.items()}
    learn_results(judged.results, names)
    systems = _systems(seen, lambda title: names.value(title, "AE"))
    results = pseudonymised_results(judged.results.model_copy(update={"system": systems}), names)
    return _Judged(cast, judged.counts, list(map(names.text, judged.not_judged)), list(map(names.text, judged.malformed)), results)


def _show(judged: _Judged, catalogue: Mapping[str, Requirement]) -> None:
    from ..report.table import render

    for part, titles in judged.cast.items():
        say(f"{part.upper() if part != 'watcher' else part}: {', '.join(map(plain, titles)) or 'none recognized'}")
    say(judged.counts)
    for line in judged.not_judged:
        say(f"not judged: {plain(line)}")
    for line in judged.malformed[:MOST_MALFORMATIONS]:
        say(plain(line))
    if len(judged.malformed) > MOST_MALFORMATIONS:
        say(f"... and {len(judged.malformed) - MOST_MALFORMATIONS} more places that are not DICOM")
    verdicts = judged.results.verdicts
    for verdict in verdicts:
        if verdict.verdict in ("failed", "warned"):
            what = catalogue[verdict.requirement].statement
            say(f"{verdict.verdict.upper()} {verdict.requirement} {plain(verdict.nodeid)}: {what}")
            for finding in verdict.findings[:MOST_FINDINGS]:
                at = f" at {finding['path']}" if finding["path"] else ""
                say(f"    expected {plain(finding['expected'])}; received {plain(finding['received'])}{at}")
            if len(verdict.findings) > MOST_FINDINGS:
                say(f"    ... and {len(verdict.findings) - MOST_FINDINGS} more")
    if verdicts:
        say()
        say(render(verdicts, catalogue).rstrip())


def _read(file: Path) -> list[Recorded]:
    from ..witness.capture import is_capture, read_capture
    from ..witness.records import is_record, read_record

    if is_capture(file):
        return read_capture(file)
    if is_record(file):
        return read_record(file)
    raise RecordError(f"{file}: neither a record of tdwii record nor a capture (pcap, pcapng)")
