"""A date or time that is none fails one requirement, and nothing that compares values."""

import warnings
from datetime import datetime

import pytest
from pydicom.dataelem import DataElement
from pydicom.tag import Tag

from tdwii_conformance.checks.attributes import judge_attribute
from tdwii_conformance.checks.creation import differences
from tdwii_conformance.checks.modification import holds
from tdwii_conformance.checks.times import illegal_times, shows_no_time
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

START, LABEL = "ScheduledProcedureStepStartDateTime", "ProcedureStepLabel"
ILLEGAL = ["2026-11-29T08:00:00", "tomorrow", "20261329", "20261129080000+1500", "2026112908000060"]
LEGAL = ["2026", "202611290800+0100", "20161231235960", "20261129080000.123456-0500", ""]


def having(value, **more):
    dataset = item(**more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset[START] = DataElement(Tag(START), "DT", value)
    return dataset


def shown(dataset):
    """An N-GET that was answered with a data set."""
    answer = Message(item(Status=0), datetime.now().astimezone(), b"")
    answer.__dict__["dataset"] = dataset
    return Exchange("N-GET", "TDD", "TMS", "1.2", Message(item(), datetime.now().astimezone()), (answer,))


@pytest.mark.parametrize("value", ILLEGAL)
def test_what_is_none_is_found_and_compared_with_nothing(value):
    came = having(value, ProcedureStepLabel="L")
    (finding,) = illegal_times(item(InputInformationSequence=[came]))
    assert finding.path == f"InputInformationSequence[0].{START}" and value in finding.received
    sent = having("20261129080000", ProcedureStepLabel="L")
    assert list(differences(sent, came)) == [] and holds(shown(came), sent) == []
    assert shows_no_time(shown(came), START) and not shows_no_time(shown(came), LABEL)
    # what stands beside it is compared as ever
    other = having(value, ProcedureStepLabel="M")
    assert [one.path for one in differences(sent, other)] == [LABEL] == [one.path for one in holds(shown(other), sent)]


@pytest.mark.parametrize("value", LEGAL)
def test_what_is_legal_is_compared(value):
    came = having(value)
    assert list(illegal_times(came)) == [] and not shows_no_time(shown(came), START)
    assert holds(shown(came), having("20261129080001")) != []


def test_a_value_of_a_table_is_not_judged_of_what_is_no_date_time():
    catalogue = load_catalogue()
    rule = catalogue["RO64-TMS-108"].rule
    for value, findings in (("20261129080000", 0), ("20261129080001", 1), ("2026-11-29T08:00:00", 0)):
        performed = item(PerformedProcedureStepStartDateTime=None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            performed["PerformedProcedureStepStartDateTime"].value = value
        came = item(UnifiedProcedureStepPerformedProcedureSequence=[performed])
        assert len(judge_attribute(rule, [came], {"performed_start": "20261129080000", "delivered": "yes"}).findings) == findings
