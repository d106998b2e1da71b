"""What files without file meta information are read as: an option of every command that reads files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["assumed", "read_as"]

SYNTAXES = {
    "implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1", "big-endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}  # fmt: skip
KEY = f"{__name__}.assumed"


def _keep(context: click.Context, option: click.Parameter, value: str | None) -> None:
    context.meta[KEY] = SYNTAXES[value] if value else ""


def read_as(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option to a command; `assumed` has what it says."""
    return click.option(
        "--read-as", type=click.Choice(list(SYNTAXES)), callback=_keep, expose_value=False,
        help="Transfer syntax of files that name none  [default: what they look like, mostly implicit]",
    )(function)  # fmt: skip


def assumed() -> str:
    """Return the UID of the transfer syntax that files without one have; empty: what they look like."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(KEY, "")) if context is not None else ""
