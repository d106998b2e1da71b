"""The peer that an option names: an AE title of the address book, ``HOST:PORT``, or ``AE=HOST:PORT``."""

from __future__ import annotations

from ..dimse import Peer, check_ae_title
from .failures import Usage
from .settings import Settings, words

__all__ = ["named_peer", "peer_at"]


def peer_at(text: str) -> Peer:
    """Return the peer that ``AE=HOST:PORT`` names.

    Raises
    ------
    Usage
        If it is something else.
    ValueError
        If the AE title is not valid.
    """
    title, _, address = text.partition("=")
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise Usage(f"{text!r} is not AE=HOST:PORT, for example TDD=127.0.0.1:11113")
    return Peer(check_ae_title(title), host.strip("[]") or "127.0.0.1", int(port))


def named_peer(settings: Settings, text: str) -> Peer:
    """Return the peer that an option names; raises `Usage` if the AE title is not known."""
    return peer_at(text) if "=" in text else words(settings, [text])[0]
