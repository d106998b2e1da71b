"""What is wrong with a configuration file, in sentences that name the file, the key and what would be right."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:  # a command that reads no file does without pydantic, which takes a tenth of a second to import
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

__all__ = ["ConfigError", "near", "problem", "reason_of"]


class ConfigError(ValueError):
    """The description of the system cannot be used.

    Parameters
    ----------
    problems : sequence of str
        One sentence each, with the file and the key.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def problem(where: str, model: type[BaseModel], details: ErrorDetails) -> str:
    """Say what pydantic found, with the file, the key as the file spells it, and what would be right."""
    *parents, last = details["loc"] or ("",)
    key = re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else p for p in (*parents, last)))
    place = f"{where}: {key}" if key else where
    value = details["input"]
    match details["type"]:
        case "extra_forbidden":
            known = _keys(model, parents)
            return f"{place}: unknown key{near(last, known)}; known are {', '.join(known)}"
        case "missing":
            return f"{place}: missing"
        case "value_error":
            return f"{place}: {details['ctx']['error']}"
        case "literal_error":
            return f"{place}: {value!r} is not one of {details['ctx']['expected']}"
        case "string_type":
            return f"{place}: {value!r} is not text: put it in quotes"
        case "bool_type":
            return f"{place}: {value!r} is not true or false"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{place}: {value!r} is not a table of keys and values"
        case "list_type":
            return f"{place}: {value!r} is not a list"
        case _:
            return f"{place}: {value!r}: {details['msg']}"


def _keys(model: type[BaseModel], parents: list[int | str]) -> list[str]:
    for parent in parents:
        if isinstance(parent, int):
            continue  # an item of a list, whose model was found by its key
        annotation = model.model_fields[parent].annotation
        models = [annotation, *get_args(annotation)]
        model = next(one for one in models if hasattr(one, "model_fields"))
    return list(model.model_fields)


def near(word: object, known: Any) -> str:
    """Return a hint to the known word that is nearest to one, or nothing."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def reason_of(error: Exception) -> str:
    """Return why something failed, without the number of the error and the path."""
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__
