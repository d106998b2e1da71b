"""Where a worklist is kept: both stores find what a scan would find, and SQLite's survives whatever ends the process."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from ups_samples import LOCK, code, item, performed, workitem

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.ups import MemoryStore, SQLiteStore, Worklist
from tdwii_conformance.ups.matching import keys_of, match
from tdwii_conformance.ups.records import Record
from tdwii_conformance.ups.store import AWAKE, Change
from tdwii_conformance.ups.subscriptions import FILTERED, GLOBAL, Subscription

UID = "1.2.3.1"
STATION, START = "ScheduledStationNameCodeSequence", "ScheduledProcedureStepStartDateTime"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "worklist.db"


# Asleep: all but one UPS are put away, and have to be decoded again.
KINDS = ["memory", "sqlite", "memory asleep", "sqlite asleep"]


@pytest.fixture(params=KINDS)
def opened(request, path):
    awake = 1 if request.param.endswith("asleep") else AWAKE
    store = MemoryStore(awake) if request.param.startswith("memory") else SQLiteStore(path, awake)
    yield store
    store.close()


@pytest.fixture
def worklist(opened):
    return Worklist(opened)


def found(worklist, **keys):
    return {str(one.SOPInstanceUID) for one in worklist.find(item(**{"SOPInstanceUID": None, **keys}))}


# Few values, so that they meet; some that are easily mistaken for each other.
IDS = ("P1", "p1", "P10", "P*", "P1 ")
NAMES = ("Doe^Jane", "DOE^JANE", "Doe", "Roe^Jörg", "")
CODES = ("A", "a", "A*", "B")
TIMES = ("2026", "20260302", "202603021030", "20260302103000+0100", "20260302093000.5-0500", "20270101")
RANGES = (*TIMES, "2026-", "-20260302", "20260301-20260302", "20260302000000-0500-20260303", "-2025")

workitems = st.fixed_dictionaries(
    {
        "PatientID": st.sampled_from(IDS),
        "PatientName": st.sampled_from(NAMES),
        STATION: st.lists(st.sampled_from(CODES), max_size=2).map(lambda codes: [code(one) for one in codes]),
        START: st.sampled_from(TIMES),
        "ScheduledProcedureStepPriority": st.sampled_from(("HIGH", "LOW")),
    },
    optional={"TimezoneOffsetFromUTC": st.sampled_from(("+0100", "-0500"))},
)
queries = st.fixed_dictionaries(
    {},
    optional={
        "PatientID": st.sampled_from((*IDS, "P?", "*1", "*")),
        "PatientName": st.sampled_from((*NAMES, "doe*", "*^J?r*")),
        STATION: st.sampled_from((*CODES, None)).map(lambda one: [item(CodeValue=one, CodeMeaning="never a key")]),
        START: st.sampled_from(RANGES),
        "ProcedureStepState": st.sampled_from(("SCHEDULED", "IN PROGRESS", "S*")),
        "SOPInstanceUID": st.lists(st.sampled_from([f"1.2.3.{n}" for n in range(4)]), max_size=3),
        "TimezoneOffsetFromUTC": st.sampled_from(("+0000", "+0100")),
    },
)


@settings(deadline=None, max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(workitems, min_size=1, max_size=6), st.lists(queries, min_size=1, max_size=6), st.data())
def test_a_find_from_indexes_finds_what_a_scan_finds(items, asked, data):
    worklist = Worklist(data.draw(st.sampled_from((MemoryStore, lambda: SQLiteStore(Path(":memory:")))))())
    for number, attributes in enumerate(items):
        assert worklist.create(f"1.2.3.{number}", workitem(**attributes)).status == 0
    # Changed ones must not be found as what they were.
    for number in range(len(items)):
        if data.draw(st.booleans()):
            worklist.set(f"1.2.3.{number}", item(**{STATION: [code("C")], START: "20250101"}))
        if data.draw(st.booleans()):
            worklist.change_state(f"1.2.3.{number}", "IN PROGRESS", LOCK)
    records = [worklist._store.get(f"1.2.3.{number}") for number in range(len(items))]
    for query in asked:
        keys = keys_of(item(**query), attribute_rows())
        scanned = [record.uid for record in records if match(keys, record.attributes, record.zone)]
        identifier = item(**{"SOPInstanceUID": None, **query})
        assert [str(one.SOPInstanceUID) for one in worklist.find(identifier)] == scanned


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        {"PatientID": "P77"}, {"SOPInstanceUID": "1.2.3.77"}, {STATION: [item(CodeValue="ST77")]}, {START: "20260302"},
        {"ProcedureStepState": "IN PROGRESS"}, {"PatientName": "doe77^*"}, {"InputReadinessState": "INCOMPLETE"},
        {"ScheduledWorkitemCodeSequence": [item(CodeValue="W77")]},
        {"ReferencedRequestSequence": [item(AccessionNumber="none")]},
    ],
    ids=lambda keys: next(iter(keys)),
)  # fmt: skip
def test_a_key_with_an_index_is_not_answered_by_a_scan(keys, big_worklist):
    looked_at = big_worklist._store.candidates(keys_of(item(**keys), attribute_rows()))
    assert len(looked_at) <= 1


@pytest.fixture(scope="module")
def big_worklist():
    worklist = Worklist()
    for number in range(120):
        created = workitem(
            PatientID=f"P{number}",
            PatientName=f"Doe{number}^Jane",
            **{
                STATION: [code(f"ST{number}")],
                START: "20260302" if number == 77 else "20260401",
                "ScheduledWorkitemCodeSequence": [code(f"W{number}")],
                "InputReadinessState": "INCOMPLETE" if number == 77 else "READY",
            },
        )
        worklist.create(f"1.2.3.{number}", created)
    worklist.change_state("1.2.3.77", "IN PROGRESS", LOCK)
    return worklist


@pytest.mark.slow
def test_many_threads_lose_nothing(worklist):
    failures = []

    def deliver(number):
        for turn in range(5):
            uid, lock = f"1.2.3.{number}.{turn}", f"1.2.4.{number}.{turn}"
            statuses = [
                worklist.create(uid, workitem(PatientID=uid)).status,
                worklist.change_state(uid, "IN PROGRESS", lock).status,
                worklist.set(uid, item(TransactionUID=lock, UnifiedProcedureStepPerformedProcedureSequence=[performed()])).status,
                worklist.change_state(uid, "COMPLETED", lock).status,
            ]
            if any(statuses) or found(worklist, PatientID=uid) != {uid}:
                failures.append((uid, statuses))

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(found(worklist, ProcedureStepState="COMPLETED")) == 40


def test_only_one_of_many_gets_a_workitem(worklist):
    worklist.create(UID, workitem())
    start = threading.Barrier(8)
    statuses = []

    def claim(number):
        start.wait(10)
        statuses.append(worklist.change_state(UID, "IN PROGRESS", f"1.2.4.{number}").status)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(statuses) == [0x0000] + [0xC301] * 7


DAYS = ("20260302", "20260303", "20260303", "20260310")


@pytest.fixture
def four(opened):
    """A store of four UPS: P0 to P3, at stations A, A and B, B, none; the times in DAYS."""
    stations = ([code("A")], [code("A"), code("B")], [code("B")], [])
    for number, (day, station) in enumerate(zip(DAYS, stations, strict=True)):
        attributes = item(PatientID=f"P{number}", ProcedureStepState="SCHEDULED", TimezoneOffsetFromUTC="+0000",
                          **{STATION: station, START: day})  # fmt: skip
        opened.commit(Change(Record(f"1.{9 - number}", attributes)))
    return opened


def left_by(store, **keys):
    identifier = item(TimezoneOffsetFromUTC="+0000", **keys)
    return [record.attributes.PatientID for record in store.candidates(keys_of(identifier, attribute_rows()))]


ALL = ["P0", "P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        ({}, ALL),
        ({"PatientID": None}, ALL),
        ({"PatientSex": "F"}, ALL),  # no index
        ({"PatientID": "P2"}, ["P2"]),
        ({"PatientID": "P9"}, []),
        ({"PatientID": "P?"}, ALL),
        ({"PatientID": "*2"}, ["P2"]),
        ({"SOPInstanceUID": None, "StudyInstanceUID": ["1.2", "1.3"]}, []),
        ({"PatientID": ["P3", "P0"]}, ["P0", "P3"]),
        ({STATION: [item(CodeValue="A")]}, ["P0", "P1"]),
        ({STATION: [item(CodeValue="B")]}, ["P1", "P2"]),
        ({STATION: [item(CodeMeaning="A")]}, ALL),
        ({STATION: []}, ALL),
        ({START: "20260303"}, ["P1", "P2"]),
        ({START: "20260303-"}, ["P1", "P2", "P3"]),
        ({START: "-20260303"}, ["P0", "P1", "P2"]),
        ({START: "20260304-20260309"}, []),
        ({START: ["20260302", "20260310"]}, ALL),
        # The most selective of several.
        ({"PatientID": "P1", START: "2026"}, ["P1"]),
        ({"ProcedureStepState": "SCHEDULED", START: "20260310"}, ["P3"]),
        ({"ProcedureStepState": "SCHEDULED", STATION: [item(CodeValue="A")]}, ["P0", "P1"]),
        ({"PatientID": "P*", START: "20260310"}, ["P3"]),
        ({"ProcedureStepState": "*ED", "PatientID": "P*"}, []),  # single value: no wild card
    ],
)
def test_what_the_indexes_leave(four, keys, left):
    assert left_by(four, **keys) == left


def test_a_change_is_found_as_what_it_is_and_in_its_place(four):
    changed = item(PatientID="P1", ProcedureStepState="SCHEDULED", TimezoneOffsetFromUTC="+0000", **{STATION: [code("B"), code("C")],
                   START: "20260304"})  # fmt: skip
    four.commit(Change(Record("1.8", changed, LOCK)))
    assert four.get("1.8").lock == LOCK
    assert left_by(four) == ALL
    assert left_by(four, **{STATION: [item(CodeValue="A")]}) == ["P0"]
    assert left_by(four, **{STATION: [item(CodeValue="B")]}) == ["P1", "P2"]
    assert left_by(four, **{STATION: [item(CodeValue="C")]}) == ["P1"]
    assert left_by(four, **{START: "20260303"}) == ["P2"]
    assert left_by(four, **{START: "20260303-20260304"}) == ["P1", "P2"]


def test_what_is_deleted_is_not_found(four):
    four.commit(Change(deleted="1.8"))
    four.commit(Change(deleted="1.8"))
    assert four.get("1.8") is None
    assert left_by(four) == ["P0", "P2", "P3"]
    assert left_by(four, PatientID="P1") == left_by(four, PatientID="*1") == []
    assert left_by(four, **{START: "20260303"}) == ["P2"]
    # The same UID again is the newest.
    four.commit(Change(Record("1.8", item(PatientID="P1", ProcedureStepState="SCHEDULED"))))
    assert left_by(four) == ["P0", "P2", "P3", "P1"]


# SQLite


def test_all_that_was_kept_is_there_again(path):
    subscriptions = [Subscription("A", "1.1", True), Subscription("A", FILTERED, False, b"k"), Subscription("B", GLOBAL, True)]
    attributes = item(PatientID="P1", ProcedureStepState="SCHEDULED", TimezoneOffsetFromUTC="+0100", **{START: "20260302"})
    store = SQLiteStore(path)
    assert (store.known, store.kept, store.subscriptions()) == (False, True, [])
    store.commit(Change(Record("1.1", attributes, LOCK), subscribed=subscriptions))
    store.commit(Change(Record("1.2", attributes)))
    store.commit(Change(Record("1.2", item(PatientID="P2", ProcedureStepState="SCHEDULED"))))
    store.commit(Change(Record("1.3", attributes)))
    store.commit(Change(deleted="1.3", unsubscribed=subscriptions[:1], subscribed=[Subscription("B", GLOBAL, False)]))
    store.close()
    store = SQLiteStore(path)
    assert (store.known, store.kept) == (True, True)
    first, second = store.candidates(())
    assert (first.uid, first.lock, first.zone, first.attributes) == ("1.1", LOCK, "+0100", attributes)
    assert (second.uid, second.lock, second.zone, second.attributes.PatientID) == ("1.2", "", "", "P2")
    assert sorted(store.subscriptions(), key=lambda one: one.target) == [Subscription("B", GLOBAL, False), subscriptions[1]]
    store.close()


def test_subscriptions_are_there_again_in_their_order(path):
    # Sorted by neither AE, nor target, nor lock.
    subscriptions = [Subscription("B", "1.2", True), Subscription("A", "1.1", False), Subscription("C", GLOBAL, True)]
    store = SQLiteStore(path)
    store.commit(Change(subscribed=subscriptions))
    store.close()
    store = SQLiteStore(path)
    assert store.subscriptions() == subscriptions
    store.close()


def test_attributes_are_read_when_they_are_needed_and_not_before(path):
    store = SQLiteStore(path)
    store.commit(Change(Record("1.1", item(PatientID="P1", ProcedureStepState="SCHEDULED"))))
    store.close()
    store = SQLiteStore(path)
    (record,) = store.candidates(keys_of(item(PatientID="P1"), attribute_rows()))
    assert "attributes" not in vars(record)
    assert record.attributes.PatientID == "P1"
    store.close()


@pytest.mark.parametrize(
    "change",
    [Change(Record("1.1", item(PatientID="P2"))), Change(deleted="1.1"), Change(Record("1.2", item()), deleted="1.1")],
    ids=["changed", "deleted", "replaced"],
)
def test_who_has_a_ups_has_it_as_it_was(path, change):
    kept = item(PatientID="P1", ProcedureStepState="SCHEDULED")
    store = SQLiteStore(path)
    store.commit(Change(Record("1.1", kept)))
    store.close()
    store = SQLiteStore(path)
    record = store.get("1.1")
    store.commit(change)
    assert record.attributes == kept
    store.close()


def test_the_indexes_hold_what_is_there_and_nothing_else(path):
    store = SQLiteStore(path)
    for name, start in (("Doe", "20260301"), ("Müller", "20260302")):
        store.commit(Change(Record("1.1", item(PatientName=name, TimezoneOffsetFromUTC="+0000", **{START: start}))))
    store.commit(Change(Record("1.2", item(PatientName="Roe", **{START: "2026"}))))
    store.commit(Change(deleted="1.2"))
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT value, number FROM text").fetchall() == [("müller", 1)]
    assert connection.execute("SELECT value, number FROM moment").fetchall() == [(1772409600.0, 1)]  # 2026-03-02 UTC
    connection.close()


def test_a_change_that_cannot_be_kept_whole_is_not_kept(path):
    store = SQLiteStore(path)
    kept = item(PatientID="P1", ProcedureStepState="SCHEDULED")
    store.commit(Change(Record("1.1", kept)))
    with pytest.raises(sqlite3.Error):
        store.commit(Change(Record("1.1", item(PatientID="P2")), subscribed=[Subscription("A", "1.1", None)]))
    assert store.get("1.1").attributes == kept
    store.commit(Change(Record("1.2", kept)))
    store.close()
    store = SQLiteStore(path)
    assert [(record.uid, record.attributes) for record in store.candidates(())] == [("1.1", kept), ("1.2", kept)]
    store.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_those_used_last_are_kept_decoded_and_the_others_are_as_they_were(kind, path):
    store = MemoryStore(4) if kind == "memory" else SQLiteStore(path, 4)
    worklist, uids = Worklist(store), [f"1.2.{number}" for number in range(12)]
    for number, uid in enumerate(uids):
        worklist.create(uid, workitem(PatientID=f"P{number}", PatientName="Müller^Jörg=山田^太郎"))
    worklist.change_state(uids[0], "IN PROGRESS", LOCK)
    assert sorted(store._used_last) == sorted([uids[0], *uids[-3:]])
    assert [worklist.get(uid).dataset.PatientID for uid in uids] == [f"P{number}" for number in range(12)]
    assert {str(worklist.get(uid).dataset.PatientName) for uid in uids} == {"Müller^Jörg=山田^太郎"}
    assert found(worklist) == set(uids)
    assert len(store._used_last) == 4
    if kind == "memory":
        decoded = [
            uid for uid, record in store._records.items() if isinstance(record.source, Dataset) or "attributes" in vars(record)
        ]
        assert set(decoded) <= set(store._used_last)
    assert found(worklist, ProcedureStepState="IN PROGRESS") == {uids[0]}
    assert worklist.change_state(uids[0], "IN PROGRESS", LOCK).status == 0xC302  # it knows the lock
    store.close()


def test_who_looks_at_a_ups_that_is_asleep_sees_it_as_it_was_found(opened):
    for number in range(3):
        opened.commit(Change(Record(f"1.{number}", item(PatientID=f"P{number}"))))
    found = opened.candidates(())
    for number in range(3):
        opened.commit(Change(Record(f"1.{number}", item(PatientID="other"))))
    assert [record.attributes.PatientID for record in found] == ["P0", "P1", "P2"]
    assert [opened.get(f"1.{number}").attributes.PatientID for number in range(3)] == ["other"] * 3


def test_a_restart_changes_nothing(path):
    before = Worklist(SQLiteStore(path))
    before.create(UID, workitem(PatientName="Müller^Jörg=山田^太郎", TimezoneOffsetFromUTC="+0100"))
    before.create("1.2.3.2", workitem(PatientID="P2"))
    before.change_state(UID, "IN PROGRESS", LOCK)
    kept = before.get(UID).dataset
    before.close()

    after = Worklist(SQLiteStore(path))

    assert after.get(UID).dataset == kept
    assert found(after, PatientName="müller*") == {UID}
    assert found(after, **{START: "20260302103000+0100"}) == {UID}
    assert found(after) == {UID, "1.2.3.2"}
    assert after.change_state(UID, "IN PROGRESS", LOCK).status == 0xC302  # it knows the lock
    assert after.set(UID, item(TransactionUID=LOCK, WorklistLabel="other")).status == 0
    after.close()


CREATE_UNTIL_KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ups_samples import LOCK, workitem
from tdwii_conformance.ups import SQLiteStore, Worklist

worklist = Worklist(SQLiteStore(Path(sys.argv[1])))
for number in range(100_000):
    assert worklist.create(f"1.2.3.{number}", workitem()).status == 0
    assert worklist.change_state(f"1.2.3.{number}", "IN PROGRESS", LOCK).status == 0
    print(number, flush=True)
"""


@pytest.mark.slow
def test_what_was_answered_survives_kill_9(path):
    arguments = [sys.executable, "-c", CREATE_UNTIL_KILLED, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        answered = [int(process.stdout.readline()) for _ in range(25)]
        os.kill(process.pid, signal.SIGKILL)
        answered += [int(line) for line in process.stdout if line.endswith("\n")]

    worklist = Worklist(SQLiteStore(path))

    assert found(worklist, ProcedureStepState="IN PROGRESS") >= {f"1.2.3.{number}" for number in answered}
    assert worklist.create(f"1.2.3.{len(answered) + 5}", workitem()).status == 0
    worklist.close()


def test_another_file_is_left_alone(tmp_path):
    text, database = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("not a database, and long enough for SQLite to look at" * 20)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE ups (uid TEXT)")
    connection.close()
    for file in (text, database):
        before = file.read_bytes()
        with pytest.raises(ValueError, match=file.name):
            SQLiteStore(file)
        assert file.read_bytes() == before


def test_what_is_refused_is_not_held_open(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE ups (uid TEXT)")
    with pytest.raises(ValueError) as error:
        SQLiteStore(path)
    # The error keeps the store alive, and with it a connection that was not closed, and its lock.
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("CREATE TABLE more (uid TEXT)")
    connection.close()
    assert str(error.value) == f"{path}: cannot be used as a worklist: it is the database of another program"


def test_another_process_is_waited_for_a_second(path):
    store = SQLiteStore(path)
    # Asked, not measured: the machine may be busy.
    assert store._connection.execute("PRAGMA busy_timeout").fetchone() == (1000,)
    store.close()


@pytest.mark.slow
def test_one_process_at_a_time(path):
    store = SQLiteStore(path)
    started = time.monotonic()
    with pytest.raises(ValueError, match="locked"):
        SQLiteStore(path)
    assert time.monotonic() - started < 10
    store.close()
    SQLiteStore(path).close()


def test_terms_of_an_earlier_version_are_made_anew(path):
    worklist = Worklist(SQLiteStore(path))
    worklist.create(UID, workitem())
    worklist.close()
    connection = sqlite3.connect(path)
    for change in (
        "DROP TABLE text", "DROP TABLE moment", "ALTER TABLE ups ADD COLUMN terms TEXT NOT NULL DEFAULT ''", "PRAGMA user_version = 1",
    ):  # fmt: skip
        connection.execute(change)  # as version 0.1 left it
    connection.commit()
    connection.close()

    worklist = Worklist(SQLiteStore(path))
    assert found(worklist, PatientID="P1") == {UID}
    assert worklist.create("1.2.3.2", workitem(PatientID="P2")).status == 0
    assert found(worklist, **{START: "1900-"}) == {UID, "1.2.3.2"}
    worklist.close()
    connection = sqlite3.connect(path)
    assert [name for _, name, *_ in connection.execute("PRAGMA table_info(ups)")] == ["number", "uid", "lock", "attributes"]
    connection.close()


FOUND_BY_DAY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ups_samples import item, workitem
from tdwii_conformance.ups import SQLiteStore, Worklist

worklist = Worklist(SQLiteStore(Path(sys.argv[1])))
worklist.create("1.2.3.1", workitem(ScheduledProcedureStepStartDateTime="202603022300"))
print(len(list(worklist.find(item(SOPInstanceUID=None, ScheduledProcedureStepStartDateTime="20260302")))))
worklist.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of this system cannot be set for a process")
def test_a_file_of_another_time_zone_is_found_by_local_time(path):
    for zone in ("UTC", "JST-9", "EST5"):
        arguments = [sys.executable, "-c", FOUND_BY_DAY, str(path), str(Path(__file__).parent)]
        done = subprocess.run(arguments, env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "1\n", zone


def test_a_query_for_more_than_sqlite_takes_at_once(opened):
    for number in range(3):
        opened.commit(Change(Record(f"1.{number}", item(SOPInstanceUID=f"1.{number}", PatientID=f"P{number}"))))
    assert left_by(opened, SOPInstanceUID=[f"1.{number}" for number in range(1, 40_000)]) == ["P1", "P2"]


def test_a_find_under_way_shows_the_state_it_began_with(path):
    worklist = Worklist(SQLiteStore(path))
    worklist.create(UID, workitem())
    worklist.close()
    worklist = Worklist(SQLiteStore(path))  # nothing is decoded yet
    matches = worklist.find(item(SOPInstanceUID=None, ProcedureStepState="SCHEDULED"))
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    assert [one.ProcedureStepState for one in matches] == ["SCHEDULED"]
    worklist.close()
