"""A step that never came is one failure, and what depends on it is not judged."""

import dataclasses

import pytest
from scu_samples import FILTERED, report, treatment, watching
from test_scu_faults import AWAITED, failed, judged, two_workitems

from tdwii_conformance.checks.scu import INJECTIONS
from tdwii_conformance.checks.scu.observed import ObservedSession
from tdwii_conformance.transcript.observation import INTERRUPTED, OPEN, ObservationWriter, read_observation


def silent(judgements, prefix):
    return {j.not_judged for key, j in judgements.items() if key.startswith(prefix) and key != f"{prefix}-001" and j.not_judged}


@pytest.mark.parametrize(
    ("last", "requirement", "stage"),
    [
        ("query", "RO59-TDD-001", "RO-59"),
        ("plan", "RO60-TDD-001", "RO-60"),
        ("claim", "RO61-TDD-001", "RO-61"),
        ("instruction", "RO62-TDD-001", "RO-62"),
        ("update 100", "RO63-TDD-001", "RO-63"),
        ("record", "RO64-TDD-001", "RO-64"),
        ("final", "RO65-TDD-001", "RO-65"),
    ],
)
def test_the_first_that_did_not_come_fails_and_no_other(last, requirement, stage):
    play = treatment()
    play.until(last)
    judgements = judged(play.observe())
    assert failed(judgements) == {requirement}
    (finding,) = judgements[requirement].findings
    assert finding.expected.startswith(f"{stage}, ")
    assert finding.received == AWAITED
    for later in [f"RO{n}-TDD-001" for n in range(58, 66) if f"RO-{n}" > stage]:
        assert judgements[later].not_judged == f"{stage} missing"
    assert silent(judgements, requirement[:8]) == {f"{stage} missing"}


def test_a_query_that_finds_nothing_is_one_failure():
    play = treatment()
    play["query"].answers.clear()
    play.until("query")
    judgements = judged(play.observe())
    assert failed(judgements) == {"RO58-TDD-002"}
    assert judgements["RO58-TDD-002"].findings[0].received == "0 response(s), none with it; status 0000 (Success)"
    assert judgements["RO60-TDD-001"].not_judged == "the workitem was not found by RO-58"


def test_what_comes_after_a_missing_step_is_judged():
    play = treatment()
    play.drop("plan", "plan comes")
    judgements = judged(play.observe())
    assert judgements["RO59-TDD-001"].findings[0].received == "none; the scenario went on with RO-60"
    assert judgements["RO60-TDD-006"].not_judged == ""
    assert judgements["RO65-TDD-102"].not_judged == ""


def test_the_claim_may_come_after_the_instruction():
    play = treatment()
    play.shift("instruction", before="claim")
    play.shift("instruction comes", before="claim")
    assert failed(judged(play.observe())) == set()
    play.until("instruction")
    judgements = judged(play.observe())
    assert failed(judgements) == {"RO60-TDD-001"}
    assert judgements["RO60-TDD-001"].findings[0].received == AWAITED
    assert judgements["RO62-TDD-001"].not_judged == "RO-60 missing"


def test_no_lock_to_compare_with_without_a_claim():
    play = treatment()
    play.drop("claim")
    judgements = judged(play.observe())
    for key in ("RO62-TDD-101", "RO64-TDD-101", "RO65-TDD-101", "RO62-TDD-006", "RO62-TDD-008"):
        assert judgements[key].not_judged == "RO-60 missing"


def test_no_lock_to_compare_with_in_a_claim_that_names_none():
    play = treatment()
    play["claim"].data.TransactionUID = ""
    assert judged(play.observe())["RO62-TDD-101"].not_judged == "RO-60 says no value to compare with"


def test_no_record_to_compare_with():
    play = treatment()
    play.drop("record")
    judgements = judged(play.observe())
    for key in ("RO64-TDD-007", "RO64-TDD-117", "RO64-TDD-120"):
        assert judgements[key].not_judged == "RO-63 missing"


def test_no_record_is_awaited_of_who_cancels_before_there_is_progress():
    play = treatment()
    play.drop("update 50", "update 100", "record")
    play["end"].data.ProcedureStepState = "CANCELED"
    assert judged(play.observe())["RO63-TDD-001"].not_judged == "no radiation was delivered"


def test_what_cannot_be_decoded_is_judged_by_no_row():
    play = treatment()
    play["query"].encoded = b"\x00\x01\x02"
    assert judged(play.observe())["RO58-TDD-101"].not_judged == "the data set cannot be decoded"


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("CC.2.2", "the system requested no cancel"),
        ("CC.2.3", "the system did not subscribe"),
        ("CC.2.4", "the system was sent no event report"),
        ("CC.2.5", "the system created no UPS"),
        ("CC.2.6", "the system sent no N-SET"),
        ("CC.2.7", "the system sent no N-GET"),
        ("CC.2.8", "the system sent no query"),
        ("CC.3.1", "the system sent no such request"),
    ],
)
def test_what_was_not_sent_is_named(section, reason):
    assert ObservedSession(watching().observe(), "watcher").nothing_of(section) == reason


def test_an_interrupted_run_is_nobodys_fault():
    play = treatment()
    play.until("claim", INTERRUPTED)
    judgements = judged(play.observe())
    assert failed(judgements) == set()
    assert judgements["RO61-TDD-001"].not_judged == INTERRUPTED


def test_how_the_last_association_ended_is_told_with_what_is_missing():
    play = treatment()
    play.until("claim")
    play.associations[1] = dataclasses.replace(play.associations[1], ended="aborted by the requestor")
    judgements = judged(play.observe())
    assert judgements["RO61-TDD-001"].findings[0].received == f"{AWAITED}; its last association: aborted by the requestor"
    assert failed(judgements) == {"RO61-TDD-001", "NEG-TDD-004"}


def test_an_association_that_stood_and_then_ended_is_one():
    play = treatment()
    stood = play.associations[0]
    play.associations.insert(
        0, type(stood)(stood.requestor, stood.acceptor, stood.time, stood.proposed, stood.accepted, ended=OPEN)
    )
    assert failed(judged(play.observe())) == set()


@pytest.mark.parametrize(
    ("fact", "requirement"),
    [("workitem", "RO58-TDD-002"), ("instruction", "RO61-TDD-002"), ("ost_ae_title", "RO63-TDD-004")],
)
def test_what_the_scenario_does_not_say_is_not_compared_with(fact, requirement):
    play = treatment()
    play.facts[fact] = ""
    judgements = judged(play.observe())
    assert judgements[requirement].not_judged == f"nothing to compare with: the scenario does not say its {fact}"
    assert failed(judgements) == set()


@pytest.mark.parametrize(("found", "missing"), [(True, ""), (False, "the workitem was not found by RO-58")])
def test_of_a_workitem_that_is_not_known_anything_found_will_do(found, missing):
    play = treatment()
    play.facts["workitem"] = ""
    if not found:
        play["query"].answers.clear()
    play.until("query")
    judgements = judged(play.observe())
    assert judgements["RO59-TDD-001"].not_judged == missing
    assert failed(judgements) == ({"RO59-TDD-001"} if found else set())


def test_of_a_workitem_that_is_known_no_other_will_do():
    play = treatment()
    play.facts["workitem"] = "1.2.3"
    play.until("query")
    judgements = judged(play.observe())
    assert judgements["RO59-TDD-001"].not_judged == "the workitem was not found by RO-58"
    assert failed(judgements) == {"RO58-TDD-002"}


# --- inputs that a TDD must survive ---------------------------------------------------------------------------------------


def injected(inject):
    """A TDD that does what the standards ask for, and no more."""
    play = treatment()
    play.facts["inject"] = inject
    if inject == "empty-worklist":
        play["query"].answers.clear()
        play.until("query")
    elif inject == "two-workitems":
        two_workitems(play)
    elif inject == "claim-refused":
        play["claim"].status = 0xC301
        play.until("claim")
    elif inject == "move-fails":
        play["plan"].status = 0xA702
        play.drop("plan comes")
        play["plan"].lasts = 0
        play.until("plan")
    elif inject == "set-refused":
        play["update 50"].status = 0x0110
        play.until("update 50")
    else:
        play = treatment("new-canceled-after")
        play.facts |= {"inject": inject, "scenario": "new-completed", "end": "completed"}
        play.before("final", report(2, None, receiver="TDD"))
    return play


@pytest.mark.parametrize("inject", INJECTIONS)
def test_who_survives_has_no_finding(inject):
    judgements = judged(injected(inject).observe())
    assert failed(judgements) == set()


@pytest.mark.parametrize(
    ("inject", "key", "reason"),
    [
        ("empty-worklist", "RO60-TDD-001", "nothing more is awaited when the scenario holds 'empty-worklist'"),
        ("claim-refused", "RO61-TDD-001", "nothing more is awaited when the scenario holds 'claim-refused'"),
        ("move-fails", "RO60-TDD-001", "nothing more is awaited when the scenario holds 'move-fails'"),
        ("set-refused", "RO65-TDD-001", "nothing more is awaited when the scenario holds 'set-refused'"),
    ],
)
def test_what_comes_after_is_its_own_choice(inject, key, reason):
    assert judged(injected(inject).observe())[key].not_judged == reason


@pytest.mark.parametrize(
    ("inject", "keys"),
    [
        ("empty-worklist", {"RO58-TDD-008"}),
        ("two-workitems", {"RO58-TDD-009"}),
        ("claim-refused", {"RO60-TDD-007"}),
        ("move-fails", {"RO59-TDD-013"}),
        ("cancel-request", {"CC24-TDD-003"}),
    ],
)
def test_what_is_judged_then(inject, keys):
    judgements = judged(injected(inject).observe())
    assert {key for key in keys if judgements[key].not_judged} == set()


def test_a_final_update_that_is_taken_at_the_second_try():
    play = treatment()
    play.facts["inject"] = "set-refused"
    again = dataclasses.replace(play["final"], name="again")
    play["final"].status = 0x0110
    play.after("final", again)
    judgements = judged(play.observe())
    assert failed(judgements) == set()
    assert judgements["RO65-TDD-007"].not_judged == ""


# --- words for the reader -------------------------------------------------------------------------------------------------


def received(play, key, edition="ti", actor="TDD"):
    return [(f.received, f.weight) for f in judged(play.observe(), actor, edition)[key].findings]


def test_a_trial_class_is_named():
    play = treatment()
    play["claim"].command["RequestedSOPClassUID"] = "1.2.840.10008.5.1.4.34.4.1"
    assert received(play, "RO60-TDD-002") == [
        ("Unified Procedure Step - Push SOP Class - Trial (1.2.840.10008.5.1.4.34.4.1)", "fault")
    ]


def test_a_trial_class_proposed_besides_the_final_one_is_a_warning():
    play = treatment()
    one = play.associations[0]
    trial = ("1.2.840.10008.5.1.4.34.4.3", ("1.2.840.10008.1.2",))
    play.associations[0] = dataclasses.replace(one, proposed=(*one.proposed, trial))
    assert received(play, "NEG-TDD-001") == [
        ("Unified Procedure Step - Pull SOP Class - Trial (1.2.840.10008.5.1.4.34.4.3)", "warning")
    ]


def test_a_misprinted_beam_number_is_named():
    play = treatment()
    parameters = play["update 0"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressParametersSequence
    parameters[0].ConceptNameCodeSequence[0].CodeValue = "201804"
    assert received(play, "RO62-TDD-105") == [("1 item(s) [concept 201804 99IHERO2018], none such", "fault")]


def test_the_beam_number_of_the_other_edition_is_named():
    play = treatment(edition="2013")
    play.facts["edition"] = "ti"
    where = "ProcedureStepProgressInformationSequence[0].ProcedureStepProgressParametersSequence"
    assert [dataclasses.astuple(f) for f in judged(play.observe())["RO62-TDD-104"].findings] == [
        ("present with a value", "attribute absent; parameters sent: 121700 DCM", f"update[{number}].{where}", "fault")
        for number in range(3)
    ]


def test_the_names_of_what_was_sent_are_told_as_far_as_they_go():
    play = treatment(edition="2013")
    for name, keyword in (("update 0", "CodeValue"), ("update 50", "CodingSchemeDesignator")):
        parameters = play[name].data.UnifiedProcedureStepPerformedProcedureSequence[0].PerformedProcessingParametersSequence
        del parameters[0].ConceptNameCodeSequence[0][keyword]
    play.facts["edition"] = "ti"
    assert received(play, "RO62-TDD-104") == [("attribute absent; parameters sent:  DCM, 121700 , 121700 DCM", "fault")] * 3


def test_a_canceled_treatment_at_100_percent_is_tolerated():
    play = treatment("new-canceled-after")
    play["final"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "100"
    assert received(play, "RO64-TDD-005") == [("100", "warning")]


def test_suspending_a_filtered_subscription_is_tolerated():
    play = watching()
    command = {**play["unsubscribe"].command, "ActionTypeID": 5, "RequestedSOPInstanceUID": FILTERED}
    suspension = dataclasses.replace(play["unsubscribe"], name="suspend", command=command)
    play.before("unsubscribe", suspension)
    assert received(play, "CC23-WATCHER-004", actor="watcher") == [(FILTERED, "warning")]


def test_a_lock_that_was_not_granted_need_not_be_removed():
    play = watching()
    play["subscribe"].status = 0xB301
    reason = "the system was told no final state of a UPS on which it had a deletion lock"
    assert judged(play.observe(), "watcher")["CC23-WATCHER-005"].not_judged == reason


def test_an_observation_read_again_is_judged_alike(tmp_path):
    play = treatment("continuation-canceled-after")
    play.drop("record")
    observation = play.observe()
    with ObservationWriter(tmp_path / "scenario.jsonl", observation.facts, observation.inputs) as writer:
        for association in observation.associations:
            writer.association(association)
        for exchange in observation.exchanges:
            writer.exchange(exchange)
        writer.ended(observation.why_early)
    assert judged(read_observation(tmp_path / "scenario.jsonl")) == judged(observation)


# --- what came, and was not done ------------------------------------------------------------------------------------------


def ended_early(play, awaited, why_early=AWAITED):
    return dataclasses.replace(play.observe(), why_early=why_early, awaited=awaited)


@pytest.mark.parametrize(
    ("awaited", "requirement", "service"),
    [("RO-65 Completed", "RO65-TDD-001", "N-ACTION"), ("RO-64 Final update", "RO64-TDD-001", "N-SET")],
)
def test_what_was_awaited_to_the_end_fails_though_it_came(awaited, requirement, service):
    judgements = judged(ended_early(treatment(), awaited))
    assert failed(judgements) == {requirement}
    assert judgements[requirement].findings[0].received == f"{AWAITED}; {service} answered with 0000 (Success)"


def test_each_answer_to_what_was_awaited_is_told():
    play = treatment()
    again = dataclasses.replace(play["final"], name="again", status=None, failure="no response within 30 s")
    play["final"].status = 0x0110
    play.after("final", again)
    (finding,) = judged(ended_early(play, "RO-64 Final update"))["RO64-TDD-001"].findings
    said = "N-SET answered with 0110 (processing failure), N-SET: no response within 30 s"
    assert finding.received == f"{AWAITED}; {said}"


def test_what_is_missing_fails_and_not_what_was_awaited_before_it():
    play = treatment()
    play.until("claim")
    assert failed(judged(ended_early(play, "RO-60 In progress"))) == {"RO61-TDD-001"}


def test_what_was_awaited_when_the_run_was_interrupted_is_nobodys_fault():
    assert failed(judged(ended_early(treatment(), "RO-65 Completed", INTERRUPTED))) == set()


def test_what_is_its_own_choice_may_be_awaited_in_vain():
    assert failed(judged(ended_early(injected("set-refused"), "RO-65 Completed"))) == set()


def test_a_watcher_that_no_report_reaches_fails_to_accept_them():
    play = watching()
    play.until("subscribe")
    observation = ended_early(play, "CC.2.4 Event reports")
    observation = dataclasses.replace(observation, associations=[a for a in observation.associations if a.acceptor != "PPVS"])
    judgements = judged(observation, "watcher")
    assert judgements["CC24-WATCHER-001"].findings[0].received == f"{AWAITED}; it was not to be reached"


def test_a_subscription_that_is_refused_is_none():
    play = watching()
    play.until("subscribe")
    play["subscribe"].status = 0x0110
    judgements = judged(ended_early(play, "CC.2.3 Subscribe"), "watcher")
    assert judgements["CC23-WATCHER-001"].findings[0].received == f"{AWAITED}; N-ACTION answered with 0110 (processing failure)"


@pytest.mark.parametrize(("why_early", "inject", "fault"), [
    (AWAITED, "", True), (AWAITED, "set-refused", False), (INTERRUPTED, "", False), ("", "", False),
])  # fmt: skip
def test_an_early_end_is_told_and_is_a_fault_unless_it_is_interrupted_or_hindered(why_early, inject, fault):
    play = treatment()
    play.facts |= {"scenario": "new-completed", "inject": inject}
    observation = ended_early(play, "RO-65 Completed", why_early)
    assert observation.fault == fault
    name = f"new-completed, {inject}" if inject else "new-completed"
    assert observation.early == (f"{name} ended while RO-65 Completed was awaited: {why_early}" if why_early else "")


def test_what_was_awaited_is_written_and_read(tmp_path):
    with ObservationWriter(tmp_path / "one.jsonl", {"actor": "TDD"}) as writer:
        writer.ended(AWAITED, "RO-65 Completed")
    found = read_observation(tmp_path / "one.jsonl")
    assert (found.why_early, found.awaited) == (AWAITED, "RO-65 Completed")
