"""A fault put into a conformant system by hand fails exactly the requirements concerned; expected sets are written by hand."""

import copy
import dataclasses
from datetime import timedelta

import pytest
from scu_samples import (
    ALL,
    BEGIN,
    EVENT,
    EXPLICIT,
    FILTERED,
    IMPLICIT,
    INSTRUCTION_AT,
    ION_RECORD,
    LOCK,
    MOVE,
    NEW_RECORD,
    PATIENT_ROOT_MOVE,
    PLAN_AT,
    PREVIOUS_AT,
    PULL,
    PUSH,
    RECORD,
    RT_IMAGE,
    RT_PLAN,
    TRIAL_PULL,
    TRIAL_PUSH,
    WATCH,
    WORKITEM,
    Step,
    access,
    asks,
    change,
    code,
    fetching,
    record,
    subscribe,
    to_ups,
    treatment,
    unsubscribe,
    update,
    watching,
)  # fmt: skip

from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.transcript.observation import GARBAGE, IN_A_MESSAGE, Association
from tdwii_conformance.treatment.messages import item

CATALOGUE = load_catalogue()
AWAITED = "awaited 120 s, nothing received"
MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"
FAULTS = []


@dataclasses.dataclass
class Fault:
    name: str
    apply: object
    expected: set
    actor: str
    play: object
    edition: str


def fault(*expected, scenario="new-completed", edition="ti", actor="TDD", play=None):
    """Register a function that puts a fault into a play; `expected` are the ids of the requirements that fail."""

    def register(function):
        made = play or (lambda: treatment(scenario, edition))
        FAULTS.append(Fault(function.__name__, function, set(expected), actor, made, edition))
        return function

    return register


def watcher_fault(*expected, play=watching):
    return fault(*expected, actor="watcher", play=play)


def judged(observation, actor="TDD", edition="ti"):
    return {r.id: judge_scu(r, observation) for r in CATALOGUE.of(actor=actor, edition=edition)}


def failed(judgements):
    return {key for key, j in judgements.items() if any(f.weight == "fault" for f in j.findings)}


# --- the twelve faults that the suite was asked to find -----------------------------------------------------------------


@fault("RO58-TDD-101", "RO58-TDD-002")
def wrong_state_in_the_query(play):
    play["query"].data.ProcedureStepState = "IN PROGRESS"
    play["query"].answers.clear()
    play.until("query")


RETURN_KEYS = (
    "PatientName", "PatientID", "SOPClassUID", "SOPInstanceUID", "ProcedureStepLabel", "ScheduledProcessingParametersSequence",
    "InputInformationSequence", "StudyInstanceUID",
)  # fmt: skip


@fault(*(f"RO58-TDD-{n}" for n in range(109, 117)))
def no_return_keys(play):
    for keyword in RETURN_KEYS:
        delattr(play["query"].data, keyword)


@fault("RO59-TDD-006")
def plan_moved_from_the_wrong_ae(play):
    play["plan"].acceptor = "TMS"
    play["plan comes"].requestor = "TMS"


@fault("RO60-TDD-005")
def claim_with_an_old_transaction_uid(play):
    for step in play.steps:
        if step.data is not None and "TransactionUID" in step.data:
            step.data.TransactionUID = "1.2.3.2.76"


@fault("RO62-TDD-004")
def progress_falling(play):
    play.after("update 100", update(60, 2, "ti"))


@fault("RO62-TDD-104", "RO62-TDD-105")
def beam_number_missing(play):
    del play["update 50"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressParametersSequence


@fault("RO62-TDD-108", "RO62-TDD-116", edition="2013")
def beam_number_missing_2013(play):
    performed = play["update 50"].data.UnifiedProcedureStepPerformedProcedureSequence[0]
    performed.PerformedProcessingParametersSequence = []


@fault("RO62-TDD-115", edition="2013")
def no_beam_number_in_any_update_2013(play):
    for name in ("update 0", "update 50", "update 100"):
        del play[name].data.UnifiedProcedureStepPerformedProcedureSequence


@fault("RO60-TDD-009")
def claimed_again_with_another_transaction_uid(play):
    play.after("claim", change("claim again", "IN PROGRESS", "1.2.3.2.99"))


@fault("RO58-TDD-010")
def query_for_a_moment(play):
    play["query"].data.ScheduledProcedureStepStartDateTime = "20260302100000"


@fault("RO63-TDD-007")
def record_of_another_beam(play):
    play["record"].data.TreatmentSessionBeamSequence = [item(ReferencedBeamNumber=1), item(ReferencedBeamNumber=3)]


@fault("RO64-TDD-008", scenario="new-canceled-after")
def final_progress_falls(play):
    play["final"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "30"


@watcher_fault("CC23-WATCHER-103")
def suspends_for_nobody(play):
    play.before("unsubscribe", asks("suspend", "N-ACTION", item(), ActionTypeID=5))
    play["suspend"].status = 0x0115


def fetch_fault(*expected):
    return watcher_fault(*expected, play=fetching)


@fetch_fault("RO59-WATCHER-001")
def nothing_fetched(play):
    play.drop("get", "plan", "plan comes", "instruction", "instruction comes", "search")
    play.why_early, play.awaited = AWAITED, "CC.2.7, RO-59, RO-61 Fetch"


@fetch_fault("RO59-WATCHER-003")
def series_fetched(play):
    play["plan"].data.QueryRetrieveLevel = "SERIES"


@fetch_fault("RO59-WATCHER-003")
def fetched_without_instance(play):
    del play["plan"].data.SOPInstanceUID


@fetch_fault("RO59-WATCHER-004")
def something_else_fetched_too(play):
    play["plan"].data.SOPInstanceUID = [PLAN_AT.instance, "1.2.3.99"]


@fetch_fault("RO59-WATCHER-005")
def fetched_of_another_study(play):
    play["plan"].data.StudyInstanceUID = "1.2.3.99"


@fetch_fault("RO59-WATCHER-005")
def fetched_with_another_key(play):
    play["plan"].data.Modality = ""


@fetch_fault("RO59-WATCHER-006")
def fetched_from_the_wrong_ae(play):
    play["plan"].acceptor = "TMS"


@fetch_fault("RO59-WATCHER-007")
def fetched_for_another(play):
    play["plan"].command["MoveDestination"] = "OTHER"


@fetch_fault("RO59-WATCHER-008")
def fetched_by_patient_root(play):
    play["plan"].command["AffectedSOPClassUID"] = PATIENT_ROOT_MOVE


@fetch_fault("RO59-WATCHER-009")
def plan_not_accepted_by_a_watcher(play):
    play.drop("plan comes")
    play.associations = [
        dataclasses.replace(one, accepted=()) if one.acceptor == "PPVS" and RT_PLAN in {s for s, _ in one.proposed} else one
        for one in play.associations
    ]


@fetch_fault("RO59-WATCHER-010")
def plan_refused_by_a_watcher(play):
    play["plan comes"].status = 0xA700


@fetch_fault("RO59-WATCHER-011")
def another_instance_named(play):
    play["plan comes"].answer["AffectedSOPInstanceUID"] = "1.2.3.99"


@watcher_fault("CC23-WATCHER-005", "CC23-WATCHER-006")
def lock_kept_by_a_refused_unsubscribe(play):
    play.before("unsubscribe", unsubscribe("unsubscribe from it", workitem=WORKITEM))
    play["unsubscribe from it"].status = 0xC307
    play["unsubscribe"].status = 0x0110


@watcher_fault("CC23-WATCHER-005", "CC23-WATCHER-006")
def lock_kept_as_another_ae_unsubscribes(play):
    play["unsubscribe"].data.ReceivingAE = "OTHER"


@watcher_fault("CC23-WATCHER-005", "CC23-WATCHER-006")
def lock_made_after_the_end(play):
    play["subscribe"].data.DeletionLock = "FALSE"
    play.after("completed", subscribe("subscribe again", lock="TRUE", workitem=WORKITEM))
    play["unsubscribe"].command["RequestedSOPInstanceUID"] = ALL
    play["unsubscribe"].status = 0x0110


@fault("RO64-TDD-007")
def record_stored_after_it_is_referenced(play):
    play.shift("final", before="record")


@fault("RO64-TDD-120")
def record_referenced_with_another_uid(play):
    output(play).ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3.14.2"


@fault("RO64-TDD-110")
def final_update_without_end_time(play):
    del performed(play).PerformedProcedureStepEndDateTime


@fault("RO64-TDD-103")
def completed_with_progress_60(play):
    play["final"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "60"


@fault("RO65-TDD-006")
def n_set_after_completed(play):
    late = update(100, 2, "ti")
    late.status = 0xC300
    play.after("end", late)


@fault("RO62-TDD-111")
def n_set_with_procedure_step_state(play):
    play["update 50"].data.ProcedureStepState = "IN PROGRESS"


# --- RO-58 --------------------------------------------------------------------------------------------------------------


def performed(play):
    return play["final"].data.UnifiedProcedureStepPerformedProcedureSequence[0]


def output(play):
    return performed(play).OutputInformationSequence[0]


@fault("RO58-TDD-001")
def nothing_at_all(play):
    play.steps.clear()
    play.associations.clear()
    play.why_early = AWAITED


@fault("RO58-TDD-001")
def no_query(play):
    play.drop("query")


@fault("RO58-TDD-003")
def query_under_ups_query(play):
    play["query"].context = "1.2.840.10008.5.1.4.34.6.5"
    play["query"].command["AffectedSOPClassUID"] = "1.2.840.10008.5.1.4.34.6.5"


@fault("RO58-TDD-003")
def query_names_a_trial_class(play):
    play["query"].command["AffectedSOPClassUID"] = TRIAL_PULL


@fault("RO58-TDD-003")
def query_under_the_modality_worklist(play):
    play["query"].context = MODALITY_WORKLIST


@fault("RO58-TDD-004")
def query_for_a_transaction_uid(play):
    play["query"].data.TransactionUID = ""


@fault("RO58-TDD-005")
def query_by_code_meaning(play):
    play["query"].data.ScheduledWorkitemCodeSequence[0].CodeMeaning = "RT Treatment with Internal Verification"


@fault("RO58-TDD-006")
def query_with_an_empty_offset(play):
    play["query"].data.TimezoneOffsetFromUTC = ""


@fault("RO58-TDD-006", "RO58-TDD-103", "RO58-TDD-002")
def query_in_characters_it_does_not_name(play):
    play["query"].data.ScheduledStationNameCodeSequence[0].CodeValue = "Gerät"
    play["query"].answers.clear()
    play.until("query")


@fault("RO58-TDD-007")
def query_with_a_start_that_is_no_time(play):
    play["query"].data.ScheduledProcedureStepStartDateTime = "2026-03-02 to 2026-03-03"


@fault("RO58-TDD-104", "RO58-TDD-002")
def query_by_a_scheme_of_its_own(play):
    play["query"].data.ScheduledStationNameCodeSequence[0].CodingSchemeDesignator = "99MINE"
    play["query"].answers.clear()
    play.until("query")


@fault("RO58-TDD-105")
def query_without_a_start(play):
    play["query"].data.ScheduledProcedureStepStartDateTime = ""


@fault("RO58-TDD-102")
def query_for_two_stations(play):
    play["query"].data.ScheduledStationNameCodeSequence.append(code("FX1", "99HOSPITAL"))


@fault("RO58-TDD-106")
def query_without_a_kind_of_workitem(play):
    play["query"].data.ScheduledWorkitemCodeSequence = []


@fault("RO58-TDD-107", "RO58-TDD-108")
def query_for_another_kind_of_workitem(play):
    play["query"].data.ScheduledWorkitemCodeSequence = [code("110004", "99X")]


@fault("RO58-TDD-115")
def query_with_a_value_in_a_return_key(play):
    play["query"].data.InputInformationSequence = [item(TypeOfInstances="DICOM")]


@fault("RO58-TDD-008", "RO60-TDD-003")
def claims_on_an_empty_worklist(play):
    play.facts["inject"] = "empty-worklist"
    play["query"].answers.clear()
    # the UID of another day's workitem, still in a cache
    play.drop(*[step.name for step in play.steps if step.name not in ("query", "claim")])
    play.why_early = AWAITED


@fault("RO58-TDD-008")
def sets_something_on_an_empty_worklist(play):
    play.facts["inject"] = "empty-worklist"
    play["query"].answers.clear()
    play.drop(*[step.name for step in play.steps if step.name not in ("query", "update 0")])
    play.why_early = AWAITED


@fault("RO58-TDD-009", "RO65-TDD-003")
def ends_the_other_of_two_workitems(play):
    two_workitems(play)
    play["end"].command["RequestedSOPInstanceUID"] = "1.2.3.9"


def two_workitems(play):
    play.facts["inject"] = "two-workitems"
    other = copy.deepcopy(play["query"].answers[0])
    other.SOPInstanceUID = "1.2.3.9"
    play["query"].answers.append(other)


# --- RO-59, RO-61 -------------------------------------------------------------------------------------------------------


@fault("RO59-TDD-001")
def static_inputs_not_retrieved(play):
    play.drop("plan", "plan comes")


@fault("RO59-TDD-002", scenario="continuation-completed")
def plan_not_retrieved(play):
    play.drop("plan", "plan comes")


@fault("RO59-TDD-003", scenario="continuation-completed")
def record_to_continue_not_retrieved(play):
    play.drop("previous", "previous comes")


@fault("RO59-TDD-004")
def something_else_retrieved(play):
    play["plan"].data.SOPInstanceUID = [PLAN_AT.instance, "1.2.3.99"]


@fault("RO59-TDD-005")
def plan_retrieved_from_another_study(play):
    play["plan"].data.StudyInstanceUID = "1.2.3.98"


@fault("RO59-TDD-005")
def plan_retrieved_from_several_series(play):
    play["plan"].data.SeriesInstanceUID = [PLAN_AT.series, PREVIOUS_AT.series]


@fault("RO59-TDD-005")
def plan_retrieved_with_another_key(play):
    play["plan"].data.Modality = "RTPLAN"


@fault()
def plan_retrieved_with_the_patient(play):
    play["plan"].data.update(item(PatientID="P1", SpecificCharacterSet="ISO_IR 100"))


@fault("RO59-TDD-101")
def plan_retrieved_at_level_series(play):
    play["plan"].data.QueryRetrieveLevel = "SERIES"


@fault("RO59-TDD-102")
def plan_retrieved_by_its_series(play):
    play["plan"].data.SOPInstanceUID = ""


@fault("RO59-TDD-102", "RO59-TDD-104")
def plan_retrieved_by_its_study(play):
    play.inputs[1] = dataclasses.replace(INSTRUCTION_AT, study="1.2.3.20")  # else it would be asked for as well
    play["instruction"].data.StudyInstanceUID = "1.2.3.20"
    del play["plan"].data.SOPInstanceUID, play["plan"].data.SeriesInstanceUID


@fault("RO59-TDD-103")
def plan_retrieved_without_study(play):
    del play["plan"].data.StudyInstanceUID


@fault("RO59-TDD-104")
def plan_retrieved_without_series(play):
    del play["plan"].data.SeriesInstanceUID


@fault("RO59-TDD-007")
def plan_moved_to_somebody_else(play):
    play["plan"].command["MoveDestination"] = "WORKSTATION"


@fault("RO59-TDD-007", scenario="continuation-completed")
def previous_record_moved_to_somebody_else(play):
    play["previous"].command["MoveDestination"] = "WORKSTATION"


@fault("RO59-TDD-008")
def plan_moved_by_patient_root(play):
    play["plan"].context = play["plan"].command["AffectedSOPClassUID"] = PATIENT_ROOT_MOVE


@fault("RO59-TDD-009", "RO59-TDD-013")
def plan_not_accepted(play):
    one = play.associations[2]
    proposed = (*one.proposed, (RT_IMAGE, (IMPLICIT,)))
    play.associations[2] = dataclasses.replace(one, proposed=proposed, accepted=(RECORD, RT_IMAGE))
    play.drop("plan comes")
    play["plan"].lasts = 0


@fault("RO59-TDD-010", "RO59-TDD-013")
def plan_refused(play):
    play["plan comes"].status = 0xA700


@fault("RO59-TDD-010", "RO59-TDD-013")
def plan_not_answered(play):
    play["plan comes"].status = None
    play["plan comes"].failure = "no response within 30 s"


@fault("RO59-TDD-011")
def another_instance_named_in_the_answer(play):
    play["plan comes"].answer["AffectedSOPInstanceUID"] = "1.2.3.99"


@fault("RO59-TDD-012")
def plan_retrieved_before_the_query(play):
    play.shift("plan", before="query")
    play.shift("plan comes", before="query")


@fault("RO61-TDD-001")
def instruction_not_retrieved(play):
    play.drop("instruction", "instruction comes")


@fault("RO61-TDD-002", "RO61-TDD-004")
def another_instruction_retrieved(play):
    play["instruction"].data.SOPInstanceUID = "1.2.3.99"


@fault("RO61-TDD-005")
def instruction_retrieved_from_another_series(play):
    play["instruction"].data.SeriesInstanceUID = PLAN_AT.series


@fault("RO61-TDD-006")
def instruction_moved_from_the_ost(play):
    play["instruction"].acceptor = "OST"
    play["instruction comes"].requestor = "OST"


@fault("RO61-TDD-007")
def instruction_moved_to_nobody(play):
    del play["instruction"].command["MoveDestination"]


@fault("RO61-TDD-008")
def instruction_moved_by_patient_root(play):
    play["instruction"].command["AffectedSOPClassUID"] = PATIENT_ROOT_MOVE


@fault("RO61-TDD-009")
def instruction_not_accepted(play):
    play.associations[3] = Association(
        "TMS", "TDD", BEGIN, ((INSTRUCTION_AT.sop_class, (IMPLICIT,)),), (), (), "rejected by the acceptor"
    )
    play.drop("instruction comes")
    play["instruction"].lasts = 0


@fault("RO61-TDD-010")
def instruction_refused(play):
    play["instruction comes"].status = 0x0110


@fault("RO61-TDD-011")
def another_class_named_in_the_answer(play):
    play["instruction comes"].answer["AffectedSOPClassUID"] = RT_PLAN


@fault("RO61-TDD-012")
def instruction_retrieved_before_the_plan(play):
    play.shift("instruction", before="plan")
    play.shift("instruction comes", before="plan")


@fault("RO61-TDD-101", "RO61-TDD-102", "RO61-TDD-103", "RO61-TDD-104", "RO61-TDD-002")
def instruction_retrieved_by_nothing(play):
    play["instruction"].data = None


# --- RO-60 --------------------------------------------------------------------------------------------------------------


@fault("RO60-TDD-001")
def not_claimed(play):
    play.drop("claim")


@fault("RO60-TDD-002")
def claim_names_pull(play):
    play["claim"].command["RequestedSOPClassUID"] = PULL


@fault("RO60-TDD-002")
def claim_names_a_trial_class(play):
    play["claim"].command["RequestedSOPClassUID"] = TRIAL_PUSH


@fault("RO60-TDD-002")
def claim_names_no_class(play):
    del play["claim"].command["RequestedSOPClassUID"]


@fault("RO60-TDD-003")
def claims_what_it_has_not_found(play):
    for step in play.steps:
        if step.command.get("RequestedSOPInstanceUID"):
            step.command["RequestedSOPInstanceUID"] = "1.2.3.9"


@fault("RO60-TDD-004")
def claim_with_another_action_type(play):
    play["claim"].command["ActionTypeID"] = 2


@fault("RO60-TDD-005")
def claim_with_the_uid_of_the_workitem(play):
    for step in play.steps:
        if step.data is not None and "TransactionUID" in step.data:
            step.data.TransactionUID = WORKITEM


@fault("RO60-TDD-101", "RO62-TDD-101", "RO64-TDD-101", "RO65-TDD-101")
def no_transaction_uid_at_all(play):
    for step in play.steps:
        if step.data is not None and "TransactionUID" in step.data:
            step.data.TransactionUID = ""


@fault("RO60-TDD-102")
def claim_without_a_state(play):
    del play["claim"].data.ProcedureStepState


@fault("RO60-TDD-006")
def claim_before_the_plan(play):
    play.shift("claim", before="plan")


@fault("RO60-TDD-008")
def claim_under_push(play):
    play["claim"].context = PUSH


@fault("RO60-TDD-007", "RO65-TDD-007")
def goes_on_after_a_refused_claim(play):
    play.facts["inject"] = "claim-refused"
    play["claim"].status = 0xC301
    for name in ("update 0", "update 50", "update 100", "final", "end"):
        play[name].status = 0xC301


# --- RO-62 --------------------------------------------------------------------------------------------------------------


@fault("RO62-TDD-001")
def no_progress_told(play):
    play.drop("update 0", "update 50", "update 100")


@fault("RO62-TDD-002")
def progress_begins_at_50(play):
    play.drop("update 0")


@fault("RO62-TDD-003")
def progress_above_100(play):
    play["update 100"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "101"


@fault("RO62-TDD-005")
def update_names_pull(play):
    play["update 50"].command["RequestedSOPClassUID"] = PULL


@fault("RO62-TDD-005")
def update_names_a_class_that_nobody_knows(play):
    play["update 50"].command["RequestedSOPClassUID"] = "1.2.3.4"


@fault("RO62-TDD-006")
def update_of_another_workitem(play):
    play["update 50"].command["RequestedSOPInstanceUID"] = "1.2.3.9"


@fault("RO62-TDD-007")
def update_under_push(play):
    play["update 50"].context = PUSH


@fault("RO62-TDD-008", "CC26-TDD-001")
def update_before_the_claim(play):
    play.shift("update 0", before="claim")


@fault("RO62-TDD-008")
def update_before_the_claim_is_answered(play):
    play["claim"].lasts = 3  # the retrieval of the instruction, and the update


@fault("RO62-TDD-008")
def update_before_the_instruction(play):
    play.shift("update 0", before="instruction")


@fault("RO62-TDD-009", edition="2013")
def last_update_below_100(play):
    play.drop("update 100")


@fault("RO62-TDD-009", scenario="new-canceled-after", edition="2013")
def last_update_of_a_canceled_treatment_at_100(play):
    play.after("update 40", update(100, 2, "2013"))


@fault("RO62-TDD-010", "RO63-TDD-006")
def progress_told_after_the_final_update(play):
    play.shift("final", before="update 100")
    play.shift("record", before="final")


@fault("RO62-TDD-101")
def update_with_another_transaction_uid(play):
    play["update 50"].data.TransactionUID = "1.2.3.2.78"


@fault("RO62-TDD-102")
def update_without_progress(play):
    play["update 50"].data.ProcedureStepProgressInformationSequence = []


@fault("RO62-TDD-103")
def update_with_empty_progress(play):
    play["update 50"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = ""


def parameter(play, name="update 50"):
    return play[name].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressParametersSequence[0]


@fault("RO62-TDD-105")
def beam_number_by_a_misprinted_code(play):
    parameter(play).ConceptNameCodeSequence[0].CodeValue = "201804"


@fault("RO62-TDD-106")
def beam_number_of_value_type_num(play):
    parameter(play).ValueType = "NUM"


@fault("RO62-TDD-107")
def beam_number_of_no_beam(play):
    parameter(play).NumericValue = 7


@fault("RO62-TDD-109", "RO62-TDD-110", edition="2013")
def beam_number_as_a_number_2013(play):
    it = play["update 50"].data.UnifiedProcedureStepPerformedProcedureSequence[0].PerformedProcessingParametersSequence[0]
    it.ValueType = "NUMERIC"
    del it.TextValue
    it.NumericValue = 2


@fault("RO62-TDD-114", edition="2013")
def output_before_there_is_any_2013(play):
    it = play["update 50"].data.UnifiedProcedureStepPerformedProcedureSequence[0]
    del it.OutputInformationSequence


@fault("RO62-TDD-112", "RO62-TDD-113")
def update_with_class_and_instance(play):
    play["update 50"].data.SOPClassUID = PUSH
    play["update 50"].data.SOPInstanceUID = WORKITEM


# --- RO-63 --------------------------------------------------------------------------------------------------------------


@fault("RO63-TDD-001")
def record_not_stored(play):
    play.drop("record")


@fault("RO63-TDD-002", scenario="new-canceled-before", edition="2013")
def record_of_nothing(play):
    play.before("final", record())


@fault("RO63-TDD-003", "RO64-TDD-126")
def an_image_stored(play):
    play["record"].context = play["record"].command["AffectedSOPClassUID"] = play["record"].data.SOPClassUID = RT_IMAGE
    output(play).ReferencedSOPSequence[0].ReferencedSOPClassUID = RT_IMAGE


@fault("RO63-TDD-004")
def record_stored_to_the_tms(play):
    play["record"].acceptor = "TMS"


@fault("RO63-TDD-005")
def record_stored_under_another_uid(play):
    play["record"].data.SOPInstanceUID = "1.2.3.14.2"
    output(play).ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3.14.2"


@fault("RO63-TDD-006")
def record_stored_before_the_last_update(play):
    play.shift("record", before="update 50")


@fault("RO63-TDD-101", "RO63-TDD-102")
def record_of_another_patient(play):
    play["record"].data.PatientName = "TDWII^TWO"
    play["record"].data.PatientID = "P2"


@fault("RO63-TDD-103")
def record_of_no_plan(play):
    play["record"].data.ReferencedRTPlanSequence = []


@fault("RO63-TDD-104", "RO63-TDD-105")
def record_of_another_plan(play):
    it = play["record"].data.ReferencedRTPlanSequence[0]
    it.ReferencedSOPClassUID, it.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.8", "1.2.3.99"


# --- RO-64 --------------------------------------------------------------------------------------------------------------


@fault("RO64-TDD-001")
def no_final_update(play):
    play.drop("final")


@fault("RO64-TDD-001", edition="2013")
def no_final_update_2013(play):
    play.drop("final")


@fault("RO64-TDD-104")
def final_update_of_progress_only(play):
    del play["final"].data.UnifiedProcedureStepPerformedProcedureSequence


@fault("RO64-TDD-002")
def final_update_names_pull(play):
    play["final"].command["RequestedSOPClassUID"] = PULL


@fault("RO64-TDD-003")
def final_update_of_another_workitem(play):
    play["final"].command["RequestedSOPInstanceUID"] = "1.2.3.9"


@fault("RO64-TDD-004")
def final_update_under_push(play):
    play["final"].context = PUSH


@fault("RO64-TDD-005", scenario="new-canceled-after")
def final_progress_below_0(play):
    play["final"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "-1"


@fault("RO64-TDD-006")
def ends_before_it_starts(play):
    performed(play).PerformedProcedureStepEndDateTime = "20260302095900"


@fault("RO64-TDD-006", "NEG-TDD-008")
def starts_at_no_time(play):
    performed(play).PerformedProcedureStepStartDateTime = "ten"


@fault("RO64-TDD-101")
def final_update_with_another_transaction_uid(play):
    play["final"].data.TransactionUID = "1.2.3.2.78"


@fault("RO64-TDD-102")
def final_update_without_progress(play):
    play["final"].data.ProcedureStepProgressInformationSequence = []


@fault("RO64-TDD-105")
def no_station_performed(play):
    performed(play).PerformedStationNameCodeSequence = []


@fault("RO64-TDD-106", "RO64-TDD-107", "RO64-TDD-108")
def another_station_performed(play):
    performed(play).PerformedStationNameCodeSequence = [code("FX2", "99X", "")]


@fault("RO64-TDD-109")
def final_update_without_start_time(play):
    del performed(play).PerformedProcedureStepStartDateTime


@fault("RO64-TDD-111")
def no_workitem_performed(play):
    performed(play).PerformedWorkitemCodeSequence = []


@fault("RO64-TDD-112", "RO64-TDD-113", "RO64-TDD-114")
def another_workitem_performed(play):
    performed(play).PerformedWorkitemCodeSequence = [code("110004", "99X", "")]


@fault("RO64-TDD-115", "RO64-TDD-126")
def no_output(play):
    performed(play).OutputInformationSequence = []


@fault("RO64-TDD-110", "RO64-TDD-115", "RO64-TDD-126", "RO65-TDD-001")
def stops_at_a_final_update_that_knows_the_station_only(play):
    performed(play).OutputInformationSequence = []
    del performed(play).PerformedProcedureStepEndDateTime
    play.until("final")


@fault("RO64-TDD-116", "RO64-TDD-117", "RO64-TDD-118", "RO64-TDD-119", "RO64-TDD-121", "RO64-TDD-125")
def output_elsewhere(play):
    entry = access("1.2.3.98", "1.2.3.99", ION_RECORD, NEW_RECORD, "TMS")
    entry.TypeOfInstances = "CDA"
    entry.DICOMMediaRetrievalSequence = [item(StorageMediaFileSetUID="1.2.3.97")]
    performed(play).OutputInformationSequence = [entry]


@fault("RO64-TDD-128", "RO64-TDD-126")
def output_without_a_reference(play):
    output(play).ReferencedSOPSequence = []


@fault("RO64-TDD-129")
def output_that_is_nowhere(play):
    output(play).DICOMRetrievalSequence = []


@fault("RO64-TDD-122", "RO64-TDD-123", "RO64-TDD-124")
def final_update_with_what_may_not_be_set(play):
    play["final"].data.update(item(ProcedureStepState="COMPLETED", SOPClassUID=PUSH, SOPInstanceUID=WORKITEM))


@fault("RO64-TDD-127", scenario="new-canceled-after")
def canceled_without_a_reason(play):
    del play["final"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepDiscontinuationReasonCodeSequence


# --- RO-65 --------------------------------------------------------------------------------------------------------------


@fault("RO65-TDD-001")
def never_ended(play):
    play.until("final")


@fault("RO65-TDD-002")
def end_names_pull(play):
    play["end"].command["RequestedSOPClassUID"] = PULL


@fault("RO65-TDD-003")
def another_workitem_ended(play):
    play["end"].command["RequestedSOPInstanceUID"] = "1.2.3.9"


@fault("RO65-TDD-004")
def end_with_another_action_type(play):
    play["end"].command["ActionTypeID"] = 2


@fault("RO65-TDD-004")
def end_without_an_action_type(play):
    del play["end"].command["ActionTypeID"]


@fault("RO65-TDD-005")
def end_under_push(play):
    play["end"].context = PUSH


@fault("RO65-TDD-007")
def completed_although_the_final_update_was_refused(play):
    play.facts["inject"] = "set-refused"
    play["final"].status = 0x0110


@fault("RO65-TDD-101")
def end_with_another_transaction_uid(play):
    play["end"].data.TransactionUID = "1.2.3.2.78"


@fault("RO65-TDD-102")
def canceled_instead_of_completed(play):
    play["end"].data.ProcedureStepState = "CANCELED"
    play["final"].data.ProcedureStepProgressInformationSequence[0].update(
        item(ProcedureStepDiscontinuationReasonCodeSequence=[code("110513", "DCM", "Discontinued")])
    )
    play["final"].data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress = "60"


# --- negotiation --------------------------------------------------------------------------------------------------------


def associate(play, number, **changes):
    play.associations[number] = dataclasses.replace(play.associations[number], **changes)


def negotiation_faults(actor, own, make, register):
    """The faults that a TDD and a watcher can have alike."""
    prefix = f"NEG-{actor}"

    @register(f"{prefix}-001")
    def proposes_only_a_trial_class(play):
        associate(play, 0, proposed=((own.replace(".34.6.", ".34.4."), (IMPLICIT,)),))

    @register(f"{prefix}-002")
    def does_not_propose_the_default(play):
        associate(play, 0, proposed=((own, (EXPLICIT,)), (MOVE, (EXPLICIT, IMPLICIT))))

    @register(f"{prefix}-003")
    def aborts_in_a_message(play):
        associate(play, 0, ended=f"aborted by the requestor {IN_A_MESSAGE}")

    @register(f"{prefix}-003")
    def hangs_in_a_message(play):
        associate(play, 0, ended=f"aborted by us {IN_A_MESSAGE}")

    @register(f"{prefix}-004")
    def aborts(play):
        associate(play, 0, ended="aborted by the requestor")

    @register(f"{prefix}-004")
    def aborts_ours(play):
        associate(play, -1, ended="aborted by the acceptor")

    @register(f"{prefix}-004")
    def loses_the_connection(play):
        associate(play, 0, ended="the connection was lost")

    @register(f"{prefix}-005")
    def sends_no_data_set(play):
        play.steps[0].encoded, play.steps[0].status = b"\x00\x01\x02", 0x0110
        play.steps[0].answers.clear()
        play.until(play.steps[0].name)

    @register(f"{prefix}-006")
    def sends_garbage(play):
        play.associations.append(Association("", "", BEGIN, ended=f"aborted by us: {GARBAGE}"))

    @register(f"{prefix}-007")
    def does_not_wait(play):
        play.steps[0].failure = "the association ended before the final response"
        if make is watching:
            play.steps[0].status = None


negotiation_faults("TDD", PULL, treatment, fault)
negotiation_faults("WATCHER", WATCH, watching, watcher_fault)


# --- Annex CC, of a TDD -------------------------------------------------------------------------------------------------


@fault("CC22-TDD-001")
def requests_the_cancel_of_its_own(play):
    play.before("final", to_ups("cancel", "N-ACTION", item(ReasonForCancellation="x"), PUSH, ActionTypeID=2))


def cancel_of_another(**code):
    reason = item(ProcedureStepDiscontinuationReasonCodeSequence=[item(**code)])
    return to_ups("cancel", "N-ACTION", reason, PUSH, ActionTypeID=2, RequestedSOPInstanceUID="1.2.3.77")


@fault("CC22-TDD-002")
def requests_a_cancel_with_a_reason_without_meaning(play):
    play.before("final", cancel_of_another(CodeValue="110501", CodingSchemeDesignator="DCM"))


@fault()
def requests_a_cancel_with_a_urn(play):
    play.before("final", cancel_of_another(URNCodeValue="urn:oid:1.2.3", CodeMeaning="Equipment failure"))


@fault("CC26-TDD-002")
def sets_the_patient(play):
    play["update 50"].data.PatientName = "TDWII^TWO"


@fault("CC27-TDD-001", "CC31-TDD-001", "CC31-TDD-002")
def gets_the_lock(play):
    get = to_ups("get", "N-GET", None, "1.2.840.10008.5.1.4.34.6.5", AttributeIdentifierList=[0x00081195, 0x00741000])
    get.command["RequestedSOPClassUID"] = PULL
    play.before("final", get)


def creation(**changes):
    attributes = item(
        TransactionUID="", ScheduledProcedureStepPriority="MEDIUM", ProcedureStepLabel="x", WorklistLabel="x",
        ScheduledProcessingParametersSequence=[], ScheduledStationNameCodeSequence=[], ScheduledStationClassCodeSequence=[],
        ScheduledStationGeographicLocationCodeSequence=[], ScheduledProcedureStepStartDateTime="20260302", PatientName="",
        ScheduledWorkitemCodeSequence=[], CommentsOnTheScheduledProcedureStep="", InputReadinessState="READY",
        InputInformationSequence=[], StudyInstanceUID="", PatientID="", IssuerOfPatientID="", PatientBirthDate="", PatientSex="",
        IssuerOfPatientIDQualifiersSequence=[], OtherPatientIDsSequence=[], AdmissionID="", IssuerOfAdmissionIDSequence=[],
        AdmittingDiagnosesDescription="", AdmittingDiagnosesCodeSequence=[], ReferencedRequestSequence=[],
        ProcedureStepState="SCHEDULED", ProcedureStepProgressInformationSequence=[],
        UnifiedProcedureStepPerformedProcedureSequence=[], ExpectedCompletionDateTime="20260302",
    )  # fmt: skip
    attributes.update(item(**changes))
    command = {"AffectedSOPClassUID": PUSH, "AffectedSOPInstanceUID": "1.2.3.20"}
    return Step("create", "N-CREATE", "TDD", "TMS", PUSH, attributes, command)


@fault()
def creates_a_workitem_as_the_table_says(play):
    play.after("end", creation())


@fault("CC25-TDD-001")
def creates_a_workitem_in_progress(play):
    play.after("end", creation(ProcedureStepState="IN PROGRESS"))


@fault("CC25-TDD-001")
def creates_a_workitem_without_uid(play):
    step = creation()
    del step.command["AffectedSOPInstanceUID"]
    play.after("end", step)


@fault("CC25-TDD-001")
def creates_a_workitem_without_priority(play):
    play.after("end", creation(ScheduledProcedureStepPriority=""))


def watching_tdd(scenario="new-completed"):
    """A TDD that subscribes, with a lock, to what it has claimed, and is told of everything."""
    play = treatment(scenario)
    names = [step.name for step in play.steps]
    told = [step for step in watching().steps if step.service == "N-EVENT-REPORT"]
    steps = [subscribe(lock="TRUE", workitem=WORKITEM), *told[:-1]]
    for step in steps:
        play.before("final", step)
    play.steps += [told[-1], unsubscribe(workitem=WORKITEM)]
    for step in play.steps:
        if step.name not in names:
            step.requestor, step.acceptor = (t.replace("PPVS", "TDD") for t in (step.requestor, step.acceptor))
            if step.data is not None and "ReceivingAE" in step.data:
                step.data.ReceivingAE = "TDD"
    play.associations.append(Association("TMS", "TDD", BEGIN + timedelta(seconds=1), ((EVENT, (IMPLICIT,)),), (EVENT,)))
    return play


def of_its_own(steps, title):
    for step in steps:
        step.requestor = title
        step.data.ReceivingAE = title
    return steps


def subscription_faults(actor, title, make, register):
    """The faults of a subscriber, be it a TDD or a watcher."""

    def rule(section, number):
        return f"{section}-{actor}-{number:03}"

    @register(rule("CC23", 2))
    def filter_without_keys(play):
        play["subscribe"].command["RequestedSOPInstanceUID"] = FILTERED
        play["unsubscribe"].command["RequestedSOPInstanceUID"] = ALL

    @register(rule("CC23", 3))
    def keys_without_filter(play):
        play["subscribe"].data.PatientID = "P1"

    def suspension(workitem=ALL):
        (step,) = of_its_own([unsubscribe("suspend", workitem=workitem)], title)
        step.command["ActionTypeID"] = 5
        return step

    @register(rule("CC23", 4))
    def suspends_one_ups(play):
        play.before("unsubscribe", suspension(WORKITEM))

    @register(rule("CC23", 5), rule("CC23", 6))
    def keeps_its_lock(play):
        play.drop("unsubscribe")

    @register(rule("CC23", 5), rule("CC23", 6))
    def suspends_instead_of_unsubscribing(play):
        """That leaves subscription and lock of what is there [CC.2.3.1 table CC.2.3-2]."""
        play["unsubscribe"].command |= {"ActionTypeID": 5, "RequestedSOPInstanceUID": ALL}

    @register(rule("CC23", 5), rule("CC23", 6))
    def suspends_before_the_end(play):
        play.drop("unsubscribe")
        play.before("completed", suspension())

    def suspends(play):
        play.drop("unsubscribe")
        play.steps.append(suspension())

    @register(rule("CC23", 6))
    def suspends_and_gives_up_the_lock(play):
        """To subscribe globally without a lock takes it from all that are there."""
        play["subscribe"].command["RequestedSOPInstanceUID"] = ALL
        suspends(play)
        play.steps += of_its_own([subscribe("again")], title)

    @register(rule("CC23", 5), rule("CC23", 6))
    def suspends_and_subscribes_to_another(play):
        suspends(play)
        play.steps += of_its_own([subscribe("another", workitem="1.2.3")], title)

    @register(rule("CC23", 6))
    def only_gives_up_the_lock(play):
        play.drop("unsubscribe")
        play.steps += of_its_own([subscribe("again", workitem=WORKITEM)], title)

    @register(rule("CC23", 101), rule("CC23", 102))
    def subscribes_with_nothing(play):
        del play["subscribe"].data.DeletionLock
        play["subscribe"].data.ReceivingAE = ""
        play["subscribe"].status = 0x0120

    @register(rule("CC23", 103))
    def unsubscribes_nobody(play):
        del play["unsubscribe"].data.ReceivingAE
        play.steps += of_its_own([unsubscribe("properly")], title)

    @register(rule("CC24", 1))
    def does_not_accept_ups_event(play):
        associate(play, -1, accepted=())

    for kind in range(1, 6):

        @register(rule("CC24", kind + 1))
        def refuses_an_event(play, kind=kind):
            name = f"event {kind}" if kind > 1 else "scheduled"
            play[name].status = 0x0113

        refuses_an_event.__name__ = FAULTS[-1].name = f"refuses_event_{kind}"

    @register(rule("CC24", 2))
    def does_not_answer(play):
        play["completed"].status = None
        play["completed"].failure = "no response within 30 s"

    @register(rule("CC24", 7))
    def answers_about_something_else(play):
        play["event 3"].answer["EventTypeID"] = 1

    @register(rule("CC24", 8))
    def takes_an_event_of_no_type(play):
        play["event 3"].command["EventTypeID"] = play["event 3"].answer["EventTypeID"] = 99

    @register(rule("CC31", 1))
    def subscribes_by_another_class(play):
        play["subscribe"].command["RequestedSOPClassUID"] = WATCH

    @register(rule("CC31", 2))
    def subscribes_under_pull(play):
        play["subscribe"].context = PULL


subscription_faults("TDD", "TDD", watching_tdd, lambda *expected: fault(*expected, play=watching_tdd))
subscription_faults("WATCHER", "PPVS", watching, watcher_fault)


# --- of a watcher only --------------------------------------------------------------------------------------------------


@watcher_fault("CC23-WATCHER-001")
def never_subscribes(play):
    play.steps.clear()
    play.why_early = AWAITED


@watcher_fault("CC23-WATCHER-006")
def unsubscribes_from_the_one_ups_only(play):
    """It has no lock on this one then, but is told of the next [CC.2.3.1 table CC.2.3-2]."""
    play["unsubscribe"].command["RequestedSOPInstanceUID"] = WORKITEM


@watcher_fault("CC23-WATCHER-005", "CC23-WATCHER-006")
def unsubscribes_from_another_ups(play):
    play["unsubscribe"].command["RequestedSOPInstanceUID"] = "1.2.3.9"


@watcher_fault("CC23-WATCHER-005", "CC23-WATCHER-006")
def keeps_its_lock_after_it_was_refused_a_filter(play):
    refused = subscribe("filtered", workitem=FILTERED, PatientID="P1")
    refused.status = 0xC307
    play.before("subscribe", refused)
    play.drop("unsubscribe")


@watcher_fault("CC25-WATCHER-001")
def watcher_creates_a_workitem_without_state(play):
    step = creation()
    step.requestor = "PPVS"
    del step.data.ProcedureStepState
    play.after("get", step)


@watcher_fault("CC27-WATCHER-001")
def watcher_gets_the_lock(play):
    play["get"].command["AttributeIdentifierList"] = 0x00081195


@watcher_fault("CC22-WATCHER-001")
def watcher_requests_a_cancel_with_a_reason_without_scheme(play):
    step = cancel_of_another(CodeValue="110501", CodeMeaning="Equipment failure")
    step.requestor = "PPVS"
    play.after("get", step)


@watcher_fault()
def watcher_requests_a_cancel_with_a_long_code(play):
    step = cancel_of_another(LongCodeValue="11050100000000001", CodingSchemeDesignator="99X", CodeMeaning="Equipment failure")
    step.requestor = "PPVS"
    play.after("get", step)


@watcher_fault("CC27-WATCHER-001")
def watcher_gets_what_is_inside(play):
    play["get"].command["AttributeIdentifierList"] = [0x00741000, 0x00741004]  # the progress itself, not its sequence


@watcher_fault("CC28-WATCHER-001")
def searches_by_a_trial_class(play):
    play["search"].command["AffectedSOPClassUID"] = TRIAL_PULL


@watcher_fault("CC28-WATCHER-002")
def searches_for_the_lock(play):
    play["search"].data.TransactionUID = LOCK


@watcher_fault("CC28-WATCHER-003")
def searches_in_characters_it_does_not_name(play):
    play["search"].data.PatientName = "Müller"


@fault("NEG-TDD-008")
def writes_a_name_on_two_lines(play):
    play["record"].data.ManufacturerModelName = "LINAC\n1"


@fault()
def asks_for_a_label_by_more_characters_than_it_can_have(play):
    play["query"].data.WorklistLabel = "*" + "x" * 80


@watcher_fault("NEG-WATCHER-008")
def watcher_ends_a_key_with_a_tab(play):
    play["search"].data.PatientID = "P1\t"


@fault()
def names_a_character_set_that_no_key_needs(play):
    play["query"].data.SpecificCharacterSet = "ISO_IR 192"


@fault()
def names_an_empty_character_set(play):  # a warning: see below
    play["query"].data.SpecificCharacterSet = None


@fault("RO58-TDD-006", "RO58-TDD-103", "RO58-TDD-002")
def names_an_empty_character_set_for_other_characters(play):
    query_in_characters_it_does_not_name(play)
    play["query"].data.SpecificCharacterSet = None


def proposes(play, *items):
    play.associations[0] = dataclasses.replace(play.associations[0], extended=items)


@fault("CC32-TDD-001")
def proposes_extended_negotiation_with_0_in_a_reserved_byte(play):
    proposes(play, (PULL, "010001"))


@fault("CC32-TDD-001")
def proposes_extended_negotiation_of_two_bytes(play):
    proposes(play, (PULL, "010100"), (WATCH, "0101"))


@fault()
def proposes_extended_negotiation_of_names_and_time_zones(play):
    proposes(play, (PULL, "01010101"), (WATCH, "010100"), (MOVE, "00"))  # that of C-MOVE has another meaning [PS3.4 C.5.2.1]


@fault()
def proposes_extended_negotiation_of_a_later_edition(play):
    proposes(play, (PULL, "0101010101"))


@watcher_fault("CC32-WATCHER-001")
def watcher_proposes_extended_negotiation_with_2(play):
    proposes(play, (WATCH, "010102"))


@watcher_fault()
def watcher_proposes_extended_negotiation(play):
    proposes(play, (WATCH, "01010001"))


# --- the tests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", FAULTS, ids=[f"{one.actor}-{one.name}" for one in FAULTS])
def test_a_fault_fails_exactly_what_it_concerns(one):
    play = one.play()
    one.apply(play)
    judgements = judged(play.observe(), one.actor, one.edition)
    assert failed(judgements) == one.expected


def test_an_empty_character_set_is_a_warning():
    play = treatment("new-completed", "ti")
    names_an_empty_character_set(play)
    (found,) = judge_scu(CATALOGUE["RO58-TDD-006"], play.observe()).findings
    assert (found.weight, found.path) == ("warning", "SpecificCharacterSet")
