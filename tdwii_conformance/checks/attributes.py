"""The one interpreter of the attribute tables: a data set and a row in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from ..profile.catalogue import AttributeRule
from ..profile.paths import Place, resolve
from ..profile.words import condition_in_words
from ..ups.times import is_value, same_moment
from .findings import Finding

__all__ = ["Judgement", "judge_attribute"]


@dataclass(frozen=True)
class Judgement:
    """What an attribute rule found.

    Parameters
    ----------
    findings : tuple of Finding
        What is wrong.
    not_judged : str
        Why there was nothing to judge: the sequence that would hold the attribute is not there (its own row says so),
        or a condition does not apply. Empty when something was judged.
    """

    findings: tuple[Finding, ...] = ()
    not_judged: str = ""


def judge_attribute(
    rule: AttributeRule, datasets: Sequence[Dataset], facts: Mapping[str, str], name: str = "identifier"
) -> Judgement:
    """Judge one attribute in each of some data sets.

    Parameters
    ----------
    rule : AttributeRule
        The row.
    datasets : sequence of Dataset
        The messages' data sets, each judged alone.
    facts : mapping of str to str
        What is known of this run: the values that ``$name`` in the row stands for, and the subjects of conditions such
        as ``$start``. A value whose fact is unknown is not compared.
    name : str
        What a data set is called in paths when there are several.

    Returns
    -------
    Judgement
    """
    findings: list[Finding] = []
    judged = False
    reason = ""
    for number, dataset in enumerate(datasets):
        root = f"{name}[{number}]" if len(datasets) > 1 else ""
        for place in resolve(dataset, rule.path, root):
            if rule.condition and not rule.condition.holds(place.item, facts):
                reason = f"condition does not apply: {condition_in_words(rule.condition.text)}"
                continue
            judged = True
            findings += _judge_place(rule, place, facts)
    if judged:
        return Judgement(tuple(findings))
    return Judgement(not_judged=reason or f"nothing holds {rule.text} here: the sequence around it is absent or empty")


def _judge_place(rule: AttributeRule, place: Place, facts: Mapping[str, str]) -> list[Finding]:
    step = rule.path[-1]
    path = f"{place.path}{'.' if place.path else ''}{step.keyword}"
    element = place.item.get(step.keyword)
    present = step.keyword in place.item
    if rule.type == "absent":
        return [Finding("attribute not sent", f"sent with value {shown(element)}", path)] if present else []
    if not present:
        return [] if rule.type == "3" else [Finding(_expectation(rule, facts), "attribute absent", path)]
    if isinstance(element, Sequence) and not isinstance(element, (str, bytes, MultiValue)):
        return _judge_sequence(rule, element, path)
    empty = element is None or element == "" or (isinstance(element, MultiValue) and not element)
    if rule.type == "empty":
        return [] if empty else [Finding("present without a value", f"value {shown(element)}", path)]
    if empty:
        return [Finding(_expectation(rule, facts), "present without a value", path)] if rule.type in ("1", "1C") else []
    allowed = tuple(_text(value, type(element)) for value in expected_values(rule, facts))
    values = [_text(v) for v in element] if isinstance(element, MultiValue) else [_text(element)]
    moment = place.item[step.keyword].VR == "DT"
    if moment and allowed and not all(is_value(value, "DT") for value in values):
        return []  # what is no date-time fails the requirement that says so (RO58-TMS-026, CC27-TMS-022), and no other
    same = same_moment if moment else _same
    if allowed and not any(value == one or same(one, value) for value in values for one in allowed):
        return [Finding(_expectation(rule, facts), f"value {shown(element)}", path)]
    return []


def _text(value: object, kind: type | None = None) -> str:
    # Empty components at the end of a name may be left out with their delimiters [PS3.5 6.2.1].
    return str(value).rstrip("^=") if issubclass(kind or type(value), PersonName) else str(value)


def _judge_sequence(rule: AttributeRule, items: Sequence[Dataset], path: str) -> list[Finding]:
    step = rule.path[-1]
    found = [item for item in items if step.takes(item)]
    wanted = f"an item {_selection(rule)}" if step.selects else "at least one item"
    if rule.type == "empty":
        # A sequence as a return key is empty or has one item, without keys or with empty ones [PS3.4 C.2.2.2.6].
        free = len(items) <= 1 and all(_universal(item) for item in items)
        return [] if free else [Finding("no item, or one empty item", _held(items), path)]
    if rule.type in ("1", "1C") and not found:
        return [Finding(wanted, f"{_held(items)}, none such" if items else "sequence without an item", path)]
    if rule.items and found:
        low, high = rule.items
        if len(found) < low or (high and len(found) > high):
            count = f"{low}" if low == high else f"{low} or more" if not high else f"{low} to {high}"
            return [Finding(f"{count} item(s){' ' + _selection(rule) if step.selects else ''}", f"{len(found)}", path)]
    return []


def _universal(item: Dataset) -> bool:
    """Whether an item of a return key asks for everything that is there: each of its keys is universal itself."""
    keys = [element for element in item if element.tag.element]  # group lengths are no keys
    return all(all(_universal(below) for below in key.value or ()) if key.VR == "SQ" else key.is_empty for key in keys)


def _held(items: Sequence[Dataset]) -> str:
    """Return what a sequence holds, for a reader: the number of its items, and their concepts if they have some."""
    names = [name for item in items for name in item.get("ConceptNameCodeSequence") or ()]
    codes = ", ".join(f"{name.get('CodeValue', '')} {name.get('CodingSchemeDesignator', '')}" for name in names)
    return f"{len(items)} item(s){f' [concept {codes}]' if codes else ''}"


def _selection(rule: AttributeRule) -> str:
    return rule.text[rule.text.rindex("[") :]


def expected_values(rule: AttributeRule, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values a row allows, facts filled in; empty when any value will do or the fact is not known."""
    allowed = []
    for value in rule.values:
        if not value.startswith("$"):
            allowed.append(value)
        elif value[1:] in facts:
            # a fact may be a choice of its own, for example the beam numbers of a plan
            allowed += facts[value[1:]].split("|")
        else:
            return ()
    return tuple(allowed)


def _expectation(rule: AttributeRule, facts: Mapping[str, str]) -> str:
    allowed = expected_values(rule, facts)
    if allowed:
        return "value " + " or ".join(repr(value) for value in allowed)
    return "present with a value" if rule.type in ("1", "1C") else "present"


def _same(expected: str, value: str) -> bool:
    # "1" and "1.0" are one number in DS and IS; no attribute with a listed value has a text where they differ.
    try:
        return float(value) == float(expected)
    except ValueError:
        return False


def shown(value: object) -> str:
    """Return a value as a reader should see it: quoted, cut when long."""
    if isinstance(value, Dataset):
        return f"an item with {', '.join(element.keyword or str(element.tag) for element in value)}"
    if value is None or value == "":
        return "(no value)"
    text = "\\".join(str(v) for v in value) if isinstance(value, MultiValue) else str(value)
    return repr(text if len(text) <= 120 else text[:117] + "...")
