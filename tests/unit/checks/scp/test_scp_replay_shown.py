"""What a record shows of a workitem by N-GET and C-FIND: the request that has the blame for it, and where it is seen [CC.2.7, CC.2.8]."""

import pytest
from scp_samples import CATALOGUE, Record, W
from test_scp_replay_requests import meanwhile, places, replayed, worlds
from test_scp_replayed import (
    CANCELED,
    COMPLETED,
    IN_PROGRESS,
    LABEL,
    OTHER,
    PERFORMED,
    PROGRESS,
    SCHEDULED,
    TEN,
    UPDATE,
    claimed,
    found,
    looked,
    made,
)

from tdwii_conformance.checks.scp.belief import ANY, World
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

ROWS = {one.id for one in CATALOGUE.attributes("RO-64 stored", "TMS")}


def judged(record, id_):
    entry = record.entries().get(id_)
    return 0 if entry is None else entry.judged


def query(record, **came):
    return record.add("C-FIND", item(SOPInstanceUID=None, ProcedureStepState=None), came=[item(SOPInstanceUID=W, **came)])


# --- what an N-GET is judged by ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("syntax", "id_"), [(UPS.PULL, "CC31-TMS-001"), (UPS.WATCH, "CC31-TMS-002"), (UPS.PUSH, "CC31-TMS-003")])
def test_an_n_get_is_answered_under_each_class(syntax, id_):
    record = looked(Record(), 0, item(**{LABEL: "A"}), syntax=syntax)
    assert (judged(record, "CC27-TMS-012"), judged(record, id_)) == (1, 1)


def test_what_was_not_asked_for_is_not_missing():
    record = Record().shown(PatientID="P1", **{LABEL: "A"})
    assert found(looked(record, 0, item(**{LABEL: "A"}))) == {}


def test_what_was_shown_of_all_is_shown_again():
    record = Record().shown(**{LABEL: "A"}).shown()
    assert found(record) == {"CC27-TMS-019": [("as before: as it was stored: present", "the contrary", LABEL, "fault")]}
    assert places(record, "CC27-TMS-019") == [0, 1]
    assert Record().shown(**{LABEL: "A"}).shown(**{LABEL: "A"}).entries()["CC27-TMS-019"].exchanges == []


def test_where_it_was_created_otherwise():
    record = made(Record(), **{LABEL: "A"})
    record = looked(record, 0, item(**{LABEL: "B"}))
    assert places(record, "CC25-TMS-003") == [0, 1]


@pytest.mark.parametrize(
    ("record", "id_", "where"),
    [
        (lambda: looked(Record().shown(), 0xC307), "CC27-TMS-012", [1]),
        (lambda: looked(Record().shown(), 0x0110), "CC27-TMS-012", [1]),
        (lambda: looked(Record().shown(), 0x0110), "CC31-TMS-001", [1]),
        (lambda: looked(looked(Record(), 0xC307), 0, item(**{LABEL: "A"})), "CC27-TMS-010", [1]),
        (lambda: looked(looked(Record(), 0xC307), 0x0110), "RO60-TMS-018", [1]),
        (lambda: claimed().shown(SCHEDULED), "RO60-TMS-006", [1, 2]),
        (lambda: Record().shown().shown(IN_PROGRESS), "CC27-TMS-012", [0, 1]),
        (lambda: query(Record().shown(), ProcedureStepState=IN_PROGRESS), "CC28-TMS-047", [0, 1]),
        (lambda: claimed().change(lock=OTHER), "RO60-TMS-015", [1, 2]),
    ],
)
def test_a_fault_is_seen_in_what_shows_it_and_in_what_came_before(record, id_, where):
    assert places(record(), id_) == where


def test_another_failure_of_one_that_is_gone_is_said_with_the_right_one():
    wrong = found(looked(looked(Record(), 0xC307), 0xC311))
    assert wrong == {
        id_: [("status C307 (no such UPS here)", "status C311 (no status of N-GET)", "", "fault")]
        for id_ in ("CC27-TMS-010", "RO60-TMS-018")
    }


def test_that_it_is_gone_is_judged_when_that_was_known():
    assert judged(looked(looked(Record(), 0xC307), 0xC307), "CC27-TMS-010") == 1
    assert judged(looked(looked(Record(), 0xC307), 0xC307), "RO60-TMS-018") == 1
    record = looked(Record().shown(), 0xC307)
    assert "CC27-TMS-010" not in record.entries(complete=False)  # somebody may have deleted it
    assert "CC27-TMS-010" not in looked(Record(), 0xC307).entries()


def test_one_that_is_gone_may_be_said_to_be_no_such_instance():
    """0112 is tolerated where C307 is exact: it is noted where it came."""
    record = looked(looked(Record(), 0xC307), 0x0112)
    entry = record.entries()["CC27-TMS-010"]
    assert ([one.weight for one in entry.findings], entry.exchanges) == (["warning"], [record.exchanges[1]])


# --- the state that is shown ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "left"),
    [
        (lambda: claimed().shown(IN_PROGRESS), {World(IN_PROGRESS, "1.2.9.1")}),
        (lambda: claimed().shown(SCHEDULED), {World(SCHEDULED)}),
        (lambda: Record().shown(), {World(SCHEDULED)}),
        (lambda: Record().shown().shown(IN_PROGRESS), {World(IN_PROGRESS, ANY)}),
        (lambda: Record().shown(COMPLETED), {World(COMPLETED, ANY)}),
        (lambda: claimed().change(CANCELED).shown(COMPLETED), {World(COMPLETED, ANY)}),
    ],
)
def test_what_is_shown_is_believed(record, left):
    assert worlds(record()) == left


def test_what_shows_no_state_leaves_it_as_it_was():
    assert worlds(looked(claimed(), 0, item(**{LABEL: "A"}))) == {World(IN_PROGRESS, "1.2.9.1")}
    again = looked(looked(Record().shown(), 0xC307), 0, item(**{LABEL: "A"}))
    assert worlds(again) == {World(SCHEDULED), World(IN_PROGRESS, ANY), World(COMPLETED, ANY), World(CANCELED, ANY)}


def blamed(record):
    """Ids of what is wrong with the state that the last exchange shows."""
    return {name for name, said in found(record).items() if any(path == "ProcedureStepState" for *_, path, _ in said)}


@pytest.mark.parametrize(
    ("record", "by_get", "by_find"),
    [
        (lambda: made(Record()), {"CC25-TMS-002"}, {"CC28-TMS-047"}),
        (lambda: made(made(Record()), 0x0111), {"CC11-TMS-012", "CC25-TMS-020"}, {"CC11-TMS-012", "CC25-TMS-020"}),
        (
            lambda: Record().shown().change(status=0xC301, lock=""),
            {"CC11-TMS-032", "RO60-TMS-008"},
            {"CC11-TMS-032", "RO60-TMS-008"},
        ),
        # Nobody knows how these had to be answered.
        (lambda: Record().change(status=0x0110).shown(), {"CC27-TMS-012"}, {"CC27-TMS-012"}),
        (lambda: Record().set(0x0110, **TEN).shown(), {"CC27-TMS-012"}, {"CC27-TMS-012"}),
        (lambda: Record().shown(), {"CC27-TMS-012"}, {"CC28-TMS-047"}),
        # An N-SET is no update of TDW-II unless it is one of progress, or of what was performed.
        (lambda: Record().shown().set(lock=None, **{LABEL: "A"}), {"CC26-TMS-018"}, {"CC26-TMS-018"}),
    ],
)
def test_a_state_that_cannot_be_is_blamed_on_the_last_request(record, by_get, by_find):
    assert blamed(record().shown(IN_PROGRESS)) == by_get
    assert blamed(query(record(), ProcedureStepState=IN_PROGRESS)) == by_find


def test_a_first_request_that_nobody_could_judge_still_has_the_blame():
    assert blamed(Record().change().shown(SCHEDULED)) == {"RO60-TMS-006"}
    assert blamed(query(Record().change(), ProcedureStepState=SCHEDULED)) == {"CC28-TMS-047", "RO60-TMS-007"}


# --- what is known from it --------------------------------------------------------------------------------------------


def test_of_what_is_shown_it_is_known_where():
    record = Record().shown(**{LABEL: "A"})
    known = replayed(record).items[W].known[LABEL]
    assert (known.how, known.exchange) == ("shown", record.exchanges[0])


@pytest.mark.parametrize("label", ["A", "B"])
def test_what_is_shown_while_it_is_changed_is_not_known(label):
    record = claimed().set(**{LABEL: "A"})
    asked = item(TransactionUID="1.2.9.1", **{LABEL: "B"})
    meanwhile(record, "N-SET", asked, begin=6, end=9)
    meanwhile(record, "N-GET", None, item(**{LABEL: label}), begin=7, end=8, AttributeIdentifierList=[0x00741204])
    assert found(record) == {}
    record.now = 10
    assert found(looked(record, 0, item(**{LABEL: "B"}))) == {}


# --- a final update ---------------------------------------------------------------------------------------------------


def updated(**changes):
    return claimed().set(**{**TEN, PERFORMED: [UPDATE]} | changes)


def rows(record):
    return {name for name in record.entries() if name in ROWS}


def test_a_final_update_is_judged_where_all_of_it_was_shown():
    both = {**TEN, PERFORMED: [UPDATE]}
    assert rows(updated().shown(IN_PROGRESS, **both)) != set()
    assert rows(looked(updated(), 0, item(**both), asked=(PROGRESS, PERFORMED))) != set()
    assert rows(looked(updated(), 0, item(**both), asked=(PROGRESS, PERFORMED, LABEL))) != set()
    assert rows(looked(updated(), 0, item(**both), asked=(PROGRESS,))) == set()


def test_what_was_shown_and_not_set_is_no_update():
    both = {**TEN, PERFORMED: [UPDATE]}
    record = Record().shown(IN_PROGRESS, **TEN).set(**{PERFORMED: [UPDATE]}).shown(IN_PROGRESS, **both)
    assert rows(record) == set()


def test_while_it_is_changed_it_is_not_judged():
    both = {**TEN, PERFORMED: [UPDATE]}
    record = updated()
    meanwhile(record, "N-SET", item(TransactionUID="1.2.9.1", **TEN), begin=6, end=9)
    meanwhile(record, "N-GET", None, item(ProcedureStepState=IN_PROGRESS, **both), begin=7, end=8)
    assert rows(record) == set()


def altered(**changes):
    other = item(**{element.keyword: element.value for element in UPDATE})
    other.update(item(**changes))
    return {**TEN, PERFORMED: [other]}


def test_what_is_shown_otherwise_is_seen_in_both():
    record = updated().shown(IN_PROGRESS, **altered(PerformedProcedureStepStartDateTime="20261129110000"))
    (row,) = set(found(record)) & ROWS
    assert places(record, row) == [2, 3]
    (one,) = record.entries()[row].findings
    assert one.path.endswith("PerformedProcedureStepStartDateTime")


def test_what_the_update_lacked_its_sender_has_to_answer_for():
    """The other rows are judged all the same."""
    bare = item(PerformedProcedureStepStartDateTime="20261129120000", PerformedProcedureStepEndDateTime="20261129121000")
    shown = item(PerformedProcedureStepStartDateTime="20261129120000", PerformedProcedureStepEndDateTime="20261129130000")
    record = updated(**{PERFORMED: [bare]}).shown(IN_PROGRESS, **{**TEN, PERFORMED: [shown]})
    (row,) = set(found(record)) & ROWS
    assert record.entries()[row].findings[0].path.endswith("PerformedProcedureStepEndDateTime")


def test_what_was_set_in_two_updates_is_seen_in_the_last():
    record = claimed().set(**TEN).set(**{PERFORMED: [UPDATE]})
    record.shown(IN_PROGRESS, **altered(PerformedProcedureStepStartDateTime="20261129110000"))
    (row,) = set(found(record)) & ROWS
    assert places(record, row) == [3, 4]
