"""The simulated Object Storage: keeps instances of any storage SOP class, and gives them back [PS3.4 B, C]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts, evt, sop_class

from ..dimse import TLS, Peer, Server, Timeouts
from ..profile.ups_tables import AttributeRow
from ..transcript.exchange import Transcript
from ..transcript.observation import Association
from ..ups.matching import Rows, matches, response_identifier
from .instances import LEVELS, Instance, InstanceStore, get_handler, leave_out_remaining, move_handler, store_handler
from .simulator import Simulator

__all__ = ["OST"]

STUDY_ROOT_FIND = sop_class.StudyRootQueryRetrieveInformationModelFind
STUDY_ROOT_MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove
STUDY_ROOT_GET = sop_class.StudyRootQueryRetrieveInformationModelGet
SUCCESS, PENDING, CANCELED, DOES_NOT_MATCH, CANNOT_PROCESS = 0x0000, 0xFF00, 0xFE00, 0xA900, 0xC000


class _EveryKey(dict[str, AttributeRow]):
    """Every attribute is a matching key: the OST matches whatever it has a value for [PS3.4 C.2.2.1.3]."""

    def get(self, keyword: str, default: Any = None) -> AttributeRow:
        return AttributeRow(
            keyword,
            vr="",
            create="",
            set="",
            set_scp="",
            get="",
            final="",
            match="O",
            single_value=False,
            need=None,
            values=(),
            items=self,
        )


EVERY_KEY: Rows = _EveryKey()


class OST(Simulator):
    """A simulated OST. A context manager.

    Parameters
    ----------
    ae_title : str
        Its AE title.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    folder : Path, optional
        Where instances are kept; in memory without it.
    assume : str
        UID of the transfer syntax of files in the folder that name none; empty: what they look like.
    destinations : mapping of str to Peer
        Move destinations by AE title; looked at when asked, so the caller may add to it.
    tls : TLS, optional
        To listen with TLS.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets every exchange that was served.
    associations : callable, optional
        Called with every association when it stands and when it has ended, also those that it opens.
    calling : sequence of str
        AE titles whose associations are accepted, others are rejected; empty: all.
    """

    actor = "OST"

    def __init__(
        self,
        ae_title: str = "OST",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        folder: Path | None = None,
        assume: str = "",
        destinations: Mapping[str, Peer] | None = None,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        associations: Callable[[Association], None] | None = None,
        calling: Sequence[str] = (),
    ) -> None:
        self.instances = InstanceStore(folder, assume=assume)
        known = destinations if destinations is not None else {}
        deadlines = timeouts or Timeouts()
        self._c_move = move_handler(self.instances, known, ae_title, deadlines, transcript, associations)
        storage = [(str(c.abstract_syntax), AllTransferSyntaxes) for c in AllStoragePresentationContexts]
        self._server = Server(
            ae_title,
            [sop_class.Verification, STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET, *storage],
            [
                (evt.EVT_DIMSE_SENT, leave_out_remaining),
                (evt.EVT_C_ECHO, lambda event: SUCCESS),
                (evt.EVT_C_STORE, store_handler(self.instances)),
                (evt.EVT_C_FIND, self._c_find),
                (evt.EVT_C_MOVE, self._c_move),
                (evt.EVT_C_GET, get_handler(self.instances)),
            ],
            host=host,
            port=port,
            tls=tls,
            timeouts=deadlines,
            transcript=transcript,
            scp_roles=[syntax for syntax, _ in storage],
            associations=associations,
            calling=calling,
        )

    def serve_within(self, server: Server) -> None:
        """Serve at the server of another simulator, which is the same application entity; neither has been started.

        Who starts and stops the other one starts and stops this.
        """
        own = self._server
        mine = {str(context.abstract_syntax) for context in own.contexts}
        server.contexts[:] = [context for context in server.contexts if context.abstract_syntax not in mine] + own.contexts

        def find(handler: Callable[[Any], Any], event: Any) -> Any:
            return self._c_find(event) if event.context.abstract_syntax == STUDY_ROOT_FIND else handler(event)

        server.wrap_handler(evt.EVT_C_FIND, find)
        server.wrap_handler(evt.EVT_C_MOVE, lambda handler, event: self._c_move(event))
        server.add_handler(evt.EVT_C_GET, get_handler(self.instances))
        self._server = server

    def _c_find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        try:
            identifier = event.identifier
            identifier.decode()
        except Exception:  # bytes of a peer that no data set can be made of
            yield CANNOT_PROCESS, None
            return
        level = str(identifier.get("QueryRetrieveLevel") or "")
        if level not in LEVELS:
            yield DOES_NOT_MATCH, None
            return
        for match in self.find(identifier, level):
            if event.is_cancelled:
                yield CANCELED, None
                return
            yield PENDING, match

    def find(self, identifier: Dataset, level: str) -> Iterator[Dataset]:
        """Yield a response for each study, series or instance that matches."""
        seen: set[str] = set()
        keys = Dataset()
        keys.update({element.tag: element for element in identifier if element.keyword != "QueryRetrieveLevel"})
        for instance in self.instances:
            entity = _entity(instance, level)
            if entity not in seen and matches(keys, instance.attributes, EVERY_KEY):
                seen.add(entity)
                response = response_identifier(keys, instance.attributes, EVERY_KEY)
                response.QueryRetrieveLevel = level
                response.RetrieveAETitle = self._server.ae_title
                if "SpecificCharacterSet" in instance.attributes:
                    response.SpecificCharacterSet = instance.attributes.SpecificCharacterSet
                yield response


def _entity(instance: Instance, level: str) -> str:
    return {"STUDY": instance.study, "SERIES": instance.series, "IMAGE": instance.uid}[level]
