"""Variations: what a conformant system may do as well, and what no test may mind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import PYDICOM_ROOT_UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt, sop_class

from ..dimse.client import contexts_of
from ..profile import load_catalogue
from ..profile.statuses import is_warning
from ..profile.ups_service import ASSIGNED, CANCEL_REQUESTED, PROGRESS_REPORT, STATUS_CHANGE, UPS
from ..profile.ups_tables import GLOBAL_STATES, NO_UPS, SUBSCRIPTION_STATES, attribute_rows
from ..ups import FILTERED, GLOBAL, Event, IdentifierError, Outcome
from ..ups.datasets import plain, without
from ..ups.matching import strings
from ..ups.subscriptions import Effect
from ..ups.worklist import SUBSCRIPTION
from . import cells, queries, state_changes
from .deviations import Variation
from .hooks import Around, Told, around, on_events, on_find_responses, on_outcome, on_responses, send_in_pieces, set_command

__all__ = ["variations"]

SUCCESS, PENDING, PENDING_UNSUPPORTED = 0x0000, 0xFF00, 0xFF01
C_FIND, C_MOVE = 0x8020, 0x8021
PROGRESS = "ProcedureStepProgressInformationSequence"
REASONS = "ProcedureStepDiscontinuationReasonCodeSequence"
_, WITH_LOCK, WITHOUT_LOCK = SUBSCRIPTION_STATES
NO_GLOBAL = GLOBAL_STATES[0]

Apply = Callable[[Any], None]


def variations() -> Iterator[Variation]:
    """Yield all variations."""
    for actor in ("TMS", "OST"):
        yield from _of_the_wire(actor)
    yield from _of_answers()
    yield from _of_events()
    yield from _of_subscriptions()
    yield from _of_statuses()
    yield from _of_readings()


def one(
    name: str, sentence: str, apply: Apply, source: str, unsupported: tuple[str, ...] = (), subject: tuple[str, ...] = ()
) -> Variation:
    """Return a variation of the TMS."""
    return Variation(name, sentence, "TMS", apply, source, unsupported, subject)


# --- the wire ------------------------------------------------------------------------------------------------------------


def _of_the_wire(actor: str) -> Iterator[Variation]:
    def wire(name: str, sentence: str, apply: Apply, source: str) -> Variation:
        kind = next((word for word in ("pdus", "-vr-") if word in name), name)
        return Variation(f"{actor.lower()}-{name}", sentence, actor, apply, source, subject=(actor, kind))

    yield wire("pdus-unlimited", "Announces no maximum length of a PDU", partial(_maximum_length, 0), "PS3.8 D.1")
    yield wire("pdus-4-kb", "Announces a maximum length of 4 kB of a PDU", partial(_maximum_length, 4096), "PS3.8 D.1")
    yield wire("pdus-1-mb", "Announces a maximum length of 1 MB of a PDU", partial(_maximum_length, 1 << 20), "PS3.8 D.1")
    yield wire("responses-in-pieces", "Sends messages in many small PDUs", partial(_fragments, 256), "PS3.8 9.3.1, E.2")
    yield wire("bytes-in-pieces", "Sends PDUs a few bytes at a time", _trickle, "TCP")
    yield wire("asynchronous-window", "Answers the proposal of an asynchronous operations window", _window, "PS3.7 D.3.3.3")
    yield wire("implicit-vr-only", "Accepts Implicit VR Little Endian only", partial(_only, ImplicitVRLittleEndian), "PS3.5 10.1")
    yield wire("explicit-vr-first", "Prefers Explicit VR Little Endian", partial(_prefers, ExplicitVRLittleEndian), "PS3.5 10.1")
    yield wire("implicit-vr-first", "Prefers Implicit VR Little Endian", partial(_prefers, ImplicitVRLittleEndian), "PS3.5 10.1")
    yield wire("move-without-pending", "Sends no pending responses to C-MOVE", _no_pending, "PS3.4 C.4.2.3.1")
    yield wire("implementation-of-64-characters", "Names its implementation by a UID of 64 characters", _long_name, "PS3.5 9.1")
    yield wire("extra-contexts-refused", "Refuses presentation contexts beyond what is needed", _needed_only, "PS3.8 9.3.3")


def _maximum_length(length: int, simulator: Any) -> None:
    simulator.server.maximum_length = length


def _long_name(simulator: Any) -> None:
    simulator.server.implementation_class_uid = f"{PYDICOM_ROOT_UID}{'1' * 38}"


def _on_established(simulator: Any, change: Callable[[Any], None]) -> None:
    simulator.server.add_handler(evt.EVT_ESTABLISHED, lambda event: change(event.assoc))


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


def _trickle(simulator: Any) -> None:
    _on_established(simulator, send_in_pieces)


def _window(simulator: Any) -> None:
    simulator.server.add_handler(evt.EVT_ASYNC_OPS, lambda event: (1, 1))


def _only(syntax: str, simulator: Any) -> None:
    for context in simulator.server.contexts:
        if syntax in context.transfer_syntax:
            context.transfer_syntax = [syntax]


def _prefers(syntax: str, simulator: Any) -> None:
    for context in simulator.server.contexts:
        if syntax in context.transfer_syntax:
            context.transfer_syntax = [syntax, *(other for other in context.transfer_syntax if other != syntax)]


def _no_pending(simulator: Any) -> None:
    def quiet(association: Any) -> None:
        def send(original: Around, primitive: Any, context_id: int) -> None:
            if type(primitive).__name__ != "C_MOVE" or primitive.Status != PENDING:
                original(primitive, context_id)

        around(association.dimse, "send_msg", send)

    _on_established(simulator, quiet)


def _needed_only(simulator: Any) -> None:
    extra = (
        sop_class.StudyRootQueryRetrieveInformationModelFind, sop_class.StudyRootQueryRetrieveInformationModelGet,
        sop_class.CTImageStorage, sop_class.MRImageStorage, UPS.EVENT,
    )  # fmt: skip
    contexts = simulator.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax not in extra]


# --- answers -------------------------------------------------------------------------------------------------------------


def _of_answers() -> Iterator[Variation]:
    yield one(
        "find-ff01-optional-keys-unsupported",
        "Supports no optional matching key, and says so with FF01",
        _ff01,
        "CC.2.8.4",
        subject=("keys",),
    )
    yield one("find-in-reverse-order", "Returns matches in the opposite order", _reversed, "CC.2.8.3")
    yield one("get-with-private", "Has private attributes in N-GET of all attributes", _with_private, "PS3.5 7.8")
    yield one("get-with-extra", "Has attributes beyond the table in N-GET of all attributes", _with_extra, "CC.2.7.3")
    yield one(
        "answers-in-utf-8",
        "Answers in ISO_IR 192, whatever the text",
        partial(_character_set, "ISO_IR 192"),
        "CC.2.8.1.3.2",
        subject=("character set",),
    )
    yield one(
        "answers-name-ascii",
        "Names ISO_IR 100 also for text of the default repertoire",
        _names_latin,
        "PS3.3 C.12.1.1.2",
        subject=("character set",),
    )
    yield one("sequences-of-undefined-length", "Encodes sequences and items with undefined length", _undefined_length, "PS3.5 7.5")
    yield one(
        "date-times-with-fractions",
        "Shows date-times with a fraction of a second",
        partial(_date_times, ".000000"),
        "PS3.5 6.2",
        subject=("time",),
    )
    yield one(
        "date-times-with-offset",
        "Shows date-times with their offset from UTC",
        lambda tms: _date_times(f"{datetime.now().astimezone():%z}", tms),
        "PS3.5 6.2",
        subject=("time",),
    )
    yield one(
        "modification-time-without-fraction",
        "Gives its times without fraction and offset",
        _coarse_time,
        "PS3.5 6.2",
        subject=("time",),
    )
    yield one("modification-time-in-utc", "Gives its times in UTC, with offset", _utc_time, "PS3.5 6.2", subject=("time",))
    yield one("lock-refused", "Grants subscriptions without the deletion lock that was asked for: B301", _no_locks, "CC.2.3.4")
    yield one(
        "filtered-refused", "Has no filtered global subscriptions: C307", lambda tms: tms.refuse_filtered(), "CC.2.3.3",
        ("filtered-subscription",),
    )  # fmt: skip
    yield one(
        "create-modified",
        "Creates every UPS with another Scheduled Procedure Step Priority: B300",
        _b300,
        "CC.2.5.4",
        subject=("creation",),
    )
    yield one(
        "create-names-in-all-groups", "Keeps every patient's name in all three component groups: B300", _all_groups, "CC.2.5.4; PS3.5 6.2.1.2",
        subject=("creation",),
    )  # fmt: skip
    yield one("set-coerced", "Coerces a label that is set, and says so: B305", _b305, "CC.2.6.4", subject=("modification",))
    yield one(
        "ended-not-kept", "Keeps no UPS in a final state without deletion lock", _forgets_ended, "CC.2.7.3", subject=("unknown",)
    )
    yield one("timezone-in-responses", "Has Timezone Offset From UTC in responses", _timezone, "CC.2.8.1.3.2")
    yield one("get-type-2-left-out", "Leaves attributes without value out of N-GET", _no_empty, "CC.2.7.3")


def _ff01(tms: Any) -> None:
    optional = set(_optional(attribute_rows()))

    def change(here: queries.Path, key: Any) -> Any:
        return queries.compares(key, None) if here in optional and key.fits else key

    queries.on_keys(tms, change)

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == PENDING:
            set_command(message.command_set, Status=PENDING_UNSUPPORTED)

    on_responses(tms, C_FIND, sent)


def _optional(rows: Any, around_: str = "R", path: queries.Path = ()) -> Iterator[queries.Path]:
    for row in rows.values():
        match = around_ if row.match == "*" or (path and around_ in ("O", "-")) else row.match
        if row.vr == "SQ":
            yield from _optional(row.items, match, (*path, row.keyword))
        elif match == "O":
            yield (*path, row.keyword)


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


def _with_private(tms: Any) -> None:
    def add(shown: Dataset, tags: Sequence[Any]) -> None:
        if not tags:
            shown.private_block(0x0099, "TDWII VARIATION", create=True).add_new(0x01, "LO", "private")

    _shown(add, tms)


def _with_extra(tms: Any) -> None:
    def add(shown: Dataset, tags: Sequence[Any]) -> None:
        if not tags:
            shown.InstitutionName, shown.PatientComments = "Clinic", "beyond the table"

    _shown(add, tms)


def _character_set(name: str, tms: Any) -> None:
    _shown(lambda shown, tags: setattr(shown, "SpecificCharacterSet", name), tms)
    _found(lambda response: setattr(response, "SpecificCharacterSet", name), tms)


def _names_latin(tms: Any) -> None:
    def name(dataset: Dataset) -> None:
        if "SpecificCharacterSet" not in dataset:
            dataset.SpecificCharacterSet = "ISO_IR 100"

    _shown(lambda shown, tags: name(shown), tms)
    _found(name, tms)


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


def _date_times(suffix: str, tms: Any) -> None:
    def lengthen(dataset: Dataset) -> None:
        for element in dataset.iterall():
            if element.VR == "DT" and re.fullmatch(r"\d{14}", str(element.value)):
                element.value = f"{element.value}{suffix}"

    _shown(lambda shown, tags: lengthen(shown), tms)
    _found(lengthen, tms)


def _coarse_time(tms: Any) -> None:
    around(tms.worklist, "timestamp", lambda original: original()[:14])


def _utc_time(tms: Any) -> None:
    around(tms.worklist, "timestamp", lambda original: f"{datetime.now(UTC):%Y%m%d%H%M%S.%f}+0000")


def _no_locks(tms: Any) -> None:
    def subscribe(original: Around, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        outcome: Outcome = original(uid, receiver, False, keys)
        return replace(outcome, status=0xB301) if lock and outcome.status == SUCCESS else outcome

    around(tms.worklist, "subscribe", subscribe)


def _b300(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        if attributes.get("ScheduledProcedureStepPriority") in ("LOW", "MEDIUM", "HIGH"):
            attributes.ScheduledProcedureStepPriority = "LOW"
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0xB300) if outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


def _all_groups(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        name = str(attributes.get("PatientName") or "")
        coerced = bool(name) and "=" not in name
        if coerced:
            attributes.PatientName = f"{name}={name}={name}"
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0xB300) if coerced and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


def _b305(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        label = modification.get("ProcedureStepLabel")
        coerced = isinstance(label, str) and bool(label) and not label.startswith("[")
        if coerced:
            modification.ProcedureStepLabel = f"[{label}]"[:64]
        outcome: Outcome = original(uid, modification)
        return replace(outcome, status=0xB305) if coerced and outcome.status == SUCCESS else outcome

    around(tms.worklist, "set", perform)


def _forgets_ended(tms: Any) -> None:
    tms.worklist.retain(0.0)


def _timezone(tms: Any) -> None:
    def zone(dataset: Dataset) -> None:
        if not any(element.VR in ("DT", "TM", "DA") for element in dataset.iterall()):
            dataset.TimezoneOffsetFromUTC = "+0000"

    _found(zone, tms)


def _no_empty(tms: Any) -> None:
    rows = attribute_rows()

    def leave_out(shown: Dataset, tags: Sequence[Any]) -> None:
        for element in list(shown):
            row = rows.get(element.keyword)
            if element.is_empty and row is not None and row.get == "2" and row.create not in ("1", "2"):
                del shown[element.tag]

    _shown(leave_out, tms)


# --- event reports -------------------------------------------------------------------------------------------------------


def _of_events() -> Iterator[Variation]:
    yield one("events-each-on-its-association", "Opens an association for every event report", _association_each, "CC.2.4.3")
    yield one("events-without-role-selection", "Proposes no SCP role for UPS Event", _no_role, "CC.2.4.3")
    yield one("events-of-progress-parameters-not", "Reports no change of Progress Parameters alone", _no_parameters, "A20")
    yield one("events-performer-in-sequence", "Tells the performer in Scheduled Human Performers Sequence", _performer_nested, "A8")
    yield one("events-cancel-requested-when-scheduled", "Reports a request to cancel a SCHEDULED UPS too", _request_reported, "A9")
    yield one("events-cancel-requested-without-code", "Reports a request to cancel without the reason code", _no_reason_code, "A9")
    yield one("events-cold-started", "Says COLD STARTED for COLD START", _cold_started, "A10")
    yield one("events-status-change-own-instance", "Names an instance of its own in SCP Status Change", _own_instance, "A2")
    yield one("events-initial-for-every-ups", "Sends initial events of a global subscription for every UPS", _initial_for_all, "A6")
    yield one("events-no-going-down", "Does not report that it is going down", _no_going_down, "CC.2.4.3")
    yield one("events-with-extra", "Has attributes beyond the table in event reports", _extra_information, "CC.2.4.2")


def _association_each(tms: Any) -> None:
    def connect(original: Around, receiver: str) -> Any:
        link = original(receiver)

        def report(send: Around, *given: Any) -> Any:
            exchange = send(*given)
            link.close()
            return exchange

        around(link, "n_event_report", report)
        return link

    around(tms.reporter, "connect", connect)


def _no_role(tms: Any) -> None:
    tms.reporter.propose_role = False


def _no_parameters(tms: Any) -> None:
    def without_parameters(event: Event, receivers: Sequence[str]) -> Iterator[Told]:
        items = event.attributes.get(PROGRESS) if event.type == PROGRESS_REPORT else None
        if not items:
            yield event, receivers
            return
        told = plain(event.attributes)
        item = told[PROGRESS].value[0]
        without(item, ("ProcedureStepProgressParametersSequence",))
        seen = last.get(event.uid)
        last[event.uid] = item
        if seen is None or seen != item:
            yield replace(event, attributes=told), receivers

    last: dict[str, Dataset] = {}
    on_events(tms, without_parameters)


def _changed_event(tms: Any, kind: int, change: Callable[[Dataset, Any], Dataset | None]) -> None:
    def changed(event: Event, receivers: Sequence[str]) -> Iterator[Told]:
        if event.type == kind:
            told = plain(event.attributes)
            event = replace(event, attributes=change(told, tms.worklist.store.get(event.uid)) or told)
        yield event, receivers

    on_events(tms, changed)


def _performer_nested(tms: Any) -> None:
    def nest(told: Dataset, record: Any) -> None:
        performers = record.attributes.get("ScheduledHumanPerformersSequence") if record is not None else None
        if performers:
            without(told, ("HumanPerformerCodeSequence", "HumanPerformerOrganization"))
            told.ScheduledHumanPerformersSequence = list(plain(record.attributes).ScheduledHumanPerformersSequence)

    _changed_event(tms, ASSIGNED, nest)


def _request_reported(tms: Any) -> None:
    def request(original: Around, uid: str, information: Dataset | None, sender: str) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and record.state == "SCHEDULED" and (receivers := tms.worklist.subscriptions.of(uid)):
            told = Dataset()
            told.RequestingAE = sender
            tms.reporter.post(Event(CANCEL_REQUESTED, uid, told), receivers)
        outcome: Outcome = original(uid, information, sender)
        return outcome

    around(tms.worklist, "request_cancel", request)


def _no_reason_code(tms: Any) -> None:
    _changed_event(tms, CANCEL_REQUESTED, lambda told, record: without(told, (REASONS,)))


def _cold_started(tms: Any) -> None:
    def started(told: Dataset, record: Any) -> None:
        for keyword in ("SubscriptionListStatus", "UnifiedProcedureStepListStatus"):
            if told.get(keyword) == "COLD START":
                setattr(told, keyword, "COLD STARTED")

    _changed_event(tms, STATUS_CHANGE, started)


def _own_instance(tms: Any) -> None:
    on_events(tms, lambda event, receivers: iter([
        (replace(event, uid="1.2.826.0.1.3680043.2.1143.1") if event.type == STATUS_CHANGE else event, receivers)
    ]))  # fmt: skip


def _initial_for_all(tms: Any) -> None:
    def cell(original: Around, event: str, state: str) -> Any:
        found = original(event, state)
        return replace(found, initial_event=True) if event == "subscribe globally with lock" else found

    around(tms.worklist.subscriptions, "cell", cell)


def _no_going_down(tms: Any) -> None:
    def kept(event: Event, receivers: Sequence[str]) -> Iterator[Told]:
        if event.attributes.get("SCPStatus") != "GOING DOWN":
            yield event, receivers

    on_events(tms, kept)


def _extra_information(tms: Any) -> None:
    def extra(event: Event, receivers: Sequence[str]) -> Iterator[Told]:
        told = plain(event.attributes)
        told.private_block(0x0099, "TDWII VARIATION", create=True).add_new(0x01, "LO", "private")
        yield replace(event, attributes=told), receivers

    on_events(tms, extra)


# --- subscriptions -------------------------------------------------------------------------------------------------------


def _of_subscriptions() -> Iterator[Variation]:
    yield one("subscribe-keys-refused", "Refuses match keys in a subscription that is not filtered: 0115", _keys_refused, "A5")
    yield one("subscribe-keys-applied", "Takes a global subscription with match keys for a filtered one", _keys_applied, "A5")
    yield one(
        "subscribe-without-lock-releases",
        "Lets a global subscription without lock release the locks of the AE; keeps no UPS in a final state without lock",
        _releases,
        "A21",
        subject=("unknown",),
    )
    yield one("filter-creation-not-reported", "Reports no creation by a filtered global subscription", _changes_only, "A7")
    yield one("filter-not-ended", "Ends filtered global subscriptions with the plain one only", _filter_stays, "A7")
    yield one("filter-replaced", "Replaces a filtered global subscription by a later one", _filter_replaced, "A7")


def _keys_refused(tms: Any) -> None:
    _keys_given(tms, lambda subscribe, uid, receiver, lock, keys: Outcome(0x0115))


def _keys_applied(tms: Any) -> None:
    def filtered(subscribe: Around, uid: str, receiver: str, lock: bool, keys: Dataset) -> Outcome:
        outcome: Outcome = subscribe(FILTERED if uid == GLOBAL else uid, receiver, lock, keys)
        return outcome

    _keys_given(tms, filtered)


def _keys_given(tms: Any, instead: Callable[..., Outcome]) -> None:
    """Let `instead` do what a subscription with match keys that is not filtered asks for."""

    def subscribe(original: Around, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        given = keys is not None and uid != FILTERED and any(element.keyword not in SUBSCRIPTION for element in keys)
        outcome: Outcome = instead(original, uid, receiver, lock, keys) if given else original(uid, receiver, lock, keys)
        return outcome

    around(tms.worklist, "subscribe", subscribe)


def _releases(tms: Any) -> None:
    def cell(original: Around, event: str, state: str) -> Any:
        found = original(event, state)
        return replace(found, state=WITHOUT_LOCK) if (event, state) == ("subscribe globally w/o lock", WITH_LOCK) else found

    around(tms.worklist.subscriptions, "cell", cell)
    _forgets_ended(tms)


def _changes_only(tms: Any) -> None:
    def created(original: Around, uid: str, fits: Callable[[bytes], bool]) -> Effect:
        effect: Effect = original(uid, fits)
        subscriptions = tms.worklist.subscriptions
        plainly = [(ae, of) for ae, of in effect.initial_events if subscriptions.global_state(ae) != NO_GLOBAL]
        return replace(effect, initial_events=plainly)

    around(tms.worklist.subscriptions, "created", created)


def _filter_stays(tms: Any) -> None:
    around(tms.worklist.subscriptions, "unsubscribe_filtered", lambda original, ae, fits: Effect())


def _filter_replaced(tms: Any) -> None:
    def subscribe(original: Around, ae: str, lock: bool, uids: Any, keys: bytes | None = None) -> Effect:
        effect: Effect = original(ae, lock, uids, keys)
        earlier = tms.worklist.subscriptions.suspend(ae, filtered_only=True).ended if keys is not None else []
        return replace(effect, ended=[*effect.ended, *earlier])

    around(tms.worklist.subscriptions, "subscribe_globally", subscribe)


# --- other statuses, for every cell that allows some ----------------------------------------------------------------------


def _of_statuses() -> Iterator[Variation]:
    catalogue = load_catalogue()
    found = [(r.id, *r.cell) for r in catalogue.cells("CC.1.1") if r.cell is not None]
    found += [(identifier, event, state) for (event, state), identifier in cells.SETTING.items()]
    for identifier, event, state in found:
        requirement = catalogue[identifier]
        own = cells.status(event, state)
        for status in (*requirement.statuses, *requirement.warnings):
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
                subject=(event, state),
            )  # fmt: skip
    yield one("unknown-ups-0112", "Answers 0112 wherever a UPS is not known", _general_unknown, "A14", subject=("unknown",))


def _general_unknown(tms: Any) -> None:
    for method in ("set", "get", "action"):
        on_outcome(tms, method, lambda outcome, *given: replace(outcome, status=0x0112) if outcome.status == 0xC307 else outcome)


# --- other readings ------------------------------------------------------------------------------------------------------


def _of_readings() -> Iterator[Variation]:
    yield one(
        "create-missing-filled", "Fills in what an N-CREATE lacks, and says so: B300", _fills_in, "CC.2.5.4", subject=("creation",)
    )
    yield one(
        "create-refuses-content-for-the-performer",
        "Refuses an N-CREATE that brings progress or a lock",
        _refuses_performer,
        "A19",
        subject=("creation",),
    )
    yield one(
        "create-ignores-content-for-the-performer",
        "Creates a UPS without the progress or lock that came along",
        _ignores_performer,
        "A19",
        subject=("creation",),
    )
    yield one(
        "create-optional-unsupported",
        "Does not keep optional attributes, and says so: 0001",
        _no_optional,
        "CC.2.5.4",
        subject=("creation",),
    )
    yield one("set-ignores-fixed", "Ignores in an N-SET what must not change", _ignores_fixed, "A19", subject=("modification",))
    yield one(
        "set-unsupported-refused",
        "Refuses N-SET of attributes that it need not support",
        _refuses_optional,
        "CC.2.6.4",
        subject=("modification",),
    )
    yield one("set-refuses-empty-sequences", "Refuses to empty a sequence", _refuses_empty, "CC.2.5.1.3", subject=("modification",))
    yield one(
        "set-of-scheduled-refused",
        "Refuses N-SET of a SCHEDULED UPS with C310",
        _scheduled_refused,
        "A11",
        subject=("modification",),
    )
    yield one("canceled-needs-a-reason", "Refuses CANCELED without a discontinuation reason: C304", _needs_reason, "A12")
    yield one(
        "find-nothing-by-empty-keys",
        "Finds nothing by a query that has only empty keys",
        _nothing_by_empty_keys,
        "A15",
        subject=("keys",),
    )
    yield one(
        "set-issuer-refused", "Refuses N-SET of an issuer in Other Patient IDs Sequence", _issuer_refused, "A18",
        subject=("modification",),
    )  # fmt: skip
    yield one(
        "set-issuer-ignored", "Stores no issuer that N-SET brings in Other Patient IDs Sequence", _issuer_ignored, "A18",
        subject=("modification",),
    )  # fmt: skip
    yield one(
        "find-unknown-matches", "Takes an attribute without value to match whatever is asked for", _unknown_matches, "A13",
        subject=("keys",),
    )  # fmt: skip
    yield one("find-no-lists-of-instances", "Takes the first of a list of SOP Instance UIDs", _first_uid, "A22")
    yield one(
        "find-all-items",
        "Returns all items of a sequence, not only those that match",
        _all_items,
        "CC.2.8.1.3.2",
        subject=("keys",),
    )
    yield one(
        "find-optional-keys-ignored", "Ignores optional keys, with FF00", _optional_ignored, "CC.2.8.1.3.1", subject=("keys",)
    )
    yield one(
        "find-performed-ignored", "Ignores keys in the Performed Procedure Sequence", _performed_ignored, "A23", subject=("keys",)
    )
    yield one(
        "find-no-key-refused", "Refuses values for what is no matching key", _no_key_refused, "PS3.4 C.2.2.2", subject=("keys",)
    )
    yield one("find-names-with-case", "Matches Patient's Name with regard to case", _names_with_case, "PS3.4 C.2.2.2.1")
    yield one("find-lock-refused", "Refuses a query with Transaction UID", _lock_key_refused, "CC.2.8.1.3")
    yield one("get-unsupported-said", "Answers 0107 when an attribute asked for is not kept", _says_unsupported, "PS3.7 10.1.2.1.4")
    yield one("another-class-taken", "Takes DIMSE-N messages that name UPS Pull or Watch", _takes_other_classes, "A1")
    yield one("extended-unanswered", "Does not answer extended negotiation", _extended(None), "PS3.4 K.5.1", subject=("extended",))
    yield one("extended-declined", "Turns down all it may of extended negotiation", _extended(b"\1\1\0\0"), "PS3.4 K.5.1",
              subject=("extended",))  # fmt: skip
    yield one("extended-three-bytes", "Answers three bytes to four of extended negotiation", _extended(b"\1\1\0"), "PS3.4 K.5.1",
              subject=("extended",))  # fmt: skip
    yield one("extended-fuzzy", "Accepts fuzzy semantic matching where it is proposed", _accepts_fuzzy, "PS3.4 K.5.1",
              subject=("extended",))  # fmt: skip
    yield one("accepts-ups-event", "Accepts UPS Event when a watcher opens the association", _accepts_event, "CC.2.4.3")
    yield one("move-refused-a702", "Answers A702 when the destination refuses the only instance", partial(_a702), "PS3.4 C.4.2.1.5")


def _fills_in(tms: Any) -> None:
    filled = {
        "ProcedureStepState": "SCHEDULED",
        "ScheduledProcedureStepPriority": "MEDIUM",
        "InputReadinessState": "READY",
        "ProcedureStepLabel": "Unnamed",
    }

    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        lacking = [keyword for keyword in filled if not attributes.get(keyword)]
        for keyword in lacking:
            setattr(attributes, keyword, filled[keyword])
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0xB300) if lacking and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


FOR_THE_PERFORMER = ("TransactionUID", PROGRESS, "UnifiedProcedureStepPerformedProcedureSequence")


def _refuses_performer(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        return Outcome(0x0106) if any(attributes.get(keyword) for keyword in FOR_THE_PERFORMER) else original(uid, attributes)

    around(tms.worklist, "create", create)


def _ignores_performer(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        for keyword in FOR_THE_PERFORMER:
            if attributes.get(keyword):
                setattr(attributes, keyword, None if keyword == "TransactionUID" else [])
        outcome: Outcome = original(uid, attributes)
        return outcome

    around(tms.worklist, "create", create)


OPTIONAL = ("SpecialNeeds", "PregnancyStatus", "MedicalAlerts", "OutputDestinationSequence")  # of type 3 for the SCU


def _no_optional(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        lost = [keyword for keyword in OPTIONAL if keyword in attributes]
        outcome: Outcome = original(uid, without(attributes, lost))
        return replace(outcome, status=0x0001) if lost and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


def _ignores_fixed(tms: Any) -> None:
    fixed = [k for k, row in attribute_rows().items() if row.set in ("not allowed", "special", "-") and k != "TransactionUID"]

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        outcome: Outcome = original(uid, without(modification, fixed))
        return outcome

    around(tms.worklist, "set", perform)


def _refuses_optional(tms: Any) -> None:
    rows = attribute_rows()
    optional = [k for k, r in rows.items() if r.set == "3" and r.set_scp in ("2", "3") and r.final not in ("P", "X")]

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        granted = record is not None and record.state == "IN PROGRESS" and modification.get("TransactionUID") == record.lock
        unsupported = granted and any(keyword in modification for keyword in optional)
        return Outcome(0x0105) if unsupported else original(uid, modification)

    around(tms.worklist, "set", perform)


def _refuses_empty(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        granted = record is not None and record.state == "IN PROGRESS" and modification.get("TransactionUID") == record.lock
        empty = granted and any(e.VR == "SQ" and e.is_empty and e.keyword != PROGRESS for e in modification)
        return Outcome(0x0121) if empty else original(uid, modification)

    around(tms.worklist, "set", perform)


def _scheduled_refused(tms: Any) -> None:
    cells.install("N-SET without one", "SCHEDULED", cells.answer(0xC310), tms)


def _needs_reason(tms: Any) -> None:
    def cancel(original: Around, record: Any, state: str, lock: str) -> Outcome | None:
        progress = record.attributes.get(PROGRESS)
        return None if progress and progress[0].get(REASONS) else Outcome(0xC304)

    state_changes.on_final(tms, cancel, "CANCELED")


def _nothing_by_empty_keys(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        return iter(()) if all(element.is_empty for element in identifier) else original(identifier, **named)

    around(tms, "find", find)


def _issuer_refused(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        others = modification.get("OtherPatientIDsSequence") or ()
        outcome: Outcome = Outcome(0x0106) if any(ISSUER in other for other in others) else original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


def _issuer_ignored(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        for other in modification.get("OtherPatientIDsSequence") or ():
            without(other, (ISSUER,))
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


ISSUER = "IssuerOfPatientID"


def _unknown_matches(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Iterator[Dataset]:
        return more(original, original(identifier, **named), identifier, named)  # what is wrong with the identifier is told at once

    def more(original: Around, responses: Iterator[Dataset], identifier: Dataset, named: Any) -> Iterator[Dataset]:
        asked = [element for element in plain(identifier) if not element.is_empty]
        uids = strings(identifier["SOPInstanceUID"]) if "SOPInstanceUID" in identifier else ()
        found = set()
        for response in responses:
            found.add(response.get("SOPInstanceUID"))
            yield response
        for record in tms.worklist.records():
            unknown = [e for e in asked if e.tag in record.attributes and record.attributes[e.tag].is_empty]
            if unknown and record.uid not in found and (not uids or record.uid in uids):
                for response in original(_for_one(identifier, record.uid, unknown), **named):
                    yield response if "SOPInstanceUID" in identifier else without(response, ("SOPInstanceUID",))

    around(tms, "find", find)


def _for_one(identifier: Dataset, uid: str, unknown: Sequence[Any]) -> Dataset:
    """Return the query for one UPS that leaves out what it has no values for."""
    query = plain(identifier)
    if character_set := identifier.get("SpecificCharacterSet"):
        query.SpecificCharacterSet = character_set
    for element in unknown:
        setattr(query, element.keyword, [] if element.VR == "SQ" else None)
    query.SOPInstanceUID = uid
    return query


def _first_uid(tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        if "SOPInstanceUID" in identifier and identifier["SOPInstanceUID"].VM > 1:
            identifier.SOPInstanceUID = identifier.SOPInstanceUID[0]
        return identifier

    queries.on_query(tms, query)


def _all_items(tms: Any) -> None:
    """Return the items that do not match beside those that do, with the attributes asked for."""

    def more(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        for response in responses:
            record = tms.worklist.store.get(str(response.get("SOPInstanceUID") or ""))
            for element in identifier:
                asked = element.value[0] if element.VR == "SQ" and element.value and len(element.value[0]) else None
                if asked is not None and record is not None and record.attributes.get(element.keyword):
                    items = [_part(item, asked) for item in plain(record.attributes)[element.keyword].value]
                    setattr(response, element.keyword, items)
            yield response

    on_find_responses(tms, more)


def _part(item: Dataset, asked: Dataset) -> Dataset:
    part = Dataset()
    for element in asked:
        if element.tag not in item:
            continue
        below = element.value[0] if element.VR == "SQ" and element.value and len(element.value[0]) else None
        if below is None:
            part[element.tag] = item[element.tag]
        else:
            setattr(part, element.keyword, [_part(one_, below) for one_ in item[element.tag].value or ()])
    return part


def _optional_ignored(tms: Any) -> None:
    optional = set(_optional(attribute_rows()))
    queries.on_keys(tms, lambda here, key: queries.compares(key, None) if here in optional and key.fits else key)


def _performed_ignored(tms: Any) -> None:
    performed = FOR_THE_PERFORMER[2]
    queries.on_keys(tms, lambda here, key: queries.compares(key, None) if here[0] == performed and key.fits else key)


def _no_key_refused(tms: Any) -> None:
    rows = attribute_rows()

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        strange = [e for e in identifier if not e.is_empty and (row := rows.get(e.keyword)) is not None and row.match == "-"]
        strange += [e for e in identifier if not e.is_empty and e.keyword == "Modality"]
        if any(e.VR != "SQ" or any(len(item) for item in e.value) for e in strange if e.keyword not in NEVER_KEYS):
            raise IdentifierError(0xA900, "not a matching key")
        return original(identifier, **named)

    around(tms, "find", find)


NEVER_KEYS = ("SpecificCharacterSet", "TimezoneOffsetFromUTC", "TransactionUID")


def _names_with_case(tms: Any) -> None:
    def change(here: queries.Path, key: Any) -> Any:
        if here != ("PatientName",) or key.fits is None:
            return key
        fits = key.fits
        return queries.compares(key, lambda value, zone: fits(value, zone))

    queries.on_keys(tms, change)


def _lock_key_refused(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        if "TransactionUID" in identifier:
            raise IdentifierError(0xA900, "Transaction UID is no key")
        return original(identifier, **named)

    around(tms, "find", find)


def _says_unsupported(tms: Any) -> None:
    rows = attribute_rows()

    def get(outcome: Outcome, event: Any) -> Outcome:
        unknown = any(keyword_for_tag(tag) not in rows for tag in event.attribute_identifiers or ())
        return replace(outcome, status=0x0107) if unknown and outcome.status == SUCCESS else outcome

    on_outcome(tms, "get", get)


def _takes_other_classes(tms: Any) -> None:
    push = UPS.PUSH

    def take(handler: Callable[[Any], Any], event: Any) -> Any:
        if event.request.RequestedSOPClassUID in (UPS.PULL, UPS.WATCH):
            event.request.RequestedSOPClassUID = push
        return handler(event)

    for kind in (evt.EVT_N_GET, evt.EVT_N_SET, evt.EVT_N_ACTION):
        tms.server.wrap_handler(kind, take)


def _extended(answer: bytes | None) -> Apply:
    """Return what answers extended negotiation with these bytes, no more than were proposed, or not at all."""

    def apply(tms: Any) -> None:
        def given(handler: Callable[[Any], dict[str, bytes]], event: Any) -> dict[str, bytes]:
            return {} if answer is None else {uid: answer[: len(event.app_info[uid])] for uid in handler(event)}

        tms.server.wrap_handler(evt.EVT_SOP_EXTENDED, given)

    return apply


def _accepts_fuzzy(tms: Any) -> None:
    # Fuzzy semantic matching may find more names, and need not: that it is accepted is all there is to see.
    def given(handler: Callable[[Any], dict[str, bytes]], event: Any) -> dict[str, bytes]:
        return {uid: ours[:2] + event.app_info[uid][2:3] + ours[3:] for uid, ours in handler(event).items()}

    tms.server.wrap_handler(evt.EVT_SOP_EXTENDED, given)


def _accepts_event(tms: Any) -> None:
    tms.server.contexts.extend(contexts_of([UPS.EVENT]))


def _a702(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == 0xB000 and not command.get("NumberOfCompletedSuboperations"):
            set_command(command, Status=0xA702)

    on_responses(tms, C_MOVE, sent)
