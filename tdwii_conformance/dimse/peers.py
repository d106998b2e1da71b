"""Whom we speak to and how: addresses, TLS and deadlines."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TLS", "Peer", "Timeouts"]


@dataclass(frozen=True)
class TLS:
    """TLS with certificates on both sides (BCP 195 profile of [PS3.15 B]).

    Parameters
    ----------
    ca : Path, optional
        Certificates (PEM) that the peer's certificate is checked against; the system's own without it.
    certificate, key : Path, optional
        Our certificate and private key (PEM).
    check_hostname : bool
        Whether the peer's certificate must be of the host that is called. Without that, `ca` should hold the peer's own
        certificate: whoever has one that `ca` vouches for is taken for the peer.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    check_hostname: bool = True

    def client_context(self) -> ssl.SSLContext:
        """Return the context for associations we request.

        Raises
        ------
        OSError, ssl.SSLError
            If a file cannot be read or is no certificate or key.
        """
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
        context.check_hostname = self.check_hostname
        if self.ca:
            # The peer's own certificate in the file is enough, whoever signed it.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def server_context(self) -> ssl.SSLContext:
        """Return the context for associations we accept: the peer must show a certificate when `ca` is given.

        Raises
        ------
        OSError, ssl.SSLError
            If a file cannot be read or is no certificate or key.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        if self.ca:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass(frozen=True)
class Peer:
    """An application entity on the network.

    Parameters
    ----------
    ae_title : str
        1 to 16 characters, no backslash or control characters, not only spaces [PS3.5 6.2].
    host : str
        Name or address.
    port : int
        TCP port.
    tls : TLS, optional
        If it is reached over TLS.

    Raises
    ------
    ValueError
        For an AE title that is none.
    """

    ae_title: str
    host: str
    port: int
    tls: TLS | None = None

    def __post_init__(self) -> None:
        check_ae_title(self.ae_title)

    def __str__(self) -> str:
        """Return the AE title, by which people know it."""
        return self.ae_title


@dataclass(frozen=True)
class Timeouts:
    """Deadlines in seconds.

    Parameters
    ----------
    connect : float
        For the TCP connection.
    association : float
        For the answer to an association or release request.
    message : float
        For the (next) response to a DIMSE request.
    network : float
        How long an association may be idle before it is aborted.
    """

    connect: float = 5.0
    association: float = 10.0
    message: float = 30.0
    network: float = 60.0


def check_ae_title(title: str) -> str:
    """Return an AE title, or say what is wrong with it.

    Raises
    ------
    ValueError
        If it is empty, too long, or has characters that AE does not allow [PS3.5 6.2].
    """
    if not title.strip() or len(title) > 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError(f"{title!r} is no AE title: 1 to 16 printable ASCII characters, no backslash")
    return title
