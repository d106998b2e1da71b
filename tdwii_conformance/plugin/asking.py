"""What tests ask for, read in their code: the calls of `looks_at`, `claims` and the others, with what they are called with."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import pytest

from ..workitems.plan import Asking
from ..workitems.supply import Need, Use

__all__ = ["PERFORMED", "PROGRESS", "USES", "asked_by"]

# What a test, or a fixture of it, asks for tells what it does.
USES = {
    "looks_at": Use.LOOKS, "is_refused": Use.IS_REFUSED, "updates": Use.UPDATES, "claims": Use.CLAIMS, "ends": Use.ENDS,
    "to_report": Use.UPDATES, "nothing_else": Use.UPDATES, "treated": Use.ENDS, "creates": Use.CLAIMS,
}  # fmt: skip
ASKING = {*USES, "supply", "getfixturevalue"}
ELSEWHERE = object()  # a value that the code alone does not tell
PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
STATION = "ScheduledStationNameCodeSequence"
# Of what an update sets, as far as it matters to others: words of the code that tell, and the attribute.
SETS = {"PERFORMED": PERFORMED, "conclude": PERFORMED, "FILLED": PERFORMED, "rich": PERFORMED, "STATION": STATION}


def asked_by(function: Callable[..., Any], values: Mapping[str, Any]) -> tuple[tuple[Asking, ...], tuple[str, ...]]:
    """Return what a function, a test or a fixture, asks for, in the order of its code; and the fixtures that it gets by name.

    Parameters
    ----------
    function : callable
        The function.
    values : mapping of str to object
        What is known of its arguments: parameters, and `request` with its parameter.
    """
    tree, words = _code(function)
    if tree is None or not words & ASKING:
        return (), ()
    sets = frozenset({PROGRESS, *(keyword for word, keyword in SETS.items() if word in words)})
    reader = _Reader({**getattr(function, "__globals__", {}), **values}, sets)
    for statement in tree.body:
        reader.visit(statement)
    return tuple(reader.found), tuple(reader.fixtures)


@cache
def _code(function: Callable[..., Any]) -> tuple[Any, frozenset[str]]:
    """Return the code of a function, and the names in it."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None, frozenset()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return tree, frozenset(names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)})


class _Reader(ast.NodeVisitor):
    """Goes through code; where a condition or a loop can be worked out, only through what is done."""

    def __init__(self, known: Mapping[str, Any], sets: frozenset[str]) -> None:
        self.known, self.sets = dict(known), sets
        self.found: list[Asking] = []
        self.fixtures: list[str] = []

    def value(self, node: ast.expr) -> Any:
        try:
            return eval(compile(ast.Expression(node), "<asked>", "eval"), self.known)
        except (Exception, pytest.fail.Exception):  # whatever cannot be worked out beforehand; pytest's is for fixtures
            return ELSEWHERE

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.known[node.name] = ELSEWHERE  # not what the module calls by this name
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._choose(node.test, node.body, node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._choose(node.test, [node.body], [node.orelse])

    def _choose(self, test: ast.expr, one: Iterable[ast.AST], other: Iterable[ast.AST]) -> None:
        self.visit(test)
        chosen = self.value(test)
        for each in [*one, *other] if chosen is ELSEWHERE else one if chosen else other:
            self.visit(each)

    def visit_For(self, node: ast.For) -> None:
        self._repeat(node.target, node.iter, node.body)

    def _comprehension(self, node: Any) -> None:
        first = node.generators[0]
        self._repeat(first.target, first.iter, [getattr(node, name) for name in ("elt", "key", "value") if hasattr(node, name)])

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension

    def _repeat(self, target: ast.expr, over: ast.expr, body: Iterable[ast.AST]) -> None:
        self.visit(over)
        several = self.value(over)
        names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        try:
            rounds = [ELSEWHERE] if several is ELSEWHERE else list(itertools.islice(several, 20))
        except TypeError:
            rounds = [ELSEWHERE]
        for one in rounds:
            self.known |= dict(zip(names, one if len(names) > 1 and one is not ELSEWHERE else [one] * len(names), strict=False))
            for each in body:
                self.visit(each)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in USES:
            self._asks(
                node.func.id, [self.value(one) for one in node.args], {one.arg: self.value(one.value) for one in node.keywords}
            )
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "supply":
            self._of_supply(node.func.attr, [self.value(one) for one in node.args])
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "getfixturevalue":
            self.fixtures += [one for one in map(self.value, node.args) if isinstance(one, str)]

    def _asks(self, name: str, given: list[Any], named: dict[str | None, Any]) -> None:
        text = [one for one in given if isinstance(one, str)]
        state = next(iter(text), "SCHEDULED")
        if name == "treated":
            scenario = next(iter(given), ELSEWHERE)
            start = getattr(scenario, "start", "")
            need = Need(Use.ENDS, "IN PROGRESS", start, fresh=True)
            self.found.append(Asking(need, once=f"treated {scenario}", sets=frozenset({PROGRESS, PERFORMED})))
        elif name == "nothing_else":
            self.found.append(Asking(Need(Use.UPDATES, "IN PROGRESS", role="marker")))
        elif name == "to_report":
            if "new" not in named:
                self.found.append(Asking(Need(Use.UPDATES, "IN PROGRESS", role=next(iter(text), "told of"))))
        elif name == "creates":
            self.found.append(Asking(Need(Use.ENDS if state != "SCHEDULED" else Use.CLAIMS, state), new=True))
        else:
            known = {word: one for word, one in named.items() if word is not None and one is not ELSEWHERE}
            start = text[1] if len(text) > 1 else known.pop("start", "")
            use = USES[name]
            changes = self.sets if use in (Use.UPDATES, Use.ENDS) else frozenset()
            self.found.append(Asking(Need(use, known.pop("state", state), start, **known), sets=changes))

    def _of_supply(self, name: str, given: list[Any]) -> None:
        if name == "of_ions":
            self.found.append(Asking(Need(Use.LOOKS, role="of ions"), ions=True))
        elif name == "of_patient":
            use = next((one for one in given if isinstance(one, Use)), Use.LOOKS)
            state = next((one for one in given if one in ("SCHEDULED", "IN PROGRESS")), "SCHEDULED")
            self.found.append(Asking(Need(use, state)))
        elif name == "another":
            self.found.append(Asking(Need(Use.LOOKS), another=True))
