"""What was observed is on disk as it happens, and is read back as it was."""

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset

from tdwii_conformance.transcript.exchange import Exchange, Message, TranscriptError
from tdwii_conformance.transcript.observation import (
    INTERRUPTED,
    Association,
    Observation,
    ObservationWriter,
    Reference,
    read_observation,
    read_observations,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = {"actor": "TDD", "scenario": "new-completed", "workitem": "1.2.3"}
INPUT = Reference("1.2.840.10008.5.1.4.1.1.481.5", "1.2.4", "1.2.5", "1.2.6", "OST")
ASSOCIATION = Association("TDD", "TMS", NOON, (("1.2.840.10008.1.1", ("1.2.840.10008.1.2",)),), ("1.2.840.10008.1.1",),
                          extended=(("1.2.840.10008.5.1.4.34.6.3", "010101"),))  # fmt: skip


def command(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


ECHO = Exchange(
    "C-ECHO", "TDD", "TMS", "1.2.840.10008.1.1",
    Message(command(CommandField=0x0030, MessageID=7), NOON),
    (Message(command(CommandField=0x8030, MessageIDBeingRespondedTo=7, Status=0), NOON),),
)  # fmt: skip


def test_an_observation_is_read_back_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "folder" / "one.jsonl"
    with ObservationWriter(path, FACTS, [INPUT]) as writer:
        writer.exchange(ECHO)
        writer.association(ASSOCIATION)
        writer.ended("awaited 120 s, nothing received")
    assert read_observation(path) == Observation(FACTS, (INPUT,), (ECHO,), (ASSOCIATION,), "awaited 120 s, nothing received")


def test_what_happened_is_on_disk_before_the_end(tmp_path):
    with ObservationWriter(tmp_path / "one.jsonl", FACTS) as writer:
        writer.exchange(ECHO)
        seen = read_observation(tmp_path / "one.jsonl")
    assert seen.exchanges == (ECHO,)
    assert seen.why_early == INTERRUPTED


def test_a_line_that_was_being_written_is_left_out(tmp_path):
    path = tmp_path / "one.jsonl"
    with ObservationWriter(path, FACTS) as writer:
        writer.exchange(ECHO)
        writer.exchange(ECHO)
    path.write_bytes(path.read_bytes()[:-20])
    assert read_observation(path).exchanges == (ECHO,)


def test_what_comes_after_the_end_is_not_written(tmp_path):
    with ObservationWriter(tmp_path / "one.jsonl", FACTS) as writer:
        writer.ended("")
    writer.exchange(ECHO)
    assert read_observation(tmp_path / "one.jsonl").exchanges == ()


BEGUN = '{"begun": {"facts": {"actor": "TDD"}, "inputs": []}}\n'


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not a recorded scenario: it has no first line that says what was begun"),
        (BEGUN.replace("TDD", ""), None),
        ("no JSON\n", "line 1: not a line of a recorded scenario"),
        (BEGUN + '{"exchanges": []}\n', "line 2: not a line of a recorded scenario: 'exchanges' is not expected here"),
        (BEGUN + BEGUN, "line 2: not a line of a recorded scenario: 'begun' is not expected here"),
        (BEGUN + '{"exchange": {}}\n', "line 2: not a line of a recorded scenario: 'service'"),
        ('{"ended": ""}\n', "no first line"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_line(tmp_path, content, problem):
    path = tmp_path / "one.jsonl"
    path.write_text(content)
    if problem is None:
        assert read_observation(path).facts == {"actor": ""}
        return
    with pytest.raises(TranscriptError) as raised:
        read_observation(path)
    assert str(raised.value).startswith(str(path))
    assert problem in str(raised.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(TranscriptError, match="cannot be read: No such file or directory"):
        read_observation(tmp_path / "none.jsonl")


def test_a_folder_is_read_without_the_strangers(tmp_path):
    for name, actor in (("b", "TDD"), ("a", "watcher"), ("unattributed", "unattributed")):
        with ObservationWriter(tmp_path / f"{name}.jsonl", {"actor": actor}):
            pass
    assert [one.facts["actor"] for one in read_observations(tmp_path)] == ["watcher", "TDD"]


def test_a_folder_of_strangers_is_refused(tmp_path):
    with ObservationWriter(tmp_path / "unattributed.jsonl", {"actor": "unattributed"}):
        pass
    with pytest.raises(TranscriptError, match="no recorded scenario of a TDD or a watcher"):
        read_observations(tmp_path)
