"""A recorded scenario is pseudonymised: every verdict is the same, and no original is left."""

import json
import re

import pytest
from scu_samples import SCENARIOS, treatment, watching
from test_scu_faults import FAULTS

from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.pseudonymise import learn_observation, pseudonymised_observation
from tdwii_conformance.report.pseudonyms import Pseudonyms
from tdwii_conformance.transcript.exchange import exchange_to_json

CATALOGUE = load_catalogue()
PLAYS = [
    *((treatment(scenario, edition), "TDD", edition) for edition in ("ti", "2013") for scenario in SCENARIOS),
    (watching(), "watcher", "ti"),
    *((one, one.actor, one.edition) for one in FAULTS[::8]),
]


def played(play):
    if not hasattr(play, "play"):
        return play.observe()
    made = play.play()
    play.apply(made)
    return made.observe()


def judged(observation, actor, edition, shown=str):
    found = {r.id: judge_scu(r, observation) for r in CATALOGUE.of(actor=actor, edition=edition)}
    return {key: (bool(j.not_judged), [(f.weight, shown(f.path)) for f in j.findings]) for key, j in found.items()}


@pytest.mark.parametrize(("play", "actor", "edition"), PLAYS)
def test_the_verdicts_are_the_same(play, actor, edition):
    before = played(play)
    names = Pseudonyms(b"a key that maps no name onto another of them")
    learn_observation(before, names)
    after = pseudonymised_observation(before, names)
    assert judged(after, actor, edition) == judged(before, actor, edition, names.text)  # some paths are UIDs
    text = json.dumps([after.facts, [exchange_to_json(one) for one in after.exchanges]]) + str(after.associations)
    text += "".join(str(one.dataset) + str(one.request.dataset) for one in after.exchanges)
    for original in (
        before.facts.get("patient_name"),
        before.facts.get("workitem"),
        before.facts.get("study"),
        "PPVS",
        before.facts.get("plan_label"),
    ):
        if original:
            assert not re.search(rf"(?<![\w.]){re.escape(original)}(?![\w.])", text), original
