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
from ..treatment.messages import worklist_query
from ..treatment.objects import Modality
from ..ups.times import read_date_time
from .outcomes import NotJudged
from .sources import Listed

__all__ = ["Asked", "Command", "Order", "Person", "Wanted"]

POLL = 1.0  # seconds between two queries: a worklist does not report new workitems to us
STEP = timedelta(minutes=5)  # between the starts of two that are asked for


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
            "patient_id": self.patient_id, "patient_name": self.patient_name, "label": self.label,
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


class Order(Protocol):
    """Has a person or a command schedule what is wanted."""

    def give(self, wanted: Wanted) -> None:
        """Say what is wanted; raise `NotJudged` if it cannot be said, or will not be done."""

    def over(self, found: bool) -> None:
        """It was found, or is no longer waited for."""


class Person:
    """A person schedules; each order is one sentence.

    Parameters
    ----------
    say : callable
        Takes a sentence for the person.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def give(self, wanted: Wanted) -> None:
        """Say the sentence."""
        self._say(str(wanted))

    def over(self, found: bool) -> None:
        """Say how it went on."""
        self._say("Found it: the run goes on." if found else "It was not found in time: the run goes on without it.")


class Command:
    """The vendor's automation schedules: it is run once for each workitem, with what is wanted in its environment.

    Parameters
    ----------
    system : SystemUnderTest
        Says the command, its folder, and how long it may take.
    """

    def __init__(self, system: SystemUnderTest) -> None:
        self._choice = system.workitems

    def give(self, wanted: Wanted) -> None:
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
    ) -> None:
        super().__init__(system, tdd)
        self._order, self._now, self._pause = order, now, pause
        self._number = 0
        self._given_up = ""
        self._missed: Wanted | None = None

    def give(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        """Take one that is there, if that is allowed; else have one scheduled."""
        if "existing" in self.system.workitems.sources:
            try:
                return super().give(start, modality, patient_name)
            except NotJudged:
                pass
        return self._scheduled_now(start, modality, patient_name)

    def create(self, start: str, *, patient_name: str = "") -> ScheduledWorkitem:
        """Have one scheduled."""
        return self._scheduled_now(start, "photon", patient_name)

    def another(self, start: str, *others: str) -> str | None:
        """Return one that is there, or have one scheduled."""
        there = super().another(start, *others) if "existing" in self.system.workitems.sources else None
        return there or self._scheduled_now(start, "photon", "").uid

    def wanted(self, start: str, modality: Modality, patient_name: str) -> Wanted:
        """Return what to ask for next: no two start at the same time."""
        choice, self._number = self.system.workitems, self._number + 1
        begins = self._now().replace(hour=6, minute=0, second=0, microsecond=0) + STEP * self._number
        identifier = choice.patient_id or f"TDWII{generate_uid()[-8:].replace('.', '0')}"
        name = patient_name or choice.patient_name or f"Conformance^Test{self._number}"
        station = choice.station
        return Wanted(start, begins, identifier, name, f"TDW-II {self._number}", station.value, station.scheme, modality)

    def _scheduled_now(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        if self._given_up:  # what was seen not to come is not awaited again; but it may have come by now
            return self._late(start)
        wanted = self.wanted(start, modality, patient_name)
        before = {str(i.get("SOPInstanceUID")) for i in self._search(wanted)}
        self._order.give(wanted)
        end, came = time.monotonic() + self.system.workitems.timeout, list[Dataset]()
        while True:
            came = [i for i in self._search(wanted) if str(i.get("SOPInstanceUID")) not in before]
            ours = [i for i in came if not self.differences(wanted, i)]
            if ours or time.monotonic() >= end:
                break
            self._pause(POLL)
        self._order.over(bool(ours))
        if len(ours) == 1:
            self._seen.add(str(ours[0].get("SOPInstanceUID")))
            return self._of_response(ours[0])
        self._given_up, self._missed = self._explained(wanted, ours, came), wanted
        raise NotJudged(self._given_up)

    def _late(self, start: str) -> ScheduledWorkitem:
        """Return what was waited for in vain, if it has come since and will do; then others are asked for again."""
        missed = self._missed
        if missed is not None and missed.start == start:
            ours = [i for i in self._search(missed) if not self.differences(missed, i)]
            if len(ours) == 1 and str(ours[0].get("SOPInstanceUID")) not in self._seen:
                self._given_up, self._missed = "", None
                self._seen.add(str(ours[0].get("SOPInstanceUID")))
                return self._of_response(ours[0])
        raise NotJudged(self._given_up)

    def _of_response(self, identifier: Dataset) -> ScheduledWorkitem:
        station, edition = self.system.workitems.station, self.system.edition
        return ScheduledWorkitem.of_response(identifier, station, self._tms, self._ost, edition)

    def _search(self, wanted: Wanted) -> list[Dataset]:
        """Ask for what is on the list that day, of every state; of every station, if it is not known by its station."""
        by = self.system.workitems.recognised_by
        day = f"{wanted.begins:%Y%m%d}"
        value, scheme = (wanted.station_value, wanted.station_scheme) if "station" in by else ("", "")
        query = worklist_query(station=value, scheme=scheme, start=f"{day}000000-{day}235959", state="")
        return list(self.tdd.query(query).identifiers)

    def differences(self, wanted: Wanted, found: Dataset) -> list[str]:
        """Return in what a workitem is not the one that was asked for."""
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
        if not parts:
            parts += self._incomplete(wanted, found)
        return parts

    def _incomplete(self, wanted: Wanted, found: Dataset) -> list[str]:
        """What keeps one that is ours by what it is known by from being used."""
        parts = []
        if (state := str(found.get("ProcedureStepState") or "SCHEDULED")) != "SCHEDULED":
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
        head = f"not judged: not found within {self.system.workitems.timeout:g} s, by {by} ([workitems] recognised_by): {wanted}"
        if not came:
            return f"{head} Nothing new came on the worklist for that day{' and station' if 'station' in by else ''}."
        near = sorted((self.differences(wanted, i), str(i.get("SOPInstanceUID"))) for i in came)
        near.sort(key=lambda one: len(one[0]))
        told = "; ".join(f"{uid}: {', '.join(parts)}" for parts, uid in near[:3])
        return f"{head} New on the worklist is: {told}."


def _to_the_minute(text: str) -> str:
    given = read_date_time(text)
    if given is None:
        return text
    moment = given.first if given.first.tzinfo is None else given.first.astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"


def orders(system: SystemUnderTest, say: Callable[[str], None]) -> Order:
    """Return what schedules, by the description of the system."""
    return Command(system) if "command" in system.workitems.sources else Person(say)
