"""RO-58 Worklist Query for Treatment Delivery: the TDD asks what is scheduled for its station (C-FIND, UPS Pull)."""

from datetime import datetime, timedelta

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, judge_attribute, made, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.move import same_content
from tdwii_conformance.checks.values import illegal_answers
from tdwii_conformance.plugin import attribute_parameters
from tdwii_conformance.profile.ups_service import TRIAL, UPS
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem
from tdwii_conformance.treatment.messages import code_item, item
from tdwii_conformance.treatment.scenarios import STARTS
from tdwii_conformance.ups.times import written


@pytest.fixture(scope="module", params=STARTS, ids=["new", "continuation"])
def workitem(request, looks_at):
    return looks_at(start=request.param).workitem


def starting(workitem):
    """The workitem, if it says when it starts."""
    if workitem.bad_start is not None:
        pytest.skip("not judged: the start of the workitem is no date-time (RO58-TMS-026)")
    return workitem


@pytest.fixture(scope="module")
def found(tdd, workitem):
    """The query of RO-58, which the workitem matches."""
    return tdd.query(workitem.query())


@pytest.fixture(scope="module")
def identifier(found, workitem):
    """The response for the workitem."""
    matches = [i for i in found.identifiers if i.get("SOPInstanceUID") == workitem.uid]
    # Without SOP Instance UID, which is judged as well, it is known by its study.
    matches += [i for i in found.identifiers if i.get("StudyInstanceUID") == workitem.facts.get("study", "unknown")]
    if not matches:
        pytest.skip("not judged: the workitem was not found (RO58-TMS-003)")
    return matches[0]


@pytest.mark.parametrize("rule", attribute_parameters("RO-58 response", "TMS"))
def test_response_has(rule, found, identifier, workitem, judge):
    judge(judge_attribute(rule.rule, [identifier], workitem.facts))


@pytest.mark.requirement("RO58-TMS-001")
def test_ends_with_success(found, judge_status):
    judge_status(found)


@pytest.fixture(scope="module")
def of_the_day(tdd, system):
    """The query for the day and the station of the tests: it needs no workitem, so it shows why none of a system's own is found."""
    day = system.workitems.start_range(datetime.now().date())
    return tdd.query(ScheduledWorkitem.query_of(system.workitems.station, day))


@pytest.mark.requirement("RO58-TMS-001")
def test_query_of_the_day_ends_with_success(of_the_day, judge_status):
    judge_status(of_the_day)


@pytest.mark.requirement("RO58-TMS-102")
def test_every_workitem_of_the_day_is_named(of_the_day, judge):
    if not of_the_day.identifiers:
        pytest.skip("not judged: the query for the day found nothing")
    for identifier in of_the_day.identifiers:
        judge(
            [] if identifier.get("SOPInstanceUID") else [Finding("a SOP Instance UID in each response", "none", "SOPInstanceUID")]
        )


@pytest.mark.requirement("RO58-TMS-002")
def test_matches_are_pending_with_identifier(found, judge):
    judge(find.pending_with_identifier(found))


@pytest.mark.requirement("RO58-TMS-003")
def test_returns_the_scheduled_workitem(found, workitem, judge):
    judge(find.includes(found, workitem.uid))


@pytest.mark.requirement("RO58-TMS-004")
def test_returns_each_workitem_once(found, judge):
    judge(find.each_once(found))


@pytest.mark.requirement("RO58-TMS-005")
def test_names_the_abstract_syntax_of_the_query(found, judge):
    judge(status.no_foreign_uid(found, "AffectedSOPClassUID", UPS.PULL))


@pytest.mark.requirement("RO58-TMS-006")
def test_returns_only_what_was_asked(found, judge):
    judge(find.only_asked(found))


@pytest.mark.requirement("RO58-TMS-006")
def test_returns_only_the_nested_keys_asked(tdd, workitem, judge):
    nested = item(ReferencedSOPSequence=item(ReferencedSOPInstanceUID=None))
    judge(find.only_asked(tdd.query(workitem.query(InputInformationSequence=[nested]))))


@pytest.mark.requirement("RO58-TMS-007")
def test_success_has_no_identifier(found, judge):
    judge(find.final_without_identifier(found))


@pytest.mark.requirement("RO58-TMS-008")
def test_no_match_is_success_alone(tdd, workitem, judge, judge_status):
    nobody = tdd.query(workitem.query(PatientID=generate_uid()[-40:]))
    judge_status(nobody)
    judge(find.nothing_found(nobody))


@pytest.mark.requirement("RO58-TMS-009")
def test_other_station_is_not_returned(tdd, workitem, judge):
    exchange = tdd.query(workitem.query(station=workitem.station.value + "X"))
    judge(find.ended(exchange) + find.excludes(exchange, workitem.uid, "it is scheduled for another station"))


@pytest.mark.requirement("RO58-TMS-010")
@pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "CANCELED"])
def test_other_state_is_not_returned(tdd, workitem, judge, state):
    exchange = tdd.query(workitem.query(state=state))
    judge(find.ended(exchange) + find.excludes(exchange, workitem.uid, "it is SCHEDULED"))


@pytest.mark.requirement("RO58-TMS-011")
@pytest.mark.parametrize("days", [-1, 1], ids=["day-before", "day-after"])
def test_other_day_is_not_returned(tdd, workitem, judge, days):
    exchange = tdd.query(workitem.query(start=starting(workitem).days(days)))
    judge(find.ended(exchange) + find.excludes(exchange, workitem.uid, "it starts on another day"))


@pytest.mark.requirement("RO58-TMS-011")
@pytest.mark.parametrize("end", ["open-from", "open-to"])
def test_open_range_excludes_what_lies_outside(tdd, workitem, judge, end):
    second = timedelta(seconds=1)
    first, last = starting(workitem).start, workitem.end_of_start
    start = f"{written(last + second)}-" if end == "open-from" else f"-{written(first - second)}"
    exchange = tdd.query(workitem.query(start=start))
    judge(find.ended(exchange) + find.excludes(exchange, workitem.uid, "it starts outside the range"))


@pytest.mark.requirement("RO58-TMS-012")
def test_other_workitem_code_is_not_returned(tdd, workitem, judge):
    exchange = tdd.query(workitem.query(workitem="121727"))
    judge(find.ended(exchange) + find.excludes(exchange, workitem.uid, "it has the workitem code 121726"))


@pytest.mark.requirement("RO58-TMS-013")
@pytest.mark.parametrize("pattern", ["*", "prefix*", "question"])
def test_wild_card_in_code_value_is_none(tdd, workitem, found, judge, pattern):
    if find.includes(found, workitem.uid):  # then that this query does not find it either says nothing
        pytest.skip("not judged: the workitem was not found (RO58-TMS-003)")
    value = workitem.station.value
    wild = {"*": "*", "prefix*": value[:-1] + "*", "question": value[:-1] + "?"}[pattern]
    exchange = tdd.query(workitem.query(station=wild))
    judge(find.excludes(exchange, workitem.uid, "a wild card means nothing in a code value"))


@pytest.mark.requirement("RO58-TMS-014")
def test_code_meaning_is_no_key(tdd, workitem, judge):
    station = code_item(workitem.station.value, None, "Another Meaning")
    judge(find.includes(tdd.query(workitem.query(ScheduledStationNameCodeSequence=[station])), workitem.uid))


@pytest.mark.requirement("RO58-TMS-015")
def test_patient_may_be_empty_in_the_query(tdd, workitem, judge):
    query = workitem.query(PatientID=None, PatientName=None)
    judge(find.includes(tdd.query(query), workitem.uid))


@pytest.mark.requirement("RO58-TMS-016")
def test_scheme_may_be_empty_in_the_query(tdd, workitem, judge):
    judge(find.includes(tdd.query(workitem.query(scheme=None)), workitem.uid))


@pytest.mark.requirement("RO58-TMS-017")
@pytest.mark.parametrize("form", ["{0}-{1}", "{0}-", "-{1}"], ids=["closed", "open-to", "open-from"])
def test_range_includes_its_ends(tdd, workitem, judge, form):
    first, last = written(starting(workitem).start), written(workitem.end_of_start)
    judge(find.includes(tdd.query(workitem.query(start=form.format(first, last))), workitem.uid))


@pytest.mark.requirement("RO58-TMS-018")
def test_instance_uid_finds_one(tdd, workitem, judge):
    exchange = tdd.query(workitem.query(SOPInstanceUID=workitem.uid))
    others = [uid for uid in find.uids(exchange) if uid != workitem.uid]
    judge(find.includes(exchange, workitem.uid) + [Finding("no other workitem", uid) for uid in others])


@pytest.mark.requirement("RO58-TMS-019")
def test_patient_id_finds_that_patient(tdd, workitem, judge):
    patient = workitem.facts["patient_id"]
    exchange = tdd.query(workitem.query(PatientID=patient))
    others = [i for i in exchange.identifiers if i.get("PatientID") != patient]
    judge(
        find.includes(exchange, workitem.uid)
        + [Finding(f"only Patient ID {patient}", f"{i.get('PatientID')!r}", "PatientID") for i in others]
    )


@pytest.mark.requirement("RO58-TMS-020")
def test_transaction_uid_never_comes(tdd, workitem, judge):
    exchange = tdd.query(workitem.query(TransactionUID=None))
    judge(status.answered(exchange) + status.no_transaction_uid([exchange]))


@pytest.mark.requirement("RO58-TMS-021")
def test_names_beyond_ascii_read_as_scheduled(tdd, supply, judge):
    workitem = supply.of_patient("Müller^Jürgen^Ägidius").workitem
    name = workitem.facts["patient_name"]  # as it was sent, or as the TMS said that it keeps it (B300)
    exchange = tdd.query(workitem.query(SpecificCharacterSet="ISO_IR 100"))
    found = [i for i in exchange.identifiers if i.get("SOPInstanceUID") == workitem.uid]
    names = [str(i.get("PatientName")) for i in found]
    judge(finding for i in found for finding in ups.has_value(i, "SpecificCharacterSet"))
    judge(
        find.includes(exchange, workitem.uid)
        + [Finding(f"Patient's Name {name!r}", repr(came), "PatientName") for came in names if came != name]
    )


@pytest.mark.requirement("RO58-TMS-022")
def test_returns_every_match(tdd, supply, workitem, judge):
    second = supply.another(workitem)
    judge(find.includes(tdd.query(workitem.query()), workitem.uid, second))


@pytest.mark.requirement("RO58-TMS-023")
@pytest.mark.parametrize("form", ["empty-sequence", "empty-item"])
def test_whole_sequence_for_an_empty_key(tdd, workitem, judge, form):
    empty = [] if form == "empty-sequence" else [item()]
    exchange = tdd.query(workitem.query(InputInformationSequence=empty, SOPInstanceUID=workitem.uid))
    judge(find.includes(exchange, workitem.uid))
    got = tdd.get(workitem.uid, ["InputInformationSequence"])
    if ups.got(got):
        pytest.skip("not judged: the N-GET to compare with shows no workitem (CC27-TMS-001)")
    expected = item(InputInformationSequence=list(got.dataset.get("InputInformationSequence") or ()))
    came = item(InputInformationSequence=list(exchange.identifiers[0].get("InputInformationSequence") or ()))
    judge(same_content(expected, came))


@pytest.mark.requirement("RO58-TMS-027")
def test_workitem_agrees_with_its_plan(retriever, system, identifier, workitem, judge):
    if system.ost is None:
        pytest.skip("not described: no [ost] in the system's description, which hands out the plan")
    if not workitem.plans:
        pytest.skip("not judged: the workitem names no plan (RO58-TMS-146)")
    came = [store.request.dataset for store in retriever.retrieve_references("OST", workitem.plans[:1]).stores]
    if len(came) != 1 or came[0] is None:
        pytest.skip("not judged: the plan was not sent (RO59-OST-002)")
    judge(made.plan_agrees(identifier, came[0]))


@pytest.mark.requirement("RO58-TMS-024")
def test_no_trial_sop_classes(found, judge):
    judge(
        Finding("a final UPS SOP class", f"trial SOP class {element.value}", f"identifier[{number}].{element.keyword}")
        for number, dataset in enumerate(found.identifiers)
        for element in dataset.iterall()
        if element.VR == "UI" and str(element.value).startswith(TRIAL)
    )


@pytest.mark.requirement("RO58-TMS-026")
def test_times_are_times(found, judge):
    judge(find.times_legal(found))


@pytest.mark.requirement("RO58-TMS-028")
def test_values_are_written_as_their_vr_has_it(found, judge):
    judge(find.ended(found) + illegal_answers(found))


@pytest.mark.requirement("RO58-TMS-025")
def test_identifiers_can_be_decoded(found, judge):
    judge(find.identifiers_decodable(found))
