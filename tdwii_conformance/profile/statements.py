"""The statements of requirements that are kept as rows and cells of tables, in words."""

from __future__ import annotations

from .errors import CatalogueError
from .requirement import AttributeRule
from .statuses import status_text
from .ups_tables import NEW_UPS, NO_UPS, Cell, SubscriptionCell
from .words import condition_in_words, value_in_words

__all__ = ["statement_of_cell", "statement_of_row"]


def statement_of_cell(key: tuple[str, str], cell: Cell | SubscriptionCell) -> str:
    """Return the statement of a cell of the state or the subscription table."""
    event, state = key[0].replace("without it", "without the right Transaction UID"), key[1]
    if isinstance(cell, SubscriptionCell):
        where = "" if state == NEW_UPS else f", where the AE is {state}"
        becomes = f"the AE becomes {cell.state}" if cell.state else "that stays so"
        told = "is told the present state" if cell.initial_event else "is not told the present state"
        return f"{event[0].upper()}{event[1:]}{where}: {becomes} and {told}."
    of = "a UPS that does not exist" if state == NO_UPS else f"a UPS that is {state}"
    if not cell.state:
        return f"{event[0].upper()}{event[1:]}, {of}: answers {status_text(cell.status)}; no state changes."
    unless = f", unless the final state requirements are not met: {status_text(cell.status)}" if cell.status else ""
    return f"{event[0].upper()}{event[1:]}, {of}: goes to {cell.state}{unless}."


def statement_of_row(where: str, rule: AttributeRule, remark: str) -> str:
    """Return the statement of a row of an attribute table."""
    needed = {
        "1": "is present and has a value",
        "1C": "is present and has a value",
        "2": "is present, with or without a value",
        "2C": "is present, with or without a value",
        "3": "may be present",
        "empty": "is present without a value (a return key)",
        "absent": "is not sent",
    }[rule.type]
    text = f"{rule.message}: {rule.text} {needed}"
    try:
        values = [value_in_words(value) for value in rule.values]
        condition = condition_in_words(rule.condition.text) if rule.condition else ""
    except KeyError as error:
        raise CatalogueError(f"{where}: {error.args[0]!r} has no words for the statement; add them in profile/words.py") from error
    if condition:
        text += f" if {condition}"
    if rule.items:
        low, high = rule.items
        count = f"{low}" if low == high else f"at least {low}" if not high else f"{low} to {high}"
        text += f", {count} item(s)"
    if values:
        text += ", value: " + " or ".join(values)
    return text + (f" ({remark})" if remark else "") + "."
