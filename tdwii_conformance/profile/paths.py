"""Paths into a data set and conditions on it, as the attribute tables write them.

A path is keywords joined by dots. A step may select items of its sequence:

- ``ScheduledProcessingParametersSequence[concept 121740 DCM]``: items whose concept name has this code (``*``: of any scheme);
- ``InputInformationSequence[class RTPlanStorage|RTIonPlanStorage]``: items that reference an instance of such a class.

A condition is ``KEYWORD = VALUE|VALUE``, ``KEYWORD != VALUE`` (in the item that holds the attribute), or ``$fact = VALUE``
(a fact of the run, for example the scenario's start).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

__all__ = ["Condition", "PathError", "Place", "Step", "parse_condition", "parse_path", "resolve"]


class PathError(ValueError):
    """A path or condition is not written as this module says."""


@dataclass(frozen=True)
class Step:
    """One keyword of a path, with the items it selects when it is a sequence on the way."""

    keyword: str
    concept: tuple[str, str] | None = None
    classes: tuple[str, ...] = ()

    @property
    def selects(self) -> bool:
        """Whether only some items are meant."""
        return self.concept is not None or bool(self.classes)

    def takes(self, item: Dataset) -> bool:
        """Whether this item is meant."""
        if self.concept is not None:
            names = item.get("ConceptNameCodeSequence") or []
            value, scheme = self.concept
            return any(name.get("CodeValue") == value and scheme in ("*", name.get("CodingSchemeDesignator")) for name in names)
        if self.classes:
            references = item.get("ReferencedSOPSequence") or []
            return any(reference.get("ReferencedSOPClassUID") in self.classes for reference in references)
        return True


@dataclass(frozen=True)
class Condition:
    """When a conditional attribute is needed."""

    text: str
    subject: str
    equal: bool
    values: tuple[str, ...]

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords it mentions; none when it is about a fact of the run."""
        return () if self.subject.startswith("$") else (self.subject,)

    def holds(self, item: Dataset, facts: Mapping[str, str]) -> bool | None:
        """Whether it holds for this item; ``None`` when it is about a fact that is not known in this run."""
        if self.subject.startswith("$"):
            known = facts.get(self.subject[1:])
            return None if known is None else (known in self.values) is self.equal
        return (str(item.get(self.subject, "")) in self.values) is self.equal


@dataclass(frozen=True)
class Place:
    """Where a path leads in one data set: the item that has, or should have, the attribute."""

    item: Dataset
    path: str


def parse_path(text: str) -> tuple[Step, ...]:
    """Parse a path.

    Raises
    ------
    PathError
        If it is not written as the module's docstring says.
    """
    steps = []
    # A dot inside brackets would be part of a class name or code; none has one, so splitting is safe once checked.
    for part in re.findall(r"(?:[^.\[]|\[[^\]]*\])+", text):
        match = re.fullmatch(r"(\w+)(?:\[(concept|class) ([^\]]+)\])?", part)
        if not match:
            raise PathError(f"{part!r} in path {text!r} is not KEYWORD, KEYWORD[concept CODE SCHEME] or KEYWORD[class ...]")
        keyword, kind, argument = match.groups()
        if kind == "concept":
            code = argument.split(" ")
            if len(code) != 2:
                raise PathError(f"{part!r} in path {text!r}: a concept is a code value and a coding scheme designator")
            steps.append(Step(keyword, concept=(code[0], code[1])))
        elif kind == "class":
            steps.append(Step(keyword, classes=tuple(_class_uid(name, text) for name in argument.split("|"))))
        else:
            steps.append(Step(keyword))
    if not steps:
        raise PathError("the path is empty")
    return tuple(steps)


def _class_uid(name: str, path: str) -> str:
    value = getattr(uid, name, None)
    if not isinstance(value, uid.UID):
        raise PathError(f"{name!r} in path {path!r} is no SOP class; spell it as PS3.6 does, for example RTPlanStorage")
    return str(value)


def parse_condition(text: str) -> Condition:
    """Parse a condition.

    Raises
    ------
    PathError
        If it is not written as the module's docstring says.
    """
    match = re.fullmatch(r"(\$?\w+) (=|!=) (.+)", text)
    if not match:
        raise PathError(f"condition {text!r} is not SUBJECT = VALUE or SUBJECT != VALUE")
    return Condition(text=text, subject=match[1], equal=match[2] == "=", values=tuple(match[3].split("|")))


def resolve(dataset: Dataset, path: tuple[Step, ...], root: str = "") -> Iterator[Place]:
    """Yield every place in `dataset` where the last step of `path` belongs.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Where to start.
    path : tuple of Step
        The way; sequences before the last step are followed into each item they select.
    root : str
        What the path of `dataset` itself is, for readers.

    Yields
    ------
    Place
        The item and its path. Nothing when a sequence on the way is absent or has no such item: that is for the
        sequence's own row to judge.
    """
    step, *rest = path
    if not rest:
        yield Place(dataset, root)
        return
    items = dataset.get(step.keyword)
    if not isinstance(items, Sequence):
        return
    for index, item in enumerate(items):
        if step.takes(item):
            yield from resolve(item, tuple(rest), f"{root}{'.' if root else ''}{step.keyword}[{index}]")
