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
from ups_samples import LOCK, code, item, performed, workitem

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.ups import MemoryStore, SQLiteStore, Worklist
from tdwii_conformance.ups.matching import keys_of, match

UID = "1.2.3.1"
STATION, START = "ScheduledStationNameCodeSequence", "ScheduledProcedureStepStartDateTime"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "worklist.db"


@pytest.fixture(params=["memory", "sqlite"])
def worklist(request, path):
    worklist = Worklist(MemoryStore() if request.param == "memory" else SQLiteStore(path))
    yield worklist
    worklist.close()


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
    worklist = Worklist()
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


# SQLite


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
    connection.execute("UPDATE ups SET terms = '[[],[],\"\"]'")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()

    worklist = Worklist(SQLiteStore(path))
    assert found(worklist, PatientID="P1") == {UID}
    worklist.close()


def test_a_find_under_way_shows_the_state_it_began_with(path):
    worklist = Worklist(SQLiteStore(path))
    worklist.create(UID, workitem())
    worklist.close()
    worklist = Worklist(SQLiteStore(path))  # nothing is decoded yet
    matches = worklist.find(item(SOPInstanceUID=None, ProcedureStepState="SCHEDULED"))
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    assert [one.ProcedureStepState for one in matches] == ["SCHEDULED"]
    worklist.close()
