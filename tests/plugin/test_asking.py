"""What a test asks of workitems is read in its code, before it runs."""

from types import SimpleNamespace

import pytest

from tdwii_conformance.plugin.asking import PERFORMED, PROGRESS, asked_by
from tdwii_conformance.workitems.supply import Use


def looks(looks_at):
    looks_at("COMPLETED")


def updates_and_ends(updates, ends, conclude):
    updates("IN PROGRESS")
    conclude(ends("IN PROGRESS"))


def one_for_each(claims):
    return [claims(start=start) for start in ("TREATMENT", "CONTINUATION")]


def by_condition(source, creates, claims):
    if source.own:
        claims()
    else:
        creates()


def by_what_only_the_run_tells(answer, claims, ends):
    claims() if answer.status == 0 else ends()


def by_name(request):
    return request.getfixturevalue("rich")


def without(wire):
    return wire.sent


@pytest.fixture
def ended():
    """A fixture, which must not be called."""


def has_a_function_of_that_name(claims, ends):
    def ended():
        return True

    if ended():
        claims()
    else:
        ends()


def calls_it(claims):
    if ended():
        claims()


def uses(function, **known):
    asked, _ = asked_by(function, known)
    return [(one.need.use, one.need.state) for one in asked]


def test_the_state_is_that_of_the_call():
    assert uses(looks) == [(Use.LOOKS, "COMPLETED")]


def test_what_is_set_is_told_by_the_words_of_the_code():
    first, second = asked_by(updates_and_ends, {})[0]
    assert (first.need.use, second.need.use) == (Use.UPDATES, Use.ENDS)
    assert first.sets == second.sets == {PROGRESS, PERFORMED}


def test_each_round_of_a_loop_asks():
    asked, _ = asked_by(one_for_each, {})
    assert [(one.need.use, one.need.start) for one in asked] == [(Use.CLAIMS, "TREATMENT"), (Use.CLAIMS, "CONTINUATION")]


def test_of_a_condition_that_is_known_one_side_asks():
    assert uses(by_condition, source=SimpleNamespace(own=True)) == [(Use.CLAIMS, "SCHEDULED")]
    (created,) = asked_by(by_condition, {"source": SimpleNamespace(own=False)})[0]
    assert created.new


def test_of_a_condition_that_only_the_run_tells_both_sides_ask():
    assert {use for use, _ in uses(by_what_only_the_run_tells)} == {Use.CLAIMS, Use.ENDS}


def test_a_function_with_the_name_of_a_fixture_is_not_the_fixture():
    assert {use for use, _ in uses(has_a_function_of_that_name)} == {Use.CLAIMS, Use.ENDS}


def test_a_fixture_that_is_called_is_not_worked_out():
    assert uses(calls_it) == [(Use.CLAIMS, "SCHEDULED")]


def test_fixtures_that_are_got_by_name():
    assert asked_by(by_name, {}) == ((), ("rich",))


def test_what_asks_for_none():
    assert asked_by(without, {}) == ((), ())
