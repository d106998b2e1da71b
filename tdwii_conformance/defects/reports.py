"""Defects of event reports [CC.2.4]: missing, doubled, for others, changed, out of order, too late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile import Requirement, load_catalogue
from ..profile.ups_service import ASSIGNED, CANCEL_REQUESTED, PROGRESS_REPORT, STATE_REPORT, STATUS_CHANGE, UPS
from ..ups import GLOBAL, Event
from ..ups.datasets import plain
from ..ups.states import FINAL
from .attributes import SHAPES, Edit, drop, edit, shapes, slug, violated
from .deviations import Defect
from .hooks import Around, Reported, around, change_event, on_events
from .tms import defect, one

__all__ = ["defects"]

PROGRESS = "ProcedureStepProgressInformationSequence"
MESSAGES = {
    "CC.2.4 UPS State Report": STATE_REPORT, "CC.2.4 UPS Cancel Requested": CANCEL_REQUESTED,
    "CC.2.4 UPS Progress Report": PROGRESS_REPORT, "CC.2.4 SCP Status Change": STATUS_CHANGE,
    "CC.2.4 UPS Assigned": ASSIGNED,
}  # fmt: skip
ANOTHER = "1.2.826.0.1.3680043.2.1143.9998"

Wanted = Callable[[Event], bool]


def defects() -> Iterator[Defect]:
    """Yield the defects of event reports."""
    yield from _attributes()
    yield from _missing()


# --- event information -------------------------------------------------------------------------------------------------


def _attributes() -> Iterator[Defect]:
    for message, kind in MESSAGES.items():
        rows = load_catalogue().attributes(message, "TMS")
        name = message.removeprefix("CC.2.4 ").removeprefix("UPS ").removeprefix("SCP ").replace(" ", "-").lower()
        for row in rows:
            for shape in shapes(row):
                how, words = SHAPES[shape]
                yield Defect(
                    f"event-{name}-{slug(row)}-{shape}",
                    f"In the event {message.removeprefix('CC.2.4 ')} {row.rule.text if row.rule else ''} {words}", "TMS",
                    partial(_edit, kind, row, how), tuple(violated(row, rows, shape)),
                )  # fmt: skip


def _edit(kind: int, row: Requirement, how: Edit, tms: Any) -> None:
    assert row.rule is not None
    change_event(tms, _of_type(kind), partial(edit, path=row.rule.path, how=how))


def _of_type(kind: int, **values: str) -> Wanted:
    return lambda event: event.type == kind and all(event.attributes.get(k) == v for k, v in values.items())


# --- whether they come -------------------------------------------------------------------------------------------------

SILENT: tuple[tuple[str, str, Wanted, tuple[str, ...]], ...] = (
    ("in-progress", "that a UPS went to IN PROGRESS", _of_type(STATE_REPORT, ProcedureStepState="IN PROGRESS"), ("CC24-TMS-002",)),
    ("completed", "that a UPS was completed", _of_type(STATE_REPORT, ProcedureStepState="COMPLETED"), ("CC24-TMS-002",)),
    ("canceled", "that a UPS was canceled", _of_type(STATE_REPORT, ProcedureStepState="CANCELED"), ("CC24-TMS-002",)),
    (
        "readiness", "that Input Readiness State changed", _of_type(STATE_REPORT, InputReadinessState="INCOMPLETE"),
        ("CC24-TMS-003",),
    ),
    ("cancel-request", "a request to cancel", _of_type(CANCEL_REQUESTED), ("CC24-TMS-005",)),
    ("progress", "progress", _of_type(PROGRESS_REPORT), ("CC24-TMS-007",)),
    ("assignment", "an assignment", _of_type(ASSIGNED), ("CC24-TMS-008", "CC24-TMS-009", "CC24-TMS-010", "CC24-TMS-026")),
    ("restart", "that it was restarted", _of_type(STATUS_CHANGE, SCPStatus="RESTARTED"), ("CC24-TMS-017", "CC24-TMS-033")),
)  # fmt: skip


def _missing() -> Iterator[Defect]:
    for name, what, wanted, requirements in SILENT:
        yield Defect(f"event-{name}-missing", f"Does not report {what}", "TMS", partial(_drop, wanted), requirements)
    yield Defect(
        "event-progress-description-missing", "Reports no change of the progress description alone", "TMS",
        partial(_drop, _about_only("ProcedureStepProgressDescription")), ("CC24-TMS-007",),
    )  # fmt: skip
    yield Defect(
        "event-progress-contact-missing", "Reports no change of the Communications URI alone", "TMS",
        partial(_drop, _about_only("ProcedureStepCommunicationsURISequence")), ("CC24-TMS-007",),
    )  # fmt: skip
    yield Defect(
        "event-assignment-of-performer-missing", "Does not report who is to perform a UPS", "TMS",
        partial(_drop, lambda event: event.type == ASSIGNED and "HumanPerformerCodeSequence" in event.attributes),
        ("CC24-TMS-010", "CC24-TMS-026"),
    )  # fmt: skip
    yield Defect("event-creation-missing", "Does not report a UPS that is created", "TMS", _drop_creation, ("CC24-TMS-001",))
    yield Defect(
        "event-assignment-by-creation-elsewhere", "Reports another station than the one for which a UPS is created", "TMS",
        _creation_elsewhere, ("CC24-TMS-027",),
    )  # fmt: skip


def _drop(wanted: Wanted, tms: Any) -> None:
    def kept(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if not wanted(event):
            yield event, receivers

    on_events(tms, kept)


def _about_only(keyword: str) -> Wanted:
    def only(event: Event) -> bool:
        items = list(event.attributes.get(PROGRESS) or ()) if event.type == PROGRESS_REPORT else []
        return bool(items) and [element.keyword for element in items[0]] == [keyword]

    return only


def _drop_creation(tms: Any) -> None:
    new = _being_created(tms)
    _drop(lambda event: event.type == STATE_REPORT and event.uid in new, tms)


def _creation_elsewhere(tms: Any) -> None:
    new = _being_created(tms)
    change_event(tms, lambda event: event.type == ASSIGNED and event.uid in new, _of_another_station)


def _of_another_station(information: Dataset) -> None:
    for code in information.get("ScheduledStationNameCodeSequence") or ():
        code.CodeValue = "ELSEWHERE"


def _being_created(tms: Any) -> list[str]:
    """Return the UPS that are being created: a list that is kept up to date."""

    def create(original: Around, uid: str, attributes: Dataset) -> Any:
        new.append(uid)
        try:
            return original(uid, attributes)
        finally:
            new.remove(uid)

    new: list[str] = []
    around(tms.worklist, "create", create)
    return new


# --- whom, in which order, of what -------------------------------------------------------------------------------------


@defect.rows
def _rows_of_other_uid() -> Iterator[Defect]:
    for name, kind, requirement in (
        ("state", STATE_REPORT, "CC24-TMS-011"),
        ("cancel-request", CANCEL_REQUESTED, "CC24-TMS-005"),  # not told of this UPS; -011 is then not judged
        ("progress", PROGRESS_REPORT, "CC24-TMS-011"),
    ):
        yield one(
            f"event-{name}-of-another-ups",
            f"Names another UPS in {name} reports",
            partial(_other_uid, kind),
            requirement,
        )


@defect(
    "event-status-change-of-nothing",
    "Names no valid SOP Instance UID in SCP Status Change",
    "CC24-TMS-019",
    given=(STATUS_CHANGE,),
    named={"uid": "0.0.not-a-uid"},
)
def _other_uid(kind: int, tms: Any, uid: str = ANOTHER) -> None:
    def changed(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        yield (replace(event, uid=uid) if event.type == kind else event), receivers

    on_events(tms, changed)


@defect("event-names-ups-event", "Names the SOP class UPS Event in event reports", "CC24-TMS-011")
def _event_class(tms: Any) -> None:
    def connect(original: Around, receiver: str) -> Any:
        link = original(receiver)
        around(link, "n_event_report", lambda send, *given: send(*given, sop_class=UPS.EVENT))
        return link

    around(tms.reporter, "connect", connect)


@defect("event-doubled", "Reports every event twice", "CC23-TMS-045")
def _twice(tms: Any) -> None:
    on_events(tms, lambda event, receivers: iter([(event, receivers), (event, receivers)]))


@defect(
    "event-readiness-late",
    "Reports a change of Input Readiness State only when there is something else to report",
    "CC24-TMS-003",
)
def _late(tms: Any) -> None:
    held: list[Reported] = []

    def later(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if event.type == STATE_REPORT and event.attributes.get("InputReadinessState") == "INCOMPLETE":
            held.append((event, receivers))
            return
        yield event, receivers
        while held:
            yield held.pop(0)

    on_events(tms, later)


@defect("event-order-swapped", "Sends progress and state reports in the opposite order of what happened", "CC24-TMS-012")
def _swapped(tms: Any) -> None:
    """Hold each progress report back until something else is told of that UPS."""
    held: dict[str, list[Reported]] = {}

    def swapped(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if event.type == PROGRESS_REPORT and not held.get(event.uid):
            held[event.uid] = [(event, receivers)]
            return
        yield event, receivers
        yield from held.pop(event.uid, ())

    on_events(tms, swapped)


@defect("event-to-one-receiver-only", "Tells of each event one of the subscribers only", "CC24-TMS-013")
def _first_receiver(tms: Any) -> None:
    on_events(tms, lambda event, receivers: iter([(event, receivers if event.type == STATUS_CHANGE else list(receivers)[:1])]))


@defect("event-to-strangers", "Tells every AE it knows, subscribed or not", "CC24-TMS-014")
def _everybody(tms: Any) -> None:
    def all_known(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        yield event, list(tms.reporter.known) if event.type != STATUS_CHANGE else receivers

    on_events(tms, all_known)
    # What nobody has subscribed to is told as well.
    around(tms.worklist.subscriptions, "of", lambda original, uid: original(uid) or tuple(tms.reporter.known))


@defect(
    "event-of-refused-claim", "Reports IN PROGRESS when it has refused a change of state", "CC24-TMS-004", "CC24-TMS-030",
    given=("change_state",),
)  # fmt: skip
@defect("event-of-refused-update", "Reports progress when it has refused an N-SET", "CC24-TMS-004", given=("set",))
def _of_refused(method: str, tms: Any) -> None:
    def perform(original: Around, uid: str, *given: Any) -> Any:
        outcome = original(uid, *given)
        if outcome.status and (receivers := tms.worklist.subscriptions.of(uid)):
            tms.reporter.post(_made_up(uid, STATE_REPORT if method == "change_state" else PROGRESS_REPORT), receivers)
        return outcome

    around(tms.worklist, method, perform)


@defect("event-of-what-is-done-already", "Reports a final state once more when it is asked for again", "CC24-TMS-030")
def _done_already(tms: Any) -> None:
    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Any:
        outcome = original(uid, state, transaction_uid)
        if outcome.status in (0xB304, 0xB306) and (receivers := tms.worklist.subscriptions.of(uid)):
            attributes = Dataset()
            attributes.ProcedureStepState, attributes.InputReadinessState = state, "READY"
            tms.reporter.post(Event(STATE_REPORT, uid, attributes), receivers)
        return outcome

    around(tms.worklist, "change_state", change_state)


def _made_up(uid: str, kind: int) -> Event:
    attributes = Dataset()
    if kind == STATE_REPORT:
        attributes.ProcedureStepState, attributes.InputReadinessState = "IN PROGRESS", "READY"
    else:
        progress = Dataset()
        progress.ProcedureStepProgress = "20"
        attributes.ProcedureStepProgressInformationSequence = [progress]
    return Event(kind, uid, attributes)


@defect("event-claim-of-canceled-missing", "Reports only CANCELED when a SCHEDULED UPS is canceled on request", "CC24-TMS-006")
def _no_claim_before_cancel(tms: Any) -> None:
    canceling: list[str] = []

    def request(original: Around, uid: str, *given: Any) -> Any:
        canceling.append(uid)
        try:
            return original(uid, *given)
        finally:
            canceling.remove(uid)

    around(tms.worklist, "request_cancel", request)
    _drop(lambda e: e.uid in canceling and e.attributes.get("ProcedureStepState") == "IN PROGRESS", tms)


def _initially(tms: Any, change: Callable[[Event], Event | None]) -> None:
    """Change, or leave out, the events that a subscription causes at once."""
    subscribing: list[str] = []

    def subscribe(original: Around, uid: str, *given: Any) -> Any:
        subscribing.append(uid)
        try:
            return original(uid, *given)
        finally:
            subscribing.pop()

    def changed(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        told = change(event) if subscribing and event.type == STATE_REPORT else event
        if told is not None:
            yield told, receivers

    around(tms.worklist, "subscribe", subscribe)
    on_events(tms, changed)


@defect("event-initial-always-scheduled", "Tells SCHEDULED in every initial event", "CC24-TMS-015")
def _initial_scheduled(tms: Any) -> None:
    def scheduled(event: Event) -> Event:
        attributes = plain(event.attributes)
        attributes.ProcedureStepState = "SCHEDULED"
        return replace(event, attributes=attributes)

    _initially(tms, scheduled)


@defect(
    "event-initial-not-for-ended",
    "Sends no initial event for a UPS in a final state to a new global subscriber",
    "CC24-TMS-016",
)
def _no_ended(tms: Any) -> None:
    def running(uids: Iterable[str]) -> list[str]:
        records = (tms.worklist.store.get(uid) for uid in uids)
        return [record.uid for record in records if record is not None and record.state not in FINAL]

    def subscribe(original: Around, ae: str, lock: bool, uids: Iterable[str], keys: bytes | None = None) -> Any:
        return original(ae, lock, running(uids), keys)

    around(tms.worklist.subscriptions, "subscribe_globally", subscribe)


@defect(
    "event-failure-ends-subscription",
    "Ends the subscriptions of an AE that answers an event report with failure",
    "CC24-TMS-021",
)
def _failure_unsubscribes(tms: Any) -> None:
    def connect(original: Around, receiver: str) -> Any:
        link = original(receiver)

        def report(send: Around, *given: Any) -> Any:
            exchange = send(*given)
            if exchange.status:
                tms.worklist.unsubscribe(GLOBAL, receiver)
            return exchange

        around(link, "n_event_report", report)
        return link

    around(tms.reporter, "connect", connect)


@defect("event-text-as-question-marks", "Replaces text beyond ASCII in event reports with question marks", "CC24-TMS-022")
def _question_marks(tms: Any) -> None:
    def ask(dataset: Dataset) -> None:
        for element in dataset.iterall():
            if element.VR not in ("SQ", "UI") and isinstance(element.value, str) and not element.value.isascii():
                element.value = element.value.encode("ascii", "replace").decode()

    change_event(tms, lambda event: True, ask)


@defect("event-character-set-missing", "Sends event reports in UTF-8 and does not say so", "CC24-TMS-022")
def _no_character_set(tms: Any) -> None:
    """Have text encoded as UTF-8 and read as Latin-1: what a receiver sees that is not told of a character set."""

    def misread(dataset: Dataset) -> None:
        for element in dataset.iterall():
            if element.VR not in ("SQ", "UI") and isinstance(element.value, str) and not element.value.isascii():
                element.value = element.value.encode().decode("latin-1")

    change_event(tms, lambda event: True, misread)


@defect("event-with-lock", "Tells the Transaction UID in UPS State Report", "CC24-TMS-104")
def _with_lock(tms: Any) -> None:
    def changed(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        record = tms.worklist.store.get(event.uid)
        if event.type == STATE_REPORT and record is not None and record.lock:
            attributes = plain(event.attributes)
            attributes.TransactionUID = record.lock
            event = replace(event, attributes=attributes)
        yield event, receivers

    on_events(tms, changed)


@defect(
    "event-performer-without-station",
    "Leaves the station out of UPS Assigned when there is a performer",
    "CC24-TMS-024",
)
def _no_station(tms: Any) -> None:
    def performed(event: Event) -> bool:
        return event.type == ASSIGNED and bool(event.attributes.get("HumanPerformerCodeSequence"))

    change_event(tms, performed, lambda told: drop(told, "ScheduledStationNameCodeSequence"))


@defect(
    "event-state-wrong",
    "Tells IN PROGRESS in every UPS State Report",
    "CC24-TMS-101",
    given=(
        "ProcedureStepState",
        "IN PROGRESS",
    ),
)
def _always(keyword: str, value: str, tms: Any) -> None:
    change_event(tms, _of_type(STATE_REPORT), lambda dataset: setattr(dataset, keyword, value))
