"""What the plugin keeps in the stashes of pytest: of the whole run, and of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ..checks import Finding
from ..dimse import Patience
from ..profile import Catalogue, Requirement
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import Observation

if TYPE_CHECKING:
    from ..scu.receiver import Receiver
    from ..session.triggers import SimulatorTrigger
    from ..sut.config import SystemUnderTest


class NotReachable(Exception):
    """A system under test is not there, or does not talk to us; the message says which, where and why."""


@dataclass(frozen=True)
class Setting:
    """What the engine runs the embedded simulators with, where that is not as usual.

    Parameters
    ----------
    embedded : SystemUnderTest, optional
        In place of `sut.config.embedded`: other time-outs.
    start : callable, optional
        In place of `session.scenarios.simulator_trigger`: where a simulated TDD or watcher runs.
    texts : bool
        Whether the exchanges of what fails are written as text, which costs more than most tests.
    """

    embedded: SystemUnderTest | None = None
    start: Callable[..., SimulatorTrigger] | None = None
    texts: bool = True


# Of the run.
setting_key = pytest.StashKey[Setting]()
problem_key = pytest.StashKey[Exception]()  # why the system cannot be judged
catalogue_key = pytest.StashKey[Catalogue]()
system_key: pytest.StashKey[SystemUnderTest] = pytest.StashKey()  # the system described; none when simulators are judged
running_key: pytest.StashKey[SystemUnderTest] = pytest.StashKey()  # the one that is judged, described or simulated
recorded_key = pytest.StashKey[tuple[Observation, ...]]()  # what --transcript names
first_look_key = pytest.StashKey[list[str]]()  # what is set up wrong, in sentences
transcripts_key = pytest.StashKey[list[str]]()  # folders into which transcripts were written for the user
wire_key = pytest.StashKey[Transcript]()
there_key = pytest.StashKey[float]()  # when the systems under test were seen to be there, by the monotonic clock, in seconds
patience_key = pytest.StashKey[Patience]()  # what the systems under test never answered
receiver_key: pytest.StashKey[Receiver] = pytest.StashKey()  # where systems under test reach us, once it is there
plainly_key = pytest.StashKey[Callable[[Exchange], bool | None]]()  # whether a plain request of the kind of one is done
# Of one test.
requirement_key = pytest.StashKey[Requirement]()
warnings_key = pytest.StashKey[list[Finding]]()
reading_key = pytest.StashKey[list[str]]()  # noted of one test, each once
mark_key = pytest.StashKey[int]()  # how many exchanges there were when the test began
evidence_key = pytest.StashKey[Iterable[Exchange]]()
early_key = pytest.StashKey[tuple[str, str]]()
notes_key = pytest.StashKey[list[str]]()


# Properties of a report: its scenario did not come to its end; by a fault, so that a verdict has to tell it.
EARLY_END, FAULTY_END = "ended early", "ended early by a fault"
SET_UP_WRONG = "set up wrong"  # property of a report: a sentence, found out by its test


UNUSABLE = 4  # exit code: the system cannot be judged (unreachable, or the configuration is wrong)
