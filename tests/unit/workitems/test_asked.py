"""Workitems that somebody schedules for us: said in a sentence, run as a command, found by a query, and explained when not."""

import dataclasses
import sys
from datetime import datetime, timedelta

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.sut.config import Workitems
from tdwii_conformance.treatment import objects
from tdwii_conformance.workitems.asked import Asked, Command, Person
from tdwii_conformance.workitems.outcomes import NotJudged


class Scheduler:
    """Who does what is asked, with the changes that a test wants, by N-CREATE."""

    def __init__(self, system, tdd):
        self.system, self.tdd = system, tdd
        self.changes, self.times, self.orders, self.found = {}, 1, [], []

    def give(self, wanted):
        self.orders.append(wanted)
        for _ in range(self.times):
            self.schedule(wanted)

    def over(self, found):
        self.found.append(found)

    def schedule(self, wanted):
        treatment = objects.new_treatment(
            self.changes.get("start", wanted.start), patient_id=self.changes.get("patient_id", wanted.patient_id)
        )
        begins = wanted.begins + self.changes.get("later", timedelta(0))
        attributes = objects.workitem(treatment, tms="TMS", ost="OST", station=self.system.workitems.station, start=begins)
        if "inputs" in self.changes:
            attributes.InputInformationSequence = list(attributes.InputInformationSequence)[1:]
        uid = generate_uid()
        assert self.tdd.create(uid, attributes).status == 0
        if self.changes.get("claimed"):
            assert self.tdd.claim(uid).status == 0
        return uid


@pytest.fixture
def choice(system):
    return dataclasses.replace(system.workitems, sources=("person",), timeout=0.5)


@pytest.fixture
def scheduler(system, tdd):
    return Scheduler(system, tdd)


@pytest.fixture
def asked(system, tdd, choice, scheduler):
    return Asked(dataclasses.replace(system, workitems=choice), tdd, scheduler)


def test_finds_what_was_scheduled(asked, scheduler):
    first, second = asked("TREATMENT"), asked("CONTINUATION")
    assert [wanted.start for wanted in scheduler.orders] == ["TREATMENT", "CONTINUATION"]
    assert first.facts["patient_id"] == scheduler.orders[0].patient_id
    assert (second.start_type, scheduler.found) == ("CONTINUATION", [True, True])
    assert scheduler.orders[0].begins != scheduler.orders[1].begins


def test_nobody_is_asked_where_queries_are_not_answered(asked, scheduler, tdd, monkeypatch):
    query = tdd.query
    monkeypatch.setattr(tdd, "query", lambda wanted: dataclasses.replace(query(wanted), responses=(), failure="it is mute"))
    with pytest.raises(NotJudged, match=r"C-FIND is needed, to find workitems, and TMS answers none: it is mute \(RO58-TMS-001\)"):
        asked("TREATMENT")
    assert scheduler.orders == []


def test_the_sentence_says_what_matters(asked, system):
    said = []
    order = Person(said.append)
    wanted = dataclasses.replace(
        asked.wanted("CONTINUATION", "photon", ""), begins=datetime(2026, 1, 2, 10, 15), patient_id="P1", patient_name="Doe^Jane"
    )
    order.give(wanted)
    assert said == [
        "Schedule the continuation of an interrupted treatment, with a photon plan, of the patient Doe^Jane (Patient ID P1) at the"
        f" station TDD1 (99TDWII) for 2026-01-02 at 10:15, labelled {wanted.label!r}."
    ]


@pytest.mark.parametrize(
    ("changes", "explained"),
    [
        ({"patient_id": "OTHER"}, r"Patient ID is 'OTHER' and not 'TDWII"),
        ({"later": timedelta(minutes=1)}, r"the start is '20.. .*:06' and not '20.*:05'".replace("20.. ", "20")),
        ({"start": "CONTINUATION"}, "Treatment Delivery Type is CONTINUATION and not TREATMENT"),
        ({"claimed": True}, "it is IN PROGRESS and not SCHEDULED"),
        ({"inputs": None}, "names no plan"),
    ],
    ids=["patient", "start", "type", "state", "incomplete"],
)
def test_what_is_not_quite_it_is_explained(asked, scheduler, changes, explained):
    scheduler.changes = changes
    with pytest.raises(NotJudged, match=explained) as caught:
        asked("TREATMENT")
    assert "[workitems] recognised_by" in str(caught.value)


def test_nothing_new_is_said(asked, scheduler):
    scheduler.times = 0
    with pytest.raises(NotJudged, match="Nothing new came on the worklist"):
        asked("TREATMENT")
    assert scheduler.found == [False]


def test_twice_is_said(asked, scheduler):
    scheduler.times = 2
    with pytest.raises(NotJudged, match="found twice"):
        asked("TREATMENT")


def test_what_did_not_come_is_not_awaited_again_but_taken_when_it_is_late(asked, scheduler):
    scheduler.times = 0
    for _ in range(2):
        with pytest.raises(NotJudged):
            asked("TREATMENT")
    assert len(scheduler.orders) == 1
    uid = scheduler.schedule(scheduler.orders[0])
    assert asked("TREATMENT").uid == uid
    scheduler.times = 1
    assert asked("TREATMENT").uid != uid


def test_by_what_it_is_recognised_is_for_the_user_to_say(system, tdd, choice, scheduler):
    by_start = dataclasses.replace(choice, recognised_by=("start",))
    asked = Asked(dataclasses.replace(system, workitems=by_start), tdd, scheduler)
    scheduler.changes = {"patient_id": "OTHER"}
    assert asked("TREATMENT").facts["patient_id"] == "OTHER"


def test_what_is_there_comes_first_where_that_is_allowed(system, tdd, choice, scheduler):
    there = scheduler.schedule(Asked(system, tdd, scheduler).wanted("TREATMENT", "photon", ""))
    both = dataclasses.replace(choice, sources=("existing", "person"))
    asked = Asked(dataclasses.replace(system, workitems=both), tdd, scheduler)
    assert (asked("TREATMENT").uid, scheduler.orders) == (there, [])
    assert asked("TREATMENT").uid != there
    assert len(scheduler.orders) == 1


# --- a command ----------------------------------------------------------------------------------------------------------


def command(system, tmp_path, program):
    workitems = Workitems(("command",), command=(sys.executable, "-c", program), folder=tmp_path, timeout=20)
    return Command(dataclasses.replace(system, workitems=workitems))


def test_a_command_has_the_facts_in_its_environment(system, asked, tmp_path):
    wanted = asked.wanted("TREATMENT", "ion", "")
    program = "import os; open('facts', 'w').write('|'.join(os.environ[f'TDWII_{n}'] for n in ('PATIENT_ID', 'START', 'PLAN')))"
    command(system, tmp_path, program).give(wanted)
    assert (tmp_path / "facts").read_text().split("|") == [wanted.patient_id, "TREATMENT", "ion"]


def test_what_a_command_said_last_is_the_reason(system, asked, tmp_path):
    with pytest.raises(NotJudged, match=r"ended with code 3: .*no such station"):
        command(system, tmp_path, "print('no such station'); raise SystemExit(3)").give(asked.wanted("TREATMENT", "photon", ""))


def test_a_command_that_is_not_there_is_named(system, asked):
    workitems = Workitems(("command",), command=("/nowhere/at/all",))
    with pytest.raises(NotJudged, match=r"workitems.command cannot be started: /nowhere/at/all"):
        Command(dataclasses.replace(system, workitems=workitems)).give(asked.wanted("TREATMENT", "photon", ""))
