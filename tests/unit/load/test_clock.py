"""The clock of a run, while the one of the computer is set."""

import pytest

from tdwii_conformance.load.clock import Clock

NOON = 1_800_000_000.0  # seconds since 1970


class Computer:
    """A computer that was started at noon, and whose clock can be set."""

    def __init__(self):
        self.seconds = 0.0
        self.set_by = 0.0

    @property
    def clock(self):
        return NOON + self.seconds + self.set_by


@pytest.fixture
def computer():
    return Computer()


@pytest.fixture
def clock(computer):
    return Clock(NOON, lambda: computer.clock, lambda: computer.seconds)


def after(computer, clock, lasting):
    """Have an exchange that takes so long; return when it began and ended by the clock of the run."""
    began = computer.clock
    computer.seconds += lasting
    return clock.of(began, computer.clock)


def test_a_clock_that_nobody_sets_is_taken_as_it_is(computer, clock):
    computer.seconds = 5.0
    assert clock.now() == NOON + 5.0
    assert after(computer, clock, 2.0) == (NOON + 5.0, NOON + 7.0)


@pytest.mark.parametrize("by", [-3.0, 3.0])
def test_what_follows_a_change_is_timed_as_if_there_had_been_none(computer, clock, by):
    assert after(computer, clock, 1.0) == (NOON, NOON + 1.0)
    computer.set_by = by
    computer.seconds = 100.0
    clock.of(computer.clock, computer.clock)  # here it is noticed
    computer.seconds = 200.0
    assert after(computer, clock, 1.0) == (NOON + 200.0, NOON + 201.0)


@pytest.mark.parametrize("by", [-3.0, 3.0])
def test_what_was_under_way_takes_no_less_than_it_can_have_taken(computer, clock, by):
    """Another exchange, which began later and has ended, has noticed the change already."""
    computer.seconds = 10.0
    began = computer.clock
    computer.seconds, computer.set_by = 11.0, by
    after(computer, clock, 1.0)
    computer.seconds = 20.0
    seen = clock.of(began, computer.clock)
    assert seen[0] <= NOON + 10.0
    assert seen[1] >= NOON + 20.0


def test_no_order_is_turned_around_by_a_clock_that_is_set_back(computer, clock):
    """A creation that was answered after a query was sent is not taken for earlier than the query."""
    computer.seconds = 1.0
    query = computer.clock
    computer.seconds = 1.1
    create = computer.clock
    computer.seconds, computer.set_by = 1.2, -0.5
    _, created = clock.of(create, computer.clock)
    computer.seconds = 1.3
    asked, _ = clock.of(query, computer.clock)
    assert asked < created
    assert created >= NOON + 1.2


def test_a_clock_that_is_never_still_is_followed(computer, clock):
    for tick in range(3000):
        computer.seconds, computer.set_by = tick * 1.0, tick * 0.002
        clock.of(computer.clock, computer.clock)
    began, ended = after(computer, clock, 0.25)
    assert began == pytest.approx(NOON + 2999.0, abs=0.01)
    assert ended == pytest.approx(NOON + 2999.25, abs=0.01)
