"""Why there is no workitem for a test."""

from __future__ import annotations

__all__ = ["NotJudged", "OtherState", "UnusableObjects"]


class NotJudged(Exception):
    """There is nothing to judge by; the message says why, and names the requirement that fails for it, if one does.

    Parameters
    ----------
    reason : str
        Whole, with its first words: ``not judged: ...`` or ``not supported: ...``.
    """


class OtherState(NotJudged):
    """What was to be scheduled is there, but in another state.

    Parameters
    ----------
    reason : str
        As of `NotJudged`.
    uid, state : str
        SOP Instance UID and Procedure Step State of it.
    """

    def __init__(self, reason: str, uid: str, state: str) -> None:
        super().__init__(reason)
        self.uid, self.state = uid, state


class UnusableObjects(Exception):
    """The objects of the user cannot be used: the run ends."""
