"""The TDD's storage SCP: takes what it has had moved to itself, and can be told to refuse."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from pydicom import uid
from pynetdicom import evt, sop_class

from ..dimse import TLS, Peer, Server, Timeouts
from ..exchange import Exchange, Transcript

__all__ = ["Receiver"]

STORED = (
    uid.RTPlanStorage, uid.RTIonPlanStorage, uid.RTBeamsDeliveryInstructionStorage,
    uid.RTBeamsTreatmentRecordStorage, uid.RTIonBeamsTreatmentRecordStorage, sop_class.Verification,
)  # fmt: skip
OUT_OF_RESOURCES = 0xA700


class Receiver:
    """A storage SCP that keeps what came as exchanges. A context manager.

    Parameters
    ----------
    ae_title : str
        Ours, as the systems under test know it: the move destination.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    tls : TLS, optional
        For associations over TLS.
    timeouts : Timeouts, optional
        Deadlines, in seconds.
    """

    def __init__(
        self,
        ae_title: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.ae_title = ae_title
        self.refuse: set[str] = set()
        self.transcript = Transcript()
        self._server = Server(
            ae_title,
            STORED,
            [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, lambda event: 0x0000)],
            host=host,
            port=port,
            tls=tls,
            timeouts=timeouts or Timeouts(),
            transcript=self.transcript,
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.stop()

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return self._server.peer

    def mark(self) -> int:
        """Return a mark for `since`."""
        return len(self.transcript)

    def since(self, mark: int) -> tuple[Exchange, ...]:
        """Return the C-STOREs that came after the mark, in their order."""
        return tuple(exchange for exchange in self.transcript[mark:] if exchange.service == "C-STORE")

    def _store(self, event: Any) -> int:
        return OUT_OF_RESOURCES if str(event.request.AffectedSOPInstanceUID) in self.refuse else 0x0000
