"""Exit codes of `tdwii`, and what goes wrong as one sentence for the person and a code for the script."""

from __future__ import annotations

import os

__all__ = [
    "INTERNAL", "INTERRUPTED", "NO_ANSWER", "OK", "REFUSED", "TERMINATED", "USAGE", "CommandError", "NoAnswer", "Refused",
    "Usage", "explain",
]  # fmt: skip

OK, REFUSED, USAGE, NO_ANSWER = 0, 1, 2, 3
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED, TERMINATED = 130, 143  # 128 and the signal's number, as shells count


class CommandError(Exception):
    """A command cannot go on; the message is one sentence for the person."""

    code = INTERNAL


class Refused(CommandError):
    """The peer refused."""

    code = REFUSED


class Usage(CommandError):
    """What was given (an argument, a file, a configuration) is wrong."""

    code = USAGE


class NoAnswer(CommandError):
    """There was no connection, or it was lost, or no answer came in time."""

    code = NO_ANSWER


def explain(error: Exception) -> tuple[int, str]:
    """Return exit code and sentence for whatever a command raised.

    Parameters
    ----------
    error : Exception
        A `CommandError`, what `dimse`, `config` or `dcmdump` raise, or an internal error.
    """
    # Only here, when there is something to explain: these import pydicom and pynetdicom.
    from ..dimse import DimseError, NoContext, NothingAccepted, Rejected

    if isinstance(error, CommandError):
        return error.code, str(error)
    if isinstance(error, (Rejected, NothingAccepted, NoContext)):
        return REFUSED, error.advice
    if isinstance(error, DimseError):
        return NO_ANSWER, error.advice
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return USAGE, f"{place}{error.strerror or error}"
    if isinstance(error, ValueError):  # what our modules raise for bad values, with a sentence
        return USAGE, str(error)
    if os.environ.get("TDWII_TRACEBACK"):
        raise error
    return INTERNAL, f"internal error of tdwii: {type(error).__name__}: {error} (TDWII_TRACEBACK=1 shows where)"
