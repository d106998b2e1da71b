"""Each topic of the upper layer can be seen violated by bytes, and no other with it; what the standard allows violates none.

The requirements UL-*-001 to -017 are these topics; the bytes are worked out by hand from PS3.8 9.3 and PS3.7 6.3, E.1.
"""

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset
from test_pdus import ABORT_RQ, RELEASE_RQ, associate, items

from tdwii_conformance.checks.attributes import Judgement
from tdwii_conformance.checks.upper_layer import TOPICS, judge_sent, judge_syntax, topic_of
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.upper_layer import TOPICS as ALL
from tdwii_conformance.upper_layer import Connection

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
RELEASE_RP = bytes.fromhex("06 00 00000004 00000000")
VERIFICATION, IMPLICIT = b"1.2.840.10008.1.1", b"1.2.840.10008.1.2"
RQ = associate()
ANSWER = (0x21, b"\1\0\0\0" + items((0x40, IMPLICIT)))
USER = [(0x51, (16384).to_bytes(4, "big")), (0x52, b"1.2.3.4")]
AC = associate(2, [ANSWER])
SIZED = len(VERIFICATION).to_bytes(2, "big") + VERIFICATION
ROLES = associate(user=[*USER, (0x54, SIZED + b"\1\0")])
WINDOW = (0x53, b"\0\2\0\2")


def element(number, value):
    return bytes([0, 0]) + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


def us(number, value):
    return element(number, value.to_bytes(2, "little"))


def command(*elements, wrong_by=0):
    body = b"".join(elements)
    return element(0, (len(body) + wrong_by).to_bytes(4, "little")) + body


def echo(number=1, data_set=0x0101):
    return command(element(2, VERIFICATION + b"\0"), us(0x100, 0x30), us(0x110, number), us(0x800, data_set))


def echoed(number=1, field=0x8030):
    return command(us(0x100, field), us(0x120, number), us(0x800, 0x0101), us(0x900, 0))


def pdv(value, header=3, context=1):
    return (len(value) + 2).to_bytes(4, "big") + bytes([context, header]) + value


def data(*pdvs):
    body = b"".join(pdvs)
    return b"\4\0" + len(body).to_bytes(4, "big") + body


ECHO, ECHOED = data(pdv(echo())), data(pdv(echoed()))
IDENTIFIER = bytes.fromhex("08005200 06000000") + b"STUDY "
FIND = command(
    element(2, b"1.2.3\0"), us(0x100, 0x20), us(0x110, 1), us(0x700, 0), us(0x800, 1),
)  # fmt: skip


def failed(*passed):
    """Return the topics that are not right, of requestor (R) and acceptor (A): of what passes, in this order."""
    connection = Connection(NOW)
    for side, octets in passed:
        connection.feed({"R": "requestor", "A": "acceptor"}[side], octets, NOW)
    connection.close(NOW)
    found = {}
    for side, name in (("R", "requestor"), ("A", "acceptor")):
        for topic in ALL:
            judgement = judge_sent(topic, [connection.sent(name)])
            if any(one.weight == "fault" for one in judgement.findings):
                found.setdefault(side, []).append(topic)
    return found


STANDS = (("R", RQ), ("A", AC))
WRONG = {
    "no PDU": ("pdu", "A", [("R", RQ), ("A", b"HTTP/1.1 400 Bad Request\r\n")]),
    "a PDU of another type": ("pdu", "R", [*STANDS, ("R", bytes.fromhex("0a 00 00000000"))]),
    "A-RELEASE-RQ of two bytes": ("lengths", "R", [*STANDS, ("R", bytes.fromhex("05 00 00000002 0000"))]),
    "PDV longer than its PDU": ("lengths", "R", [*STANDS, ("R", b"\4\0\0\0\0\6\0\0\0\x20\1\3")]),
    "Maximum Length of two bytes": ("lengths", "A", [("R", RQ), ("A", associate(2, [ANSWER], [(0x51, b"\1\0"), (0x52, b"1.2")]))]),
    "no Maximum Length": ("associate", "R", [("R", associate(user=[(0x52, b"1.2")])), ("A", AC)]),
    "no Implementation Class UID": ("associate", "A", [("R", RQ), ("A", associate(2, [ANSWER], USER[:1]))]),
    "a title of spaces": ("titles", "R", [("R", associate(calling=b""))]),
    "a backslash in a title": ("titles", "R", [("R", associate(called=b"T\\MS"))]),
    "a leading zero": ("uids", "A", [("R", RQ), ("A", associate(2, [ANSWER], [USER[0], (0x52, b"1.02")]))]),
    "an even id": ("contexts", "R", [("R", associate(contexts=[(0x20, b"\2\0\0\0" + items((0x30, b"1.2"), (0x40, IMPLICIT)))]))]),
    "an id twice": ("contexts", "R", [("R", associate(contexts=[(0x20, b"\1\0\0\0" + items((0x30, b"1.2"), (0x40, IMPLICIT)))] * 2))]),
    "a context not answered": ("contexts", "A", [("R", RQ), ("A", associate(2, []))]),
    "a context answered twice": ("contexts", "A", [("R", RQ), ("A", associate(2, [ANSWER, ANSWER]))]),
    "a transfer syntax not proposed": (
        "transfer-syntax", "A", [("R", RQ), ("A", associate(2, [(0x21, b"\1\0\0\0" + items((0x40, b"1.2.840.10008.1.2.1")))]))],
    ),
    "a role not proposed": ("roles", "A", [("R", RQ), ("A", associate(2, [ANSWER], [*USER, (0x54, SIZED + b"\1\0")]))]),
    "a role granted beyond": ("roles", "A", [("R", ROLES), ("A", associate(2, [ANSWER], [*USER, (0x54, SIZED + b"\1\1")]))]),
    "longer than may be": ("maximum-length", "R", [("R", RQ), ("A", associate(2, [ANSWER], [(0x51, b"\0\0\0\x20"), USER[1]])), ("R", ECHO)]),
    "a command set after half of one": ("fragments", "R", [*STANDS, ("R", data(pdv(b"\0" * 9, 1)))]),
    "bits of the header": ("fragments", "R", [*STANDS, ("R", data(pdv(echo(), 0x83)))]),
    "two messages in a PDU": ("fragments", "R", [*STANDS, ("R", ECHO), ("A", ECHOED), ("R", data(pdv(echo(2)), pdv(command(us(0x100, 0x0FFF), us(0x120, 2), us(0x800, 0x0101)))))]),
    "a context not accepted": ("context", "R", [*STANDS, ("R", data(pdv(echo(), context=3)))]),
    "data before the answer": ("state", "R", [("R", RQ), ("R", ECHO), ("A", AC)]),
    "data after its release": ("state", "R", [*STANDS, ("R", RELEASE_RQ), ("R", ECHO)]),
    "an answer to no release": ("state", "A", [*STANDS, ("A", RELEASE_RP)]),
    "a second request": ("state", "R", [*STANDS, ("R", RQ)]),
    "a reason that there is not": ("reasons", "A", [("R", RQ), ("A", bytes.fromhex("03 00 00000004 00010104"))]),
    "a source that there is not": ("reasons", "R", [*STANDS, ("R", bytes.fromhex("07 00 00000004 00000100"))]),
    "a Message ID under way": ("operations", "R", [*STANDS, ("R", ECHO), ("R", ECHO)]),
    "two at a time": ("operations", "R", [*STANDS, ("R", ECHO), ("R", data(pdv(echo(2)))), ("A", ECHOED)]),
    "an answer to another": ("operations", "A", [*STANDS, ("R", ECHO), ("A", data(pdv(echoed(7))))]),
    "an answer of another service": ("operations", "A", [*STANDS, ("R", ECHO), ("A", data(pdv(echoed(1, 0x8110))))]),
    "a group length that is wrong": ("command", "R", [*STANDS, ("R", data(pdv(command(*[echo()[12:]], wrong_by=2))))]),
    "tags in disorder": ("command", "A", [*STANDS, ("R", ECHO), ("A", data(pdv(command(us(0x120, 1), us(0x100, 0x8030), us(0x800, 0x101), us(0x900, 0)))))]),
    "no Status": ("elements", "A", [*STANDS, ("R", ECHO), ("A", data(pdv(command(us(0x100, 0x8030), us(0x120, 1), us(0x800, 0x0101)))))]),
    "no Affected SOP Class UID": ("elements", "R", [*STANDS, ("R", data(pdv(command(us(0x100, 0x30), us(0x110, 1), us(0x800, 0x101)))))]),
    "a priority that there is not": ("elements", "R", [*STANDS, ("R", data(pdv(command(element(2, b"1.2.3\0"), us(0x100, 0x20), us(0x110, 1), us(0x700, 7), us(0x800, 1))), pdv(IDENTIFIER, 2)))]),
    "another application context": ("associate", "R", [("R", RQ.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2")), ("A", AC)]),
    "another application context in the answer": ("associate", "A", [("R", RQ), ("A", AC.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2"))]),
    "a query without a data set": ("data-set", "R", [*STANDS, ("R", data(pdv(command(FIND[12:-10], us(0x800, 0x0101)))))]),
    "a data set that is not announced": ("data-set", "R", [*STANDS, ("R", ECHO), ("R", data(pdv(IDENTIFIER, 2)))]),
}  # fmt: skip


@pytest.mark.parametrize(("topic", "side", "passed"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_violates_its_topic_and_no_other(topic, side, passed):
    assert failed(*passed) == {side: [topic]}


def test_every_topic_is_shown():
    assert {topic for topic, _, _ in WRONG.values()} == set(ALL) == set(TOPICS.values())


RIGHT = {
    "another request after one that is never answered": [*STANDS, ("R", ECHO), ("R", data(pdv(echo(2))))],
    "an abort after the release": [*STANDS, ("R", RELEASE_RQ), ("A", RELEASE_RP), ("A", ABORT_RQ)],
    "an echo, and the release": [*STANDS, ("R", ECHO), ("A", ECHOED), ("R", RELEASE_RQ), ("A", RELEASE_RP)],
    "data of who is asked for the release": [*STANDS, ("R", ECHO), ("R", RELEASE_RQ), ("A", ECHOED), ("A", RELEASE_RP)],
    "an abort in the middle of a message": [*STANDS, ("R", data(pdv(echo()[:20], 1))), ("A", ABORT_RQ)],
    "a rejection": [("R", RQ), ("A", bytes.fromhex("03 00 00000004 00020302"))],
    "a context refused, with any syntax": [("R", RQ), ("A", associate(2, [(0x21, b"\1\0\3\0" + items((0x40, b"")))]))],
    "an item of the future": [("R", associate(user=[*USER, (0x7E, b"\1")])), ("A", associate(2, [ANSWER], [*USER, (0x7E, b"")]))],
    "no limit": [("R", associate(user=[(0x51, bytes(4)), USER[1]])), ("A", AC), ("R", ECHO), ("A", ECHOED)],
    "a message in three PDUs": [*STANDS, *(("R", data(pdv(echo()[at : at + 30], 3 if at == 60 else 1))) for at in (0, 30, 60))],
    "command and data set in one PDU": [*STANDS, ("R", data(pdv(FIND), pdv(IDENTIFIER, 2)))],
    "a role turned down": [("R", ROLES), ("A", associate(2, [ANSWER], [*USER, (0x54, SIZED + b"\0\0")]))],
    "two at a time, as negotiated": [
        ("R", associate(user=[*USER, WINDOW])), ("A", associate(2, [ANSWER], [*USER, WINDOW])), ("R", ECHO), ("R", data(pdv(echo(2)))),
        ("A", ECHOED),
    ],
    "cancel of what is under way": [
        *STANDS, ("R", data(pdv(FIND), pdv(IDENTIFIER, 2))), ("R", data(pdv(command(us(0x100, 0x0FFF), us(0x120, 1), us(0x800, 0x0101))))),
    ],
    "the calling title in the answer": [("R", RQ), ("A", associate(2, [ANSWER], called=b"OTHER"))],
}  # fmt: skip


@pytest.mark.parametrize("passed", RIGHT.values(), ids=RIGHT)
def test_what_is_allowed_violates_nothing(passed):
    assert failed(*passed) == {}


def test_a_topic_that_never_came_up_is_not_judged():
    connection = Connection(NOW)
    connection.feed("requestor", RQ, NOW)
    judgement = judge_sent("reasons", [connection.sent("requestor")])
    assert judgement.not_judged == "the system rejected and aborted nothing"
    assert judge_sent("reasons", []).not_judged == "no bytes of the system were recorded"


def test_a_data_set_in_another_syntax_is_found():
    request = Message(Dataset(), NOW, b"no data set", IMPLICIT.decode())
    exchange = Exchange("C-FIND", "TDD", "TMS", "1.2", request, (Message(Dataset(), NOW, IDENTIFIER, IMPLICIT.decode()),))
    assert len(judge_syntax([exchange], "TDD").findings) == 1
    assert judge_syntax([exchange], "TMS") == Judgement()
    assert judge_syntax([exchange], "OST").not_judged == "the system sent no data set"


def test_every_requirement_has_its_topic():
    of_the_upper_layer = [r.id for r in load_catalogue().values() if r.transaction == "upper layer" and int(r.id[-3:]) < 31]
    assert [one for one in of_the_upper_layer if not topic_of(one)] == ["UL-TMS-018", "UL-OST-018"]
