"""Which C-STOREs are whose, which exchanges a fault of a retrieval is seen in, and what a delivery instruction says [RO-59, RO-61]."""

import pytest
from scp_samples import CATALOGUE, exchange
from test_scp_retrieval import INSTRUCTION, ION_PLAN, MOVE, PLAN, RECORD, caused, given, instance, judged, move, store

from tdwii_conformance.checks.scp import Instances, Tally, judge_retrievals
from tdwii_conformance.checks.scp.belief import Workitem
from tdwii_conformance.treatment.messages import item


def entries(*exchanges, actor="OST", items=None):
    tally = Tally()
    judge_retrievals(actor, actor, (), Instances(exchanges), items or {}, CATALOGUE, tally)
    return tally.entries


def places(exchanges, id_, **more):
    """In which of some exchanges a requirement is seen to be violated."""
    return [exchanges.index(one) for one in entries(*exchanges, **more)[id_].exchanges]


# --- whose C-STOREs ---------------------------------------------------------------------------------------------------


def test_two_systems_asked_at_once_with_one_message_id_are_told_apart():
    of_ost, of_tms = move("1.5"), move("1.8", acceptor="TMS")
    stores = [store("1.8", 12, requestor="TMS"), store("1.5", 13)]
    assert caused(of_ost, *stores, moves=[of_ost, of_tms]) == ["1.5"]
    assert caused(of_tms, *stores, moves=[of_ost, of_tms]) == ["1.8"]


@pytest.mark.parametrize(
    ("begin", "end", "sent", "told_apart"),
    [(12, 13, 12, False), (12, 13, 11.9, True), (11, 13, 15, False), (11, 13, 15.1, True)],
)
def test_without_message_ids_what_may_be_of_another_is_of_nobody(begin, end, sent, told_apart):
    one, other = move("1.5"), move("1.8", begin=begin, end=end, number=8)
    assert caused(one, store("1.5", sent, number=None), moves=[one, other]) == (["1.5"] if told_apart else None)


def test_what_comes_late_is_of_the_system_that_sends_it():
    of_ost, of_tms = move("1.5", end=20), move("1.8", acceptor="TMS", begin=20.5, end=30)
    late = store("1.5", 21)
    assert caused(of_ost, late, moves=[of_ost, of_tms]) == ["1.5"]
    assert caused(of_tms, late, moves=[of_ost, of_tms]) == []


def test_what_cannot_be_told_apart_is_not_judged():
    one, other = move("1.5"), move("1.8", number=8)
    assert judged(given("1.5"), given("1.8"), one, other, store("1.9", 12, number=None)) == (set(), {})


# --- what was asked for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [None, item(), item(SOPInstanceUID=None), item(SOPInstanceUID="")])
def test_who_asks_for_no_instance_by_name_is_given_what_there_is(keys):
    asked = exchange("C-MOVE", keys, begin=10, end=20, requestor="TDD", acceptor="OST", syntax=MOVE, MessageID=7,
                     MoveDestination="TDD", answer={"NumberOfCompletedSuboperations": 1})  # fmt: skip
    assert judged(given("1.5"), asked, store("1.5", 12))[1] == {}


@pytest.mark.parametrize("series", [["1.7", "1.71"], ["1.70", "1.7"]])
def test_one_of_several_series_may_be_that_of_the_instance(series):
    assert judged(given("1.5"), move("1.5", series=series, Completed=1), store("1.5", 12))[1] == {}


def test_none_of_several_series_is_that_of_the_instance():
    found = judged(given("1.5"), move("1.5", series=["1.70", "1.71"], Completed=1), store("1.5", 12))[1]
    assert found == {"RO59-OST-019": [("nothing: it is of another Study or Series than the C-MOVE names", "1.5 came")]}


def test_of_what_study_an_instance_is_may_not_have_been_seen():
    assert judged(move("1.5", study="1.99", Completed=1), store("1.5", 12))[1] == {}


# --- what can be wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchanges", "found"),
    [
        # Nobody has seen that it has 1.5 but by giving it: it has it.
        ([move("1.5", Completed=1), store("1.5", 12), store("1.8", 13)], {"RO59-OST-002": "only what was asked for (1.5)"}),
        (
            [given("1.5"), given("1.8"), move("1.5", "1.8", Completed=1), store("1.5", 12), store("1.9", 13)],
            {"RO59-OST-003": "only what was asked for (1.5, 1.8)"},
        ),
        ([given("1.5"), move("1.5", Completed=0, Failed=1, status=0xB000), store("1.5", 12, status=0xA700)], {}),
        ([given("1.5"), move("1.5", Completed=0, Failed=1, status=0xA702), store("1.5", 12, status=0xA700)], {}),
        ([given("1.5"), store("1.4", 2), move("1.5", status=0xA801)], {}),
    ],
)
def test_what_is_wrong_with_a_c_move(exchanges, found):
    wrong = judged(*exchanges)[1]
    wrong.pop("RO59-OST-011", None)  # the list of those that failed, which these responses do not have
    assert {name: said[0][0] for name, said in wrong.items()} == found


@pytest.mark.parametrize(
    ("sent", "stray"), [(9.9, False), (10, True), (21, True), (22, True), (22.1, False)], ids=lambda one: str(one)
)
def test_what_went_elsewhere_while_it_was_asked_for(sent, stray):
    wrong = judged(given("1.5"), move("1.5"), store("1.5", sent, acceptor="ELSE"))[1]
    expected = [("the move destination TDD, which it was given, as the called AE title", "1.5 sent to ELSE")]
    assert wrong.get("RO59-OST-012") == (expected if stray else None)


def test_a_status_that_says_less_than_a_warning_is_said():
    wrong = judged(given("1.5"), move("1.5", status=0xC000, Completed=0, Warning=1, Failed=0), store("1.5", 12, status=0xB000))[1]
    assert wrong["RO59-OST-025"] == [("status B000", "status C000")]


@pytest.mark.parametrize(
    ("stored", "id_", "expected"),
    [
        (0, "RO59-OST-001", "status 0000 (Success)"), (0xB000, "RO59-OST-025", "status B000"),
        (0xA700, "RO59-OST-010", "status B000 or A702"),
    ],
)  # fmt: skip
def test_a_final_response_without_a_status_is_said_to_have_none(stored, id_, expected):
    one = move("1.5", Completed=1, Failed=0, Warning=0)
    del one.responses[-1].command.Status
    assert judged(given("1.5"), one, store("1.5", 12, status=stored))[1][id_][0] == (expected, "no status")


def test_of_what_came_twice_the_counters_are_not_judged():
    stores = [store("1.5", 12), store("1.8", 13, status=0xB000), store("1.8", 14, status=0xB000)]
    found, _ = judged(given("1.5"), given("1.8"), move("1.5", "1.8", status=0xB000), *stores)
    assert not {"RO59-OST-025", "RO59-OST-005", "RO59-OST-001"} & found


def test_a_list_of_which_one_came_is_judged_as_such():
    found, _ = judged(move("1.5", "1.8", Completed=1), store("1.5", 12))
    assert "RO59-OST-009" in found


def test_the_first_system_is_not_the_only_one_that_is_judged():
    elsewhere = move("1.4", acceptor="ELSE", number=9)
    failed = move("1.4", failure="aborted", number=10)
    assert "RO59-OST-002" in judged(elsewhere, failed, given("1.5"), move("1.5", Completed=1), store("1.5", 12))[0]


@pytest.mark.parametrize(
    ("stores", "found"),
    [
        ([store("1.5", 12, kind=INSTRUCTION, requestor="TMS"), store("1.8", 13, kind=PLAN, requestor="TMS")], [f"{PLAN}"]),
        ([store("1.5", 12, kind=INSTRUCTION, requestor="TMS"), store("1.8", 13, kind=INSTRUCTION, requestor="TMS")], []),
        ([store("1.5", 12, kind=PLAN, requestor="TMS")], []),  # what was asked for came
    ],
)
def test_a_tms_gives_out_instructions(stores, found):
    entry = entries(move("1.5", acceptor="TMS", Completed=1), *stores, actor="TMS")["RO61-TMS-016"]
    assert [(one.expected, one.received) for one in entry.findings] == [(f"SOP class {INSTRUCTION}", one) for one in found]


# --- where ------------------------------------------------------------------------------------------------------------


def test_a_fault_is_seen_in_the_c_move_and_in_the_first_that_came():
    exchanges = [given("1.5"), move("1.5", Completed=1), *(store(f"1.8.{n}", 12 + n) for n in range(5))]
    assert places(exchanges, "RO59-OST-002") == [1, 2, 3, 4]


def test_a_refused_record_is_seen_where_it_was_sent():
    exchanges = [store("1.5", 1, kind=RECORD, requestor="TDD", acceptor="OST", number=None, status=0xA700,
                       answer={"AffectedSOPInstanceUID": "1.8"})]  # fmt: skip
    assert (places(exchanges, "RO63-OST-001"), places(exchanges, "RO63-OST-002")) == ([0], [0])


def test_a_record_that_is_lost_or_altered_is_seen_where_it_was_given_and_asked_for():
    lost = [given("1.5", RECORD), store("1.4", 2), move("1.5")]
    assert (places(lost, "RO63-OST-003"), places(lost, "RO63-OST-006")) == ([0, 2], [0, 2])
    altered = [
        given("1.5", RECORD, PatientName="A"),
        move("1.5"),
        store("1.5", 12, kind=RECORD, whole=instance("1.5", RECORD, PatientName="B")),
    ]
    assert places(altered, "RO63-OST-004") == [0, 2]


def test_of_records_each_is_judged():
    """Those of a C-MOVE whose C-STOREs cannot be told apart, of a plan, and of another series say nothing of the next."""
    one, other = move("1.5", begin=3, end=4, number=None), move("1.5", begin=3, end=4, number=None)
    unclear = [one, other, store("1.5", 3.5, number=None)]
    given_ = [given("1.5", PLAN), given("1.51", RECORD, study="1.99"), given("1.52", RECORD)]
    wrong = judged(*unclear, *given_, move("1.5", "1.51", "1.52"), store("1.4", 2))[1]
    assert wrong["RO63-OST-003"] == [("the record 1.52, which was stored", "it did not come")]


@pytest.mark.parametrize(("begin", "taken"), [(9.5, False), (9.4, True)])
def test_a_record_is_taken_when_that_was_said(begin, taken):
    record = store("1.5", begin, kind=RECORD, requestor="TDD", acceptor="OST", number=None)
    assert ("RO63-OST-003" in judged(record, store("1.4", 2), move("1.5"))[0]) is taken


def test_a_record_that_was_moved_to_an_ost_is_not_stored_by_a_machine():
    moved = [
        move("1.5", acceptor="ARCHIVE", to="OST"),
        store("1.5", 12, kind=RECORD, requestor="ARCHIVE", acceptor="OST", status=0xA700),
    ]
    assert judged(*moved) == (set(), {})


# --- delivery instructions --------------------------------------------------------------------------------------------


def told(**attributes):
    """A workitem that says which plan, and which delivery instruction, it is about."""
    found = Workitem("1.2.3", True)
    found.learn(item(**attributes), "shown", exchange("N-GET"))
    return found


def refers(kind, uid):
    return item(ReferencedSOPSequence=[item(ReferencedSOPClassUID=kind, ReferencedSOPInstanceUID=uid)])


BEAMS = {PLAN: "BeamSequence", ION_PLAN: "IonBeamSequence"}


def delivered(kind=PLAN, *, task=None, items=None, plan="1.4"):
    """A plan with beams 1 and 2, and a delivery instruction about a beam of it."""
    one = item(BeamTaskType="TREAT", TreatmentDeliveryType="TREATMENT", CurrentFractionNumber=3, ReferencedBeamNumber=2)
    one.update(item(**task or {}))
    whole = instance("1.5", INSTRUCTION, PatientID="P1", BeamTaskSequence=[one],
                     ReferencedRTPlanSequence=[item(ReferencedSOPInstanceUID=plan)])  # fmt: skip
    beams = item(**{BEAMS[kind]: [item(BeamNumber=1), item(BeamNumber=2)]})
    exchanges = [
        given("1.4", kind, **{BEAMS[kind]: beams[BEAMS[kind]].value}),
        move("1.5", acceptor="TMS", Completed=1),
        store("1.5", 12, kind=INSTRUCTION, requestor="TMS", whole=whole),
    ]
    if items is None:
        inputs = [refers(kind, "1.4"), refers(INSTRUCTION, "1.5")]
        items = {"1.2.2": told(PatientID="P9"), "1.2.3": told(PatientID="P1", InputInformationSequence=inputs)}
    return exchanges, items


def of_rows(exchanges, items):
    found = entries(*exchanges, actor="TMS", items=items)
    return {
        name.removeprefix("RO61-TMS-"): [exchanges.index(where) for where in entry.exchanges]
        for name, entry in found.items()
        if name.startswith("RO61-TMS-1") and entry.findings
    }


@pytest.mark.parametrize("kind", [PLAN, ION_PLAN])
@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, {}),
        ({"task": {"ReferencedBeamNumber": 1}}, {}),
        ({"task": {"ReferencedBeamNumber": 3}}, {"108": [1, 2]}),
        ({"task": {"ReferencedBeamNumber": None}}, {"108": [1, 2]}),
        ({"plan": "1.9"}, {"113": [1, 2]}),
    ],
)
def test_an_instruction_is_about_a_beam_of_the_plan_of_its_workitem(kind, change, wrong):
    assert of_rows(*delivered(kind, **change)) == wrong


def test_an_instruction_that_no_workitem_names_is_compared_with_none():
    exchanges, _ = delivered(task={"ReferencedBeamNumber": 3}, plan="1.9")
    assert of_rows(exchanges, {}) == {}
    assert of_rows(exchanges, {"1.2.3": told(PatientID="P9")}) == {}


def test_of_what_came_the_instructions_are_judged():
    """What cannot be read has no rows; nor has a plan that came with them."""
    exchanges, items = delivered(plan="1.9")
    unread = exchange("C-STORE", None, begin=11, end=11.5, requestor="TMS", acceptor="TDD", syntax=INSTRUCTION,
                      AffectedSOPClassUID=INSTRUCTION, AffectedSOPInstanceUID="1.51",
                      MoveOriginatorApplicationEntityTitle="TDD", MoveOriginatorMessageID=7)  # fmt: skip
    plan = store("1.52", 11.6, kind=PLAN, requestor="TMS")
    exchanges = [*exchanges[:2], unread, plan, exchanges[2]]
    assert of_rows(exchanges, items) == {"113": [1, 4]}


def test_a_row_whose_condition_does_not_hold_is_not_judged():
    found = entries(*delivered()[0], actor="TMS", items=delivered()[1])
    assert "RO61-TMS-108" in found
    assert not {"RO61-TMS-109", "RO61-TMS-110", "RO61-TMS-111"} & set(found)  # of a continuation only


@pytest.mark.parametrize(
    ("inside", "outside", "refusable"),
    [("1.5", "1.5", False), ("1.5", "1.6", True), ("", "1.5", True), ("1.5", None, True), ("", None, True)],
)
def test_a_record_that_is_none_may_be_refused(inside, outside, refusable):
    named = {} if outside is None else {"AffectedSOPInstanceUID": outside}
    record = instance("1.5", RECORD)
    record.SOPInstanceUID = inside
    refused = exchange("C-STORE", record, begin=1, end=2, status=0xA900, requestor="TDD", acceptor="OST", syntax=RECORD,
                       AffectedSOPClassUID=RECORD, **named)  # fmt: skip
    assert ("RO63-OST-001" in judged(refused)[1]) is not refusable
