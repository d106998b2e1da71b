"""Who is told what [CC.2.3, CC.2.4]: global, filtered and single subscriptions of several AEs, locks, deletion."""

from datetime import UTC, datetime, timedelta

import pytest
from ups_samples import LOCK, item, workitem

from tdwii_conformance.ups import MemoryStore, SQLiteStore, Worklist
from tdwii_conformance.ups.subscriptions import FILTERED, GLOBAL

A, B, C = "WATCHER-A", "WATCHER-B", "WATCHER-C"
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, ASSIGNED = 1, 2, 3, 5
KEEP = timedelta(hours=1)


class Bench:
    """A worklist, and what it has told whom."""

    def __init__(self, store=None, retention=None):
        self.time = datetime(2026, 3, 2, 10, tzinfo=UTC)
        self.told = []
        self.worklist = Worklist(store, lambda: self.time, self.publish, retention)

    def publish(self, event, receivers):
        state = event.attributes.get("ProcedureStepState")
        self.told += [(receiver, event.uid, event.type, state) for receiver in receivers]

    def news(self):
        told, self.told = self.told, []
        return told

    def create(self, uid, **changes):
        assert self.worklist.create(uid, workitem(**changes)).status == 0

    def cancel(self, uid):
        assert self.worklist.request_cancel(uid, None, "CONSOLE").status == 0


@pytest.fixture
def bench():
    return Bench()


def created(receiver, uid):
    """What a new UPS tells a receiver: its state, and at which station it is [CC.2.4.3]."""
    return [(receiver, uid, STATE_REPORT, "SCHEDULED"), (receiver, uid, ASSIGNED, None)]


def test_nobody_subscribed_nobody_told(bench):
    bench.create("1.1")
    bench.cancel("1.1")
    assert bench.news() == []


def test_single_subscription_tells_of_that_ups(bench):
    bench.create("1.1")
    bench.create("1.2")
    assert bench.worklist.subscribe("1.1", A, False).status == 0
    assert bench.news() == [(A, "1.1", STATE_REPORT, "SCHEDULED")]
    bench.worklist.change_state("1.2", "IN PROGRESS", LOCK)
    assert bench.news() == []
    bench.worklist.change_state("1.1", "IN PROGRESS", LOCK)
    assert bench.news() == [(A, "1.1", STATE_REPORT, "IN PROGRESS")]


def test_global_with_lock_tells_of_what_is_there_and_what_comes(bench):
    bench.create("1.1")
    bench.worklist.subscribe(GLOBAL, A, True)
    assert bench.news() == [(A, "1.1", STATE_REPORT, "SCHEDULED")]
    bench.create("1.2")
    assert bench.news() == created(A, "1.2")


def test_unsubscribing_globally_ends_single_subscriptions_too(bench):
    bench.create("1.1")
    bench.worklist.subscribe("1.1", A, False)
    bench.worklist.subscribe(GLOBAL, A, False)
    bench.worklist.unsubscribe(GLOBAL, A)
    bench.news()
    bench.create("1.2")
    bench.cancel("1.1")
    assert bench.news() == []


def test_suspending_keeps_what_is_subscribed(bench):
    bench.create("1.1")
    bench.worklist.subscribe(GLOBAL, A, False)
    bench.news()
    assert bench.worklist.suspend(GLOBAL, A).status == 0
    bench.create("1.2")
    assert bench.news() == []
    bench.worklist.change_state("1.1", "IN PROGRESS", LOCK)
    assert bench.news() == [(A, "1.1", STATE_REPORT, "IN PROGRESS")]


def test_one_receiver_is_not_the_other(bench):
    bench.create("1.1")
    for receiver in (A, B):
        bench.worklist.subscribe("1.1", receiver, False)
    bench.worklist.unsubscribe("1.1", A)
    bench.news()
    bench.worklist.change_state("1.1", "IN PROGRESS", LOCK)
    assert bench.news() == [(B, "1.1", STATE_REPORT, "IN PROGRESS")]


def test_receivers_are_told_in_the_order_of_the_changes(bench):
    for receiver in (A, B):
        bench.worklist.subscribe(GLOBAL, receiver, True)
    bench.create("1.1")
    bench.cancel("1.1")
    states = [("1.1", STATE_REPORT, state) for state in ("SCHEDULED", "IN PROGRESS", "CANCELED")]
    told = bench.news()
    for receiver in (A, B):
        assert [(uid, kind, state) for to, uid, kind, state in told if to == receiver and kind == STATE_REPORT] == states


# --- filtered -----------------------------------------------------------------------------------------------------------


def test_filter_decides_what_is_told(bench):
    bench.create("1.1", WorklistLabel="Linac 1")
    bench.create("1.2", WorklistLabel="Linac 2")
    assert bench.worklist.subscribe(FILTERED, A, True, item(WorklistLabel="Linac 1")).status == 0
    assert bench.news() == [(A, "1.1", STATE_REPORT, "SCHEDULED")]
    bench.create("1.3", WorklistLabel="Linac 1")
    bench.create("1.4", WorklistLabel="Linac 2")
    assert bench.news() == created(A, "1.3")


def test_filter_with_a_wild_card_and_a_sequence(bench):
    keys = item(WorklistLabel="Lin*", ScheduledStationNameCodeSequence=[item(CodeValue="LINAC1")])
    bench.worklist.subscribe(FILTERED, A, False, keys)
    bench.create("1.1")
    bench.create("1.2", WorklistLabel="Tomo")
    assert bench.news() == created(A, "1.1")


def test_a_second_filter_adds(bench):
    bench.worklist.subscribe(FILTERED, A, False, item(WorklistLabel="Linac 1"))
    bench.worklist.subscribe(FILTERED, A, False, item(WorklistLabel="Linac 2"))
    for number in (1, 2, 3):
        bench.create(f"1.{number}", WorklistLabel=f"Linac {number}")
    assert [told[1] for told in bench.news()] == ["1.1", "1.1", "1.2", "1.2"]


def test_a_filter_that_is_none_is_refused(bench):
    refused = bench.worklist.subscribe(FILTERED, A, False, item(PatientBirthDate="yesterday"))
    assert refused.status == 0x0115
    assert "PatientBirthDate is no DA" in refused.comment
    bench.create("1.1")
    assert bench.news() == []


# --- refused ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["subscribe", "unsubscribe", "suspend"])
def test_an_unknown_ups(bench, operation):
    more = (False,) if operation == "subscribe" else ()
    assert getattr(bench.worklist, operation)("1.9", A, *more).status == 0xC307


def test_a_single_subscription_cannot_be_suspended(bench):
    bench.create("1.1")
    bench.worklist.subscribe("1.1", A, False)
    assert bench.worklist.suspend("1.1", A).status not in (0x0000, 0xC307)


# --- locks, deletion, restart ---------------------------------------------------------------------------------------------


def there(bench, uid):
    return bench.worklist.get(uid).status == 0


def test_what_is_done_goes_after_its_time(bench):
    bench = Bench(retention=KEEP)
    bench.create("1.1")
    bench.create("1.2")
    bench.cancel("1.1")
    bench.time += KEEP - timedelta(seconds=1)
    assert there(bench, "1.1")
    bench.time += timedelta(seconds=2)
    assert not there(bench, "1.1")
    assert there(bench, "1.2")


def test_a_deletion_lock_keeps_it(bench):
    bench = Bench(retention=KEEP)
    bench.create("1.1")
    bench.worklist.subscribe("1.1", A, True)
    bench.worklist.subscribe("1.1", B, True)
    bench.cancel("1.1")
    bench.time += 2 * KEEP
    assert there(bench, "1.1")
    bench.worklist.subscribe("1.1", A, False)  # without lock: it is given up
    assert there(bench, "1.1")
    bench.worklist.unsubscribe("1.1", B)
    assert not there(bench, "1.1")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "worklist.sqlite"


def test_subscriptions_are_there_after_a_restart(file):
    first = Bench(SQLiteStore(file))
    first.create("1.1")
    first.worklist.subscribe("1.1", A, True)
    first.worklist.subscribe(GLOBAL, B, False)
    first.worklist.subscribe(FILTERED, C, False, item(WorklistLabel="Linac 1"))
    first.worklist.close()
    second = Bench(SQLiteStore(file))
    assert set(second.worklist.subscribers()) == {A, B, C}
    second.create("1.2")
    assert sorted({told[0] for told in second.news()}) == [B, C]
    second.cancel("1.1")
    assert {told[0] for told in second.news()} == {A, B, C}
    second.worklist.close()


def test_a_store_says_whether_it_was_there_before(file):
    assert (Worklist(MemoryStore()).known, Worklist(MemoryStore()).kept) == (False, False)
    first = Worklist(SQLiteStore(file))
    assert (first.known, first.kept) == (False, True)
    first.close()
    second = Worklist(SQLiteStore(file))
    assert second.known
    second.close()
