"""Parameters of conformance tests from the tables of the catalogue: a test for each requirement."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from ..checks.upper_layer import as_observed
from ..profile import load_catalogue as _load_catalogue

# Of a process, however often its modules are collected.
load_catalogue = functools.cache(_load_catalogue)


def attribute_parameters(message: str, actor: str) -> list[Any]:
    """Return ``pytest.param``s, one for each row of an attribute table, marked with the row's requirement id.

    Parameters
    ----------
    message : str
        The message as the tables call it, for example ``"RO-58 response"``.
    actor : str
        Who makes that message.
    """
    return [pytest.param(r, id=r.id, marks=pytest.mark.requirement(r.id)) for r in load_catalogue().attributes(message, actor)]


def requirement_parameters(actor: str) -> list[Any]:
    """Return ``pytest.param``s, one for each requirement on a system that calls us, marked with its id.

    Parameters
    ----------
    actor : {"TDD", "watcher"}
        What the system is.
    """
    return [pytest.param(r, id=r.id, marks=pytest.mark.requirement(r.id)) for r in load_catalogue().values() if r.actor == actor]


def upper_layer_parameters(actor: str) -> list[Any]:
    """Return ``pytest.param``s, one for each requirement on what a TMS or an OST sends on the upper layer, marked with its id.

    Parameters
    ----------
    actor : {"TMS", "OST"}
        What the system is.
    """
    its = [r for r in load_catalogue().of(actor=actor) if r.transaction == "upper layer" and as_observed(r.id)]
    return [pytest.param(r, id=r.id, marks=pytest.mark.requirement(r.id)) for r in its]


def cell_parameters(section: str) -> list[Any]:
    """Return ``pytest.param``s, one for each cell of the table of a section of Annex CC: event, state; marked with its requirement.

    Parameters
    ----------
    section : {"CC.1.1", "CC.2.3"}
        State table or subscription table.
    """
    return [
        pytest.param(*r.cell, id=f"{r.cell[0]}, {r.cell[1]}", marks=pytest.mark.requirement(r.id))
        for r in load_catalogue().cells(section)
        if r.cell is not None
    ]
