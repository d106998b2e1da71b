"""What can be known of a workitem from what was seen of it: the states it may be in, when, and what may have happened unseen."""

import pytest
from scp_samples import LOCK, W, at, exchange

from tdwii_conformance.checks.scp.belief import ANY, EVERY, Known, Workitem, World
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"
NONE, FREE, HELD = World(NO_UPS), World(SCHEDULED), World(IN_PROGRESS, LOCK)
DONE = World(COMPLETED, LOCK)


def history(*, complete=True):
    """A workitem that is seen SCHEDULED at 10 seconds, IN PROGRESS at 20 and COMPLETED at 30."""
    one = Workitem(W, complete)
    for seconds, world in ((10, FREE), (20, HELD), (30, DONE)):
        one.become([world], at(seconds))
    return one


@pytest.mark.parametrize(
    ("start", "end", "worlds"),
    [
        (0, 5, EVERY),
        (0, 10, EVERY),
        (10, 10, {FREE}),
        (12, 15, {FREE}),
        (12, 20, {FREE, HELD}),
        (20, 25, {HELD}),
        (12, 30, {FREE, HELD, DONE}),
        (31, 40, {DONE}),
    ],
)
def test_how_it_can_have_been_for_a_while(start, end, worlds):
    assert history().during(at(start), at(end)) == worlds


@pytest.mark.parametrize(
    ("end", "states"),
    [
        (9, set()),
        (10, {SCHEDULED}),
        (19, {SCHEDULED}),
        (20, {SCHEDULED, IN_PROGRESS}),
        (30, {SCHEDULED, IN_PROGRESS, COMPLETED, NO_UPS}),  # one that has ended may be let go
    ],
)
def test_the_states_until_a_moment(end, states):
    assert history().states_until(at(end)) == states


def test_the_states_until_a_moment_hold_what_others_may_have_done():
    states = history(complete=False).states_until(at(10))
    assert states == {SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED, NO_UPS}


@pytest.mark.parametrize(
    ("world", "later"),
    [
        (FREE, {NONE, World(IN_PROGRESS, ANY), World(COMPLETED, ANY), World(CANCELED, ANY)}),
        (World(IN_PROGRESS, ANY), {NONE, World(COMPLETED, ANY), World(CANCELED, ANY)}),
        (HELD, set()),  # nobody else can change it
        (DONE, {NONE}),
        (World(CANCELED, ANY), {NONE}),
        (NONE, EVERY),
    ],
)
def test_what_may_have_become_of_it_unseen(world, later):
    assert Workitem(W, complete=False).hidden(world) == later


@pytest.mark.parametrize(("world", "later"), [(NONE, set()), (FREE, set()), (HELD, set()), (DONE, {NONE})])
def test_where_all_is_in_the_record_it_can_only_be_let_go_unseen(world, later):
    assert Workitem(W, complete=True).hidden(world) == later


def test_what_is_learned_has_its_source():
    one, source, earlier = Workitem(W, complete=True), exchange("N-SET"), exchange("N-GET")
    one.requests.append((earlier, ()))
    asked = item(ProcedureStepLabel="A")
    asked.add_new(0x00991001, "LO", "private")
    one.learn(asked, "set", source)
    assert one.known == {"ProcedureStepLabel": Known(asked["ProcedureStepLabel"], "set", 1, source)}
    assert one.known["ProcedureStepLabel"].exchange is source
