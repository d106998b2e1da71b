"""A requirement, and the row of an attribute table that one may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .paths import Condition, Step

__all__ = ["AttributeRule", "Requirement"]


@dataclass(frozen=True)
class AttributeRule:
    """What one attribute of one message has to be: a row of an attribute table.

    Parameters
    ----------
    message : str
        The message as the transaction calls it, for example ``"RO-58 response"``.
    path : tuple of Step
        Keywords from the top level down; a step may select items (see `tdwii_conformance.profile.paths`).
    text : str
        The path as the table spells it.
    type : str
        ``1`` present with a value, ``2`` present, ``1C``/``2C`` so if the condition holds, ``3`` free, ``empty``
        present without a value (a return key), ``absent`` not to be sent.
    mark : str
        The requirement mark of the IHE table (``R+*``), for the reader.
    values : tuple of str
        What the value may be; ``$name`` stands for a fact of the run (see `checks.attributes.judge_attribute`).
    items : tuple of int
        Least and greatest number of items of a sequence; 0 as greatest: no limit. Empty: not judged.
    condition : Condition or None
        When a ``1C`` or ``2C`` applies.
    """

    message: str
    path: tuple[Step, ...]
    text: str
    type: str
    mark: str = ""
    values: tuple[str, ...] = ()
    items: tuple[int, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True)
class Requirement:
    """One thing that must, should or may hold.

    Parameters
    ----------
    id : str
        For example ``RO60-TMS-004``. Its meaning never changes.
    actor : str
        Who has to fulfil it.
    transaction : str
        ``RO-58`` to ``RO-65``, ``negotiation``, or a section of PS3.4 Annex CC.
    level : {"shall", "should", "may"}
        A shall not met fails, a should not met warns, a may informs.
    editions : tuple of str
        Editions of TDW-II in which it holds.
    source : str
        Sections: ``CC.2.1.3`` of PS3.4, ``TI`` and ``2013`` as in the reference, ``A16`` and ``T3`` for fair verdicts.
    statement : str
        The requirement in our own words.
    statuses : tuple of int
        Status codes that meet it.
    warnings : tuple of int
        Status codes that are tolerated with a warning.
    readings : mapping of str to str
        Where the text allows several readings: a status code in hexadecimal, or a word, and what the reading is.
    capability : str
        The option a vendor must say it supports before it is judged; empty: always judged.
    rule : AttributeRule or None
        For the rows of the attribute tables.
    cell : (str, str) or None
        For the cells of the state and subscription tables: event and state.
    situation : str
        The situation of ``situations.csv`` that gives the statuses and the warnings; empty: they are its own.
    no_defect : str
        Why no simulator is given a defect that violates it; empty when there is one.
    """

    id: str
    actor: str
    transaction: str
    level: str
    source: str
    statement: str
    editions: tuple[str, ...] = ("ti",)
    statuses: tuple[int, ...] = ()
    warnings: tuple[int, ...] = ()
    readings: Mapping[str, str] = field(default_factory=dict)
    capability: str = ""
    rule: AttributeRule | None = None
    cell: tuple[str, str] | None = None
    no_defect: str = ""
    situation: str = ""
