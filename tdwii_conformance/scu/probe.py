"""A first look at the systems under test: whether they are there, and will talk to us."""

from __future__ import annotations

from collections.abc import Sequence

from pynetdicom import sop_class

from ..dimse import DimseError, Peer, Timeouts, connect
from ..profile.ups_service import UPS

__all__ = ["trouble"]

NEEDED = {
    "TMS": (UPS.PULL, "UPS Pull"),
    "OST": (sop_class.StudyRootQueryRetrieveInformationModelMove, "Study Root Query/Retrieve - MOVE"),
}


def trouble(peers: Sequence[tuple[str, Peer | None]], *, calling: str, timeouts: Timeouts) -> str:
    """Return what keeps the systems from being judged, in one sentence each; empty when nothing does.

    Parameters
    ----------
    peers : sequence of (role, Peer or None)
        ``"TMS"`` and ``"OST"``, and where they are; ``None`` is not described and not looked at.
    calling : str
        Our AE title.
    timeouts : Timeouts
        Deadlines.
    """
    found = [_trouble(role, peer, calling, timeouts) for role, peer in peers if peer is not None]
    return "; ".join(sentence for sentence in found if sentence)


def _trouble(role: str, peer: Peer, calling: str, timeouts: Timeouts) -> str:
    syntax, name = NEEDED[role]
    try:
        with connect(peer, [sop_class.Verification, syntax], calling=calling, timeouts=timeouts) as link:
            if not link.accepts(syntax):
                return (
                    f"{role} {peer} at {peer.host}:{peer.port} does not accept the presentation context {name} ({syntax}): "
                    f"is that the {role}, and is the service switched on for {calling!r}?"
                )
            if link.accepts(sop_class.Verification):
                echo = link.c_echo()
                if echo.failure:
                    return f"{role} {peer} at {peer.host}:{peer.port} accepts an association but C-ECHO got {echo.failure}"
    except DimseError as error:
        return f"{role} {error.advice}"
    return ""
