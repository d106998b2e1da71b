"""The wire: application entities, associations, TLS, DIMSE operations, and the recording of all of it."""

from .client import Link, connect
from .contexts import NegotiatedContext, Proposal
from .errors import Aborted, DimseError, LinkLost, Mute, NoContext, NothingAccepted, Rejected, Unreachable
from .patience import Patience, asked_for
from .peers import TLS, Peer, Timeouts, check_ae_title
from .recording import AssociationRecorder, Recorder
from .server import Handler, Server
from .text import declared, left_undeclared
from .tuning import tune

__all__ = [
    "TLS",
    "Aborted",
    "AssociationRecorder",
    "DimseError",
    "Handler",
    "Link",
    "LinkLost",
    "Mute",
    "NegotiatedContext",
    "NoContext",
    "NothingAccepted",
    "Patience",
    "Peer",
    "Proposal",
    "Recorder",
    "Rejected",
    "Server",
    "Timeouts",
    "Unreachable",
    "asked_for",
    "check_ae_title",
    "connect",
    "declared",
    "left_undeclared",
    "tune",
]
