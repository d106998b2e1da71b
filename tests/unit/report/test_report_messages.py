"""The messages of a kept exchange, what a finding points at, and the diagram and the lines that the page shows of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from tdwii_conformance.dcmdump import dump_exchange
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.brief import brief
from tdwii_conformance.report.html import Deviated, render_html
from tdwii_conformance.report.messages import fault_of, messages_of
from tdwii_conformance.report.results import results_of
from tdwii_conformance.report.sequence import ROWS, diagram
from tdwii_conformance.report.verdicts import TestVerdict
from tdwii_conformance.transcript.exchange import Exchange, Message

START = datetime(2025, 3, 31, 12, 0, tzinfo=UTC)
PULL = "1.2.840.10008.5.1.4.34.6.3"


def item(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def message(after=0, dataset=None, **command):
    encoded = None
    if dataset is not None:
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, True
        write_dataset(stream, dataset)
        encoded = stream.getvalue()
    return Message(item(**command), START + timedelta(milliseconds=after), encoded)


def text(service, *responses, request=None, ends=("TDD", "TMS"), failure=""):
    return dump_exchange(Exchange(service, *ends, PULL, request or message(CommandField=32), responses, failure))


def identifier(patient, *labels):
    steps = [item(ReferencedSOPInstanceUID=f"1.2.{n}", StudyInstanceUID=label) for n, label in enumerate(labels)]
    return item(PatientID=patient, InputInformationSequence=steps)


CLAIM = text("N-ACTION", message(7, CommandField=33072, Status=0), request=message(CommandField=304, ActionTypeID=1))
QUERY = text(
    "C-FIND",
    message(2, identifier("P1", "1.5", "1.6"), Status=0xFF00),
    message(3, identifier("P2"), Status=0xFF00),
    message(4, Status=0),
)
REPORT = text("N-EVENT-REPORT", message(1, Status=0x0110), request=message(EventTypeID=3, CommandField=256), ends=("TMS", "WATCH"))
SILENCE = text("N-GET", failure="no response within 30 s")


def test_who_sent_what_and_when():
    shown = [(m.sender, m.receiver, m.what, m.status, m.time) for m in messages_of([CLAIM, QUERY, REPORT, SILENCE, "# a note"])]
    assert shown == [
        ("TDD", "TMS", "N-ACTION Change UPS State", "", "12:00:00.000"),
        ("TMS", "TDD", "response", "0000 (Success)", "+7 ms"),
        ("TDD", "TMS", "C-FIND", "", "12:00:00.000"),
        ("TMS", "TDD", "response 1 of 3", "FF00 (pending)", "+2 ms"),
        ("TMS", "TDD", "response 2 of 3", "FF00 (pending)", "+3 ms"),
        ("TMS", "TDD", "response 3 of 3", "0000 (Success)", "+4 ms"),
        ("TMS", "WATCH", "N-EVENT-REPORT UPS Progress Report", "", "12:00:00.000"),
        ("WATCH", "TMS", "response", "0110 (processing failure)", "+1 ms"),
        ("TDD", "TMS", "N-GET", "", "12:00:00.000"),
        ("TMS", "TDD", "no response within 30 s", "", ""),
    ]


SECOND = "InputInformationSequence[1].StudyInstanceUID"


@pytest.mark.parametrize(
    ("actor", "texts", "received", "path", "what", "line", "absent"),
    [
        ("TMS", [QUERY, CLAIM], "status 0000 (Success)", "", "response", "(0000,0900)", ""),
        ("TMS", [CLAIM, QUERY], "value '1.6'", SECOND, "response 1 of 3", "    (0020,000d) UI [1.6]", ""),
        ("TMS", [CLAIM, QUERY], "value 'P2'", "PatientID", "response 2 of 3", "(0010,0020) LO [P2]", ""),
        ("TMS", [QUERY], "attribute absent", "PatientName", "response 2 of 3", None, "PatientName"),
        (
            "TMS",
            [QUERY],
            "attribute absent",
            "InputInformationSequence[1].CodeValue",
            "response 1 of 3",
            "  (fffe,e000)",
            "CodeValue",
        ),
        ("TMS", [QUERY], "bytes that are none", "response 2", "response 2 of 3", None, ""),
        ("TMS", [CLAIM, SILENCE], "no response within 30 s", "", "no response within 30 s", None, ""),
        ("TMS", [REPORT], "value 3", "EventTypeID", "N-EVENT-REPORT UPS Progress Report", "(0000,1002) US 3", ""),
        ("watcher", [REPORT], "status 0110 (processing failure)", "", "response", "(0000,0900)", ""),
        ("TDD", [CLAIM], "sent", "ActionTypeID", "N-ACTION Change UPS State", "(0000,1008) US 1", ""),
    ],
)
def test_what_a_finding_points_at(actor, texts, received, path, what, line, absent):
    fault = fault_of(texts, {"expected": "", "received": received, "path": path}, actor)
    assert (fault.message.what, fault.absent) == (what, absent)
    if line is None:
        assert fault.line is None
    else:
        assert texts[fault.message.exchange].split("\n")[fault.line].startswith(line)


@pytest.mark.parametrize("texts", [[], ["# negotiated"], [CLAIM, QUERY]])
def test_a_finding_about_no_message_points_at_none(texts):
    assert fault_of(texts, {"expected": "an event report", "received": "none came in time", "path": ""}, "TMS") is None


def test_of_several_answers_the_last_of_the_transaction_is_at_fault_in_any_order_of_the_exchanges():
    def at(seconds, service, by="TDD", **request):
        ago = 1000 * seconds
        answer = message(ago + 5, CommandField=1, Status=0)
        return text(service, answer, request=message(ago, CommandField=1, **request), ends=(by, "TMS"))

    made, first = at(0, "N-CREATE"), at(1, "N-ACTION", ActionTypeID=1)
    second, after = at(12, "N-ACTION", by="TDD2", ActionTypeID=1), at(13, "N-GET")
    finding = {"expected": "status C301", "received": "status 0000 (Success)", "path": ""}
    for texts in ([second, first, made, after], [made, first, second, after], [after, second, first, made]):
        fault = fault_of(texts, finding, "TMS", "RO-60")
        assert texts[fault.message.exchange] == second
        assert fault_of(texts, finding, "TMS").message.exchange == texts.index(after)
        told = [one.what for one in messages_of(texts) if one.is_request]
        assert told == ["N-CREATE", "N-ACTION Change UPS State", "N-ACTION Change UPS State", "N-GET"]


def test_the_diagram_has_lifelines_arrows_and_the_fault():
    fault = fault_of([CLAIM], {"received": "status 0000 (Success)", "path": ""}, "TMS")
    drawn = str(diagram(messages_of([CLAIM, REPORT]), [fault]))
    assert re.findall(r'class="ae"[^>]*>([^<]*)<', drawn) == ["TDD", "TMS", "WATCH"]
    assert re.findall(r'<g class="([^"]*)">', drawn) == ["", "bad back", "", "back"]
    assert drawn.count("at fault</text>") == 1
    assert "href" not in drawn and "<script" not in drawn
    assert diagram([], []) == ""


def test_a_long_story_is_cut_and_many_responses_are_one_arrow():
    many = text("C-FIND", *[message(n, item(PatientID=str(n)), Status=0xFF00) for n in range(1, 9)], message(9, Status=0))
    drawn = str(diagram(messages_of([many]), []))
    assert "responses 1 to 8 of 9: FF00 (pending)" in drawn and drawn.count("<g ") == 3
    long = str(diagram(messages_of([CLAIM] * 20), []))
    assert long.count("<g ") == ROWS and "13 earlier exchanges" in long


def test_the_page_shows_fault_element_repetition_and_defect():
    defect = Deviated("claim-<x>", "defect", "Grants a second claim", frozenset({"RO60-TMS-004"}))
    finding = {"expected": "another study", "received": "value '1.6'", "path": SECOND, "weight": "fault"}
    lost = {"expected": "a name", "received": "attribute absent", "path": "PatientName", "weight": "fault"}
    page = render_html(
        [
            TestVerdict("RO60-TMS-004", "t.py::a", "failed", findings=(finding, lost), exchanges=(CLAIM, QUERY)),
            TestVerdict("RO60-TMS-005", "t.py::b", "passed", exchanges=(QUERY,)),
        ],
        load_catalogue(), system="V", edition="ti", when=START, software={}, again=["--sut", "my vendor.toml"], deviations=[defect],
    )  # fmt: skip
    assert "<mark>    (0020,000d) UI [1.6]" in page  # among the lines at the finding
    assert '<mark title="RO60-TMS-004">    (0020,000d) UI [1.6]' in page  # in the exchange
    assert "<mark>here is no PatientName</mark>" in page
    assert "tdwii run RO60-TMS-004 --sut &#39;my vendor.toml&#39; --defect &#39;claim-&lt;x&gt;&#39;" in page
    assert "The simulator has the defect <code>claim-&lt;x&gt;</code>: Grants a second claim" in page
    assert page.count('<svg class="seq"') == 1
    # for whom has a minute: how much is met, how much was judged, where it is bad
    assert "met of what was judged: 1 of 2 requirements" in page and "judged of what applies: 2 of 2 requirements" in page
    assert '<a class="some" href="#requirements" data-actor="TMS" data-transaction="RO-60">' in page


def test_a_terminal_shows_each_requirement_once_and_the_first_message_whole():
    finding = {"expected": "another study", "received": "value '1.6'", "path": SECOND, "weight": "fault"}
    status = {"expected": "status C301", "received": "status 0000 (Success)\x1b[2J", "path": "", "weight": "fault"}
    results = results_of(
        [
            *(TestVerdict("RO60-TMS-004", f"t.py::{n}", "failed", findings=(finding,), exchanges=(QUERY,)) for n in range(3)),
            TestVerdict("RO60-TMS-004", "t.py::x", "passed"),
            TestVerdict("RO60-TMS-005", "t.py::b", "failed", findings=(status,), exchanges=(CLAIM,)),
            TestVerdict("RO60-TMS-006", "t.py::c", "warned", findings=(status,)),
        ],
        load_catalogue(), system="V", edition="ti",
    )  # fmt: skip
    shown = brief(results, width=80).split("\n")
    assert sum(line.startswith("RO60-TMS-004 (shall): ") for line in shown) == 1
    assert "  tests:    3 of 4 failed" in shown and "  more:     2 findings like this or others" in shown
    marked = [line for line in shown if line.startswith("  >")]
    assert len(marked) == 2 and "(0020,000d) UI [1.6]" in marked[0] and "(0000,0900) US 0" in marked[1]
    assert any("(0010,0020) LO [P1]" in line for line in shown)  # of the first message all
    assert "\x1b" not in "".join(shown)
    few = brief(results, lines=20)
    assert "not shown here, and not met: 1: RO60-TMS-005" in few and few.count("\n") < 20


def test_a_terminal_shows_an_answer_where_the_first_finding_points_at_no_message():
    finding = {
        "expected": "a response with the workitem 1.2",
        "received": "2 response(s), none with it",
        "path": "",
        "weight": "fault",
    }
    verdicts = [TestVerdict("RO58-TMS-003", "t.py::a", "failed", findings=(finding,), exchanges=(CLAIM, QUERY))]
    shown = brief(results_of(verdicts, load_catalogue(), system="V", edition="ti"), width=120)
    assert "message:  C-FIND response 1 of 3" in shown and "(0010,0020) LO [P1]" in shown and "\n  > " not in shown


@pytest.mark.parametrize("lines", [8, 40, 200])
def test_a_terminal_shows_no_more_lines_than_asked_for_however_much_is_left_out(lines):
    finding = {"expected": "this", "received": "that", "path": "", "weight": "fault"}
    names = [requirement.id for requirement in load_catalogue().values() if requirement.actor == "TMS"]
    verdicts = [TestVerdict(name, f"t.py::{name}", "failed", findings=(finding,)) for name in names]
    shown = brief(results_of(verdicts, load_catalogue(), system="V", edition="ti"), lines=lines).split("\n")
    assert len(shown) <= lines
    left = len(names) - sum(" (shall): " in line or " (should): " in line or " (may): " in line for line in shown)
    assert any(line.startswith(f"not shown here, and not met: {left}: ") for line in shown)
