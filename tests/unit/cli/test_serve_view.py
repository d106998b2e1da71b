"""The pictures of the live view, line by line, at the sizes people have; and lines without a terminal."""

import io
import threading
from datetime import datetime

import pytest
from pydicom.uid import generate_uid
from rich.console import Console

from tdwii_conformance.cli.serve.view import Lines, LiveView, Server
from tdwii_conformance.simulators.live import Happening, Live
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.ups import Worklist

NOON = datetime(2026, 1, 8, 12, 0, 1)
STATION = Code("FX1", "99X", "Machine 1")


@pytest.fixture
def worklist():
    made = Worklist()
    for hour, name in ((9, "Early^Eve"), (10, "Müller^Jörg"), (11, "Late^Lou")):
        treatment = objects.new_treatment(patient_name=name, patient_id=f"P{hour}")
        start = datetime(2026, 1, 8, hour, 30)
        workitem = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=start)
        assert made.create(f"1.2.{hour}", workitem).status == 0
    assert made.change_state("1.2.10", "IN PROGRESS", "1.2.3").status == 0
    progress = item(TransactionUID="1.2.3", ProcedureStepProgressInformationSequence=item(ProcedureStepProgress="40"))
    assert made.set("1.2.10", progress).status == 0
    return made


@pytest.fixture
def view(worklist):
    made = LiveView()
    made.worklist = worklist
    made._servers = (Server("TMS", "UPSSCP", "127.0.0.1", 11114), Server("OST", "OST", "127.0.0.1", 11112))
    made._live = Live(made.tell)
    return made


def drawn(view, width, height):
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, color_system=None)
    console.print(view.picture(width, height))
    return [line.rstrip() for line in stream.getvalue().rstrip("\n").split("\n")]


def happening(text="TDD: N-SET, 40 %", workitem="1.2.10", **changes):
    return Happening(**{"time": NOON, "actor": "UPSSCP", "text": text, "kind": "exchange", "workitem": workitem, **changes})


def test_at_80_columns_nothing_is_wrapped(view):
    view.tell(happening())
    view.tell(happening("TDD: " + "x" * 200, ""))
    lines = drawn(view, 80, 24)
    assert lines == [
        "TMS UPSSCP at 127.0.0.1:11114",
        "OST OST at 127.0.0.1:11112",
        "Associations: none",
        "",
        "Workitems: 3",
        "Start        Patient      Label       Station  State        Done",
        "01-08 10:30  Müller^Jörg  Fraction 3  FX1      IN PROGRESS  40 %",
        "01-08 09:30  Early^Eve    Fraction 3  FX1      SCHEDULED",
        "01-08 11:30  Late^Lou     Fraction 3  FX1      SCHEDULED",
        "",
        "Events  (Ctrl-C stops)",
        "12:00:01 UPSSCP    TDD: N-SET, 40 % · Müller^Jörg, Fraction 3",
        "12:00:01 UPSSCP    TDD: " + "x" * 55 + "…",
    ]


def test_at_160_columns_the_uids_are_whole(view, worklist):
    longest = "1.2.826.0.1.3680043.8.498." + "1" * 38
    treatment = objects.new_treatment(patient_name="Uid^Long", patient_id="P1")
    start = datetime(2026, 1, 8, 8, 0)
    made = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=start)
    assert worklist.create(longest, made).status == 0
    lines = drawn(view, 160, 40)
    assert lines[5].split() == ["Start", "Patient", "Patient", "ID", "Label", "Station", "State", "Done", "SOP", "Instance", "UID"]
    (row,) = [line for line in lines if "Uid^Long" in line]
    assert row.endswith(longest) and "P1" in row


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50), (80, 12), (200, 60)])
def test_a_picture_fits_its_terminal(view, worklist, width, height):
    for number in range(70):
        view.tell(happening(f"event {number} " + "y" * number))
        treatment = objects.new_treatment(patient_name="Long" * 15)
        made = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=NOON)
        assert worklist.create(generate_uid(), made).status == 0
    lines = drawn(view, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert any(line.startswith("Workitems: 73, ") for line in lines)
    # What is under way is always seen, and so is what happened last.
    assert any("IN PROGRESS" in line for line in lines)
    assert "event 69" in lines[-1]


def test_control_sequences_of_a_peer_do_not_reach_the_terminal(view, worklist):
    treatment = objects.new_treatment(patient_name="Doe^Jane")
    made = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=NOON)
    made.ProcedureStepLabel = "\x1b[31mred"
    worklist.restore("1.2.99", made)
    view.tell(happening("A\x1b[2J: associated"))
    assert "\x1b" not in "\n".join(drawn(view, 100, 30))


def test_lines_say_who_runs_first(worklist, capsys):
    lines = Lines()
    lines.worklist = worklist
    lines.tell(happening("before"))
    stop = threading.Event()
    stop.set()
    lines.run([Server("TMS", "UPSSCP", "127.0.0.1", 11114, "with the defect x")], ["advice"], Live(lines.tell), stop)
    lines.tell(happening("bell\x07", ""))
    assert capsys.readouterr().out.splitlines() == [
        "TMS UPSSCP at 127.0.0.1:11114; with the defect x",
        "advice",
        "Ctrl-C stops it.",
        "12:00:01 UPSSCP    before · Müller^Jörg, Fraction 3",
        "12:00:01 UPSSCP    bell\N{REPLACEMENT CHARACTER}",
    ]
