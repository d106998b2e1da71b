"""The system under test, from a TOML file (``--sut``), an address book (``--entities``), or as we embed it.

What a file says is checked whole: every mistake is reported at once, each with the file and the key. The keys are
explained in ``fixtures/sut_example.toml``.
"""

from __future__ import annotations

import ssl
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..dimse import TLS, Peer, Timeouts
from .address_book import entities
from .description import (
    CAPABILITIES,
    DEFAULT_STATION,
    OWN_WORKITEMS,
    Address,
    Caller,
    Edition,
    Listener,
    PartnerSettings,
    SystemUnderTest,
    Workitems,
    WorkitemSource,
    embedded,
)
from .problems import ConfigError, problem, reason_of
from .tables import CallerTable, ListenerTable, PeerTable, SystemFile, TLSTable

__all__ = [
    "CAPABILITIES",
    "OWN_WORKITEMS",
    "Address",
    "Caller",
    "ConfigError",
    "Edition",
    "Listener",
    "PartnerSettings",
    "SystemUnderTest",
    "WorkitemSource",
    "Workitems",
    "embedded",
    "entities",
    "load_system",
]


def load_system(path: Path | None, *, entities: Path | None = None) -> SystemUnderTest:
    """Read the description of a system.

    Parameters
    ----------
    path : Path or None
        The TOML file. Without one, the TMS and OST are those of the address book with the AE titles ``TMS`` and
        ``OST``, no capability is supported, and only reading tests are allowed.
    entities : Path, optional
        An address book in the format of ApplicationEntities.json: hosts and ports that the file leaves out, by AE
        title.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    book = _book(entities) if entities else {}
    if path is None:
        if entities is None:
            raise ValueError("a TOML file or an address book is needed to describe a system")
        content: dict[str, Any] = {
            "system": {"name": entities.stem},
            **{role: {"ae_title": role.upper()} for role in ("tms", "ost") if role.upper() in book},
            "workitems": {"station": {"value": DEFAULT_STATION.value, "scheme": DEFAULT_STATION.scheme}},
        }
        return _system(entities, content, book, entities)
    return _system(path, _toml(path), book, entities)


_book = entities  # load_system has a parameter of that name


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {reason_of(error)}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error


# Keys of version 0.1 before its release, by table, that are still read for one version.
FORMER_KEYS = {
    **{table: {"claims": "supports"} for table in ("tms", "ost", "tdd", "watcher")},
    "ours": {"strangers": "unattributed"},
}


def _with_present_names(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the content with former keys under their present names, and say so.

    Raises
    ------
    ConfigError
        If a file has both names of a key.
    """
    result = dict(content)
    for table, former in FORMER_KEYS.items():
        if not isinstance(result.get(table), dict):
            continue
        result[table] = dict(result[table])
        for old, new in former.items():
            if old not in result[table]:
                continue
            if new in result[table]:
                raise ConfigError([f"{path}: {table}.{old}: is the former name of {table}.{new}, which is there too: keep one"])
            message = f"{path}: {table}.{old} is now called {table}.{new}; the former name goes with the next version"
            warnings.warn(message, FutureWarning, stacklevel=2)
            result[table][new] = result[table].pop(old)
    return result


def _system(path: Path, content: dict[str, Any], book: dict[str, Address], book_path: Path | None) -> SystemUnderTest:
    content = _with_present_names(path, content)
    try:
        file = SystemFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError([problem(str(path), SystemFile, details) for details in error.errors()]) from error
    return _Reader(path, file, book, book_path).system()


class _Reader:
    """Makes a `SystemUnderTest` of a file that is sound key by key, and gathers what does not go together."""

    def __init__(self, path: Path, file: SystemFile, book: dict[str, Address], book_path: Path | None) -> None:
        self.path, self.file, self.book, self.book_path = path, file, book, book_path
        self.problems: list[str] = []

    def wrong(self, key: str, problem: str) -> None:
        self.problems.append(f"{self.path}: {key}: {problem}")

    def system(self) -> SystemUnderTest:
        file = self.file
        if not (file.tms or file.ost or file.tdd or file.watcher):
            self.wrong("tms, ost, tdd, watcher", "none is described: nothing could be judged")
        tms, ost = self.peer("tms", file.tms), self.peer("ost", file.ost)
        callers = self.caller("tdd", file.tdd), self.caller("watcher", file.watcher)
        tls = self.tls("ours.tls", file.ours.tls)
        partners = self.partners(tls) if file.tdd or file.watcher else None
        tdd = self.listener(file.ours.tdd, 11113, tls)
        if file.ours.second_performer == tdd.ae_title:
            self.wrong("ours.second_performer", f"{tdd.ae_title!r} is the first one's AE title: the two must differ")
        if file.ours.second_watcher == tdd.ae_title:
            self.wrong("ours.second_watcher", f"{tdd.ae_title!r} is the first one's AE title: the two must differ")
        fallback = self.fallback(tdd.ae_title)
        workitems = self.workitems()
        objects = self.objects()
        if self.problems:
            raise ConfigError(self.problems)
        timeouts = file.timeouts.model_dump()
        event_timeout = timeouts.pop("event")
        timeouts.pop("restart")
        return SystemUnderTest(
            tms=tms,
            ost=ost,
            tdd=tdd,
            second_performer=file.ours.second_performer,
            tms_supports=frozenset(file.tms.supports if file.tms else ()),
            ost_supports=frozenset(file.ost.supports if file.ost else ()),
            timeouts=Timeouts(**timeouts),
            event_timeout=event_timeout,
            workitems=workitems,
            objects=objects,
            property_examples=file.properties.examples,
            property_steps=file.properties.steps,
            second_watcher=file.ours.second_watcher,
            restart=self.restart(),
            fallback=fallback,
            calling_tdd=callers[0],
            calling_watcher=callers[1],
            partners=partners,
            **file.system.model_dump(),
        )

    def restart(self) -> Callable[[], None] | None:
        command = self.file.tms.restart if self.file.tms else None
        return partial(_run, command, self.path.parent, self.file.timeouts.restart) if command else None

    def fallback(self, ours: str) -> tuple[str, ...]:
        titles = tuple(self.file.tms.fallback) if self.file.tms else ()
        receivers = [ours, *([self.file.ours.second_watcher] if self.file.ours.second_watcher else [])]
        for title in titles:
            if title not in receivers:
                known = f"{' and '.join(map(repr, receivers))} ([ours.tdd] ae_title, ours.second_watcher)"
                self.wrong("tms.fallback", f"{title!r} is no AE title at which we receive event reports; those are {known}")
        return titles

    def peer(self, key: str, peer: PeerTable | None) -> Peer | None:
        if peer is None:
            return None
        known = self.book.get(peer.ae_title)
        host = peer.host or (known.host if known else None)
        port = peer.port or (known.port if known else None)
        tls = self.tls(f"{key}.tls", peer.tls)
        if host is None or port is None:
            missing = " and ".join(name for name, value in (("host", host), ("port", port)) if value is None)
            book = f", and {self.book_path} has no AETitle {peer.ae_title!r}" if self.book_path else ""
            self.wrong(key, f"{missing} missing{book}")
            return None
        return Peer(peer.ae_title, host, port, tls)

    def caller(self, key: str, caller: CallerTable | None) -> Caller | None:
        peer = self.peer(key, caller)
        if caller is None or peer is None:
            return None
        trigger = tuple(caller.trigger or ())
        supports = frozenset(caller.supports)
        return Caller(
            peer, caller.step_timeout, caller.settle, trigger, self.path.parent.resolve(), supports, caller.receiver_ae_title or ""
        )

    def partners(self, tls: TLS | None) -> PartnerSettings:
        ours = self.file.ours
        tms = self.listener(ours.tms, 11114, tls)
        one = ours.tms.ae_title == ours.ost.ae_title and not ours.ost.port and "host" not in ours.ost.model_fields_set
        ost = tms if one else self.listener(ours.ost, 11112, tls)
        if tms.port == ost.port and tms != ost:
            differ = "the two must differ, or be one product, with one ae_title and host"
            self.wrong("ours.ost.port", f"{ost.port} is the port of [ours.tms]: {differ}")
        for key, caller in (("tdd", self.file.tdd), ("watcher", self.file.watcher)):
            for role, listener in (("tms", tms), ("ost", ost)):
                if caller is not None and caller.ae_title == listener.ae_title:
                    self.wrong(f"{key}.ae_title", f"{caller.ae_title!r} is the AE title of [ours.{role}]: the two must differ")
        if self.file.tdd and self.file.watcher and self.file.tdd.ae_title == self.file.watcher.ae_title:
            self.wrong("watcher.ae_title", f"{self.file.tdd.ae_title!r} is the AE title of [tdd]: the two must differ")
        folder = (self.path.parent / ours.transcripts).resolve() if ours.transcripts else None
        return PartnerSettings(tms, ost, ours.unattributed, folder, self.file.workitems.modality)

    def listener(self, ours: ListenerTable, usual: int, tls: TLS | None) -> Listener:
        known = self.book.get(ours.ae_title)
        # Where the address book says we are, is where the others send to, not always an address of this machine.
        port = ours.port or (known.port if known else usual)
        return Listener(ours.ae_title, ours.host, port, tls)

    def tls(self, key: str, tls: TLSTable | None) -> TLS | None:
        if tls is None:
            return None
        before = len(self.problems)
        files = {name: self.existing(f"{key}.{name}", value) for name, value in tls.model_dump(exclude={"check_hostname"}).items()}
        if not tls.check_hostname and not tls.ca:
            self.wrong(f"{key}.ca", "missing: with check_hostname = false it has to hold the peer's own certificate")
        if tls.key and not tls.certificate:
            self.wrong(f"{key}.certificate", "missing: a key is of use with its certificate only")
        if key == "ours.tls" and not tls.certificate:
            self.wrong(f"{key}.certificate", "missing: who is called over TLS has to show a certificate")
        found = TLS(**files, check_hostname=tls.check_hostname)
        if len(self.problems) == before:
            try:
                found.client_context()
            except (OSError, ssl.SSLError) as error:
                self.wrong(key, f"not usable as PEM certificates and key: {reason_of(error)}")
        return found

    def existing(self, key: str, name: str | None) -> Path | None:
        if name is None:
            return None
        path = (self.path.parent / name).resolve()
        if not path.is_file():
            self.wrong(key, f"no such file: {path}")
        return path

    def workitems(self) -> Workitems:
        said = self.file.workitems
        claimed = self.file.tms is not None and "push" in self.file.tms.supports
        usual: WorkitemSource = "push" if claimed and self.file.system.test_system else "existing"
        sources: tuple[WorkitemSource, ...] = tuple(said.source or [usual])
        if self.file.tms is not None:
            if "push" in sources and not self.file.system.test_system:
                self.wrong(
                    "workitems.source",
                    '"push" creates workitems in the TMS: say system.test_system = true, or source = "existing"',
                )
            if "push" in sources and not claimed:
                self.wrong("workitems.source", '"push" needs "push" in tms.supports')
            if sources != ("push",) and said.station is None:
                self.wrong("workitems.station", "missing: existing workitems are found by their station and date")
            if "command" in sources and not said.command:
                self.wrong("workitems.command", 'missing: source = "command" needs the command that schedules a workitem')
            if {"person", "command"} <= set(sources):
                self.wrong("workitems.source", '"person" and "command" exclude each other: keep one of them')
            self.changes(said.changes, sources, moves_to=said.other_station is not None)
            if "push" in sources and said.station is not None and not said.station.scheme:
                self.wrong(
                    "workitems.station.scheme", 'missing: a workitem that is created ("push") names the station by a whole code'
                )
        station = said.station.code if said.station else DEFAULT_STATION
        return Workitems(
            sources, station, said.date, tuple(said.command or ()), self.path.parent.resolve(), said.timeout,
            tuple(said.recognised_by), said.patient_id, said.patient_name, tuple(said.changes),
            said.other_station.code if said.other_station else None,
        )  # fmt: skip

    def changes(self, named: Sequence[str], sources: Sequence[str], *, moves_to: bool) -> None:
        if named and not {"person", "command"} & set(sources):
            self.wrong("workitems.changes", 'needs source = "person" or "command", who makes the changes')
        if "move" in named and not moves_to:
            self.wrong("workitems.other_station", 'missing: "move" in workitems.changes needs the station to move to')

    def objects(self) -> Path | None:
        if self.file.objects.folder is None:
            return None
        folder = (self.path.parent / self.file.objects.folder).resolve()
        if not folder.is_dir():
            self.wrong("objects.folder", f"no such folder: {folder}")
        return folder


def _run(command: list[str], folder: Path, seconds: float) -> None:
    """Run a command of the system's owner.

    Raises
    ------
    OSError
        If it cannot be run, fails, or does not end in time; the message names it.
    """
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=seconds, capture_output=True)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"tms.restart: {' '.join(command)!r} did not end within {seconds:g} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        last = said[-1] if said else "it said nothing"
        raise OSError(f"tms.restart: {' '.join(command)!r} ended with code {error.returncode}: {last}") from error
    except OSError as error:
        raise OSError(f"tms.restart: {' '.join(command)!r} cannot be run: {error.strerror or error}") from error
