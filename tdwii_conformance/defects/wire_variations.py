"""Variations of a TMS and an OST on the wire: PDUs, transfer syntaxes, negotiation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydicom.uid import PYDICOM_ROOT_UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt, sop_class

from ..profile.ups_service import UPS
from .deviations import Rows, Variation
from .hooks import Around, around, send_in_pieces
from .negotiation import ABSTRACT_REFUSED
from .retrieval import on_select
from .variations import PENDING, Apply


def of_both(name: str, sentence: str, apply: Apply, source: str) -> Iterator[Variation]:
    """Yield a variation of the TMS, and the same of the OST."""
    for actor in ("TMS", "OST"):
        yield Variation(f"{actor.lower()}-{name}", sentence, actor, apply, source)


wire = Rows(of_both)


@wire("pdus-unlimited", "Announces no maximum length of a PDU", "PS3.8 D.1", given=(0,))
@wire("pdus-4-kb", "Announces a maximum length of 4 kB of a PDU", "PS3.8 D.1", given=(4096,))
@wire("pdus-1-mb", "Announces a maximum length of 1 MB of a PDU", "PS3.8 D.1", given=(1 << 20,))
def _maximum_length(length: int, simulator: Any) -> None:
    simulator.server.maximum_length = length


@wire("implementation-of-64-characters", "Names its implementation by a UID of 64 characters", "PS3.5 9.1")
def _long_name(simulator: Any) -> None:
    simulator.server.implementation_class_uid = f"{PYDICOM_ROOT_UID}{'1' * 38}"


def _on_established(simulator: Any, change: Callable[[Any], None]) -> None:
    simulator.server.add_handler(evt.EVT_ESTABLISHED, lambda event: change(event.assoc))


@wire("responses-in-pieces", "Sends messages in many small PDUs", "PS3.8 9.3.1, E.2", given=(256,))
def _fragments(length: int, simulator: Any) -> None:
    def small(association: Any) -> None:
        dimse = association.dimse
        encode_in = type(dimse)

        class Small(encode_in):  # type: ignore[misc, valid-type]  # pynetdicom has no types
            """A DIMSE provider that takes the peer to want small PDUs."""

            @property
            def maximum_pdu_size(self) -> int:
                return length

        dimse.__class__ = Small

    _on_established(simulator, small)


@wire("bytes-in-pieces", "Sends PDUs a few bytes at a time", "TCP")
def _trickle(simulator: Any) -> None:
    _on_established(simulator, send_in_pieces)


@wire("unknown-class-accepted", "Accepts every abstract syntax, as archives may", "PS3.8 9.3.3.2")
def _accept_unknown(simulator: Any) -> None:
    def accept(event: Any) -> None:
        primitive = event.primitive
        if type(primitive).__name__ != "A_ASSOCIATE" or primitive.result != 0x00:
            return
        proposed = {c.context_id: c for c in event.assoc.requestor.primitive.presentation_context_definition_list}
        for context in primitive.presentation_context_definition_results_list:
            if context.result == ABSTRACT_REFUSED:
                context.result = 0x00
                context.transfer_syntax = proposed[context.context_id].transfer_syntax[:1]

    simulator.server.add_handler(evt.EVT_ACSE_SENT, accept)


@wire("asynchronous-window", "Answers the proposal of an asynchronous operations window", "PS3.7 D.3.3.3")
def _window(simulator: Any) -> None:
    simulator.server.add_handler(evt.EVT_ASYNC_OPS, lambda event: (1, 1))


@wire("implicit-vr-only", "Accepts Implicit VR Little Endian only", "PS3.5 10.1", given=(ImplicitVRLittleEndian,))
def _only(syntax: str, simulator: Any) -> None:
    for context in simulator.server.contexts:
        if syntax in context.transfer_syntax:
            context.transfer_syntax = [syntax]


@wire("explicit-vr-first", "Prefers Explicit VR Little Endian", "PS3.5 10.1", given=(ExplicitVRLittleEndian,))
@wire("implicit-vr-first", "Prefers Implicit VR Little Endian", "PS3.5 10.1", given=(ImplicitVRLittleEndian,))
def _prefers(syntax: str, simulator: Any) -> None:
    for context in simulator.server.contexts:
        if syntax in context.transfer_syntax:
            context.transfer_syntax = [syntax, *(other for other in context.transfer_syntax if other != syntax)]


@wire("move-without-pending", "Sends no pending responses to C-MOVE", "PS3.4 C.4.2.3.1")
def _no_pending(simulator: Any) -> None:
    def quiet(association: Any) -> None:
        def send(original: Around, primitive: Any, context_id: int) -> None:
            if type(primitive).__name__ != "C_MOVE" or primitive.Status != PENDING:
                original(primitive, context_id)

        around(association.dimse, "send_msg", send)

    _on_established(simulator, quiet)


@wire("move-in-reverse-order", "Sends the instances that a C-MOVE asks for in the opposite order", "PS3.4 B.4")
def _reversed(simulator: Any) -> None:
    on_select(lambda found, identifier, store: found[::-1], simulator)


@wire("extra-contexts-refused", "Refuses presentation contexts beyond what is needed", "PS3.8 9.3.3")
def _needed_only(simulator: Any) -> None:
    extra = (
        sop_class.StudyRootQueryRetrieveInformationModelFind, sop_class.StudyRootQueryRetrieveInformationModelGet,
        sop_class.CTImageStorage, sop_class.MRImageStorage, UPS.EVENT,
    )  # fmt: skip
    contexts = simulator.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax not in extra]
