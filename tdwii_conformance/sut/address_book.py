"""The address book: where application entities are, by AE title, in the format of ApplicationEntities.json."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from .description import Address
from .problems import ConfigError, problem, reason_of
from .tables import AETitle, Port, Table, Text

__all__ = ["entities"]


def entities(path: Path) -> dict[str, Address]:
    """Read an address book: a list of ``{"AETitle", "IPAddr", "Port"}``.

    Raises
    ------
    ConfigError
        With every problem of the file, by the number of the entry.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: cannot be read as JSON: {reason_of(error)}"]) from error
    if not isinstance(content, list):
        raise ConfigError([f'{path}: is not a list of {{"AETitle": ..., "IPAddr": ..., "Port": ...}}'])
    problems: list[str] = []
    found: dict[str, Address] = {}
    for number, entry in enumerate(content, 1):
        try:
            one = _Entity.model_validate(entry)
        except ValidationError as error:
            problems += [problem(f"{path}: entry {number}", _Entity, details) for details in error.errors()]
            continue
        address = Address(one.IPAddr, one.Port)
        if found.setdefault(one.AETitle, address) != address:
            problems.append(
                f"{path}: entry {number}: AETitle: {one.AETitle!r} is there already with another address: "
                f"{found[one.AETitle].host}:{found[one.AETitle].port}"
            )
    if problems:
        raise ConfigError(problems)
    return found


class _Entity(Table):
    AETitle: AETitle
    IPAddr: Text
    Port: Port
