"""What a person at a server reads: one line for each exchange, worded by hand here."""

from datetime import datetime

import pytest
from pydicom.dataset import Dataset

from tdwii_conformance.simulators.instances import instance_of_dataset
from tdwii_conformance.simulators.live import Live, event_text, spoken
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.transcript.observation import Association
from tdwii_conformance.treatment.messages import code_item, item

EXPLICIT = "1.2.840.10008.1.2.1"
NOW = datetime(2026, 1, 8, 12, 0)
PUSH = "1.2.840.10008.5.1.4.34.6.1"
EVERYTHING, FILTER = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"


def message(dataset=None, **command):
    if dataset is None:
        return Message(item(**command), NOW)
    keyed = item(SOPClassUID=PUSH, SOPInstanceUID="1.2.3", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    keyed.update(dataset)
    return Message(item(**command), NOW, instance_of_dataset(keyed, EXPLICIT).encoded, EXPLICIT)


def exchange(service, dataset=None, *, status=0, pending=0, final=None, failure="", **command):
    responses = (*(message(item(), Status=0xFF00) for _ in range(pending)), message(Status=status, **(final or {})))
    return Exchange(service, "TDD", "TMS", PUSH, message(dataset, **command), () if failure else responses, failure)


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (exchange("C-ECHO"), "C-ECHO"),
        (exchange("C-FIND", item(PatientID="")), "C-FIND, 0 matches"),
        (exchange("C-FIND", item(PatientID=""), pending=1), "C-FIND, 1 match"),
        (exchange("C-FIND", item(PatientID=""), pending=2, status=0xFE00), "C-FIND, 2 matches: FE00"),
        (exchange("C-STORE", AffectedSOPClassUID="1.2.840.10008.5.1.4.1.1.481.5"), "C-STORE of RT Plan"),
        (exchange("C-MOVE", MoveDestination="TDD", final={"NumberOfCompletedSuboperations": 2}), "C-MOVE to TDD, 2 instances"),
        (exchange("C-GET", final={"NumberOfCompletedSuboperations": 1}), "C-GET, 1 instance"),
        (exchange("N-ACTION", item(ProcedureStepState="IN PROGRESS"), ActionTypeID=1), "N-ACTION, IN PROGRESS"),
        (exchange("N-ACTION", item(ProcedureStepState="COMPLETED"), ActionTypeID=1, status=0xC301,
                  final={"ErrorComment": "not yours"}),
         "N-ACTION, COMPLETED: C301 (the right Transaction UID was not given), not yours"),
        (exchange("N-ACTION", ActionTypeID=2), "N-ACTION, Request UPS Cancel"),
        (exchange("N-ACTION", item(DeletionLock="TRUE"), ActionTypeID=3, RequestedSOPInstanceUID=EVERYTHING),
         "N-ACTION, Subscribe to everything with deletion lock"),
        (exchange("N-ACTION", item(DeletionLock="FALSE"), ActionTypeID=3, RequestedSOPInstanceUID=FILTER),
         "N-ACTION, Subscribe to a filter"),
        (exchange("N-ACTION", ActionTypeID=4, RequestedSOPInstanceUID="1.2.3"), "N-ACTION, Unsubscribe"),
        (exchange("N-ACTION", ActionTypeID=5, RequestedSOPInstanceUID=EVERYTHING), "N-ACTION, Suspend Global Subscription"),
        (exchange("N-ACTION", ActionTypeID=9), "N-ACTION, action type 9"),
        (exchange("N-SET", item(ProcedureStepProgressInformationSequence=item(ProcedureStepProgress="40"))), "N-SET, 40 %"),
        (exchange("N-SET", item(UnifiedProcedureStepPerformedProcedureSequence=item(PerformedStationNameCodeSequence=[]))),
         "N-SET, results"),
        (exchange("N-GET"), "N-GET"),
        (exchange("N-EVENT-REPORT", item(ProcedureStepState="CANCELED", InputReadinessState="READY"), EventTypeID=1),
         "N-EVENT-REPORT, state CANCELED"),
        (exchange("N-SET", failure="no answer within 30 s"), "N-SET: no answer within 30 s"),
    ],
)  # fmt: skip
def test_an_exchange_is_one_line(seen, line):
    assert spoken(seen).startswith(line) if line.endswith("FE00") else spoken(seen) == line


def test_whoever_is_asked_is_named():
    assert spoken(exchange("C-ECHO"), to_other=True) == "C-ECHO to TMS"


@pytest.mark.parametrize(
    ("kind", "information", "text"),
    [
        (1, item(ProcedureStepState="SCHEDULED", InputReadinessState="UNAVAILABLE"), "state SCHEDULED, inputs UNAVAILABLE"),
        (2, item(RequestingAE="PACS"), "cancel requested by PACS"),
        (3, item(ProcedureStepProgressInformationSequence=item(ProcedureStepProgress="70")), "progress 70 %"),
        (
            3,
            item(ProcedureStepProgressInformationSequence=item(ProcedureStepProgressDescription="on")),
            "progress without a number",
        ),
        (4, item(SCPStatus="RESTARTED", UnifiedProcedureStepListStatus="WARM START"), "SCP RESTARTED, WARM START"),
        (5, item(ScheduledStationNameCodeSequence=code_item("FX1", "99X", "M")), "assigned to FX1"),
        (5, Dataset(), "assigned to somebody"),
        (7, Dataset(), "event type 7"),
    ],
)
def test_an_event_is_a_few_words(kind, information, text):
    assert event_text(kind, information) == text


def test_what_passes_between_our_own_is_told_once():
    told = []
    live = Live(told.append)
    live._titles = {"TMS", "TDD"}
    live.transcript("TDD").append(exchange("C-ECHO"))
    assert told == []
    live.transcript("TMS").append(exchange("C-ECHO"))
    assert [(one.actor, one.text, one.refused) for one in told] == [("TMS", "TDD: C-ECHO", False)]


def test_an_association_of_ours_is_told_when_it_ends_badly():
    told = []
    live = Live(told.append)
    for requestor, acceptor, ended in (
        ("TMS", "WATCHER", "released"), ("TMS", "WATCHER", "rejected by the acceptor"), ("TDD", "TMS", "released"),
        ("TDD", "TMS", "still open"), ("", "", "the connection was lost"),
    ):  # fmt: skip
        live.ended("TMS")(Association(requestor, acceptor, NOW, ended=ended))
    assert [one.text for one in told] == [
        "WATCHER: rejected by the acceptor", "TDD: released", "unknown caller: the connection was lost",
    ]  # fmt: skip
