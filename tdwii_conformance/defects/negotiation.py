"""Defects of association negotiation, extended negotiation of worklists [PS3.4 K.5.1], and of Verification."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt, sop_class
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from ..profile.ups_service import UPS
from . import queries
from .deviations import Defect, Rows
from .hooks import abort
from .tms import defect as of_a_tms

__all__ = ["defect"]

FAILURE = 0x0110
ABSTRACT_REFUSED, SYNTAX_REFUSED = 3, 4
ACTORS = ("TMS", "OST")
REFUSED: dict[str, tuple[tuple[str, str, str, tuple[str, ...]], ...]] = {
    "TMS": (
        ("push", "UPS Push", UPS.PUSH, ("NEG-TMS-003",)),
        ("move", "Study Root MOVE", sop_class.StudyRootQueryRetrieveInformationModelMove, ("NEG-TMS-004",)),
        ("watch", "UPS Watch", UPS.WATCH, ("NEG-TMS-012",)),
        ("query", "UPS Query", UPS.QUERY, ("NEG-TMS-013",)),
        ("pull", "UPS Pull", UPS.PULL, ("NEG-TMS-002",)),
    ),
    "OST": (
        ("move", "Study Root MOVE", sop_class.StudyRootQueryRetrieveInformationModelMove, ("NEG-OST-002",)),
        ("records", "RT Beams Treatment Record Storage", sop_class.RTBeamsTreatmentRecordStorage, ("NEG-OST-003",)),
        (
            "ion-records",
            "RT Ion Beams Treatment Record Storage",
            sop_class.RTIonBeamsTreatmentRecordStorage,
            ("NEG-OST-004",),
        ),
    ),
}


def of_servers(
    name: str, sentence: str, apply: Callable[[Any], None], *requirements: str, actors: Iterable[str] = ACTORS
) -> Iterator[Defect]:
    """Yield a defect for each of those who are called; a requirement is of the one it is for: ``NEG-*-001``."""
    for actor in actors:
        violated = tuple(requirement.replace("*", actor) for requirement in requirements)
        yield Defect(f"{actor.lower()}-{name}", sentence, actor, apply, violated)


defect = Rows(of_servers)


@defect("echo-fails", "Answers C-ECHO with failure", "NEG-*-001", given=(evt.EVT_C_ECHO, FAILURE))
def _answer(kind: Any, status: int, simulator: Any) -> None:
    simulator.server.wrap_handler(kind, lambda handler, event: status)


@defect.rows
def _one_for_each_class() -> Iterator[Defect]:
    for actor in ACTORS:
        for name, words, syntax, requirements in REFUSED[actor]:
            refuse = partial(_refuse, (syntax,))
            yield from of_servers(f"{name}-refused", f"Does not accept {words}", refuse, *requirements, actors=(actor,))


@defect("verification-refused", "Does not accept Verification", "NEG-*-001", given=((sop_class.Verification,),))
def _refuse(syntaxes: tuple[str, ...], simulator: Any) -> None:
    contexts = simulator.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax not in syntaxes]


@defect("implicit-vr-refused", "Does not accept Implicit VR Little Endian", "NEG-*-005", given=(ImplicitVRLittleEndian,))
@defect("explicit-vr-refused", "Does not accept Explicit VR Little Endian", "NEG-*-006", given=(ExplicitVRLittleEndian,))
def _refuse_syntax(syntax: str, simulator: Any) -> None:
    for context in simulator.server.contexts:
        context.transfer_syntax = [one for one in context.transfer_syntax if one != syntax] or context.transfer_syntax


def _on_acceptance(simulator: Any, change: Callable[[Any, Any], None]) -> None:
    """Let `change` (A-ASSOCIATE primitive, association) alter the acceptance before it goes out."""

    def sent(event: Any) -> None:
        primitive = event.primitive
        if type(primitive).__name__ == "A_ASSOCIATE" and primitive.result == 0x00:
            change(primitive, event.assoc)

    simulator.server.add_handler(evt.EVT_ACSE_SENT, sent)


@defect(
    "unknown-class-refuses-all",
    "Refuses all contexts when one has an abstract syntax it does not know",
    "NEG-*-007",
    given=(ABSTRACT_REFUSED,),
)
@defect(
    "unknown-syntax-refuses-all", "Refuses all contexts when one has no transfer syntax it knows", "NEG-*-008",
    given=(SYNTAX_REFUSED,),
)  # fmt: skip
def _refuse_all(reason: int, simulator: Any) -> None:
    def refuse(primitive: Any, association: Any) -> None:
        results = primitive.presentation_context_definition_results_list
        if any(context.result == reason for context in results) and any(context.result == 0x00 for context in results):
            for context in results:
                context.result = reason

    _on_acceptance(simulator, refuse)


@defect("unknown-classes-abort", "Aborts the association when nothing proposed is known", "NEG-*-009")
def _abort_unknown(simulator: Any) -> None:
    def unknown(primitive: Any, association: Any) -> None:
        if all(context.result for context in primitive.presentation_context_definition_results_list):
            abort(association)

    _on_acceptance(simulator, unknown)


@defect("syntax-not-proposed", "Accepts contexts with a transfer syntax that was not proposed", "NEG-*-010")
def _other_syntax(simulator: Any) -> None:
    def other(primitive: Any, association: Any) -> None:
        proposed = {c.context_id: c for c in association.requestor.primitive.presentation_context_definition_list}
        for context in primitive.presentation_context_definition_results_list:
            only = proposed[context.context_id].transfer_syntax
            if context.result == 0x00 and list(only) == [ExplicitVRLittleEndian]:
                context.transfer_syntax = [ImplicitVRLittleEndian]

    _on_acceptance(simulator, other)


@defect("release-unanswered", "Does not answer A-RELEASE", "NEG-*-011")
def _no_release(simulator: Any) -> None:
    def requested(event: Any) -> None:
        event.assoc.acse.send_release = lambda is_response=False: None

    simulator.server.add_handler(evt.EVT_ESTABLISHED, requested)


# --- SOP Class Extended Negotiation of a worklist [PS3.4 K.5.1] ---------------------------------------------------------


@of_a_tms("extended-aborts", "Aborts an association with extended negotiation", "CC32-TMS-001")
def _abort_extended(simulator: Any) -> None:
    _on_acceptance(simulator, lambda primitive, association: abort(association) if _proposed(association) else None)


@of_a_tms("extended-finds-nothing", "Finds nothing on an association with extended negotiation", "CC32-TMS-002", "CC32-TMS-010")
def _find_nothing(simulator: Any) -> None:
    simulator.server.wrap_handler(evt.EVT_C_FIND, lambda handler, event: iter(()) if _proposed(event.assoc) else handler(event))


def _proposed(association: Any) -> bool:
    return bool(association.requestor.sop_class_extended)


@of_a_tms("extended-unasked", "Answers extended negotiation for a class for which none was proposed", "CC32-TMS-003")
def _unasked(simulator: Any) -> None:
    push = UPS.PUSH
    simulator.server.wrap_handler(evt.EVT_SOP_EXTENDED, lambda handler, event: {**handler(event), push: b"\1\1\0"})


@of_a_tms("extended-twice", "Answers extended negotiation twice for a class", "CC32-TMS-003")
def _twice(simulator: Any) -> None:
    def double(primitive: Any, association: Any) -> None:
        answered = [item for item in primitive.user_information if isinstance(item, SOPClassExtendedNegotiation)]
        primitive.user_information.extend(answered)

    _on_acceptance(simulator, double)


def _answering(change: Callable[[bytes, bytes], bytes], simulator: Any) -> None:
    """Let `change` (proposed, answer) make another answer to the extended negotiation of a class."""

    def answer(handler: Callable[[Any], dict[str, bytes]], event: Any) -> dict[str, bytes]:
        asked = event.app_info
        return {uid: change(asked[uid], given) if uid in asked else given for uid, given in handler(event).items()}

    simulator.server.wrap_handler(evt.EVT_SOP_EXTENDED, answer)


@of_a_tms("extended-too-long", "Answers extended negotiation with a byte too many", "CC32-TMS-004", through=_answering)
def _too_long(proposed: bytes, answer: bytes) -> bytes:
    return answer + b"\0"


@of_a_tms("extended-too-short", "Answers extended negotiation with the reserved bytes alone", "CC32-TMS-004", through=_answering)
def _too_short(proposed: bytes, answer: bytes) -> bytes:
    return answer[:2]


@of_a_tms("extended-not-asked-for", "Accepts fuzzy semantic matching where it was turned off", "CC32-TMS-005", through=_answering)
def _not_asked_for(proposed: bytes, answer: bytes) -> bytes:
    return answer[:2] + bytes([1 - proposed[2]]) + answer[3:]


@of_a_tms("extended-neither-0-nor-1", "Answers fuzzy semantic matching with 255", "CC32-TMS-005", through=_answering)
def _neither(proposed: bytes, answer: bytes) -> bytes:
    return answer[:2] + b"\xff" + answer[3:]


@of_a_tms("extended-reserved-2", "Answers the reserved bytes of extended negotiation with 2", "CC32-TMS-006", through=_answering)
def _reserved_two(proposed: bytes, answer: bytes) -> bytes:
    return b"\2\2" + answer[2:]


@of_a_tms("extended-names-by-sound", "Takes names that sound alike for the same, negotiated or not", "CC32-TMS-009")
def _by_sound(simulator: Any) -> None:
    def change(here: queries.Path, key: Any) -> Any:
        if here != ("PatientName",) or not key.wanted:
            return key
        fits, names = key.fits, {_sound(name) for name in key.wanted}
        return queries.compares(key, lambda value, zone: fits(value, zone) or _sound(value) in names)

    queries.on_keys(simulator, change)


def _sound(name: str) -> str:
    return re.sub(r"(.)\1+", r"\1", name.casefold())


@of_a_tms("extended-timezone-not-adjusted", "Accepts timezone query adjustment and does not adjust", "CC32-TMS-010", "CC32-TMS-011")
def _not_adjusted(simulator: Any) -> None:
    def query(identifier: Any) -> Any:
        if "TimezoneOffsetFromUTC" in identifier:
            del identifier.TimezoneOffsetFromUTC
        return identifier

    queries.on_query(simulator, query)
