"""A conformant system has no finding in any requirement, and what is not judged says why."""

import pytest
from scu_samples import SCENARIOS, fetching, treatment, watching

from tdwii_conformance.checks import Judgement
from tdwii_conformance.checks.scu import _Observed, evidence_of, judge_scu
from tdwii_conformance.profile import load_catalogue

CATALOGUE = load_catalogue()


def judged(actor, observation, edition="ti"):
    return {r.id: judge_scu(r, observation) for r in CATALOGUE.of(actor=actor, edition=edition)}


@pytest.mark.parametrize("edition", ["ti", "2013"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_tdd_without_a_fault(scenario, edition):
    judgements = judged("TDD", treatment(scenario, edition).observe(), edition)
    assert {key: j.findings for key, j in judgements.items() if j.findings} == {}


@pytest.mark.parametrize("play", [watching, fetching])
def test_a_watcher_without_a_fault(play):
    assert {key: j.findings for key, j in judged("watcher", play().observe()).items() if j.findings} == {}


def test_all_of_a_fetch_is_judged():
    silent = {key for key, j in judged("watcher", fetching().observe()).items() if j.not_judged}
    assert not [key for key in silent if key.startswith("RO59")]


# What a treatment as in the book gives no occasion for.
NO_BYTES = "no bytes of the system were recorded"  # made by hand; tests/unit/upper_layer/test_topics.py has bytes
NO_SUCH_EVENT = "the system was sent no event report of a type that there is not"
NOTHING_PROPOSED = "the system proposed no extended negotiation of a worklist"
NO_OCCASION = {
    **{f"UL-TDD-{n:03}": NO_BYTES for n in range(2, 18)},
    "RO58-TDD-008": "the worklist was not empty",
    "RO58-TDD-009": "the query has not found several workitems",
    "RO60-TDD-007": "no claim was refused",
    "CC22-TDD-001": "the system requested no cancel",
    "CC22-TDD-002": "the system requested no cancel",
    "CC26-TDD-001": "the system sent no N-SET before its claim",
    "CC25-TDD-001": "the system created no UPS",
    "CC27-TDD-001": "the system sent no N-GET",
    "CC31-TDD-001": "the system sent no such request",
    "CC31-TDD-002": "the system sent no such request",
    "CC32-TDD-001": NOTHING_PROPOSED,
    **{f"CC23-TDD-{n:03}": "the system did not subscribe" for n in (2, 3, 4, 5, 6, 101, 102, 103)},
    "CC24-TDD-001": "the system was sent no event report",
    "CC24-TDD-002": "the system was sent no UPS State Report",
    "CC24-TDD-003": "the system was sent no UPS Cancel Requested",
    "CC24-TDD-004": "the system was sent no UPS Progress Report",
    "CC24-TDD-005": "the system was sent no SCP Status Change",
    "CC24-TDD-006": "the system was sent no UPS Assigned",
    "CC24-TDD-007": "the system answered no event report",
    "CC24-TDD-008": NO_SUCH_EVENT,
}
NOT_CONTINUED = {"RO59-TDD-003": "nothing is continued in this scenario"}
COMPLETED = {
    "RO64-TDD-127": "condition does not apply: the treatment is canceled",
    "RO64-TDD-008": "what the last progress is to be follows from the final state",
}
CANCELED = {"RO65-TDD-007": "the treatment was canceled"}
NO_RADIATION = "no radiation is delivered in this scenario"


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("new-completed", NOT_CONTINUED | COMPLETED),
        ("continuation-completed", COMPLETED),
        ("continuation-canceled-after", CANCELED),
    ],
)
def test_everything_else_is_judged(scenario, expected):
    judgements = judged("TDD", treatment(scenario).observe())
    assert {key: j.not_judged for key, j in judgements.items() if j.not_judged} == NO_OCCASION | expected


def test_without_radiation_no_progress_and_no_record_are_awaited():
    judgements = judged("TDD", treatment("new-canceled-before").observe())
    silent = {key: j.not_judged for key, j in judgements.items() if j.not_judged}
    assert {silent[key] for key in silent if key.startswith(("RO62", "RO63"))} == {NO_RADIATION}
    assert silent["RO64-TDD-104"] == "condition does not apply: radiation was delivered"
    judged_all_the_same = ("RO64-TDD-001", "RO64-TDD-101", "RO64-TDD-102", "RO64-TDD-103", "RO65-TDD-102")
    assert not set(judged_all_the_same) & set(silent)


def test_all_of_a_watcher_is_judged_but_what_it_did_not_do():
    silent = {key: j.not_judged for key, j in judged("watcher", watching().observe()).items() if j.not_judged}
    assert silent == {
        **{f"UL-WATCHER-{n:03}": NO_BYTES for n in range(2, 18)},
        "CC22-WATCHER-001": "the system requested no cancel",
        "CC23-WATCHER-002": "the system made no filtered global subscription",
        "CC23-WATCHER-004": "the system suspended no global subscription",
        "CC24-WATCHER-008": NO_SUCH_EVENT,
        "CC25-WATCHER-001": "the system created no UPS",
        "CC32-WATCHER-001": NOTHING_PROPOSED,
        **{f"RO59-WATCHER-{n:03}": "the system retrieved nothing" for n in range(3, 12)},
    }


def test_an_observation_of_another_actor_judges_nothing():
    assert {j.not_judged for j in judged("watcher", treatment().observe()).values()} == {"no watcher took part"}


def test_a_requirement_of_another_edition_is_not_judged():
    requirement = CATALOGUE["RO62-TDD-104"]
    assert judge_scu(requirement, treatment(edition="2013").observe()).not_judged == "not a requirement of edition 2013"


def test_the_edition_is_the_trial_implementation_unless_another_is_named():
    play = treatment()
    del play.facts["edition"]
    assert judge_scu(CATALOGUE["RO62-TDD-104"], play.observe()) == Judgement()
    assert judge_scu(CATALOGUE["RO62-TDD-108"], play.observe()).not_judged == "not a requirement of edition ti"


def test_observations_are_told_apart_even_if_they_hold_the_same():
    one, other = treatment().observe(), treatment().observe()
    assert _Observed(one) == _Observed(one)
    assert _Observed(one) != _Observed(other)
    assert _Observed(one) != one


def test_evidence_of_a_lock_are_subscriptions_and_reports_as_they_came():
    evidence = evidence_of(CATALOGUE["CC23-WATCHER-005"], watching().observe())
    assert [e.service for e in evidence] == ["N-ACTION", *["N-EVENT-REPORT"] * 6, "N-ACTION"]


def test_evidence_is_what_was_looked_at():
    play = treatment()
    observation = play.observe()

    def shown(key):
        return [(e.service, e.instance_uid) for e in evidence_of(CATALOGUE[key], observation)]

    assert shown("RO60-TDD-002") == [("N-ACTION", "1.2.3.1")]
    assert shown("RO59-TDD-010") == [("C-STORE", "1.2.3.11.1")]
    assert shown("RO62-TDD-105") == [("N-SET", "1.2.3.1")] * 3
    assert shown("RO64-TDD-007") == [("C-STORE", "1.2.3.14.1"), ("N-SET", "1.2.3.1")]
