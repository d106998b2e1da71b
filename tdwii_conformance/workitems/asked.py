"""Workitems that a person or the vendor's automation schedules for us: what to schedule is said, and a query finds it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..scu.tdd import TDD
from ..scu.treatment_session import ScheduledWorkitem
from ..session.triggers import environment
from ..sut.config import SystemUnderTest
from ..treatment.messages import Code, worklist_query
from ..treatment.objects import Modality
from ..ups.times import read_date_time
from .outcomes import NotJudged, OtherState
from .sources import Listed

__all__ = ["Asked", "Command", "Order", "Person", "Task", "ToChange", "Wanted", "orders"]

POLL = 1.0  # seconds between two queries: a worklist does not report new workitems to us
NO_SUCH_UPS = (0x0112, 0xC307)
STEP = timedelta(minutes=5)  # between the starts of two that are asked for


class Task(Protocol):
    """What somebody is asked to do; as text, one sentence."""

    @property
    def facts(self) -> dict[str, str]:
        """What a command finds in its environment, each as ``TDWII_`` and its name in capitals."""


@dataclass(frozen=True)
class Wanted:
    """What is to be scheduled.

    Parameters
    ----------
    start : str
        Treatment Delivery Type.
    begins : datetime
        Scheduled start, to the minute.
    patient_id, patient_name, label : str
        The patient, and the Procedure Step Label.
    station_value, station_scheme : str
        The code of the station.
    modality : {"photon", "ion"}
        Of the plan.
    """

    start: str
    begins: datetime
    patient_id: str
    patient_name: str
    label: str
    station_value: str
    station_scheme: str
    modality: Modality = "photon"

    @property
    def facts(self) -> dict[str, str]:
        """What a command finds in its environment, each as ``TDWII_`` and its name in capitals."""
        return {
            "task": "schedule", "patient_id": self.patient_id, "patient_name": self.patient_name, "label": self.label,
            "start": self.start, "date": f"{self.begins:%Y-%m-%d}", "time": f"{self.begins:%H:%M}",
            "start_datetime": f"{self.begins:%Y%m%d%H%M%S}", "station_value": self.station_value,
            "station_scheme": self.station_scheme, "plan": self.modality,
        }  # fmt: skip

    def __str__(self) -> str:
        """Say it in one sentence."""
        kind = "a new treatment" if self.start == "TREATMENT" else "the continuation of an interrupted treatment"
        scheme = f" ({self.station_scheme})" if self.station_scheme else ""
        return (
            f"Schedule {kind}, with {'an ion' if self.modality == 'ion' else 'a photon'} plan, of the patient {self.patient_name}"
            f" (Patient ID {self.patient_id}) at the station {self.station_value}{scheme} for {self.begins:%Y-%m-%d} at"
            f" {self.begins:%H:%M}, labelled {self.label!r}."
        )


@dataclass(frozen=True)
class ToChange:
    """What is to be done to a workitem that is scheduled.

    Parameters
    ----------
    task : {"cancel", "move"}
        What.
    workitem : ScheduledWorkitem
        To which.
    to : Code or None
        The station to move it to.
    """

    task: str
    workitem: ScheduledWorkitem
    to: Code | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What a command finds in its environment, each as ``TDWII_`` and its name in capitals."""
        workitem, known = self.workitem, self.workitem.facts
        facts = {
            "task": self.task, "workitem": workitem.uid, "patient_id": known.get("patient_id", ""),
            "patient_name": known.get("patient_name", ""), "start": workitem.start_type,
            "date": f"{workitem.start:%Y-%m-%d}", "time": f"{workitem.start:%H:%M}",
            "start_datetime": f"{workitem.start:%Y%m%d%H%M%S}",
            "station_value": workitem.station.value, "station_scheme": workitem.station.scheme,
        }  # fmt: skip
        return facts | ({"new_station_value": self.to.value, "new_station_scheme": self.to.scheme} if self.to else {})

    def __str__(self) -> str:
        """Say it in one sentence."""
        known, workitem = self.workitem.facts, self.workitem
        which = (
            f"the treatment of the patient {known.get('patient_name', '')} (Patient ID {known.get('patient_id', '')})"
            f" at the station {workitem.station.value} on {workitem.start:%Y-%m-%d} at {workitem.start:%H:%M}"
        )
        if self.to is None:
            return f"Cancel {which}."
        scheme = f" ({self.to.scheme})" if self.to.scheme else ""
        return f"Move {which} to the station {self.to.value}{scheme}, and change nothing else."


class Order(Protocol):
    """Has a person or a command do what is wanted."""

    def give(self, wanted: Task) -> None:
        """Say what is wanted; raise `NotJudged` if it cannot be said, or will not be done."""

    def over(self, found: bool) -> None:
        """It was found, or is no longer waited for."""


class Person:
    """A person does it; each order is one sentence.

    Parameters
    ----------
    say : callable
        Takes a sentence for the person.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def give(self, wanted: Task) -> None:
        """Say the sentence."""
        self._say(str(wanted))

    def over(self, found: bool) -> None:
        """Say how it went on."""
        self._say("Found it: the run goes on." if found else "It was not found in time: the run goes on without it.")


class Command:
    """The vendor's automation: it is run once for each workitem, or change of one, with what is wanted in its environment.

    Parameters
    ----------
    system : SystemUnderTest
        Says the command, its folder, and how long it may take.
    """

    def __init__(self, system: SystemUnderTest) -> None:
        self._choice = system.workitems

    def give(self, wanted: Task) -> None:
        """Run it."""
        choice, words = self._choice, " ".join(self._choice.command)
        try:
            done = subprocess.run(
                list(choice.command), cwd=choice.folder, env=environment(wanted.facts), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=choice.timeout, check=False,
            )  # fmt: skip
        except OSError as error:
            raise NotJudged(f"not judged: workitems.command cannot be started: {words}: {error.strerror or error}") from error
        except subprocess.TimeoutExpired as error:
            raise NotJudged(f"not judged: workitems.command did not end within {choice.timeout:g} s: {words}") from error
        if done.returncode:
            said = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "it said nothing").strip()
            raise NotJudged(f"not judged: workitems.command ended with code {done.returncode}: {words}: {said}")

    def over(self, found: bool) -> None:
        """Nobody waits."""


class Asked(Listed):
    """Workitems that are scheduled for us, one by one; those that are on the list already are used first, if that is allowed.

    Parameters
    ----------
    system, tdd
        As of `Source`.
    order : Order
        Who has them scheduled.
    now : callable
        The time.
    pause : callable
        Waits some seconds between two queries.
    worker, workers : int
        Number of this process, from 0, and how many there are: each asks for other times.
    retriever : callable, optional
        As of `Listed`.
    """

    own, makes_now = True, True

    def __init__(
        self,
        system: SystemUnderTest,
        tdd: TDD,
        order: Order,
        *,
        now: Callable[[], datetime] = datetime.now,
        pause: Callable[[float], None] = time.sleep,
        worker: int = 0,
        workers: int = 1,
        retriever: Callable[[], TDD] | None = None,
    ) -> None:
        super().__init__(system, tdd, worker=worker, workers=workers, retriever=retriever)
        self._order, self._now, self._pause = order, now, pause
        self._number = 0
        self._given_up: NotJudged | None = None
        self._missed: Wanted | None = None
        self._once_more = False

    def give(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        """Take one that is there, if that is allowed; else have one scheduled."""
        if "existing" in self.system.workitems.sources:
            try:
                return super().give(start, modality, patient_name)
            except NotJudged:
                pass
        return self._scheduled_now(start, modality, patient_name)

    def create(self, start: str, *, patient_name: str = "") -> ScheduledWorkitem:
        """Have one scheduled; after one in another state than SCHEDULED once more, for who looks how it comes to be."""
        if isinstance(self._given_up, OtherState) and not self._once_more:
            self._given_up, self._missed, self._once_more = None, None, True
        return self.prescribed(self._scheduled_now(start, "photon", patient_name))

    def another(self, start: str, *others: str) -> str | None:
        """Return one that is there, or have one scheduled."""
        there = super().another(start, *others) if "existing" in self.system.workitems.sources else None
        return there or self._scheduled_now(start, "photon", "").uid

    def change(self, task: str, workitem: ScheduledWorkitem) -> None:
        """Have a user of the system cancel a workitem, or move it to another station; it is done when N-GET shows it."""
        choice = self.system.workitems
        if task not in choice.changes:
            raise NotJudged(f"not supported: [workitems] changes does not name {task!r}")
        wanted = ToChange(task, workitem, choice.other_station if task == "move" else None)
        self._order.give(wanted)
        end = time.monotonic() + choice.timeout
        while not (seen := self._is_changed(wanted)) and time.monotonic() < end:
            self._pause(POLL)
        self._order.over(seen)
        if not seen:
            raise NotJudged(f"not judged: not seen by N-GET within {choice.timeout:g} s: {wanted}")

    def _is_changed(self, wanted: ToChange) -> bool:
        shown = self.tdd.get(wanted.workitem.uid, ["ProcedureStepState", "ScheduledStationNameCodeSequence"])
        now = shown.dataset if shown.dataset is not None else Dataset()
        if wanted.to is None:  # without deletion lock it may be gone at once
            return shown.status in NO_SUCH_UPS or now.get("ProcedureStepState") == "CANCELED"
        return wanted.to.value in [str(code.get("CodeValue")) for code in now.get("ScheduledStationNameCodeSequence") or ()]

    def wanted(self, start: str, modality: Modality, patient_name: str) -> Wanted:
        """Return what to ask for next: no two start at the same time."""
        choice = self.system.workitems
        if patient_name and (choice.patient_id or choice.patient_name):
            raise NotJudged("not judged: another patient is needed than the one of [workitems] patient_id, patient_name")
        self._number += 1
        slot = (self._number - 1) * self.workers + self.worker + 1
        begins = self._now().replace(hour=6, minute=0, second=0, microsecond=0) + STEP * slot
        identifier = choice.patient_id or f"TDWII{generate_uid()[-8:].replace('.', '0')}"
        name = patient_name or choice.patient_name or f"Conformance^Test{self._number}"
        station = choice.station
        return Wanted(start, begins, identifier, name, f"TDW-II {self._number}", station.value, station.scheme, modality)

    def _scheduled_now(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        if self._given_up is not None:  # what was seen not to come is not awaited again; but it may have come by now
            return self._late(start)
        wanted = self.wanted(start, modality, patient_name)
        before = {str(i.get("SOPInstanceUID")) for i in self.ask(self._query(wanted))}  # nobody is asked for what cannot be found
        self._order.give(wanted)
        end, came = time.monotonic() + self.system.workitems.timeout, list[Dataset]()
        while True:
            came = [i for i in self._search(wanted) if str(i.get("SOPInstanceUID")) not in before]
            ours = [i for i in came if not self.differences(wanted, i)]
            # Nothing leads back to SCHEDULED [CC.1.1].
            known = [i for i in came if not self._unlike(wanted, i) and _left_scheduled(i)]
            if ours or known or time.monotonic() >= end:
                break
            self._pause(POLL)
        self._order.over(bool(ours))
        if len(ours) == 1:
            self._seen.add(str(ours[0].get("SOPInstanceUID")))
            return self._of_response(ours[0])
        reason, self._missed = self._explained(wanted, ours, came), wanted
        if len(known) == 1 and not ours:
            self._given_up = OtherState(reason, str(known[0].get("SOPInstanceUID")), str(known[0].get("ProcedureStepState")))
        else:
            self._given_up = NotJudged(reason)
        raise self._given_up

    def _late(self, start: str) -> ScheduledWorkitem:
        """Return what was waited for in vain, if it has come since and will do; then others are asked for again."""
        missed = self._missed
        if missed is not None and missed.start == start:
            ours = [i for i in self._search(missed) if not self.differences(missed, i)]
            if len(ours) == 1 and str(ours[0].get("SOPInstanceUID")) not in self._seen:
                self._given_up, self._missed = None, None
                self._seen.add(str(ours[0].get("SOPInstanceUID")))
                return self._of_response(ours[0])
        assert self._given_up is not None  # by that it was called
        raise self._given_up.with_traceback(None)

    def _of_response(self, identifier: Dataset) -> ScheduledWorkitem:
        station, edition = self.system.workitems.station, self.system.edition
        return ScheduledWorkitem.of_response(identifier, station, self._tms, self._ost, edition)

    def _search(self, wanted: Wanted) -> list[Dataset]:
        return list(self.tdd.query(self._query(wanted)).identifiers)

    def _query(self, wanted: Wanted) -> Dataset:
        """Return the query for that day, of every state; of every station, if a workitem is not known by its station."""
        by = self.system.workitems.recognised_by
        day = f"{wanted.begins:%Y%m%d}"
        value, scheme = (wanted.station_value, wanted.station_scheme) if "station" in by else ("", "")
        return worklist_query(station=value, scheme=scheme, start=f"{day}000000-{day}235959", state="")

    def differences(self, wanted: Wanted, found: Dataset) -> list[str]:
        """Return in what a workitem is not the one that was asked for."""
        return self._unlike(wanted, found) or self._incomplete(wanted, found)

    def _unlike(self, wanted: Wanted, found: Dataset) -> list[str]:
        """In what it differs by that it is to be recognised by."""
        by, parts = self.system.workitems.recognised_by, list[str]()

        def compare(name: str, expected: str, received: object) -> None:
            if str(received or "").strip() != expected:
                parts.append(f"{name} is {str(received or '')!r} and not {expected!r}")

        if "patient" in by:
            compare("Patient ID", wanted.patient_id, found.get("PatientID"))
        if "label" in by:
            labels = [found.get("ProcedureStepLabel"), found.get("WorklistLabel")]
            compare("the label", wanted.label, wanted.label if wanted.label in labels else labels[0])
        if "start" in by:
            text = str(found.get("ScheduledProcedureStepStartDateTime") or "")
            compare("the start", f"{wanted.begins:%Y-%m-%d %H:%M}", _to_the_minute(text))
        return parts

    def _incomplete(self, wanted: Wanted, found: Dataset) -> list[str]:
        """What keeps one that is ours by what it is known by from being used."""
        parts = []
        if (state := str(found.get("ProcedureStepState") or "SCHEDULED")) != "SCHEDULED":  # that it is said is RO58-TMS-103
            parts.append(f"it is {state} and not SCHEDULED")
        workitem = self._of_response(found)
        if workitem.start_type != wanted.start:
            parts.append(f"its Treatment Delivery Type is {workitem.start_type} and not {wanted.start}")
        if not workitem.plans:
            parts.append("its Input Information Sequence names no plan")
        if wanted.start == "CONTINUATION" and not workitem.records:
            parts.append("its Input Information Sequence names no treatment record of what was delivered before")
        return parts

    def _explained(self, wanted: Wanted, ours: list[Dataset], came: list[Dataset]) -> str:
        by = ", ".join(self.system.workitems.recognised_by)
        if len(ours) > 1:
            uids = ", ".join(str(i.get("SOPInstanceUID")) for i in ours)
            return f"not judged: found twice what was to be scheduled once ({uids}), by {by} ([workitems] recognised_by). {wanted}"
        if len(came) == 1 and not self._unlike(wanted, came[0]) and _left_scheduled(came[0]):
            what = f"{came[0].get('SOPInstanceUID')}: it is {came[0].get('ProcedureStepState')} and not SCHEDULED"
            return f"not judged: found in another state, by {by} ([workitems] recognised_by): {what}. {wanted}"
        head = f"not judged: not found within {self.system.workitems.timeout:g} s, by {by} ([workitems] recognised_by): {wanted}"
        if not came:
            return f"{head} Nothing new came on the worklist for that day{' and station' if 'station' in by else ''}."
        near = sorted((self.differences(wanted, i), str(i.get("SOPInstanceUID"))) for i in came)
        near.sort(key=lambda one: len(one[0]))
        told = "; ".join(f"{uid}: {', '.join(parts)}" for parts, uid in near[:3])
        return f"{head} New on the worklist is: {told}."


def _left_scheduled(identifier: Dataset) -> bool:
    return str(identifier.get("ProcedureStepState") or "SCHEDULED") != "SCHEDULED"


def _to_the_minute(text: str) -> str:
    given = read_date_time(text)
    if given is None:
        return text
    moment = given.first if given.first.tzinfo is None else given.first.astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"


def orders(system: SystemUnderTest, say: Callable[[str], None]) -> Order:
    """Return what schedules, by the description of the system."""
    return Command(system) if "command" in system.workitems.sources else Person(say)
