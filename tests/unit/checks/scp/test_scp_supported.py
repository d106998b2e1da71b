"""What an answer to a request says beside its status, and what an SCP may refuse of a request [CC.2.1, CC.2.5, CC.2.6]."""

import pytest
from scp_samples import LOCK
from test_scp_answers import (
    CANCELED,
    COMPLETED,
    DONE,
    IN_PROGRESS,
    OUTPUT,
    PERFORMED,
    PROGRESS,
    SCHEDULED,
    change,
    create,
    modify,
    only,
    performer,
)

from tdwii_conformance.checks.scp.belief import World
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item

HELD = World(IN_PROGRESS, LOCK)


@pytest.mark.parametrize(
    ("state", "attributes"),
    [
        (COMPLETED, {}),
        (COMPLETED, {PERFORMED: [item(**DONE)]}),
        (COMPLETED, {PERFORMED: [item(**DONE | {OUTPUT: []})]}),
        (COMPLETED, {PERFORMED: []}),
        (CANCELED, {}),
    ],
    ids=["nothing known", "all that is needed", "no output", "nothing performed", "no reason"],
)
def test_an_end_that_is_granted_ends_it_without_a_warning(state, attributes):
    found = only(change(state), HELD, of=performer(**attributes))
    assert (found.before, found.after, found.warnings) == (HELD, World(state, LOCK), frozenset())


@pytest.mark.parametrize(
    ("content", "lock", "world"),
    [
        ({"ProcedureStepLabel": "x"}, None, World(SCHEDULED)),
        ({"ProcedureStepLabel": "x"}, LOCK, HELD),
        ({PROGRESS: [item(ProcedureStepProgress="10")]}, LOCK, HELD),
        ({"WorklistLabel": "x", PROGRESS: [item(ProcedureStepProgress="10")]}, LOCK, HELD),
    ],
)
def test_what_every_scp_supports_is_granted(content, lock, world):
    """Labels are of type 3/1 in N-SET, progress of type 3/2."""
    assert only(modify(lock, **content), world).statuses == {0}


@pytest.mark.parametrize(
    "content", [{"Modality": "RTPLAN"}, {"MedicalAlerts": "x"}, {"ProcedureStepLabel": "x", "MedicalAlerts": "x"}]
)
def test_what_not_every_scp_supports_may_be_refused(content):
    """Modality is no attribute of a UPS; medical alerts are of type 3/2."""
    found = only(modify(None, **content), World(SCHEDULED))
    assert (found.ids, {0, 0x0105, 0x0110, 0x0124, 0xC310} <= found.statuses) == ((), True)


def test_a_code_without_a_value_is_refused_by_the_type_of_its_value():
    """Code Value is of type 1C: needed where no other kind of code value is there [table CC.2.5-2a]."""
    empty = item(CodeValue="", CodingSchemeDesignator="DCM", CodeMeaning="m")
    found = only(create(ScheduledWorkitemCodeSequence=[empty]), World(NO_UPS))
    assert (found.ids, found.statuses) == (("CC25-TMS-015",), {0x0121})
