"""Why there is no workitem for a test."""

from __future__ import annotations

__all__ = ["NotJudged", "UnusableObjects"]


class NotJudged(Exception):
    """There is nothing to judge by; the message says why, and names the requirement that fails for it, if one does.

    Parameters
    ----------
    reason : str
        Whole, with its first words: ``not judged: ...`` or ``not supported: ...``.
    """


class UnusableObjects(Exception):
    """The objects of the user cannot be used: the run ends."""
