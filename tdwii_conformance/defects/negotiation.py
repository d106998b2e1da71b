"""Defects of association negotiation, extended negotiation of worklists [PS3.4 K.5.1], and of Verification."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt, sop_class
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from ..profile.ups_service import UPS
from . import queries
from .deviations import Defect
from .hooks import abort

__all__ = ["defects"]

FAILURE = 0x0110
ABSTRACT_REFUSED, SYNTAX_REFUSED = 3, 4
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


def defects() -> Iterator[Defect]:
    """Yield the defects of negotiation."""
    for actor in ("TMS", "OST"):
        yield from _of(actor)
    yield from _extended()


def _of(actor: str) -> Iterator[Defect]:
    def one(name: str, sentence: str, apply: Callable[[Any], None], *numbers: str) -> Defect:
        full = tuple(number if "-" in number else f"NEG-{actor}-{number}" for number in numbers)
        return Defect(f"{actor.lower()}-{name}", sentence, actor, apply, full)

    yield one("echo-fails", "Answers C-ECHO with failure", partial(_answer, evt.EVT_C_ECHO, FAILURE), "001")
    yield one("verification-refused", "Does not accept Verification", partial(_refuse, (sop_class.Verification,)), "001")
    for name, words, syntax, requirements in REFUSED[actor]:
        yield one(f"{name}-refused", f"Does not accept {words}", partial(_refuse, (syntax,)), *requirements)
    yield one(
        "implicit-vr-refused", "Does not accept Implicit VR Little Endian", partial(_refuse_syntax, ImplicitVRLittleEndian), "005"
    )
    yield one(
        "explicit-vr-refused", "Does not accept Explicit VR Little Endian", partial(_refuse_syntax, ExplicitVRLittleEndian), "006"
    )
    yield one("unknown-class-accepted", "Accepts abstract syntaxes it does not know", _accept_unknown, "007", "009")
    yield one(
        "unknown-class-refuses-all",
        "Refuses all contexts when one has an abstract syntax it does not know",
        partial(_refuse_all, ABSTRACT_REFUSED),
        "007",
    )
    yield one(
        "unknown-syntax-refuses-all",
        "Refuses all contexts when one has no transfer syntax it knows",
        partial(_refuse_all, SYNTAX_REFUSED),
        "008",
    )
    yield one("unknown-classes-abort", "Aborts the association when nothing proposed is known", _abort_unknown, "009")
    yield one("syntax-not-proposed", "Accepts contexts with a transfer syntax that was not proposed", _other_syntax, "010")
    yield one("release-unanswered", "Does not answer A-RELEASE", _no_release, "011")


def _answer(kind: Any, status: int, simulator: Any) -> None:
    simulator.server.wrap_handler(kind, lambda handler, event: status)


def _refuse(syntaxes: tuple[str, ...], simulator: Any) -> None:
    contexts = simulator.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax not in syntaxes]


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


def _accept_unknown(simulator: Any) -> None:
    def accept(primitive: Any, association: Any) -> None:
        proposed = {c.context_id: c for c in association.requestor.primitive.presentation_context_definition_list}
        for context in primitive.presentation_context_definition_results_list:
            if context.result == ABSTRACT_REFUSED:
                context.result = 0x00
                context.transfer_syntax = proposed[context.context_id].transfer_syntax[:1]

    _on_acceptance(simulator, accept)


def _refuse_all(reason: int, simulator: Any) -> None:
    def refuse(primitive: Any, association: Any) -> None:
        results = primitive.presentation_context_definition_results_list
        if any(context.result == reason for context in results) and any(context.result == 0x00 for context in results):
            for context in results:
                context.result = reason

    _on_acceptance(simulator, refuse)


def _abort_unknown(simulator: Any) -> None:
    def unknown(primitive: Any, association: Any) -> None:
        if all(context.result for context in primitive.presentation_context_definition_results_list):
            abort(association)

    _on_acceptance(simulator, unknown)


def _other_syntax(simulator: Any) -> None:
    def other(primitive: Any, association: Any) -> None:
        proposed = {c.context_id: c for c in association.requestor.primitive.presentation_context_definition_list}
        for context in primitive.presentation_context_definition_results_list:
            only = proposed[context.context_id].transfer_syntax
            if context.result == 0x00 and list(only) == [ExplicitVRLittleEndian]:
                context.transfer_syntax = [ImplicitVRLittleEndian]

    _on_acceptance(simulator, other)


def _no_release(simulator: Any) -> None:
    def requested(event: Any) -> None:
        event.assoc.acse.send_release = lambda is_response=False: None

    simulator.server.add_handler(evt.EVT_ESTABLISHED, requested)


# --- SOP Class Extended Negotiation of a worklist [PS3.4 K.5.1] ---------------------------------------------------------


def _extended() -> Iterator[Defect]:
    def one(name: str, sentence: str, apply: Callable[[Any], None], *numbers: str) -> Defect:
        return Defect(f"extended-{name}", sentence, "TMS", apply, tuple(f"CC32-TMS-{number}" for number in numbers))

    yield one("aborts", "Aborts an association with extended negotiation", _abort_extended, "001")
    yield one("finds-nothing", "Finds nothing on an association with extended negotiation", _find_nothing, "002", "010")
    yield one("unasked", "Answers extended negotiation for a class for which none was proposed", _unasked, "003")
    yield one("twice", "Answers extended negotiation twice for a class", _twice, "003")
    yield one("too-long", "Answers extended negotiation with a byte too many", partial(_answers, lambda p, g: g + b"\0"), "004")
    yield one("too-short", "Answers extended negotiation with the reserved bytes alone", partial(_answers, lambda p, g: g[:2]), "004")  # fmt: skip
    yield one("not-asked-for", "Accepts fuzzy semantic matching where it was turned off",
              partial(_answers, lambda p, g: g[:2] + bytes([1 - p[2]]) + g[3:]), "005")  # fmt: skip
    yield one("neither-0-nor-1", "Answers fuzzy semantic matching with 255",
              partial(_answers, lambda p, g: g[:2] + b"\xff" + g[3:]), "005")  # fmt: skip
    yield one("reserved-0", "Answers the reserved bytes of extended negotiation with 0",
              partial(_answers, lambda p, g: b"\0\0" + g[2:]), "006")  # fmt: skip
    yield one("names-by-sound", "Takes names that sound alike for the same, negotiated or not", _by_sound, "009")
    yield one("timezone-not-adjusted", "Accepts timezone query adjustment and does not adjust", _not_adjusted, "010", "011")


def _answers(change: Callable[[bytes, bytes], bytes], simulator: Any) -> None:
    """Let `change` (proposed, answer) make another answer to the extended negotiation of a class."""

    def answer(handler: Callable[[Any], dict[str, bytes]], event: Any) -> dict[str, bytes]:
        asked = event.app_info
        return {uid: change(asked[uid], given) if uid in asked else given for uid, given in handler(event).items()}

    simulator.server.wrap_handler(evt.EVT_SOP_EXTENDED, answer)


def _abort_extended(simulator: Any) -> None:
    _on_acceptance(simulator, lambda primitive, association: abort(association) if _proposed(association) else None)


def _proposed(association: Any) -> bool:
    return bool(association.requestor.sop_class_extended)


def _find_nothing(simulator: Any) -> None:
    simulator.server.wrap_handler(evt.EVT_C_FIND, lambda handler, event: iter(()) if _proposed(event.assoc) else handler(event))


def _unasked(simulator: Any) -> None:
    push = UPS.PUSH
    simulator.server.wrap_handler(evt.EVT_SOP_EXTENDED, lambda handler, event: {**handler(event), push: b"\1\1\0"})


def _twice(simulator: Any) -> None:
    def double(primitive: Any, association: Any) -> None:
        answered = [item for item in primitive.user_information if isinstance(item, SOPClassExtendedNegotiation)]
        primitive.user_information.extend(answered)

    _on_acceptance(simulator, double)


def _by_sound(simulator: Any) -> None:
    def change(here: queries.Path, key: Any) -> Any:
        if here != ("PatientName",) or not key.wanted:
            return key
        fits, names = key.fits, {_sound(name) for name in key.wanted}
        return queries.compares(key, lambda value, zone: fits(value, zone) or _sound(value) in names)

    queries.on_keys(simulator, change)


def _sound(name: str) -> str:
    return re.sub(r"(.)\1+", r"\1", name.casefold())


def _not_adjusted(simulator: Any) -> None:
    def query(identifier: Any) -> Any:
        if "TimezoneOffsetFromUTC" in identifier:
            del identifier.TimezoneOffsetFromUTC
        return identifier

    queries.on_query(simulator, query)
