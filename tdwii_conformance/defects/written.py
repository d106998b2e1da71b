"""Defects and variations of how values are written, byte by byte [PS3.5 6.2]: of a TMS, a TDD and a watcher."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pynetdicom import evt
from pynetdicom.dsutils import encode

from ..transcript.exchange import read_raw
from .calling import ACTORS
from .deviations import Defect, Rows, Variation
from .hooks import on_links, on_responses
from .tms import N_GET, defect
from .variations import C_FIND, variation

Change = Callable[[str, bytes], bytes]  # VR and value, as they are to be sent, to another value
PADDED = ("AE", "CS", "DS", "IS", "LO", "SH", "PN")
SHORT = 10  # bytes of what stays legal with two spaces more


def of_callers(name: str, sentence: str, apply: Callable[[Any], None]) -> Iterator[Defect]:
    """Yield a defect of each of those who call; the name is without the actor."""
    for actor in ACTORS:
        yield Defect(f"{actor.lower()}-{name}", sentence, actor, apply, (f"NEG-{actor.upper()}-008",))


def variations_of_callers(name: str, sentence: str, apply: Callable[[Any], None], source: str) -> Iterator[Variation]:
    """Yield a variation of each of those who call; the name is without the actor."""
    for actor in ACTORS:
        yield Variation(f"{actor.lower()}-{name}", sentence, actor, apply, source)


caller_defect, caller_variation = Rows(of_callers), Rows(variations_of_callers)


def _rewrite(change: Change, message: Any, association: Any) -> None:
    """Let `change` alter the values of the data set that goes out with a message, but not those in its sequences."""
    context = association._accepted_cx.get(message.context_id)
    octets = message.data_set.getvalue() if message.data_set is not None else b""
    if context is None or not octets:
        return
    syntax = context.transfer_syntax[0]
    dataset = read_raw(octets, syntax)
    for element in list(dataset.elements()):
        if isinstance(element, RawDataElement) and element.value and not element.tag.is_private:
            value = change(str(element.VR or dictionary_VR(element.tag)), bytes(element.value))
            dataset._dict[element.tag] = element._replace(value=value, length=len(value))
    message.data_set = BytesIO(encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian) or b"")


def _answers(fields: Iterable[int], change: Change, tms: Any) -> None:
    for field in fields:
        on_responses(tms, field, lambda message, association: _rewrite(change, message, association))


def _requests(change: Change, simulator: Any) -> None:
    on_links(
        simulator, lambda link: link.add_handler(evt.EVT_DIMSE_SENT, lambda event: _rewrite(change, event.message, event.assoc))
    )


def _space_after_uids(vr: str, value: bytes) -> bytes:
    return value[:-1] + b" " if vr == "UI" and value.endswith(b"\0") else value + b"  " if vr == "UI" else value


def _nuls_after_text(vr: str, value: bytes) -> bytes:
    return value.rstrip(b" ") + b"\0" * (2 - len(value.rstrip(b" ")) % 2) if vr in ("LO", "SH", "PN") else value


def _spaces(vr: str, value: bytes) -> bytes:
    return value + b"  " if vr in PADDED and len(value) <= SHORT else value


@defect("find-uids-with-spaces", "Pads UIDs in C-FIND responses with spaces", "RO58-TMS-028", given=((C_FIND,), _space_after_uids))
@defect("find-text-with-nuls", "Pads text in C-FIND responses with NULs", "RO58-TMS-028", given=((C_FIND,), _nuls_after_text))
@defect("get-uids-with-spaces", "Pads UIDs in N-GET responses with spaces", "CC27-TMS-023", given=((N_GET,), _space_after_uids))
@defect("get-text-with-nuls", "Pads text in N-GET responses with NULs", "CC27-TMS-023", given=((N_GET,), _nuls_after_text))
@variation("values-with-spaces", "Pads short values with two spaces more", "PS3.5 6.2", given=((C_FIND, N_GET), _spaces))
def _of_a_tms(fields: Iterable[int], change: Change, tms: Any) -> None:
    _answers(fields, change, tms)


@caller_defect("uids-with-spaces", "Pads UIDs in its requests with spaces", given=(_space_after_uids,))
@caller_defect("text-with-nuls", "Pads text in its requests with NULs", given=(_nuls_after_text,))
@caller_variation("values-with-spaces", "Pads short values with two spaces more", "PS3.5 6.2", given=(_spaces,))
def _of_a_caller(change: Change, simulator: Any) -> None:
    _requests(change, simulator)
