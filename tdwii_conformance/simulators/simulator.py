"""What the simulated systems have in common: a server that lives from `start` to `stop`."""

from __future__ import annotations

from types import TracebackType
from typing import ClassVar, Self

from ..dimse import Peer, Server

__all__ = ["Simulator"]


class Simulator:
    """A simulated system around one server. A context manager."""

    actor: ClassVar[str]
    _server: Server

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return self._server.peer

    @property
    def server(self) -> Server:
        """Its server; to be read, and extended before the start."""
        return self._server

    def call_itself(self, name: str) -> None:
        """Set its Implementation Version Name, at most 16 characters; before the start."""
        self._server.implementation_version_name = name

    def start(self) -> Self:
        """Listen."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening, and end all associations."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
