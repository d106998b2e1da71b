"""What can go wrong before a DIMSE message is answered, each with a sentence that says where to look."""

from __future__ import annotations

from .peers import Peer

__all__ = ["Aborted", "DimseError", "LinkLost", "Mute", "NoContext", "NothingAccepted", "Rejected", "Unreachable"]


class DimseError(Exception):
    """No DIMSE exchange was possible; the message says why and what to look at."""

    @property
    def advice(self) -> str:
        """One sentence for the person who has to mend it."""
        return str(self)


class Unreachable(DimseError):
    """No TCP (or TLS) connection."""

    def __init__(self, peer: Peer, reason: str) -> None:
        super().__init__(
            f"{peer}: no connection to {peer.host}:{peer.port} ({reason}): is the system running, are host and port right?"
        )


class Rejected(DimseError):
    """The peer answered the association request with A-ASSOCIATE-RJ [PS3.8 9.3.4]."""

    def __init__(self, peer: Peer, calling: str, reason: str) -> None:
        super().__init__(
            f"{peer}: {peer.host}:{peer.port} rejected the association ({reason}): does it know the called AE title "
            f"{peer.ae_title!r} and our calling AE title {calling!r}?"
        )


class Mute(DimseError):
    """The connection stands but the association request was not answered in time."""

    def __init__(self, peer: Peer, seconds: float) -> None:
        super().__init__(
            f"{peer}: {peer.host}:{peer.port} takes connections but did not answer the association request within "
            f"{seconds:g} s: is that port a DICOM port, and does it want TLS?"
        )


class Aborted(DimseError):
    """The peer aborted the association, or closed the connection, instead of answering the request."""

    def __init__(self, peer: Peer, calling: str) -> None:
        super().__init__(
            f"{peer}: {peer.host}:{peer.port} aborted the association request or closed the connection: does it want TLS, "
            f"does it know our AE title {calling!r}?"
        )


class NothingAccepted(DimseError):
    """The peer accepted the association but none of its presentation contexts."""

    def __init__(self, peer: Peer, calling: str) -> None:
        super().__init__(
            f"{peer}: {peer.host}:{peer.port} accepted the association of {calling!r} but none of the presentation "
            f"contexts proposed: is that the system it should be, and are its services switched on?"
        )


class NoContext(DimseError):
    """The peer did not accept the presentation context that a message needs."""

    def __init__(self, peer: Peer, abstract_syntax: str) -> None:
        super().__init__(
            f"{peer}: did not accept the presentation context {abstract_syntax}: does the system support that SOP class?"
        )


class LinkLost(DimseError):
    """The association was gone before the request could be sent."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(f"{peer}: the association was closed by the peer before the request was sent")
