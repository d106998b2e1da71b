"""Messages of TDW-II as dcmdump texts with ``${placeholders}``, and how they are filled.

They are files in ``dcmdump_templates/`` (`resources.templates`). A placeholder is ``${Name}``, or ``${Name:-value}`` with
the value it has when none is given. The first comment of a template is its title.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .. import resources
from .read import TAG_AND_VR, DumpError
from .write import LINES

__all__ = ["Placeholder", "Template", "fill", "template", "templates"]

PLACEHOLDER = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)(?::-([^}]*))?\}")
MALFORMED = re.compile(r"\$\{[^}\n]*\}?")


@dataclass(frozen=True)
class Placeholder:
    """What a template leaves open.

    Parameters
    ----------
    name : str
        Its name.
    default : str or None
        The value it has when none is given; ``None`` when one must be given.
    line : int
        Where it stands first, from 1.
    """

    name: str
    default: str | None
    line: int


@dataclass(frozen=True)
class Template:
    """A dcmdump text with placeholders.

    Parameters
    ----------
    name : str
        What it is called: its file name without ``.txt``.
    title : str
        What it is, in one line.
    text : str
        The text.
    """

    name: str
    title: str
    text: str

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """What it leaves open, in the order of the text."""
        return _placeholders(self.text, self.name)

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the text with the placeholders filled, see `fill`."""
        return fill(self.text, values, name=self.name)


@cache
def templates() -> Mapping[str, Template]:
    """Return the templates that come with the package, by name."""
    found = {}
    for file in sorted(resources.templates().glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        found[file.stem] = Template(file.stem, text.partition("\n")[0].lstrip("# "), text)
    return found


def template(name: str) -> Template:
    """Return a template of this package.

    Parameters
    ----------
    name : str
        Its name.

    Raises
    ------
    KeyError
        If there is none of this name; the message says which there are.
    """
    known = templates()
    if name not in known:
        raise KeyError(f"no template {name!r}; there are {', '.join(known)}")
    return known[name]


def fill(text: str, values: Mapping[str, object], *, name: str = "<template>") -> str:
    """Fill the placeholders of a template.

    Parameters
    ----------
    text : str
        The template.
    values : mapping of str to object
        Values by the name of their placeholder, written as `str` gives them; ``None`` is no value.
    name : str
        What the template is called in errors.

    Returns
    -------
    str
        dcmdump text, for `parse`.

    Raises
    ------
    DumpError
        With the line, if a placeholder without a value is left, if a value is given for none, if a placeholder is
        malformed, or if a value has a line end where its VR allows none.
    """
    known = _placeholders(text, name)
    unknown = [one for one in values if one not in {placeholder.name for placeholder in known}]
    if unknown:
        there = ", ".join(placeholder.name for placeholder in known) or "none"
        raise DumpError(name, 1, f"there is no placeholder {', '.join(unknown)} in it; there are: {there}")
    missing = [one for one in known if one.default is None and one.name not in values]
    if missing:
        lines = ", ".join(f"{one.name} (line {one.line})" for one in missing)
        raise DumpError(name, missing[0].line, f"a value is needed for {lines}")
    given = {**{one.name: one.default for one in known}, **values}
    said = {one: "" if value is None else str(value).replace("\r\n", "\n") for one, value in given.items()}
    filled = []
    for number, line in enumerate(text.split("\n"), 1):
        whole = PLACEHOLDER.sub(lambda match: said[match[1]], line)
        if "\n" in whole:
            match = TAG_AND_VR.match(line)
            if match is None or match[3] not in LINES:
                names = ", ".join(one[1] for one in PLACEHOLDER.finditer(line) if "\n" in said[one[1]])
                raise DumpError(name, number, f"{names} has a line end, which this line cannot have; LT, ST and UT can")
            whole = whole.replace("\n", "\\n")
        filled.append(whole)
    return "\n".join(filled)


def _placeholders(text: str, name: str) -> tuple[Placeholder, ...]:
    found: dict[str, Placeholder] = {}
    for number, line in enumerate(text.split("\n"), 1):
        for wrong in MALFORMED.finditer(line):
            match = PLACEHOLDER.fullmatch(wrong[0])
            if match is None:
                raise DumpError(name, number, f"{wrong[0]!r} is no placeholder; one is ${{Name}} or ${{Name:-value}}")
            before = found.get(match[1])
            if before is None:
                found[match[1]] = Placeholder(match[1], match[2], number)
            elif before.default != match[2]:
                raise DumpError(name, number, f"{match[1]} has another default than in line {before.line}")
    return tuple(found.values())
