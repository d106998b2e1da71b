"""The systems at a table, from a TOML file: where each is, at which local port the others reach it, its part, TLS."""

from __future__ import annotations

import ssl
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from ..dimse import TLS
from ..sut.description import Edition
from ..sut.problems import ConfigError, problem, reason_of
from ..sut.tables import AETitle, Table, Text, TLSTable
from .proxy import Listener

__all__ = ["AtTable", "load_table", "port_of"]

Part = Literal["TMS", "OST", "TDD", "watcher"]


def port_of(text: str, *, usual: str = "", lowest: int = 1) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; an IPv6 address is in brackets.

    Parameters
    ----------
    text : str
        What is written.
    usual : str
        The host if none is given; empty: one has to be.
    lowest : int
        The lowest port; 0 where any free one may be meant.

    Raises
    ------
    ValueError
        If it is none.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or usual
    if not (host and port.isascii() and port.isdecimal() and lowest <= int(port) <= 65535):
        raise ValueError(f"{text!r} is no address: give {'HOST:PORT' if not usual else 'PORT or ADDRESS:PORT'}")
    return host, int(port)


def _address(value: Any) -> Any:
    if isinstance(value, str):
        port_of(value)
    return value


def _listen(value: Any) -> Any:
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(value, str):
        port_of(value, usual="127.0.0.1", lowest=0)
    return value


class _SystemTable(Table):
    """``[[system]]``: a system, and the local port that stands for it."""

    name: Text
    address: Annotated[Text, BeforeValidator(_address)]
    listen: Annotated[Text, BeforeValidator(_listen)]
    ae_title: AETitle | None = None
    part: Part | list[Part] | None = None
    tls: TLSTable | None = None


class _TableFile(Table):
    system: Annotated[list[_SystemTable], Field(min_length=1)]
    edition: Edition | None = None
    complete: bool = False


@dataclass(frozen=True)
class AtTable:
    """What a file says of a table.

    Parameters
    ----------
    listeners : tuple of Listener
        One for each system.
    said : dict of str to list of str
        AE titles by part, as `recognize` takes them.
    edition : str
        Edition of TDW-II that they follow; empty: not said.
    complete : bool
        Whether nobody works with the TMS who is not recorded.
    """

    listeners: tuple[Listener, ...]
    said: dict[str, list[str]]
    edition: str = ""
    complete: bool = False


def load_table(path: Path) -> AtTable:
    """Read the systems at a table.

    Parameters
    ----------
    path : Path
        The TOML file.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    try:
        file = _TableFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {reason_of(error)}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error
    except ValidationError as error:
        raise ConfigError([problem(str(path), _TableFile, one) for one in error.errors()]) from error
    problems: list[str] = []
    listeners: list[Listener] = []
    said: dict[str, list[str]] = {}
    for number, one in enumerate(file.system):
        where = f"{path}: system[{number}]"
        parts = [one.part] if isinstance(one.part, str) else one.part or []
        if parts and one.ae_title is None:
            problems.append(f"{where}.ae_title: missing: it says whose part this is")
        for part in parts:
            said.setdefault(part.lower(), []).append(one.ae_title or "")
        bind, port = port_of(one.listen, usual="127.0.0.1", lowest=0)
        if port and any((bind, port) == (other.bind, other.port) for other in listeners):
            problems.append(f"{where}.listen: {port} is the port of another system")
        tls = _tls(path, f"{where}.tls", one.tls, problems)
        listeners.append(Listener(port, one.name, *port_of(one.address), bind, tls))
    if problems:
        raise ConfigError(problems)
    return AtTable(tuple(listeners), said, file.edition or "", file.complete)


def _tls(path: Path, where: str, table: TLSTable | None, problems: list[str]) -> TLS | None:
    if table is None:
        return None
    files: dict[str, Path | None] = {}
    for key in ("ca", "certificate", "key"):
        name = getattr(table, key)
        files[key] = (path.parent / name).resolve() if name else None
        if name and not (path.parent / name).is_file():
            problems.append(f"{where}.{key}: no such file: {files[key]}")
            return None
    if not table.certificate:
        problems.append(f"{where}.certificate: missing: who ends TLS has to show a certificate")
        return None
    tls = TLS(**files, check_hostname=table.check_hostname)
    try:
        tls.client_context(), tls.server_context()
    except (OSError, ssl.SSLError) as error:
        problems.append(f"{where}: not usable as PEM certificates and key: {reason_of(error)}")
    return tls
