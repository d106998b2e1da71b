"""``python -m tests.fuzz``: mutated PDUs through the upper layer, which must end without exception, hang or growth.

Seeds are the PDUs of real conversations with every service; each is mutated by its structure: types, lengths, items, PDVs,
command elements; or doubled, left out, cut, put together with another. ``make fuzz`` runs a million.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tdwii_conformance.upper_layer import Connection, Side
from tdwii_conformance.witness.records import Recorded, read_record

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
Passed = tuple[Side, bytes]
EDGES = (b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\0\0\x10\0")
SLOW = 5.0  # seconds of processor time for one conversation of some kB: it hangs
PER_CONVERSATION = 4  # mutated PDUs


def mutated(pdu: bytes, others: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """Return what becomes of a PDU: usually one, with something of its structure changed."""
    octets = bytearray(pdu)
    match chance.randrange(12):
        case 0:
            octets[0] = chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF))
        case 1:
            octets[2:6] = chance.choice((*EDGES, (len(pdu) - 6 + chance.randint(-9, 9)).to_bytes(4, "big", signed=True)))
        case 2:  # a length of an item, a PDV or an element, wherever that is
            at = chance.randrange(len(octets))
            octets[at : at + chance.choice((2, 4))] = chance.choice(EDGES)[: chance.choice((2, 4))]
        case 3:
            at = chance.randrange(len(octets))
            octets[at] = chance.randrange(256)
        case 4:
            octets[6:10] = chance.choice(EDGES)  # the length of the first PDV, the protocol version
        case 5 if len(octets) > 12:  # context id and Message Control Header
            octets[10:12] = bytes([chance.choice((0, 1, 2, 3, 255)), chance.randrange(256)])
        case 6:
            return [pdu, pdu]
        case 7:
            return []
        case 8:
            cut = pdu[: chance.randrange(len(pdu))]
            return [cut[:2] + max(len(cut) - 6, 0).to_bytes(4, "big") + cut[6:] if chance.random() < 0.5 else cut]
        case 9:  # the rest of another PDU
            other = chance.choice(others)
            body = pdu[6 : chance.randrange(6, len(pdu) + 1)] + other[chance.randrange(6, len(other) + 1) :]
            return [pdu[:2] + len(body).to_bytes(4, "big") + body]
        case 10:
            at = chance.randrange(6, len(octets) + 1)
            octets[at:at] = chance.randbytes(chance.randrange(1, 9))
            octets[2:6] = (len(octets) - 6).to_bytes(4, "big")
        case _:
            return [pdu, chance.choice(others)]
    return [bytes(octets)]


@dataclass
class Result:
    """What a run came to."""

    count: int
    topics: Counter[str]
    longest: float
    grown: int  # bytes


def run(conversations: Sequence[Sequence[Passed]], count: int, seed: int) -> Result:
    """Feed mutated PDUs, at least so many, and look at all that comes of them.

    Raises
    ------
    AssertionError
        If one takes too long.
    """
    chance = random.Random(seed)
    others = [pdu for one in conversations for _, pdu in one]
    done, longest, topics = 0, 0.0, Counter[str]()
    before = 0
    while done < count:
        one = chance.choice(conversations)
        begin = chance.randrange(len(one))
        # With the negotiation, so that there is an association to be wrong in, or from the middle of nothing.
        part = [*one[:2], *one[max(begin, 2) : begin + 8]] if chance.random() < 0.9 else one[begin : begin + 8]
        wrong = set(chance.sample(range(len(part)), min(PER_CONVERSATION, len(part))))
        connection, began = Connection(NOW), time.process_time()
        for number, (side, pdu) in enumerate(part):
            for octets in mutated(pdu, others, chance) if number in wrong else [pdu]:
                cut = chance.randrange(len(octets) + 1)
                connection.feed(side, octets[:cut], NOW)
                connection.feed(side, octets[cut:], NOW)
        connection.close(NOW)
        for exchange in connection.exchanges:
            _ = exchange.request.undecodable, exchange.instance_uid, exchange.status
        longest = max(longest, time.process_time() - began)
        assert longest < SLOW, f"{longest:.1f} s for one conversation"
        topics.update(malformation.topic for _, malformation in connection.malformations)
        done += len(wrong)
        if not before and done > count / 5:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return Result(done, topics, longest, grown)


def conversation(recorded: Recorded) -> list[Passed]:
    """Return the PDUs of a recorded connection, in the order in which they were whole."""
    buffers: dict[Side, bytes] = {"requestor": b"", "acceptor": b""}
    found: list[Passed] = []
    for chunk in recorded.chunks:
        buffers[chunk.side] += chunk.octets
        while len(octets := buffers[chunk.side]) >= 6 and len(octets) >= (whole := 6 + int.from_bytes(octets[2:6], "big")):
            found.append((chunk.side, octets[:whole]))
            buffers[chunk.side] = octets[whole:]
    return found


def conversations() -> list[list[Passed]]:
    """Return conversations with every service: six treatments, all other requests of UPS, watchers."""
    sys.path.insert(0, str(Path(__file__).parent / "unit" / "witness"))
    from busy_table import asking, busy_table, treating

    with TemporaryDirectory() as folder:
        path = Path(folder) / "record.jsonl"
        with busy_table(path) as table:
            treating(table)
            asking(table)
        return [one for one in map(conversation, read_record(path)) if len(one) > 2]


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # pydicom's, about values that were mutated
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    result = run(conversations(), given.count, given.seed)
    print(f"{result.count} mutated PDUs in {time.monotonic() - began:.0f} s; longest conversation {result.longest * 1000:.0f} ms;"
          f" memory grown by {result.grown / 1e6:.1f} MB after the first fifth; found: "
          + ", ".join(f"{topic} {number}" for topic, number in result.topics.most_common()))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
