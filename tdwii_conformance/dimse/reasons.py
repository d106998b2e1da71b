"""Why there is no association, in words."""

from __future__ import annotations

import socket
from typing import Any

from .peers import Peer

__all__ = ["rejection", "rejections_in", "why_not"]

REJECTIONS = {  # (source, diagnostic) [PS3.8 table 9-21]
    (1, 1): "no reason given",
    (1, 2): "application context not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


def rejections_in(pdu: Any) -> list[Any]:
    """Return a PDU that rejects an association, and nothing for any other."""
    return [pdu] if type(pdu).__name__ == "A_ASSOCIATE_RJ" else []


def rejection(pdu: Any) -> str:
    """Return the reason that an A-ASSOCIATE-RJ gives [PS3.8 table 9-21], in words."""
    source, diagnostic = pdu.source, pdu.reason_diagnostic
    lasting = {1: "permanent", 2: "transient"}.get(pdu.result, f"result {pdu.result}")
    return f"{REJECTIONS.get((source, diagnostic), f'source {source}, reason {diagnostic}')}, {lasting}"


def why_not(peer: Peer, timeout: float) -> str:
    """Return why a connection fails, in the system's words: pynetdicom only logs it.

    Parameters
    ----------
    peer : Peer
    timeout : float
        For the connection, in seconds.
    """
    try:
        with socket.create_connection((peer.host, peer.port), timeout) as connection:
            if peer.tls:
                peer.tls.client_context().wrap_socket(connection, server_hostname=peer.host).close()
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except OSError as error:
        return error.strerror or str(error)
    return "the connection was closed at once"
