"""The tables that simulators, model and judge share, against a second transcription of the standard's tables.

They would all be wrong together; so the tables were written down twice.
"""

from importlib import resources
from pathlib import Path

import pytest

from tdwii_conformance.profile.ups_tables import (
    NEW_UPS,
    NO_UPS,
    STATES,
    SUBSCRIPTION_STATES,
    Cell,
    SubscriptionCell,
    read_states,
    read_subscriptions,
    state_table,
    subscription_table,
)

# What the transcriptions call the rows, and what the data calls them.
EVENTS = {
    "N-CREATE": "N-CREATE",
    "to IN PROGRESS, correct UID": "claim with the right Transaction UID",
    "to IN PROGRESS, no correct UID": "claim without it",
    "to SCHEDULED": "change to SCHEDULED",
    "to COMPLETED, correct UID": "complete with the right Transaction UID",
    "to COMPLETED, no correct UID": "complete without it",
    "Request Cancel": "request cancel",
    "to CANCELED, correct UID": "cancel with the right Transaction UID",
    "to CANCELED, no correct UID": "cancel without it",
    "created, No Global Subscription": "UPS created; No Global Subscription",
    "created, Global with Lock": "UPS created; Global with Lock",
    "created, Global w/o Lock": "UPS created; Global w/o Lock",
    "subscribes globally with lock": "subscribe globally with lock",
    "subscribes globally w/o lock": "subscribe globally w/o lock",
    "subscribes to UPS with lock": "subscribe to the UPS with lock",
    "subscribes to UPS w/o lock": "subscribe to the UPS w/o lock",
    "unsubscribes from UPS": "unsubscribe from the UPS",
    "unsubscribes globally": "unsubscribe globally",
    "suspends": "suspend globally",
}


def rows(name):
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    table = [[cell.strip() for cell in line.split("|")] for line in text.partition("\n\n")[2].splitlines()]
    return {EVENTS[event]: cells for event, *cells in table}


def state_cells():
    for event, cells in rows("state_table.txt").items():
        for state, cell in zip((NO_UPS, *STATES), cells, strict=True):
            to, _, otherwise = cell.removeprefix("-> ").partition(" or ")
            if cell.startswith("-> "):
                expected = Cell(to, int(otherwise or "0", 16))
            else:
                expected = Cell("", 0 if cell == "ok" else int(cell, 16))
            yield pytest.param(event, state, expected, id=f"{event}, {state}")


def subscription_cells():
    for event, (global_state, *cells) in rows("subscription_table.txt").items():
        for state, cell in zip((NEW_UPS, *SUBSCRIPTION_STATES), cells, strict=True):
            to = cell.removesuffix(" !")
            unless_same = {"same": ""}
            expected = SubscriptionCell(unless_same.get(to, to), cell.endswith("!"), unless_same.get(global_state, global_state))
            yield pytest.param(event, state, None if cell == "n/a" else expected, id=f"{event}, {state}")


def package_data(name):
    return resources.files("tdwii_conformance.profile").joinpath(name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def states():
    return read_states("ups_states.csv", package_data("ups_states.csv"))


@pytest.fixture(scope="module")
def subscriptions():
    return read_subscriptions("ups_subscriptions.csv", package_data("ups_subscriptions.csv"))


@pytest.mark.parametrize(("event", "state", "expected"), list(state_cells()))
def test_state_table(states, event, state, expected):
    assert states[event, state] == expected


@pytest.mark.parametrize(("event", "state", "expected"), list(subscription_cells()))
def test_subscription_table(subscriptions, event, state, expected):
    assert subscriptions.get((event, state)) == expected


def test_what_is_asked_for_is_the_package_data(states, subscriptions):
    assert state_table() == states
    assert subscription_table() == subscriptions


def test_nothing_is_left_out():
    events = {event for event, _ in state_table() if not event.startswith("N-SET")}
    assert events == set(rows("state_table.txt"))
    assert {event for event, _ in subscription_table()} == set(rows("subscription_table.txt"))
