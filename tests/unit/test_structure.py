"""No module and no function of the package is so long that nobody reads it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "tdwii_conformance"
MODULE, FUNCTION = 450, 80  # lines
TABLES: set[str] = set()  # modules that are rows of data and nothing else may be longer; there are none

MODULES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("name", sorted(MODULES.keys() - TABLES))
def test_length_of_a_module(name):
    assert len(MODULES[name].splitlines()) <= MODULE


@pytest.mark.parametrize("name", sorted(MODULES))
def test_length_of_functions(name):
    functions = [node for node in ast.walk(ast.parse(MODULES[name])) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions}
    assert {function: length for function, length in lengths.items() if length > FUNCTION} == {}


def test_tables_are_there():
    assert MODULES.keys() >= TABLES
