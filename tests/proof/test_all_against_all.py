"""Every test meets every defect: in packs where nothing is to fail, and what fails there is traced to one of them."""

from collections import defaultdict

import pytest

from tdwii_conformance.defects import DEFECTS

from . import proof, running
from .conditions import CONDITIONS
from .running import MET, NOT_JUDGED, VIOLATED

PACKS = proof.packs(DEFECTS.values())
PACK = tuple(DEFECTS[name] for name in sorted(DEFECTS) if name.startswith("ost-"))[:9]
CONFORMANT = {"tms/x.py::a": MET, "tms/x.py::b": MET, "tms/x.py::c": NOT_JUDGED, "ost/y.py::d": MET, "ost/z.py::e": MET}


def test_every_defect_meets_every_module_of_its_side_once():
    met = defaultdict(list)
    for group in proof.groups(DEFECTS.values()):
        for defect in group:
            met[defect.name] += proof.against(group)
    for pack in PACKS:
        for defects, where in proof.elsewhere(pack):
            for defect in defects:
                met[defect.name] += where
    sides = {"TMS": ["TMS", "OST"], "OST": ["TMS", "OST"], "TDD": ["TDD"], "watcher": ["watcher"]}
    every = {actor: proof.modules(side) for actor, side in sides.items()}
    wrong = {name: where for name, where in met.items() if sorted(set(where) - set(proof.RANDOM)) != every[DEFECTS[name].actor]}
    assert len(met) == len(DEFECTS)
    assert wrong == {}
    assert [name for name, where in met.items() if len(where) != len(set(where))] == []


def test_defects_of_one_subject_are_in_different_packs():
    def overlap(one, other):
        mine, theirs = CONDITIONS[one.name].subject, CONDITIONS[other.name].subject
        shorter = min(len(mine), len(theirs))
        return shorter > 0 and mine[:shorter] == theirs[:shorter]

    assert [(a.name, b.name) for pack in PACKS for a in pack for b in pack if a is not b and overlap(a, b)] == []


class Runs:
    """In place of simulators: what each defect does to each test, and what was run."""

    def __init__(self, effects=(), *, together=()):
        self.effects, self.together, self.made = dict(effects), dict(together), []

    def __call__(self, modules, names, *, only, edition):
        assert {test.partition("::")[0] for test in only} == set(modules)
        self.made.append((len(names), sorted(only)))
        tally = running.Tally(tests=len(only))
        for test in only:
            seen = {self.effects[name, test] for name in names if (name, test) in self.effects}
            if len(names) > 1 and test in self.together:
                seen = {self.together[test]}
            verdict = next((one for one in (None, VIOLATED, NOT_JUDGED) if one in seen), CONFORMANT[test])
            if verdict:
                tally.verdicts[test] = verdict
            if verdict == VIOLATED:
                tally.violated[f"R-{test[-1]}"].append(test)
                tally.findings[test] = "otherwise"
        return tally


@pytest.fixture
def meet(monkeypatch):
    def met(runs, modules=("tms/x.py", "ost/y.py")):
        monkeypatch.setattr(proof, "run", runs)
        return proof.meet(PACK, modules, CONFORMANT)

    return met


def test_what_passes_with_all_of_a_pack_is_run_once(meet):
    runs = Runs()
    tally = meet(runs)
    # d first: the modules in the order of their names; e is in another module
    assert runs.made == [(9, ["ost/y.py::d", "tms/x.py::a", "tms/x.py::b", "tms/x.py::c"])]
    assert (tally.tests, dict(tally.violated), tally.errors) == (4, {}, [])


def test_what_fails_is_traced_to_one_defect(meet):
    guilty = PACK[4].name
    runs = Runs({(guilty, "tms/x.py::a"): VIOLATED})
    tally = meet(runs)
    assert dict(tally.violated) == {"R-a": ["tms/x.py::a"]}
    assert dict(tally.by) == {"tms/x.py::a": [guilty]}
    assert tally.findings == {"tms/x.py::a": f"otherwise ({guilty})"}
    # all 9, then 3 of 3 each, then the three of those with the guilty one: only the test that failed
    assert sorted(runs.made[1:]) == [(1, ["tms/x.py::a"])] * 3 + [(3, ["tms/x.py::a"])] * 3


def test_behind_a_failure_the_others_are_met_too(meet):
    first, second = PACK[0].name, PACK[8].name
    tally = meet(Runs({(first, "tms/x.py::a"): VIOLATED, (second, "tms/x.py::a"): VIOLATED}))
    assert dict(tally.violated) == {"R-a": ["tms/x.py::a"]}
    assert {test: sorted(names) for test, names in tally.by.items()} == {"tms/x.py::a": [first, second]}


def test_behind_what_is_not_judged_the_others_are_met_too(meet):
    hiding, hidden = PACK[1].name, PACK[2].name

    class Hiding(Runs):
        def __call__(self, modules, names, **options):
            tally = super().__call__(modules, names, **options)
            if hiding in names and "tms/x.py::b" in tally.verdicts:
                tally.verdicts["tms/x.py::b"] = NOT_JUDGED
                tally.violated.pop("R-b", None)
            return tally

    tally = meet(Hiding({(hidden, "tms/x.py::b"): VIOLATED}))
    assert dict(tally.by) == {"tms/x.py::b": [hidden]}


def test_what_several_do_only_together_is_no_failure(meet):
    runs = Runs(together={"tms/x.py::a": VIOLATED})
    tally = meet(runs)
    assert dict(tally.violated) == {}
    assert sum(number == 1 for number, _ in runs.made) == len(PACK)


def test_what_is_judged_only_with_a_defect_can_fail_too(meet):
    tally = meet(Runs({(PACK[3].name, "tms/x.py::c"): VIOLATED}))
    assert dict(tally.by) == {"tms/x.py::c": [PACK[3].name]}


def test_test_without_verdict_is_an_error(meet):
    guilty = PACK[7].name
    assert meet(Runs({(guilty, "ost/y.py::d"): None})).errors == [f"ost/y.py::d: no verdict with {guilty}"]


def test_real_defects_are_met_at_once():
    tests = "tms/test_negotiation_tms.py"
    conformant = running.run([tests], []).verdicts
    pack = [DEFECTS[name] for name in ("ost-echo-fails", "tms-echo-fails", "ro58-study-absent")]
    tally = proof.meet(pack, [tests], conformant)
    assert dict(tally.violated) == {"NEG-TMS-001": [f"{tests}::TestNegotiation::test_answers_echo"]}
    assert dict(tally.by) == {f"{tests}::TestNegotiation::test_answers_echo": ["tms-echo-fails"]}
    assert tally.errors == []


def test_without_tests_nothing_is_run(meet):
    runs = Runs()
    assert meet(runs, modules=["tms/w.py"]).tests == 0
    assert runs.made == []


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_test_that_fails_outside_of_itself_is_an_error(when):
    tally = running.Tally(verdicts={"tms/x.py::a": MET})
    recorder = running.Recorder(tally, {}, 1, ())
    node = f"{running.CONFORMANCE}/tms/x.py::a"
    recorder.pytest_runtest_logreport(pytest.TestReport(node, ("x.py", 1, "a"), {}, "failed", "no such port", when))
    assert tally.verdicts == {"tms/x.py::a": running.ERROR}
    assert tally.errors == [f"tms/x.py::a ({when}): ['no such port']"]
