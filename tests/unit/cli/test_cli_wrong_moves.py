"""C-MOVEs that count wrong, count nothing, or send late: what `tdwii retrieve-inputs`, and the suite, say of it."""

import json
import threading
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from tdwii_conformance.checks.move import received_exactly
from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.defects import equip
from tdwii_conformance.defects.hooks import on_responses, set_command
from tdwii_conformance.dimse import Peer, connect
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import LATE, TDD
from tdwii_conformance.simulators.instances import instance_of_dataset
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, move_identifier, references
from tests.ports import free_port

C_MOVE_RSP, SUCCESS = 0x8021, 0x0000
COUNTS = ("NumberOfRemainingSuboperations", "NumberOfCompletedSuboperations", "NumberOfFailedSuboperations",
          "NumberOfWarningSuboperations")  # fmt: skip


@contextmanager
def serving(tmp_path, *defects, late=False, **counts):
    """An OST with a plan, the response that refers to it, and an address book; yields the OST, the plan, the port of TDD.

    With `late` it sends the plan after the final response; the final response has these counts, `None` for one that it lacks.
    """
    port, made, stack = free_port(), objects.new_treatment(), ExitStack()
    ost = OST("OST", destinations={"TDD": Peer("TDD", "127.0.0.1", port)})
    equip(ost, defects)
    counting(ost, **counts)
    if late:
        stack.enter_context(sending_late(ost, made.plan, port))
    with ost, stack:
        ost.instances.add(instance_of_dataset(made.plan, ExplicitVRLittleEndian))
        workitem = objects.workitem(made, tms="OST", ost="OST", station=Code("FX1", "99X", "x"), start=datetime.now())
        workitem.InputInformationSequence = [
            one for one in workitem.InputInformationSequence if references([one])[0].instance == made.plan.SOPInstanceUID
        ]
        save_dicom(workitem, tmp_path / "rsp.dcm")
        book = [
            {"AETitle": peer.ae_title, "IPAddr": peer.host, "Port": peer.port}
            for peer in (ost.peer, Peer("TDD", "127.0.0.1", port))
        ]
        (tmp_path / "ApplicationEntities.json").write_text(json.dumps(book))
        yield ost, made.plan, port


def counting(ost, **counts):
    """Let the final response have these numbers; `None` leaves one out."""

    def sent(message, association):
        if message.command_set.Status == SUCCESS:
            set_command(message.command_set, **counts)

    on_responses(ost, C_MOVE_RSP, sent)


@contextmanager
def sending_late(ost, plan, port, seconds=0.3):
    """Send the plan so long after the final response."""
    timers = []

    def store():
        with connect(Peer("TDD", "127.0.0.1", port), [plan.SOPClassUID], calling="OST") as link:
            link.c_store(plan)

    def sent(message, association):
        if message.command_set.Status == SUCCESS:
            timers.append(threading.Timer(seconds, store))
            timers[-1].start()

    on_responses(ost, C_MOVE_RSP, sent)
    yield
    for timer in timers:
        timer.join()


def test_nothing_counted_is_nothing_moved(tdwii, tmp_path):
    with serving(tmp_path, NumberOfCompletedSuboperations=0) as (_, _, port), Receiver("TDD", port=port):
        ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "0 of 1 inputs retrieved",
        "tdwii retrieve-inputs: rsp.dcm: input 1: OST answered 0000 (Success), but counts 0 of 1 instances as moved",
    ]


def test_no_count_is_not_known(tdwii, tmp_path):
    with serving(tmp_path, **dict.fromkeys(COUNTS)) as (_, _, port), Receiver("TDD", port=port):
        ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD")
    assert ran.code == 0
    assert ran.err.splitlines() == [
        "0 of 1 inputs retrieved",
        "rsp.dcm: input 1: it is not known whether it was retrieved: OST answered 0000 (Success), and does not say how many "
        "instances it moved",
    ]


def test_what_came_is_believed_more_than_the_counts(tdwii, tmp_path):
    with serving(tmp_path, **dict.fromkeys(COUNTS)):
        ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD", "--receive")
    assert (ran.code, ran.err) == (0, "1 of 1 inputs retrieved\n")


def test_counted_and_never_sent(tdwii, tmp_path):
    with serving(tmp_path, "ost-move-sends-nothing"):
        ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD", "--receive")
    assert ran.code == 1
    assert "OST answered 0000 (Success) and counts 1 as moved, but 0 of 1 instances came" in ran.err


@pytest.mark.parametrize("counts", [{}, dict.fromkeys(COUNTS)], ids=["counted", "no count"])
def test_a_late_instance_is_taken_and_told(tdwii, tmp_path, counts):
    with serving(tmp_path, "ost-move-sends-nothing", late=True, **counts) as (_, plan, _):
        ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD", "--receive", "--into", "inputs")
    assert ran.code == 0, ran.err
    assert f"OST sent {plan.SOPInstanceUID} 0." in ran.err and "s after its final response" in ran.err
    assert ran.err.endswith("1 of 1 inputs retrieved\n")
    assert (tmp_path / "inputs" / f"{plan.SOPInstanceUID}.dcm").exists()


def test_the_suite_reports_it_as_late(tmp_path):
    with (
        serving(tmp_path, "ost-move-sends-nothing", late=True) as (ost, plan, port),
        Receiver("TDD", port=port) as receiver,
        TDD(ost.peer, ost.peer, calling="TDD", receiver=receiver) as tdd,
    ):
        identifier = move_identifier(plan.StudyInstanceUID, plan.SeriesInstanceUID, [plan.SOPInstanceUID])
        retrieval = tdd.retrieve("OST", identifier)
    (found,) = received_exactly(retrieval, [plan.SOPInstanceUID])
    assert found.expected == f"the instance {plan.SOPInstanceUID} before the final response"
    assert found.received.startswith("it came 0.") and found.received.endswith("s after it")
    assert max(retrieval.late.values()) < LATE
