"""What the standards allow is no fault, however unusual; and what a finding says, in the words a reader will see."""

import copy
import dataclasses
from datetime import timedelta

import pytest
from scu_samples import (
    ALL,
    BEGIN,
    FILTERED,
    ION_RECORD,
    LOCK,
    NEW_RECORD,
    NEW_SERIES,
    PLAN_AT,
    PREVIOUS_AT,
    PULL,
    RECORD,
    RT_IMAGE,
    STUDY,
    WATCH,
    WORKITEM,
    access,
    asks,
    code,
    retrieval,
    subscribe,
    to_ups,
    treatment,
    unsubscribe,
    watching,
)  # fmt: skip
from test_scu_faults import AWAITED, FAULTS, judged

from tdwii_conformance.transcript.observation import OPEN, Association
from tdwii_conformance.treatment.messages import item

ION_PLAN = "1.2.840.10008.5.1.4.1.1.481.8"
ALLOWED = []


def allowed(scenario="new-completed", edition="ti", play=None, actor="TDD"):
    """Register a function that makes a play unusual, and no more."""

    def register(function):
        ALLOWED.append((function, play or (lambda: treatment(scenario, edition)), actor, edition))
        return function

    return register


def again(play, step, **changes):
    return dataclasses.replace(copy.deepcopy(play[step]), **{"name": f"{step} again", **changes})


def without_radiation(play, *extra):
    """Cancels before any radiation, as the scenario has it cancel afterwards."""
    play.drop("update 40", "record", *extra)
    final = play["final"].data
    final.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "0"
    del final.UnifiedProcedureStepPerformedProcedureSequence


@allowed("new-canceled-after")
def cancels_before_radiation_though_the_scenario_says_after(play):
    without_radiation(play, "update 0")


@allowed("new-canceled-after")
def cancels_before_radiation_after_a_first_update(play):
    without_radiation(play)


@allowed("new-canceled-after", edition="2013")
def cancels_before_radiation_though_the_scenario_of_2013_says_after(play):
    without_radiation(play, "update 0")


@allowed()
def claims_again_with_the_same_transaction_uid(play):
    """As one does whose answer was lost; it is of no use."""
    play.after("claim", again(play, "claim", status=0xC302))


@allowed()
def record_that_names_its_beams(play):
    play["record"].data.TreatmentSessionBeamSequence = [item(ReferencedBeamNumber=1), item(ReferencedBeamNumber=2), item()]


@allowed(play=watching, actor="watcher")
def releases_its_lock_before_it_unsubscribes_from_all(play):
    play.before("unsubscribe", unsubscribe("unsubscribe from it", workitem=WORKITEM))


# --- a TDD --------------------------------------------------------------------------------------------------------------


@allowed()
def looks_at_the_worklist_several_times(play):
    """The first time nothing is scheduled, and at last the workitem is gone from it."""
    play.before("query", again(play, "query", answers=[], name="query before"))
    play.after("end", again(play, "query", answers=[]))


@allowed()
def asks_for_other_worklists_first(play):
    """RO-58 is the query that finds the workitem; what a TDD asks besides is its own affair."""
    early = again(play, "query", answers=[])
    early.data = item(ProcedureStepState="IN PROGRESS", SOPInstanceUID=None)
    play.before("query", early)


@allowed()
def asks_for_other_worklists_afterwards(play):
    """Before it claims what it has found."""
    nothing = again(play, "query", answers=[], name="query for nothing")
    other = again(play, "query", answers=[item(SOPInstanceUID="1.2.3.9")])
    other.data.ScheduledProcedureStepStartDateTime = "20260303000000-20260303235959"
    play.before("claim", nothing)
    play.before("claim", other)


@allowed()
def names_the_return_keys_of_its_sequences(play):
    play["query"].data.InputInformationSequence = [
        item(StudyInstanceUID=None, DICOMRetrievalSequence=[item(RetrieveAETitle=None)], ReferencedSOPSequence=[])
    ]


@allowed()
def leaves_the_scheme_empty_and_asks_for_more(play):
    play["query"].data.ScheduledStationNameCodeSequence[0].CodingSchemeDesignator = None
    play["query"].data.PatientBirthDate = None
    play["query"].data.SpecificCharacterSet = "ISO_IR 100"
    play["query"].data.TimezoneOffsetFromUTC = "+0100"


@allowed()
def names_the_characters_of_its_query(play):
    play["query"].data.SpecificCharacterSet = "ISO_IR 100"
    play["query"].data.IssuerOfPatientID = "Klinikum Süd"


@allowed("continuation-completed")
def retrieves_plan_and_record_of_one_series_at_once(play):
    one = dataclasses.replace(PREVIOUS_AT, series=PLAN_AT.series)
    play.inputs[2] = one
    play["plan"].data.SOPInstanceUID = [PLAN_AT.instance, one.instance]
    play["plan"].lasts = 2
    play.drop("previous")


@allowed()
def retrieves_the_plan_again_when_it_failed(play):
    failed = again(play, "plan", status=0xA702, lasts=0)
    play.before("plan", failed)


@allowed()
def tms_and_ost_are_one(play):
    play.facts["tms_ae_title"] = play.facts["ost_ae_title"] = "ONE"
    play.inputs = [dataclasses.replace(one, ae_title="ONE") for one in play.inputs]
    for step in play.steps:
        step.requestor, step.acceptor = ("ONE" if t in ("TMS", "OST") else t for t in (step.requestor, step.acceptor))
    play.associations = [
        dataclasses.replace(a, **{side: "ONE" for side in ("requestor", "acceptor") if getattr(a, side) in ("TMS", "OST")})
        for a in play.associations
    ]
    output = play["final"].data.UnifiedProcedureStepPerformedProcedureSequence[0].OutputInformationSequence[0]
    output.DICOMRetrievalSequence[0].RetrieveAETitle = "ONE"


@allowed()
def ions(play):
    play.facts["plan_class"] = ION_PLAN
    play.inputs[0] = dataclasses.replace(PLAN_AT, sop_class=ION_PLAN)
    play.steps[1:3] = retrieval("plan", play.inputs[0])
    play["record"].context = play["record"].command["AffectedSOPClassUID"] = play["record"].data.SOPClassUID = ION_RECORD
    play["record"].data.ReferencedRTPlanSequence[0].ReferencedSOPClassUID = ION_PLAN
    output = play["final"].data.UnifiedProcedureStepPerformedProcedureSequence[0].OutputInformationSequence[0]
    output.ReferencedSOPSequence[0].ReferencedSOPClassUID = ION_RECORD


@allowed()
def stores_a_record_for_each_beam_and_an_image(play):
    for name, uid, sop_class in (("first", "1.2.3.14.2", RECORD), ("image", "1.2.3.14.3", RT_IMAGE)):
        step = again(play, "record")
        step.name, step.context = name, sop_class
        step.command = {"AffectedSOPClassUID": sop_class, "AffectedSOPInstanceUID": uid}
        step.data.SOPInstanceUID, step.data.SOPClassUID = uid, sop_class
        play.before("update 100" if name == "first" else "record", step)
        performed = play["final"].data.UnifiedProcedureStepPerformedProcedureSequence[0]
        performed.OutputInformationSequence.append(access(STUDY, NEW_SERIES, sop_class, uid, "OST"))


@allowed()
def pads_the_name(play):
    play["record"].data.PatientName = "TDWII^ONE^^"


@allowed()
def names_nothing_in_its_answers(play):
    play["plan comes"].answer.update(AffectedSOPClassUID="", AffectedSOPInstanceUID="")


@allowed()
def is_the_first_of_a_run(play):
    del play.facts["known_transaction_uids"]


@allowed()
def is_not_answered_its_claim(play):
    """There is no answer that an update could wait for."""
    play["claim"].status = None


@allowed()
def claims_again_as_the_answer_was_lost(play):
    play["claim"].status = None
    play.after("claim", again(play, "claim", status=0))


# A request whose answer was lost has a failure only if the system did not wait for it.


@allowed()
def looks_at_the_workitem_it_performs(play):
    get = to_ups("get", "N-GET", None, PULL, AttributeIdentifierList=[0x00741000, 0x00741202])
    play.before("final", get)


@allowed()
def tells_progress_in_fractions_and_in_words(play):
    information = play["update 50"].data.ProcedureStepProgressInformationSequence[0]
    information.ProcedureStepProgress = "50.5"
    information.ProcedureStepProgressDescription = "beam 2"


@allowed()
def knows_the_start_from_the_beginning(play):
    """A start and a station in a progress update do not make it the final one."""
    play["update 50"].data.UnifiedProcedureStepPerformedProcedureSequence = [
        item(
            PerformedStationNameCodeSequence=[code("FX1", "99HOSPITAL", "Room 1")],
            PerformedProcedureStepStartDateTime="20260302100000",
        )
    ]


@allowed("new-canceled-before")
def tells_what_was_performed_although_nothing_was(play):
    play["final"].data.UnifiedProcedureStepPerformedProcedureSequence = [
        item(
            PerformedStationNameCodeSequence=[code("FX1", "99HOSPITAL", "Room 1")],
            PerformedProcedureStepStartDateTime="20260302100000", PerformedProcedureStepEndDateTime="20260302100000",
            PerformedWorkitemCodeSequence=[code("121726", "DCM", "RT Treatment with Internal Verification")],
            OutputInformationSequence=[],
        )
    ]  # fmt: skip


@allowed()
def ends_when_it_starts_in_another_time_zone(play):
    performed = play["final"].data.UnifiedProcedureStepPerformedProcedureSequence[0]
    performed.PerformedProcedureStepStartDateTime = "20260302120000+0200"
    performed.PerformedProcedureStepEndDateTime = "20260302110000+0100"


@allowed()
def tries_to_end_it_twice(play):
    play["end"].status = 0xC304
    play.after("end", again(play, "final"))
    play.steps.append(again(play, "end", status=0))


@allowed()
def ends_with_a_warning(play):
    play["final"].status = 0xB305


@allowed()
def is_aborted_by_us_before_the_response(play):
    play.steps[0].failure = "the association ended before the final response"
    play.associations[0] = dataclasses.replace(play.associations[0], ended="aborted by us")


@allowed()
def is_aborted_by_us_on_the_last_of_several_associations(play):
    play.steps[0].failure = "the association ended before the final response"
    first = play.associations[0]
    aborted, earlier, later = (dataclasses.replace(first, time=BEGIN + timedelta(seconds=s)) for s in (-1, -60, 60))
    play.associations[:1] = [dataclasses.replace(aborted, ended="aborted by us"), earlier, later]


@allowed()
def keeps_its_associations_open(play):
    play.associations = [dataclasses.replace(a, ended=OPEN) for a in play.associations]


@allowed()
def is_cut_off_when_we_stop(play):
    play.associations[0] = dataclasses.replace(play.associations[0], ended="aborted by us")


@allowed()
def somebody_knocks(play):
    play.associations.append(Association("", "", BEGIN, ended="the connection was closed before an association was requested"))


@allowed()
def another_system_is_on_the_floor(play):
    for name in ("claim", "end"):
        other = again(play, name)
        other.requestor, other.command = "TDD2", {**other.command, "RequestedSOPClassUID": PULL}
        play.before("query", other)


@allowed()
def prepares_the_workitem_before_it_claims_it(play):
    setting = to_ups("prepare", "N-SET", item(ProcedureStepLabel="today"))
    play.before("claim", setting)


@allowed()
def is_called_by_another_ae_title_than_it_calls_by(play):
    play.facts["tdd_receiver_ae_title"] = "TDD_STORE"
    for step in play.steps:
        if step.service == "C-MOVE":
            step.command = {**step.command, "MoveDestination": "TDD_STORE"}
        elif step.acceptor == "TDD":
            step.acceptor = "TDD_STORE"
    play.associations = [
        dataclasses.replace(a, acceptor="TDD_STORE") if a.acceptor == "TDD" else a for a in play.associations
    ]  # fmt: skip


# --- a watcher ----------------------------------------------------------------------------------------------------------


def suspension():
    return asks("suspend", "N-ACTION", item(ReceivingAE="PPVS"), workitem=ALL, ActionTypeID=5)


def watcher(function):
    return allowed(play=watching, actor="watcher")(function)


@watcher
def gives_the_lock_up_by_a_subscription_without_one(play):
    play.before("unsubscribe", subscribe("without", lock="FALSE"))


@watcher
def subscribes_to_one_ups_with_a_lock_of_its_own(play):
    play["subscribe"].data.DeletionLock = "FALSE"
    play.after("subscribe", subscribe("one", lock="TRUE", workitem=WORKITEM))
    play.before("unsubscribe", unsubscribe("one less", workitem=WORKITEM))


@watcher
def subscribes_with_a_filter(play):
    play["subscribe"].command["RequestedSOPInstanceUID"] = FILTERED
    play["subscribe"].data.ScheduledStationNameCodeSequence = [code("FX1", "99HOSPITAL")]
    play["subscribe"].data.SpecificCharacterSet = "ISO_IR 100"


@watcher
def suspends_and_then_unsubscribes(play):
    play.before("unsubscribe", suspension())


@watcher
def suspends_before_there_is_a_ups(play):
    """It is subscribed to none then, and will be to none [CC.2.3.1 table CC.2.3-2]."""
    play.steps = [subscribe(), suspension()]


@watcher
def suspends_its_filter_before_there_is_a_ups(play):
    """Filtered or not, a global subscription is suspended by the instance of all UPS (A7)."""
    play.steps = [subscribe(workitem=FILTERED, PatientID="P1"), suspension()]


@watcher
def suspends_and_unsubscribes_from_what_was_there(play):
    play.before("unsubscribe", suspension())
    play["unsubscribe"].command["RequestedSOPInstanceUID"] = WORKITEM


@watcher
def filters_by_what_it_keeps_to_itself(play):
    play["subscribe"].command["RequestedSOPInstanceUID"] = FILTERED
    play["subscribe"].data.PatientID = "P1"
    play["subscribe"].data.add_new(0x00090010, "LO", "ANYONE")


@watcher
def names_the_creator_of_nothing(play):
    play["subscribe"].data.add_new(0x00090010, "LO", "ANYONE")


@watcher
def is_refused_a_filter(play):
    refused = subscribe("filtered", lock="TRUE", workitem=FILTERED, PatientID="P1")
    refused.status = 0xC307
    play.before("subscribe", refused)


@watcher
def searches_under_watch(play):
    play["search"].context = play["search"].command["AffectedSOPClassUID"] = WATCH


@watcher
def keeps_a_lock_on_what_is_not_final(play):
    play.drop("completed")


@watcher
def answers_without_naming_anything(play):
    for step in play.steps:
        step.answer = {}


@pytest.mark.parametrize(("change_it", "make", "actor", "edition"), ALLOWED, ids=[one[0].__name__ for one in ALLOWED])
def test_it_is_allowed(change_it, make, actor, edition):
    play = make()
    change_it(play)
    judgements = judged(play.observe(), actor, edition)
    assert {key: j.findings for key, j in judgements.items() if j.findings} == {}


# --- the words ----------------------------------------------------------------------------------------------------------

PULL_CLASS = "Unified Procedure Step - Pull SOP Class (1.2.840.10008.5.1.4.34.6.3)"
PUSH_CLASS = "Unified Procedure Step - Push SOP Class (1.2.840.10008.5.1.4.34.6.1)"
QUERY_CLASS = "Unified Procedure Step - Query SOP Class (1.2.840.10008.5.1.4.34.6.5)"
WATCH_CLASS = "Unified Procedure Step - Watch SOP Class (1.2.840.10008.5.1.4.34.6.2)"
PROGRESS = "ProcedureStepProgressInformationSequence[0].ProcedureStepProgress"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence[0]"
REFERENCE = f"{PERFORMED}.OutputInformationSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID"


@pytest.mark.parametrize(
    ("fault", "key", "expected"),
    [
        ("wrong_state_in_the_query", "RO58-TDD-101", ("value 'SCHEDULED'", "value 'IN PROGRESS'", "ProcedureStepState")),
        (
            "wrong_state_in_the_query",
            "RO58-TDD-002",
            (f"a query that the workitem {WORKITEM} matches", "0 response(s), none with it; status 0000 (Success)", ""),
        ),
        ("no_return_keys", "RO58-TDD-112", ("present", "attribute absent", "SOPInstanceUID")),
        (
            "plan_moved_from_the_wrong_ae",
            "RO59-TDD-006",
            (f"{PLAN_AT.instance} asked of OST, its Retrieve AE Title", "asked of TMS", ""),
        ),
        (
            "claim_with_an_old_transaction_uid",
            "RO60-TDD-005",
            ("a new Transaction UID", "1.2.3.2.76: the claim of an earlier scenario", "TransactionUID"),
        ),
        ("progress_falling", "RO62-TDD-004", ("at least 100, as in the update before", "60", PROGRESS)),
        (
            "record_stored_after_it_is_referenced",
            "RO64-TDD-007",
            (f"the record {NEW_RECORD} is stored before RO-64 refers to it", "stored afterwards", ""),
        ),
        ("record_referenced_with_another_uid", "RO64-TDD-120", (f"value '{NEW_RECORD}'", "value '1.2.3.14.2'", REFERENCE)),
        (
            "final_update_without_end_time",
            "RO64-TDD-110",
            ("present with a value", "attribute absent", f"{PERFORMED}.PerformedProcedureStepEndDateTime"),
        ),
        ("completed_with_progress_60", "RO64-TDD-103", ("value '100'", "value '60'", PROGRESS)),
        (
            "n_set_after_completed",
            "RO65-TDD-006",
            ("no N-SET, for the workitem is COMPLETED", "N-SET, answered C300 (the UPS may no longer be updated)", ""),
        ),
        (
            "n_set_with_procedure_step_state",
            "RO62-TDD-111",
            ("attribute not sent", "sent with value 'IN PROGRESS'", "update[1].ProcedureStepState"),
        ),
        ("claim_names_pull", "RO60-TDD-002", (f"RequestedSOPClassUID {PUSH_CLASS}", PULL_CLASS, "command set")),
        ("update_names_pull", "RO62-TDD-005", (f"RequestedSOPClassUID {PUSH_CLASS}", PULL_CLASS, "request[1].command set")),
        ("update_before_the_instruction", "RO62-TDD-008", ("RO-62 after RO-61", "1.000 s before it", "")),
        ("plan_refused", "RO59-TDD-010", ("status 0000 (success)", "status A700 (out of resources)", f"C-STORE of {PLAN_AT.instance}")),
        ("plan_not_answered", "RO59-TDD-010", ("status 0000 (success)", "no response within 30 s", f"C-STORE of {PLAN_AT.instance}")),
        (
            "plan_not_accepted",
            "RO59-TDD-009",
            ("RT Plan Storage (1.2.840.10008.5.1.4.1.1.481.5) accepted", "refused; accepted: RT Beams Treatment Record Storage, RT Image Storage", ""),
        ),
        ("instruction_not_accepted", "RO61-TDD-009",
         ("RT Beams Delivery Instruction Storage (1.2.840.10008.5.1.4.34.7) accepted", "rejected by the acceptor", "")),
        ("claim_under_push", "RO60-TDD-008", (f"a presentation context with {PULL_CLASS}", PUSH_CLASS, "")),
        ("query_under_the_modality_worklist", "RO58-TDD-003",
         (f"a presentation context with {PULL_CLASS}", "Modality Worklist Information Model - FIND (1.2.840.10008.5.1.4.31)", "")),
        ("gets_the_lock", "CC31-TDD-002",
         (f"a presentation context with {PUSH_CLASS} or {PULL_CLASS} or {WATCH_CLASS}", QUERY_CLASS, "")),
        ("claim_names_no_class", "RO60-TDD-002", (f"RequestedSOPClassUID {PUSH_CLASS}", "none", "command set")),
        ("update_names_a_class_that_nobody_knows", "RO62-TDD-005",
         (f"RequestedSOPClassUID {PUSH_CLASS}", "1.2.3.4", "request[1].command set")),
        ("end_without_an_action_type", "RO65-TDD-004", ("Action Type ID 1", "none", "command set")),
        ("query_for_a_transaction_uid", "RO58-TDD-004", ("no key Transaction UID", "sent with value (no value)", "TransactionUID")),
        ("searches_for_the_lock", "CC28-WATCHER-002", ("no key Transaction UID", f"sent with value '{LOCK}'", "TransactionUID")),
        ("query_with_an_empty_offset", "RO58-TDD-006",
         ("absent, or with a value", "present without a value", "TimezoneOffsetFromUTC")),
        ("query_in_characters_it_does_not_name", "RO58-TDD-006",
         ("Specific Character Set, for a key has other than default characters", "absent", "CodeValue")),
        ("sets_something_on_an_empty_worklist", "RO58-TDD-008", ("nothing is claimed or changed", f"N-SET on {WORKITEM}", "")),
        ("previous_record_moved_to_somebody_else", "RO59-TDD-007",
         ("MoveDestination TDD", "'WORKSTATION'", "C-MOVE[1].command set")),
        ("another_instance_named_in_the_answer", "RO59-TDD-011",
         (f"AffectedSOPInstanceUID absent or {PLAN_AT.instance}", "1.2.3.99", "command set of the response")),
        ("update_before_the_claim_is_answered", "RO62-TDD-008", ("RO-62 after RO-60 was answered", "0.500 s before it", "")),
        ("progress_above_100", "RO62-TDD-003", ("a number from 0 to 100", "value '101'", f"update[2].{PROGRESS}")),
        ("keys_without_filter", "CC23-WATCHER-003", ("no match keys", "PatientID", "")),
        ("never_ended", "RO65-TDD-001", ("RO-65, the end: N-ACTION to COMPLETED or CANCELED", AWAITED, "")),
        ("ends_before_it_starts", "RO64-TDD-006",
         ("not before the start, 20260302100000", "'20260302095900'", f"{PERFORMED}.PerformedProcedureStepEndDateTime")),
        ("aborts_in_a_message", "NEG-TDD-003",
         ("every message sent whole", "aborted by the requestor in the middle of a message, TDD to TMS at 10:00:00", "")),
        ("sends_garbage", "NEG-TDD-006",
         ("PDUs of the DICOM Upper Layer protocol", "aborted by us: what came was no PDU, unknown to us at 10:00:00", "")),
        ("sends_no_data_set", "NEG-TDD-005", ("a data set in Implicit VR Little Endian", "3 bytes that are none", "C-FIND")),
    ],
)  # fmt: skip
def test_a_finding_says_what_is_wrong_and_where(fault, key, expected):
    actor = "watcher" if "WATCHER" in key else "TDD"
    (one,) = [f for f in FAULTS if f.name == fault and f.actor == actor]
    play = one.play()
    one.apply(play)
    findings = judged(play.observe(), actor, one.edition)[key].findings
    assert [(f.expected, f.received, f.path) for f in findings] == [expected]
