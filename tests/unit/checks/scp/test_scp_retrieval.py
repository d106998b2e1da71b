"""What a record shows of C-MOVE and C-STORE, each fault with the requirement that it violates [RO-59, RO-61, RO-63]."""

import pytest
from scp_samples import CATALOGUE, exchange

from tdwii_conformance.checks.scp import Instances, Tally, judge_retrievals
from tdwii_conformance.checks.scp.retrieval import retrieval_of
from tdwii_conformance.treatment.messages import item

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PLAN, ION_PLAN, RECORD, ION_RECORD = (f"1.2.840.10008.5.1.4.1.1.481.{last}" for last in (5, 8, 4, 9))
INSTRUCTION = "1.2.840.10008.5.1.4.34.7"
STUDY, SERIES = "1.6", "1.7"


def instance(uid, kind=PLAN, study=STUDY, series=SERIES, **more):
    return item(SOPClassUID=kind, SOPInstanceUID=uid, StudyInstanceUID=study, SeriesInstanceUID=series, **more)


def store(uid, begin, *, kind=PLAN, requestor="OST", acceptor="TDD", number=7, of="TDD", status=0, whole=None, **more):
    """A C-STORE; of a C-MOVE, if it says so."""
    origin = {} if number is None else {"MoveOriginatorApplicationEntityTitle": of, "MoveOriginatorMessageID": number}
    sent = {"AffectedSOPClassUID": kind, "AffectedSOPInstanceUID": uid, "Priority": 0} | origin
    return exchange("C-STORE", whole if whole is not None else instance(uid, kind), begin=begin, end=begin + 0.5, status=status,
                    requestor=requestor, acceptor=acceptor, syntax=kind, **sent, **more)  # fmt: skip


def given(uid, kind=PLAN, acceptor="OST", **more):
    """What a system was given before."""
    return store(uid, 1, kind=kind, requestor="TPS", acceptor=acceptor, number=None, whole=instance(uid, kind, **more))


def move(
    *uids,
    begin=10,
    end=20,
    status=0,
    number=7,
    to="TDD",
    acceptor="OST",
    requestor="TDD",
    study=STUDY,
    series=SERIES,
    failure="",
    **counts,
):
    asked = item(QueryRetrieveLevel="IMAGE", StudyInstanceUID=study, SeriesInstanceUID=series,
                 SOPInstanceUID=uids[0] if len(uids) == 1 else list(uids))  # fmt: skip
    answer = {f"NumberOf{name}Suboperations": count for name, count in counts.items()}
    return exchange("C-MOVE", asked, begin=begin, end=end, status=status, requestor=requestor, acceptor=acceptor, answer=answer,
                    syntax=MOVE, failure=failure, MessageID=number, MoveDestination=to, Priority=0)  # fmt: skip


def judged(*exchanges, actor="OST", title=None, others=()):
    tally = Tally()
    judge_retrievals(title or actor, actor, others, Instances(exchanges), {}, CATALOGUE, tally)
    found = {
        name: [(one.expected, one.received) for one in entry.findings] for name, entry in tally.entries.items() if entry.findings
    }
    return set(tally.entries), found


# --- which C-STOREs a C-MOVE has caused -------------------------------------------------------------------------------


def caused(one, *stores, moves=None):
    found = retrieval_of(one, moves or [one], stores)
    return None if found is None else [each.instance_uid for each in found.stores]


@pytest.mark.parametrize(
    ("one", "belongs"),
    [
        (store("1.5", 12), True),
        (store("1.5", 10), True),
        (store("1.5", 22), True),  # late
        (store("1.5", 22.1), False),
        (store("1.5", 9.9), False),
        (store("1.5", 12, acceptor="ELSE"), False),
        (store("1.5", 12, number=8), False),
        (store("1.5", 12, number=None), True),
        (store("1.5", 12, of="OST"), True),  # some give their own title
        (store("1.5", 12, requestor="GATEWAY"), True),
        (store("1.5", 12, requestor="GATEWAY", of="OTHER"), False),
        (store("1.5", 12, requestor="GATEWAY", of="TDD "), True),
    ],
)
def test_what_came_of_a_c_move(one, belongs):
    assert caused(move("1.5"), one) == (["1.5"] if belongs else [])


@pytest.mark.parametrize(("begin", "end", "told_apart"), [(15, 25, False), (1, 9, True), (1, 11, False), (30, 40, True)])
def test_without_message_ids_two_c_moves_at_once_cannot_be_told_apart(begin, end, told_apart):
    one, other = move("1.5"), move("1.8", begin=begin, end=end, number=8)
    found = caused(one, store("1.5", 12.5 if begin < 12 else 15.5, number=None), moves=[one, other])
    assert (found == ["1.5"]) is told_apart
    elsewhere = move("1.8", begin=begin, end=end, number=8, to="ELSE")
    assert caused(one, store("1.5", 12, number=None), moves=[one, elsewhere]) == ["1.5"]


def test_what_comes_when_the_same_number_is_used_again_is_of_the_next():
    one, following = move("1.5", end=20), move("1.8", begin=21, end=30)
    assert caused(one, store("1.5", 15), store("1.8", 21.5), moves=[one, following]) == ["1.5"]
    other = move("1.8", begin=21, end=30, number=8)
    assert caused(one, store("1.5", 15), store("1.9", 21.5), moves=[one, other]) == ["1.5", "1.9"]
    somebody = move("1.8", begin=21, end=30, requestor="TDD2")
    assert caused(one, store("1.9", 21.5), moves=[one, somebody]) == ["1.9"]


# --- what a system has ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "held"),
    [
        (given("1.5"), True),
        (given("1.5", acceptor="ELSE"), False),
        (given("1.8"), False),
        (store("1.5", 1, requestor="TPS", acceptor="OST", status=0xA700), False),
        (store("1.5", 1, requestor="OST", acceptor="ELSE"), True),  # it gave it out
        (store("1.5", 9.5, requestor="TPS", acceptor="OST"), False),  # not over yet
        (store("1.5", 9.4, requestor="TPS", acceptor="OST"), True),
    ],
)
def test_what_a_system_was_given_or_gave_it_has(one, held):
    assert (Instances([one]).held("OST", "1.5", move("1.5")) is not None) is held


# --- a C-MOVE that is right -------------------------------------------------------------------------------------------


def test_what_is_judged_of_a_c_move_of_one_instance():
    found, wrong = judged(given("1.5"), move("1.5", Completed=1, Failed=0, Warning=0), store("1.5", 12))
    assert wrong == {}
    numbers = ("001", "002", "004", "005", "006", "012", "013", "014", "015", "018", "021")
    assert found == {f"RO59-OST-{number}" for number in numbers}


def test_of_several_others_say_so():
    both = given("1.5"), given("1.8")
    found, wrong = judged(*both, move("1.5", "1.8", Completed=2, Failed=0, Warning=0), store("1.5", 12), store("1.8", 13))
    assert wrong == {}
    assert "RO59-OST-003" in found and "RO59-OST-002" not in found


def test_of_a_tms_those_of_ro_61():
    found, wrong = judged(
        move("1.5", acceptor="TMS", Completed=1, Failed=0, Warning=0),
        store("1.5", 12, kind=INSTRUCTION, requestor="TMS"),
        actor="TMS",
    )
    assert {one.partition("-")[0] for one in found} == {"RO61"}
    assert {"RO61-TMS-002", "RO61-TMS-016", "RO61-TMS-001", "RO61-TMS-005"} <= found
    assert not {"RO61-TMS-002", "RO61-TMS-016", "RO61-TMS-001", "RO61-TMS-005"} & set(wrong)


# --- what can be wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchanges", "found"),
    [
        (
            [given("1.5"), move("1.5", Completed=1), store("1.5", 12), store("1.8", 13)],
            {"RO59-OST-002": [("only what was asked for (1.5)", "1.8 came")]},
        ),
        (
            [given("1.5"), move("1.5", Completed=1), store("1.5", 12), store("1.5", 13)],
            {"RO59-OST-002": [("1.5 once", "2 times")]},
        ),
        (
            [given("1.5"), move("1.5", Completed=1), store("1.5", 21.5)],
            {"RO59-OST-002": [("the instance 1.5 before the final response", "it came 1.5 s after it")]},
        ),
        (
            [given("1.5"), given("1.8"), move("1.5", "1.8", Completed=2), store("1.5", 12), store("1.8", 13), store("1.9", 14)],
            {"RO59-OST-003": [("only what was asked for (1.5, 1.8)", "1.9 came")]},
        ),
        (
            [move("1.5", Completed=0), store("1.8", 13)],
            {"RO59-OST-008": [("only what was asked for (1.5)", "1.8 came")]},
        ),
        (
            [given("1.5"), move("1.5", status=0xC000, Completed=1), store("1.5", 12)],
            {"RO59-OST-001": [("status 0000 (Success)", "status C000")]},
        ),
        (
            [given("1.5"), move("1.5", status=0xB000, Completed=1), store("1.5", 12)],
            {"RO59-OST-001": [("status 0000 (Success)", "status B000")]},
        ),
        (
            [given("1.5"), move("1.5", study="1.99", Completed=1), store("1.5", 12)],
            {"RO59-OST-019": [("nothing: it is of another Study or Series than the C-MOVE names", "1.5 came")]},
        ),
        (
            [given("1.5"), move("1.5", series="1.99", Completed=1), store("1.5", 12)],
            {"RO59-OST-019": [("nothing: it is of another Study or Series than the C-MOVE names", "1.5 came")]},
        ),
        (
            [given("1.5"), store("1.4", 2), move("1.5", Completed=0)],
            {"RO59-OST-002": [("the instance 1.5, which it has", "it did not come")], "RO59-OST-008": None},
        ),
        (
            [given("1.5", ION_PLAN), store("1.4", 2), move("1.5", Completed=0)],
            {
                "RO59-OST-002": [("the instance 1.5, which it has", "it did not come")],
                "RO59-OST-017": [("the RT Ion Plan 1.5", "it did not come")], "RO59-OST-008": None,
            },
        ),
        (
            [given("1.5"), given("1.8"), move("1.5", "1.8", Completed=1), store("1.5", 12)],
            {"RO59-OST-003": [("the instance 1.8, which it has", "it did not come")]},
        ),
        (
            [given("1.5"), move("1.5", "1.8", Completed=1), store("1.9", 12)],
            {
                "RO59-OST-009": [("only what was asked for (1.5, 1.8)", "1.9 came"), ("the instance 1.5, which it has", "it did not come")],
            },
        ),
        (
            [given("1.5"), move("1.5", status=0, Completed=0, Failed=1), store("1.5", 12, status=0xA700)],
            {"RO59-OST-010": [("status B000 or A702", "status 0000")], "RO59-OST-011": None},
        ),
        (
            [given("1.5"), move("1.5", status=0, Completed=0, Warning=1, Failed=0), store("1.5", 12, status=0xB000)],
            {"RO59-OST-025": [("status B000", "status 0000")]},
        ),
        (
            [given("1.5"), store("1.4", 2), move("1.5", Completed=1), store("1.5", 12, acceptor="ELSE")],
            {
                "RO59-OST-012": [("the move destination TDD, which it was given, as the called AE title", "1.5 sent to ELSE")],
                "RO59-OST-002": [("the instance 1.5, which it has", "it did not come")], "RO59-OST-008": None,
            },
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_c_move(exchanges, found):
    wrong = judged(*exchanges)[1]
    assert {name: said for name, said in wrong.items() if found.get(name, said) is not None} == {
        name: said for name, said in found.items() if said is not None
    }


@pytest.mark.parametrize(
    "exchanges",
    [
        [given("1.5"), move("1.5", failure="aborted"), store("1.8", 12)],
        [given("1.5"), move("1.5", acceptor="ELSE", Completed=9), store("1.8", 12, requestor="ELSE")],
        [given("1.5"), move("1.5", status=0xA801)],  # a destination that it does not know
        [given("1.5"), store("1.4", 2), move("1.5", status=0xFE00)],  # canceled
        [given("1.5"), move("1.5", Completed=1)],  # nobody has seen what came to that destination
        [given("1.5"), store("1.4", 2), move("1.5", study="1.99", Completed=0)],  # it is of another study
        [given("1.5"), move("1.5", status=0xB000, Completed=0, Failed=0, Warning=1), store("1.5", 12, status=0xB000)],
    ],
)
def test_what_a_system_may_do(exchanges):
    assert judged(*exchanges)[1] == {}


def test_who_is_both_answers_for_what_is_its_affair():
    plan = [given("1.5"), move("1.5", Completed=1), store("1.5", 12), store("1.8", 13)]
    instruction = [move("1.5", Completed=1), store("1.5", 12, kind=INSTRUCTION), store("1.8", 13, kind=INSTRUCTION)]
    assert judged(*plan, title="OST", others=["OST"])[1] != {}
    assert judged(*plan, actor="TMS", title="OST", others=["OST"]) == (set(), {})
    assert judged(*instruction, title="OST", others=["OST"]) == (set(), {})
    assert judged(*instruction, actor="TMS", title="OST", others=["OST"])[1] != {}
    assert judged(given("1.5"), move("1.5"), title="OST", others=["OST"]) == (set(), {})


# --- what came is what was stored -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "before", "after", "weights"),
    [
        (PLAN, {"PatientName": "A"}, {"PatientName": "A"}, []),
        (PLAN, {"PatientName": "A"}, {"PatientName": "B"}, ["fault"]),
        (PLAN, {"PatientName": "A"}, {}, ["fault"]),
        (RECORD, {"PatientName": "A"}, {}, ["warning"]),
        (ION_RECORD, {"PatientName": "A"}, {}, ["warning"]),
        (RECORD, {"PatientName": "A"}, {"PatientName": "B"}, ["fault"]),
        (RECORD, {}, {"PatientName": "B"}, ["fault"]),
    ],
)
def test_an_instance_is_given_out_as_it_was_taken(kind, before, after, weights):
    tally = Tally()
    exchanges = [
        given("1.5", kind, **before), move("1.5", Completed=1), store("1.5", 12, kind=kind, whole=instance("1.5", kind, **after))
    ]  # fmt: skip
    judge_retrievals("OST", "OST", (), Instances(exchanges), {}, CATALOGUE, tally)
    assert [one.weight for one in tally.entries["RO59-OST-015"].findings] == weights
    if kind != PLAN:
        assert [one.weight for one in tally.entries["RO63-OST-004"].findings] == weights


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ends", "id_"),
    [
        (RECORD, ["NORMAL"], "RO63-OST-001"), (RECORD, [], "RO63-OST-001"), (RECORD, ["NORMAL", "OPERATOR"], "RO63-OST-005"),
        (ION_RECORD, ["MACHINE"], "RO63-OST-005"), (RECORD, [""], "RO63-OST-001"),
    ],
)  # fmt: skip
def test_a_record_is_taken_however_it_ended(kind, ends, id_):
    beams = "TreatmentSessionIonBeamSequence" if kind == ION_RECORD else "TreatmentSessionBeamSequence"
    record = instance("1.5", kind, **{beams: [item(TreatmentTerminationStatus=one) for one in ends]})
    right = store("1.5", 1, kind=kind, requestor="TDD", acceptor="OST", number=None, whole=record)
    assert judged(right) == ({id_, "RO63-OST-002"}, {})
    refused = store("1.5", 1, kind=kind, requestor="TDD", acceptor="OST", number=None, whole=record, status=0xA700)
    assert set(judged(refused)[1]) == {id_}


def test_other_instances_and_those_of_others_are_no_records_of_an_ost():
    assert judged(given("1.5", PLAN)) == (set(), {})
    assert judged(given("1.5", RECORD, acceptor="ELSE")) == (set(), {})
    assert judged(given("1.5", RECORD), actor="TMS", title="OST") == (set(), {})


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ({"AffectedSOPInstanceUID": "1.5", "AffectedSOPClassUID": RECORD}, set()), ({"AffectedSOPInstanceUID": "1.8"}, {"RO63-OST-002"}),
        ({"AffectedSOPClassUID": PLAN}, {"RO63-OST-002"}), ({}, set()),
    ],
)  # fmt: skip
def test_the_response_names_the_record(answer, wrong):
    assert set(judged(store("1.5", 1, kind=RECORD, requestor="TDD", acceptor="OST", number=None, answer=answer))[1]) == wrong


LOST = [("the record 1.5, which was stored", "it did not come")]


@pytest.mark.parametrize(
    ("exchanges", "lost"),
    [
        ([given("1.5", RECORD), move("1.5"), store("1.5", 12, kind=RECORD)], False),
        ([given("1.5", RECORD), store("1.4", 2), move("1.5")], True),
        ([given("1.5", ION_RECORD), store("1.4", 2), move("1.5", "1.9")], True),
        ([given("1.5", RECORD), move("1.5")], None),  # nobody has seen what came there
        ([given("1.5", PLAN), store("1.4", 2), move("1.5")], None),
        ([given("1.5", RECORD), store("1.4", 2), move("1.5", study="1.99")], None),
        ([store("1.4", 2), move("1.5")], None),
        ([given("1.5", RECORD, acceptor="ELSE"), store("1.4", 2), move("1.5")], None),
    ],
)
def test_a_record_that_was_taken_is_given_back(exchanges, lost):
    found, wrong = judged(*exchanges)
    assert ({"RO63-OST-003", "RO63-OST-006"} <= found) is (lost is not None)
    assert (wrong.get("RO63-OST-003"), wrong.get("RO63-OST-006")) == ((LOST, LOST) if lost else (None, None))
