"""What a system sent on the upper layer, topic by topic, and the encoding of its data sets, as findings [PS3.8, PS3.5]."""

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from tdwii_conformance.checks.findings import Finding
from tdwii_conformance.checks.upper_layer import as_observed, judge_sent, judge_syntax, topic_of
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.transcript.sent import Sent, Wrong

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("id_", "topic", "observed"),
    [
        ("UL-TMS-001", "pdu", True),
        ("UL-OST-002", "lengths", True),
        ("UL-watcher-013", "reasons", True),
        ("UL-TMS-017", "data-set", True),
        ("UL-TMS-018", "", True),  # the encoding of data sets
        ("UL-TMS-031", "", False),  # has to be driven
        ("UL-TMS-041", "", False),
    ],
)
def test_what_a_requirement_is_about(id_, topic, observed):
    assert (topic_of(id_), as_observed(id_)) == (topic, observed)


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_of_a_system_whose_bytes_nobody_saw_nothing_is_judged():
    judgement = judge_sent("pdu", iter([]))
    assert (judgement.findings, judgement.not_judged) == ((), "no bytes of the system were recorded")


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("pdu", "the system sent nothing"),
        ("contexts", "the system neither requested nor accepted an association"),
        ("reasons", "the system rejected and aborted nothing"),
        ("command", "the system sent no message"),
    ],
)
def test_a_topic_that_never_came_up_is_not_judged(topic, reason):
    judgement = judge_sent(topic, [Sent(("titles",)), Sent(("roles",), (Wrong("titles", "x", "y"),))])
    assert (judgement.findings, judgement.not_judged) == ((), reason)


def test_a_topic_that_came_up_on_one_association_is_judged():
    judgement = judge_sent("pdu", [Sent(), Sent(("pdu",)), Sent(("titles",))])
    assert (judgement.findings, judgement.not_judged) == ((), "")


def test_what_is_wrong_is_said_once_with_its_weight():
    of_one = Sent(("pdu",), (Wrong("pdu", "came A", "would be B"), Wrong("titles", "came C", "would be D")))
    of_other = Sent(("pdu",), (Wrong("pdu", "came A", "would be B"), Wrong("pdu", "came E", "would be F", tolerable=True)))
    judgement = judge_sent("pdu", [of_one, of_other])
    assert judgement.findings == (
        Finding("would be B", "came A", weight="fault"),
        Finding("would be F", "came E", weight="warning"),
    )
    assert judgement.not_judged == ""


def test_what_is_wrong_needs_no_other_sign_that_its_topic_came_up():
    assert judge_sent("pdu", [Sent((), (Wrong("pdu", "came A", "would be B"),))]).findings == (Finding("would be B", "came A"),)


def test_ten_faults_of_a_topic_are_shown():
    wrong = tuple(Wrong("pdu", f"came {n}", "another") for n in range(11))
    assert [one.received for one in judge_sent("pdu", [Sent(("pdu",), wrong)]).findings] == [f"came {n}" for n in range(10)]


# --- data sets --------------------------------------------------------------------------------------------------------

RIGHT = bytes.fromhex("1000100002000000") + b"P1"  # (0010,0010), two bytes, Implicit VR Little Endian
TORN = bytes.fromhex("10001000FF000000") + b"P1"  # 255 bytes, of which two are there


def exchange(asked, *answers, service="C-FIND", requestor="TDD", acceptor="TMS"):
    request, *responses = (Message(Dataset(), NOON, encoded, ImplicitVRLittleEndian) for encoded in (asked, *answers))
    return Exchange(service, requestor, acceptor, UPS.PULL, request, tuple(responses))


def test_the_samples_are_what_they_are_called():
    sample = exchange(RIGHT, TORN)
    assert (bool(sample.request.undecodable), bool(sample.responses[0].undecodable)) == (False, True)


@pytest.mark.parametrize(
    "exchanges",
    [
        [],
        [exchange(RIGHT, None)],
        [exchange(None, RIGHT, requestor="TMS", acceptor="TDD")],
        [exchange(RIGHT, RIGHT, acceptor="OST")],
    ],
)
def test_of_a_system_that_sent_no_data_set_no_encoding_is_judged(exchanges):
    judgement = judge_syntax(exchanges, "TMS")
    assert (judgement.findings, judgement.not_judged) == ((), "the system sent no data set")


@pytest.mark.parametrize(
    "exchanges",
    [[exchange(TORN, RIGHT)], [exchange(RIGHT, TORN, requestor="TMS", acceptor="TDD")], [exchange(None, None, RIGHT)]],
)
def test_what_can_be_read_and_what_others_sent_is_no_fault(exchanges):
    judgement = judge_syntax(exchanges, "TMS")
    assert (judgement.findings, judgement.not_judged) == ((), "")


def test_each_data_set_that_cannot_be_read_is_a_fault():
    exchanges = [exchange(RIGHT, TORN, TORN), exchange(TORN, RIGHT, service="C-STORE", requestor="TMS", acceptor="OST")]
    expected = ("a data set in Implicit VR Little Endian", "10 bytes that are none")
    assert judge_syntax(exchanges, "TMS").findings == (
        Finding(*expected, "C-STORE"),
        Finding(*expected, "C-FIND"),
        Finding(*expected, "C-FIND"),
    )


def test_ten_of_them_are_shown():
    assert len(judge_syntax([exchange(RIGHT, *[TORN] * 11)], "TMS").findings) == 10
