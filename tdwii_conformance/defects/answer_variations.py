"""Variations of what a TMS answers: responses of C-FIND and N-GET, character sets, times, statuses."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile import load_catalogue
from ..profile.statuses import is_warning
from ..profile.ups_tables import NO_UPS, attribute_rows
from ..ups import Outcome
from ..ups.datasets import plain
from . import cells, queries
from .answers import gives_uid
from .deviations import Variation
from .hooks import Around, around, change_response, on_find_responses, on_outcome, on_responses, set_command
from .tms import N_ACTION
from .variations import C_FIND, PENDING, PENDING_UNSUPPORTED, SUCCESS, one, variation

__all__ = ["forgets_ended", "optional_keys"]


@variation.rows
def _rows_of_answers() -> Iterator[Variation]:
    yield one(
        "filtered-refused", "Has no filtered global subscriptions: C307", lambda tms: tms.refuse_filtered(), "CC.2.3.3",
        ("filtered-subscription",),
    )  # fmt: skip


@variation("find-ff01-optional-keys-unsupported", "Supports no optional matching key, and says so with FF01", "CC.2.8.4")
def _ff01(tms: Any) -> None:
    optional = set(optional_keys(attribute_rows()))

    now = threading.local()  # an association is served by one thread

    def change(here: queries.Path, key: Any) -> Any:
        now.asked = getattr(now, "asked", False) or here in optional
        return queries.compares(key, None) if here in optional and key.fits else key

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        now.asked = False
        return original(identifier, **named)

    queries.on_keys(tms, change)
    around(tms, "find", find)

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == PENDING and getattr(now, "asked", False):
            set_command(message.command_set, Status=PENDING_UNSUPPORTED)

    on_responses(tms, C_FIND, sent)


def optional_keys(rows: Any, around_: str = "R", path: queries.Path = ()) -> Iterator[queries.Path]:
    """Yield the paths of the optional matching keys."""
    for row in rows.values():
        match = around_ if row.match == "*" or (path and around_ in ("O", "-")) else row.match
        if row.vr == "SQ":
            yield from optional_keys(row.items, match, (*path, row.keyword))
        elif match == "O":
            yield (*path, row.keyword)


@variation("find-in-reverse-order", "Returns matches in the opposite order", "CC.2.8.3")
def _reversed(tms: Any) -> None:
    on_find_responses(tms, lambda responses, identifier: iter(list(responses)[::-1]))


def _shown(change: Callable[[Dataset, Sequence[Any]], None], tms: Any) -> None:
    """Let `change` alter what N-GET shows; it gets the tags asked for."""

    def get(outcome: Outcome, event: Any) -> Outcome:
        if outcome.dataset is None:
            return outcome
        shown = plain(outcome.dataset)
        if character_set := outcome.dataset.get("SpecificCharacterSet"):
            shown.SpecificCharacterSet = character_set
        change(shown, event.attribute_identifiers or ())
        return replace(outcome, dataset=shown)

    on_outcome(tms, "get", get)


def _found(change: Callable[[Dataset], None], tms: Any) -> None:
    def changed(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        for response in responses:
            for element in response.iterall():
                _ = element.value
            change(response)
            yield response

    on_find_responses(tms, changed)


@variation("create-without-uid-assigned", "Gives a UID to what an N-CREATE without one makes, and names it", "PS3.7 10.1.5")
def _gives_uid(tms: Any) -> None:
    gives_uid("named", tms)


@variation("n-action-response-without-action", "Sends no Action Type ID in the response to N-ACTION", "PS3.7 10.1.4")
def _without_action(tms: Any) -> None:
    change_response(tms, N_ACTION, ActionTypeID=None)


@variation("get-with-private", "Has private attributes in N-GET of all attributes", "PS3.5 7.8")
def _with_private(tms: Any) -> None:
    def add(shown: Dataset, tags: Sequence[Any]) -> None:
        if not tags:
            shown.private_block(0x0099, "TDWII VARIATION", create=True).add_new(0x01, "LO", "private")

    _shown(add, tms)


@variation("get-with-extra", "Has attributes beyond the table in N-GET of all attributes", "CC.2.7.3")
def _with_extra(tms: Any) -> None:
    def add(shown: Dataset, tags: Sequence[Any]) -> None:
        if not tags:
            shown.InstitutionName, shown.PatientComments = "Clinic", "beyond the table"

    _shown(add, tms)


@variation(
    "answers-in-utf-8",
    "Answers in ISO_IR 192, whatever the text",
    "CC.2.8.1.3.2",
    given=("ISO_IR 192",),
)
def _character_set(name: str, tms: Any) -> None:
    _shown(lambda shown, tags: setattr(shown, "SpecificCharacterSet", name), tms)
    _found(lambda response: setattr(response, "SpecificCharacterSet", name), tms)


@variation("answers-name-ascii", "Names ISO_IR 100 also for text of the default repertoire", "PS3.3 C.12.1.1.2")
def _names_latin(tms: Any) -> None:
    def name(dataset: Dataset) -> None:
        if "SpecificCharacterSet" not in dataset:
            dataset.SpecificCharacterSet = "ISO_IR 100"

    _shown(lambda shown, tags: name(shown), tms)
    _found(name, tms)


@variation("sequences-of-undefined-length", "Encodes sequences and items with undefined length", "PS3.5 7.5")
def _undefined_length(tms: Any) -> None:
    def undefine(dataset: Dataset) -> None:
        for element in dataset:
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value or ():
                    item.is_undefined_length_sequence_item = True
                    undefine(item)

    _shown(lambda shown, tags: undefine(shown), tms)
    _found(undefine, tms)


@variation.rows
def _rows_of_date_times() -> Iterator[Variation]:
    yield one(
        "date-times-with-offset",
        "Shows date-times with their offset from UTC",
        lambda tms: _date_times(f"{datetime.now().astimezone():%z}", tms),
        "PS3.5 6.2",
    )


@variation("date-times-with-fractions", "Shows date-times with a fraction of a second", "PS3.5 6.2", given=(".000000",))
def _date_times(suffix: str, tms: Any) -> None:
    def lengthen(dataset: Dataset) -> None:
        for element in dataset.iterall():
            if element.VR == "DT" and re.fullmatch(r"\d{14}", str(element.value)):
                element.value = f"{element.value}{suffix}"

    _shown(lambda shown, tags: lengthen(shown), tms)
    _found(lengthen, tms)


@variation("modification-time-without-fraction", "Gives its times without fraction and offset", "PS3.5 6.2")
def _coarse_time(tms: Any) -> None:
    around(tms.worklist, "timestamp", lambda original: original()[:14])


@variation("modification-time-in-utc", "Gives its times in UTC, with offset", "PS3.5 6.2")
def _utc_time(tms: Any) -> None:
    around(tms.worklist, "timestamp", lambda original: f"{datetime.now(UTC):%Y%m%d%H%M%S.%f}+0000")


@variation("lock-refused", "Grants subscriptions without the deletion lock that was asked for: B301", "CC.2.3.4")
def _no_locks(tms: Any) -> None:
    def subscribe(original: Around, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        outcome: Outcome = original(uid, receiver, False, keys)
        return replace(outcome, status=0xB301) if lock and outcome.status == SUCCESS else outcome

    around(tms.worklist, "subscribe", subscribe)


@variation("create-modified", "Creates every UPS with another Scheduled Procedure Step Priority: B300", "CC.2.5.4")
def _b300(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        if attributes.get("ScheduledProcedureStepPriority") in ("LOW", "MEDIUM", "HIGH"):
            attributes.ScheduledProcedureStepPriority = "LOW"
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0xB300) if outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


@variation(
    "create-names-in-all-groups",
    "Keeps every patient's name in all three component groups: B300",
    "CC.2.5.4; PS3.5 6.2.1.2",
)
def _all_groups(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        name = str(attributes.get("PatientName") or "")
        coerced = bool(name) and "=" not in name
        if coerced:
            attributes.PatientName = f"{name}={name}={name}"
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0xB300) if coerced and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


@variation("set-coerced", "Coerces a label that is set, and says so: B305", "CC.2.6.4")
def _b305(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        label = modification.get("ProcedureStepLabel")
        coerced = isinstance(label, str) and bool(label) and not label.startswith("[")
        if coerced:
            modification.ProcedureStepLabel = f"[{label}]"[:64]
        outcome: Outcome = original(uid, modification)
        return replace(outcome, status=0xB305) if coerced and outcome.status == SUCCESS else outcome

    around(tms.worklist, "set", perform)


@variation("ended-not-kept", "Keeps no UPS in a final state without deletion lock", "CC.2.7.3")
def forgets_ended(tms: Any) -> None:
    """Keep no UPS in a final state, so that they become unknown."""
    tms.worklist.retain(0.0)


@variation("timezone-in-responses", "Has Timezone Offset From UTC in responses", "CC.2.8.1.3.2")
def _timezone(tms: Any) -> None:
    def zone(dataset: Dataset) -> None:
        if not any(element.VR in ("DT", "TM", "DA") for element in dataset.iterall()):
            dataset.TimezoneOffsetFromUTC = "+0000"

    _found(zone, tms)


@variation("get-type-2-left-out", "Leaves attributes without value out of N-GET", "CC.2.7.3")
def _no_empty(tms: Any) -> None:
    rows = attribute_rows()

    def leave_out(shown: Dataset, tags: Sequence[Any]) -> None:
        for element in list(shown):
            row = rows.get(element.keyword)
            if element.is_empty and row is not None and row.get == "2" and row.create not in ("1", "2"):
                del shown[element.tag]

    _shown(leave_out, tms)


# Where many cells are one situation, which a system hardly tells apart, one of them shows what is tolerated.
ALIKE = {
    "unknown UPS", "UPS that is there already", "change to SCHEDULED",
    "end without Transaction UID of a UPS that nobody has claimed",
}  # fmt: skip


@variation.rows
def _rows_of_statuses() -> Iterator[Variation]:
    catalogue = load_catalogue()
    found = [(r.id, *r.cell) for r in catalogue.cells("CC.1.1") if r.cell is not None]
    found += [(identifier, event, state) for (event, state), identifier in cells.SETTING.items()]
    shown: set[str] = set()
    for identifier, event, state in found:
        requirement = catalogue[identifier]
        own = cells.status(event, state)
        tolerated = () if requirement.situation in shown else requirement.warnings
        shown |= {requirement.situation} & ALIKE
        for status in (*requirement.statuses, *tolerated):
            if (
                (state == NO_UPS and event.endswith(cells.WITHOUT))
                or status in (own, SUCCESS)
                or (status >> 12 == 0xB and own >> 12 != 0xB and not requirement.cell)
            ):
                continue
            where = f"{event}, {'a UPS that does not exist' if state == NO_UPS else f'a UPS that is {state}'}"
            # A warning says that it was done.
            done = own == SUCCESS and is_warning(status)
            yield one(
                f"{cells.base(event, state)}-answers-{status:04x}", f"{where}: answers {status:04X}",
                partial(cells.install, event, state, cells.done_with(status) if done else cells.answer(status)), requirement.source,
            )  # fmt: skip


@variation("unknown-ups-0112", "Answers 0112 wherever a UPS is not known", "A14")
def _general_unknown(tms: Any) -> None:
    for method in ("set", "get", "action"):
        on_outcome(tms, method, lambda outcome, *given: replace(outcome, status=0x0112) if outcome.status == 0xC307 else outcome)
