"""``python -m tests.reference`` writes docs/options.md: the options of every command and of the suite, and the TOML keys.

The page is made of the code, so that it cannot drift; ``tests/unit/test_docs.py`` sees that it was made anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tdwii_conformance.cli.app import tdwii
from tdwii_conformance.plugin.options import OPTIONS
from tdwii_conformance.sut.tables import SystemFile
from tests import clause_page

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
HEAD = """\
# Options and keys

All options of `tdwii` and of the suite, and all keys of a system's description. This page is written by
`python -m tests.reference`; a test compares it with the code.

## The suite

For `tdwii run`, and for `pytest` where the plugin is loaded. `pytest` knows each also as `--tdwii-NAME`. All options of pytest
work as well: `-k`, `-x`, `-n`, `--junitxml` and the others.

"""
KEYS = """\
## Keys of a system's description

The file that `--sut` and `--config` name. `tdwii init` writes an example that explains every key
([fixtures/sut_example.toml](../fixtures/sut_example.toml)). A key without a default is either needed or off.

"""


def commands(group: click.Group = tdwii, before: str = "tdwii") -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options of a command, without ``--help``."""
    return [one for one in command.params if isinstance(one, click.Option) and "--help" not in one.opts and not one.hidden]


def toml_keys(model: type[BaseModel] = SystemFile, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key of a system's description, with its table, and its default."""
    for name, field in model.model_fields.items():
        inner = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)), None)
        if inner is None:
            yield f"{before}{name}", field.default
        else:
            yield from toml_keys(inner, f"{before}{name}.")


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _table(rows: list[tuple[str, str]], *heads: str) -> list[str]:
    return [f"| {heads[0]} | {heads[1]} |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows), ""]


def _said(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")


def _shown(default: Any) -> str:
    if default in (None, PydanticUndefined, "", [], ()):
        return ""
    text = f"{default:g}" if isinstance(default, float) else json.dumps(default)
    return f"`{text}`"


def _typed(one: click.Option) -> str:
    """Return an option as it is typed, with what its value is called."""
    value = "" if one.is_flag or one.count else one.metavar or "|".join(getattr(one.type, "choices", ())) or "VALUE"
    names = [f"`{name}`" for name in (*one.opts, *one.secondary_opts)]
    if value:
        names[-1] = f"{names[-1][:-1]} {value}`"
    return ", ".join(names).replace("|", "\\|")


def page() -> str:
    """Return the text of docs/options.md."""
    lines = _table([(_of_pytest(name, one), _said(one["help"])) for name, one in OPTIONS.items()], "option", "")
    lines += ["## tdwii", "", "`--help` is an option of all. What is common to many commands stands at the end.", ""]
    every = [(name, [(_typed(one), _said(one.help)) for one in options_of(command)]) for name, command in commands()]
    times = Counter(row for _, rows in every for row in rows)
    common = [row for row, count in times.items() if count > 3]
    for name, rows in every:
        own = [row for row in rows if row not in common]
        shared = [(", ".join(typed for typed, _ in rows if (typed, _) in common), "see the end")]
        table = own + (shared if len(own) < len(rows) else [])
        lines += [f"### {name}", "", *(_table(table, "option", "") if table else ["It has none.", ""])]
    lines += ["### Common to many", "", *_table(common, "option", "")]
    return (
        HEAD
        + "\n".join(lines)
        + "\n"
        + KEYS
        + "\n".join(_table([(f"`{key}`", _shown(d)) for key, d in toml_keys()], "key", "default"))
    )


def _of_pytest(name: str, one: Any) -> str:
    value = one.get("metavar") or "\\|".join(one.get("choices", ()))
    return f"`--{name} {value}`" if value else f"`--{name}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    clause_page.PAGE.write_text(clause_page.page(), encoding="utf-8")
    clause_page.README.write_text(clause_page.readme(), encoding="utf-8")
