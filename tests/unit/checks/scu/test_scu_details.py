"""Details of how observations are judged that one value, or one kind of input, brings to light."""

from types import SimpleNamespace

import pytest
from scu_samples import INSTRUCTION_AT, PLAN_AT, PREVIOUS_AT, treatment
from test_scu_faults import judged

from tdwii_conformance.checks import Finding
from tdwii_conformance.checks.scu.tdd_query import character_set_and_offset
from tdwii_conformance.checks.scu.tdd_retrieval import _wanted
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.transcript.observation import NOT_SUPPORTED

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("actor", "id_", "asked", "wanted"),
    [
        # A device asks for delivery instructions in RO-61, and for all else in RO-59; what else a C-MOVE lists is for the other.
        ("TDD", "RO61-TDD-006", [PLAN_AT, INSTRUCTION_AT, PREVIOUS_AT], [INSTRUCTION_AT]),
        ("TDD", "RO59-TDD-006", [PLAN_AT, INSTRUCTION_AT, PREVIOUS_AT], [PLAN_AT, PREVIOUS_AT]),
        ("TDD", "RO61-TDD-006", [PLAN_AT], [PLAN_AT]),
        ("TDD", "RO59-TDD-006", [INSTRUCTION_AT], [INSTRUCTION_AT]),
        # A watcher fetches what it likes.
        ("watcher", "RO59-WATCHER-006", [PLAN_AT, INSTRUCTION_AT], [PLAN_AT, INSTRUCTION_AT]),
    ],
)
def test_what_a_c_move_wants_is_that_of_its_transaction(actor, id_, asked, wanted):
    observed = SimpleNamespace(actor=actor, asked=lambda move: asked if move == "the C-MOVE" else [])
    assert _wanted(observed, CATALOGUE[id_], "the C-MOVE") == wanted


@pytest.mark.parametrize(
    ("named", "label", "found"),
    [
        (None, "Boost", []),
        ("", "Boost", [Finding("absent, or with a value", "present without a value", "SpecificCharacterSet", "warning")]),
        ("", "Übung", [Finding("Specific Character Set, for a key has other than default characters", "present without a value",
                               "ProcedureStepLabel")]),
        (None, "Übung", [Finding("Specific Character Set, for a key has other than default characters", "absent",
                                 "ProcedureStepLabel")]),
        ("ISO_IR 192", "Übung", []),
    ],
)  # fmt: skip
def test_the_character_set_of_a_query(named, label, found):
    play = treatment("new-completed")
    query = play["query"]
    query.data.ProcedureStepLabel = label
    if named is not None:
        query.data.SpecificCharacterSet = named
    asked = SimpleNamespace(request=SimpleNamespace(dataset=query.data))
    assert character_set_and_offset(asked) == found


def test_what_is_not_supported_is_not_judged_and_it_is_said_why():
    play = treatment("new-completed")
    play.why_early = f"{NOT_SUPPORTED}: no continuation"
    assert {one.not_judged for one in judged(play.observe()).values()} == {play.why_early}
