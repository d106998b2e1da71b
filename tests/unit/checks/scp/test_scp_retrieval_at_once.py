"""C-MOVEs that begin at once, one after another of several actors, or that name no destination [RO-59, RO-61]."""

from scp_samples import exchange
from test_scp_retrieval import INSTRUCTION, MOVE, caused, given, judged, move, store

from tdwii_conformance.treatment.messages import item


def test_what_is_late_is_of_its_c_move_though_another_system_was_asked_at_the_same_time():
    of_ost, of_tms = move("1.5"), move("1.8", acceptor="TMS")
    late = store("1.5", 21)
    assert caused(of_ost, late, moves=[of_ost, of_tms]) == ["1.5"]
    assert caused(of_ost, late, moves=[of_tms, of_ost]) == ["1.5"]


def test_after_instructions_the_plans_of_one_that_is_both_are_judged():
    """A TMS answers for the first C-MOVE, an OST for the second, of which only one instance came."""
    exchanges = [
        move("1.4", begin=3, end=5, number=6, acceptor="BOTH", Completed=1),
        store("1.4", 4, kind=INSTRUCTION, requestor="BOTH", number=6),
        given("1.5", acceptor="BOTH"),
        given("1.8", acceptor="BOTH"),
        move("1.5", "1.8", acceptor="BOTH", Completed=2),
        store("1.5", 12, requestor="BOTH"),
    ]
    found = judged(*exchanges, title="BOTH", others=("BOTH",))[1]
    assert found == {"RO59-OST-003": [("the instance 1.8, which it has", "it did not come")]}


def test_who_was_given_no_destination_sends_to_nobody():
    asked = exchange("C-MOVE", item(SOPInstanceUID="1.5"), begin=10, end=20, requestor="TDD", acceptor="OST", syntax=MOVE,
                     MessageID=7, answer={})  # fmt: skip
    assert judged(asked, store("1.5", 12, acceptor="ELSE"))[1] == {
        "RO59-OST-012": [("the move destination , which it was given, as the called AE title", "1.5 sent to ELSE")]
    }
