"""The bytes of a real treatment: the same exchanges as its partners have seen, in whatever pieces, and whatever is done to them."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tdwii_conformance.transcript.observation import GARBAGE
from tdwii_conformance.upper_layer import TOPICS, Connection
from tdwii_conformance.witness.records import RecordError, RecordWriter, connection_of, read_record
from tests import fuzz

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def recorded(recorded_treatment):
    return read_record(recorded_treatment)


def test_a_treatment_is_seen_whole(recorded):
    connections = [connection_of(one) for one in recorded]
    assert [m for one in connections for m in one.malformations] == []
    assert {one.ended for one in connections} == {"released"}
    services = sorted(e.service for one in connections for e in one.exchanges if e.requestor == "TDD")
    # query, plan, claim, subscription, instruction, three of progress, record, final update, completed, unsubscription
    assert services == ["C-FIND", "C-MOVE", "C-MOVE", "C-STORE", *["N-ACTION"] * 4, *["N-SET"] * 4]
    assert all(e.failure == "" and not e.request.undecodable for one in connections for e in one.exchanges)


def test_it_is_what_the_tdd_itself_has_seen(partners_of_a_treatment):
    path, transcript = partners_of_a_treatment
    seen = [e for one in read_record(path) for e in connection_of(one).exchanges]
    bytes_of = lambda e: (  # noqa: E731
        e.service, e.requestor, e.acceptor, e.abstract_syntax, e.status, e.request.encoded,
        tuple((m.status, m.encoded, m.encoded is not None and m.transfer_syntax) for m in e.responses),
    )  # fmt: skip
    its = [e for e in transcript if e.service != "C-STORE" or e.requestor == "TDD"]  # what is moved to it is its receiver's
    seen = [e for e in seen if e.service != "C-STORE" or e.requestor == "TDD"]
    assert len(its) > 15
    assert sorted(map(repr, map(bytes_of, its))) == sorted(map(repr, map(bytes_of, seen)))


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_pieces_do_not_matter(recorded, seed):
    one, chance = recorded[0], random.Random(seed)
    connection = Connection(one.opened)
    for chunk in one.chunks:
        at = 0
        while at < len(chunk.octets):
            size = chance.randint(1, 3000)
            connection.feed(chunk.side, chunk.octets[at : at + size], chunk.time)
            at += size
    connection.close(NOW)
    assert [e.request.encoded for e in connection.exchanges] == [e.request.encoded for e in connection_of(one).exchanges]
    assert connection.malformations == []


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's about values that were mutated
def test_mutated_pdus_end_without_an_exception(recorded):
    """A sample of `make fuzz`, which has a million, of every service."""
    result = fuzz.run([fuzz.conversation(one) for one in recorded], 3000, 20261129)
    assert result.count >= 3000
    assert set(TOPICS) - set(result.topics) <= {"maximum-length"}  # nearly all that can be wrong came up


def test_a_message_without_command_field_is_a_fact(recorded):
    first = recorded[0]
    connection = Connection(first.opened)
    for chunk in first.chunks[:2]:  # until the association stands
        connection.feed(chunk.side, chunk.octets, chunk.time)
    assert connection.answer is not None
    context = next(iter(connection.answer.contexts)).id
    # (0000,0000) UL 10, (0000,0800) US 0101H: no (0000,0100)
    command = bytes.fromhex("00000000 04000000 0a000000 00000008 02000000 0101")
    pdv = (len(command) + 2).to_bytes(4, "big") + bytes([context, 3]) + command
    connection.feed("acceptor", b"\x04\0" + len(pdv).to_bytes(4, "big") + pdv, NOW)
    ((side, said),) = connection.malformations
    assert (side, said.what, said.source) == ("acceptor", "a command set without Command Field", "PS3.7 9.3, 10.3")


def test_what_is_no_dicom_ends_as_garbage():
    connection = Connection(NOW)
    connection.feed("requestor", b"GET / HTTP/1.1\r\n", NOW)
    connection.close(NOW)
    assert connection.ended.endswith(GARBAGE)


def test_a_record_that_was_killed_lacks_its_last_line_only(recorded_treatment, tmp_path, recorded):
    text = recorded_treatment.read_text()
    cut = tmp_path / "cut.jsonl"
    cut.write_text(text[: text.rindex('"time"', 0, len(text) - 300)])
    found = read_record(cut)
    assert [one.name for one in found] == [one.name for one in recorded]
    assert sum(len(one.chunks) for one in found) >= sum(len(one.chunks) for one in recorded) - 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a record: it is empty"),
        ('{"begun": {}}\n', "not a record: its first line does not say 'tdwii record 1'"),
        (
            '{"record": {"format": "tdwii record 1", "time": "2026-11-29T08:00:00+00:00"}}\nnonsense\n',
            "line 2: not a line of a record",
        ),
    ],
)
def test_what_is_no_record_is_said_so(tmp_path, text, message):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=message):
        read_record(path)


def test_a_record_is_not_written_over(tmp_path):
    RecordWriter(tmp_path / "a.jsonl").close()
    with pytest.raises(FileExistsError):
        RecordWriter(tmp_path / "a.jsonl")
