"""Which exchange is which transaction, and what the judges have in common."""

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode
from scu_samples import BEGIN, NEW_RECORD, NEW_SERIES, PULL, RECORD, STUDY, access, code, treatment, watching
from test_scu_faults import judged

from tdwii_conformance.checks.scu import registry
from tdwii_conformance.checks.scu.observed import ObservedSession
from tdwii_conformance.checks.scu.tdd_common import after
from tdwii_conformance.checks.scu.tdd_query import character_set_and_offset
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

# --- the final update ---------------------------------------------------------------------------------------------------


def told(play, transaction):
    """The progress that the updates of a transaction tell."""
    updates = ObservedSession(play.observe(), "TDD").of(transaction)
    return [e.request.dataset.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress for e in updates]


PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
ENDS = {
    "end time": (PERFORMED, {"PerformedProcedureStepEndDateTime": "20260302101200"}),
    "output": (PERFORMED, {"OutputInformationSequence": [access(STUDY, NEW_SERIES, RECORD, NEW_RECORD, "OST")]}),
    "reason": (PROGRESS, {"ProcedureStepDiscontinuationReasonCodeSequence": [code("110513", "DCM", "Discontinued")]}),
    "cancellation time": (PROGRESS, {"ProcedureStepCancellationDateTime": "20260302101200"}),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_update_that_knows_the_end_is_the_final_one_although_it_is_not_the_last(end):
    sequence, attributes = ENDS[end]
    play = treatment()
    play["final"].data = item(**{PROGRESS: [item(ProcedureStepProgress="99")], PERFORMED: [item()]})
    play["final"].data[sequence][0].update(item(**attributes))
    play.shift("final", before="update 100")
    assert (told(play, "RO-62"), told(play, "RO-64")) == (["0", "50", "100"], ["99"])


def test_the_last_update_that_knows_no_beam_is_the_final_one():
    play = treatment()
    started = item(PerformedProcedureStepStartDateTime="20260302100000")
    play["final"].data = item(**{PROGRESS: [item(ProcedureStepProgress="99")], PERFORMED: [started]})
    assert (told(play, "RO-62"), told(play, "RO-64")) == (["0", "50", "100"], ["99"])


# --- what the judges have in common -------------------------------------------------------------------------------------


def test_what_comes_at_the_same_moment_is_in_order():
    query = ObservedSession(treatment().observe(), "TDD").of("RO-58")[0]
    assert after(query, query, "one after the other") == []


def test_a_key_without_a_keyword_is_named_by_its_tag():
    play = watching()
    play["subscribe"].data[0x00099999] = DataElement(0x00099999, "LO", "x")
    (finding,) = judged(play.observe(), "watcher")["CC23-WATCHER-003"].findings
    assert finding.received == "(0009,9999)"


def test_a_text_without_a_keyword_is_named_by_its_tag():
    keys = Dataset()
    keys.add_new(0x00090010, "LO", "MINE")
    keys.add_new(0x00091001, "LO", "Gerät")
    request = Message(item(AffectedSOPClassUID=PULL), BEGIN, encode(keys, False, True), ExplicitVRLittleEndian)
    (finding,) = character_set_and_offset(Exchange("C-FIND", "TDD", "TMS", PULL, request))
    assert finding.path == "(0009,1001)"


def test_a_judge_is_kept_with_all_that_is_said_of_it(monkeypatch):
    monkeypatch.setattr(registry, "JUDGES", {})

    def function(requirement, observed):
        return []

    def looks_at(observed, transaction):
        return ()

    assert registry.judges("A-1", "A-2", at=looks_at, even_if_nothing_came=True)(function) is function
    registry.judges("A-3")(function)
    assert {key: (j.function, j.even_if_nothing_came) for key, j in registry.JUDGES.items()} == {
        "A-1": (function, True), "A-2": (function, True), "A-3": (function, False),
    }  # fmt: skip
    assert registry.JUDGES["A-1"].looks_at is looks_at
    observed = ObservedSession(treatment().observe(), "TDD")
    assert registry.JUDGES["A-3"].looks_at(observed, "RO-58") == observed.of("RO-58")


def test_a_requirement_has_one_judge(monkeypatch):
    monkeypatch.setattr(registry, "JUDGES", {})

    def function(requirement, observed):
        return []

    registry.judges("A-1")(function)
    with pytest.raises(ValueError, match="A-1 has a judge already: function"):
        registry.judges("A-1")(function)
