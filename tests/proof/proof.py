"""What is run against which defects, and what is not as the defects say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TypeVar

from tdwii_conformance.defects import DEFECTS, Defect, Deviation, Variation
from tdwii_conformance.defects.knock_on import may_violate, spoiled
from tdwii_conformance.profile import load_catalogue

from .conditions import conditions
from .running import CONFORMANCE, MET, NOT_JUDGED, ROOT, UNANSWERED, Tally, of_case, run

# Modules of random tests: what they draw may meet a defect or not, so they are judged only for the defects that name them.
RANDOM = ("tms/test_cc_2_5_round_trip.py", "tms/test_cc_2_8_random_queries.py", "tms/test_cc_random_sequences.py")


SCPS = ("TMS", "OST")
SCENARIOS = ("tdd/test_new_completed.py", "tdd/test_continuation_canceled_after.py")

# Of the tests that are to pass, how many a sample leaves for one that it takes: with defects, and with variations.
SAMPLE, SAMPLE_OF_VARIATIONS = 90, 90
SHARE = 10  # of the runs that show no further requirement violated, `make test` makes every tenth
RANDOM_REQUIREMENTS = ("CC26-TMS-025",)  # one such test, in a module with others


def modules(actors: Iterable[str]) -> list[str]:
    """Return every conformance module of some actors, random ones left out."""
    found = sorted(path for actor in actors for path in (ROOT / CONFORMANCE / actor.lower()).rglob("test_*.py"))
    return [name for path in found if (name := path.relative_to(ROOT / CONFORMANCE).as_posix()) not in RANDOM]


# Where the tests of a requirement are.
PLACES = (
    (r"\w+-WATCHER", "watcher/test_watch.py"), (r"\w+-TDD", "tdd/test_new_completed.py"),
    (r"UL-TMS", "tms/test_upper_layer_tms.py"), (r"UL-OST", "ost/test_upper_layer_ost.py"),
    (r"NEG-TMS", "tms/test_negotiation_tms.py"), (r"NEG-OST", "ost/test_negotiation_ost.py"),
    (r"RO58", "tms/test_ro58_worklist_query.py"), (r"RO59", "ost/test_ro59_retrieve_static_inputs.py"),
    (r"RO60", "tms/test_ro60_in_progress.py"), (r"RO61", "tms/test_ro61_retrieve_dynamic_inputs.py"),
    (r"RO62", "tms/test_ro62_progress_update.py"), (r"RO63", "ost/test_ro63_store_results.py"),
    (r"RO64", "tms/test_ro64_final_update.py"), (r"RO65", "tms/test_ro65_completed_canceled.py"),
    (r"CC11-TMS-1", "tms/test_cc_random_sequences.py"), (r"CC11", "tms/test_cc_1_1_states.py"),
    (r"CC21", "tms/test_cc_2_1_change_state.py"), (r"CC22", "tms/test_cc_2_2_request_cancel.py"),
    (r"CC23", "tms/test_cc_2_3_subscribe.py"),
    (r"CC24-TMS-(01[789]|025|03[23]|13.)", "tms/test_cc_2_4_status_change.py"), (r"CC24", "tms/test_cc_2_4_event_reports.py"),
    (r"CC25-TMS-03[34]", "tms/test_cc_2_5_round_trip.py"),
    (r"CC25-TMS-(03[5-9]|04[01])", "tms/test_cc_2_5_own_workitems.py"), (r"CC25", "tms/test_cc_2_5_create.py"),
    (r"CC26", "tms/test_cc_2_6_set.py"), (r"CC27", "tms/test_cc_2_7_get.py"),
    (r"CC28-TMS-080", "tms/test_cc_2_8_random_queries.py"), (r"CC28", "tms/test_cc_2_8_search.py"),
    (r"CC31", "tms/test_cc_3_1_sop_classes.py"), (r"CC32", "tms/test_cc_3_2_association_negotiation.py"),
)  # fmt: skip


def place(requirement: str) -> str:
    """Return the module that has the tests of a requirement, below ``tests/conformance``."""
    return next(module for pattern, module in PLACES if re.match(pattern, requirement))


def concerned(defect: Defect) -> frozenset[str]:
    """Return the modules that have the tests of what a defect violates; of a TDD, all are in the module of each scenario."""
    if defect.actor == "TDD":
        return frozenset({f"tdd/test_{conditions(defect).scenario}.py"})
    return frozenset(place(requirement) for requirement in defect.requirements)


D = TypeVar("D", bound=Deviation)
MOST = 24  # defects in one run in which each is to be found
MOST_MET = 48  # defects in one run in which nothing is to fail


def groups(defects: Iterable[Defect]) -> list[tuple[Defect, ...]]:
    """Put defects together that can be proven by one run: the tests concerned are the same, and no defect hides another.

    Each keeps some requirement, or some case of one, that it alone violates: so a defect that nothing detects is seen.
    """
    found: dict[tuple[str, frozenset[str], bool], list[list[Defect]]] = defaultdict(list)
    result: list[tuple[Defect, ...]] = []
    for defect in sorted(defects, key=lambda one: (len(one.requirements), one.requirements, one.name)):
        if conditions(defect).alone:
            result.append((defect,))
            continue
        _put(defect, found[conditions(defect).edition, concerned(defect), defect.own is not None], _fit)
    return result + [tuple(group) for same in found.values() for group in same]


def _put(one: D, groups: list[list[D]], fits: Callable[[Sequence[D], D], bool], most: int = MOST) -> None:
    """Put a deviation into the first group that has room and that it fits, or into a new one."""
    for group in groups:
        if len(group) < most and fits(group, one):
            group.append(one)
            return
    groups.append([one])


def edition(group: Sequence[Deviation]) -> str:
    """Return the edition of TDW-II by which a group is judged."""
    return next((conditions(one).edition for one in group if isinstance(one, Defect)), "ti")


def _fit(group: Sequence[Defect], defect: Defect) -> bool:
    together = [*group, defect]
    return _unhidden(group, defect) and all(evidence(one, [other for other in together if other is not one]) for one in together)


def _unhidden(group: Sequence[Defect], defect: Defect) -> bool:
    return not any(_hides(defect, other) for other in group)


def _hides(one: Defect, other: Defect) -> bool:
    mine, theirs = conditions(one).subject, conditions(other).subject
    shorter = min(len(mine), len(theirs))
    return shorter > 0 and mine[:shorter] == theirs[:shorter]


def evidence(defect: Defect, others: Iterable[Defect]) -> list[str]:
    """Return the requirements by which a defect shows among others: they violate other ones, or in other cases."""
    rest = list(others)
    return [r for r in defect.requirements if not any(r in other.requirements and not _other_case(defect, other) for other in rest)]


def _other_case(one: Defect, other: Defect) -> bool:
    mine, theirs = conditions(one).case, conditions(other).case
    return bool(mine and theirs) and mine != theirs


def shows(defect: Defect, requirement: str, tests: Sequence[str]) -> bool:
    """Whether failed tests of a requirement are those of the defect's case."""
    case = conditions(defect).case
    return not case or any(of_case(test, case) for test in tests)


def bounded(defects: Iterable[Defect]) -> list[tuple[Defect, ...]]:
    """Return the runs that `make test` makes with a sample of other tests: enough for every requirement to be seen violated.

    The runs that show most at once come first; those that show nothing new are among `others`.
    """
    violated = {
        group: {r for defect in group for r in defect.requirements} for group in groups(one for one in defects if not slow(one))
    }
    unseen = set().union(*violated.values())
    chosen = []
    while unseen:
        best = max(violated, key=lambda group: (len(violated[group] & unseen), -len(violated[group]), group[0].name))
        chosen.append(best)
        unseen -= violated.pop(best)
    return chosen


def others(defects: Iterable[Defect]) -> list[tuple[Defect, ...]]:
    """Return the runs of all other defects: whether they are detected, by the tests that they name alone."""
    every = list(defects)
    shown = {defect.name for group in bounded(every) for defect in group}
    rest = [defect for defect in every if defect.name not in shown]
    return groups(_shortened(defect) if slow(defect) else defect for defect in rest)


def _shortened(defect: Defect) -> Defect:
    """Return a defect that names one requirement only, if it can one that takes no random tests."""
    first = min(defect.requirements, key=_random)
    return replace(defect, requirements=(first,))


# With these nearly every test of their module waits in vain for an event report, a minute and more in all; what they violate
# others show as well.
WAITING = frozenset(
    {
        "event-in-progress-missing",
        "event-state-of-another-ups",
        "event-state-report-procedure-step-state-absent",
        "event-state-report-procedure-step-state-changed",
        "event-state-report-procedure-step-state-empty",
        "event-state-wrong",
        "subscribe-to-the-ups-with-lock-not-subscribed-without-initial-event",
        "subscribe-to-the-ups-without-lock-not-subscribed-without-initial-event",
        "subscribe-to-the-ups-without-lock-subscribed-without-lock-without-initial-event",
    }
)


def slow(defect: Defect) -> bool:
    """Whether it takes random tests to see all that a defect violates, or long waits: all of it is for `make proof` only."""
    return defect.name in WAITING or not concerned(defect).isdisjoint(RANDOM)


def _random(requirement: str) -> bool:
    return place(requirement) in RANDOM or requirement in RANDOM_REQUIREMENTS


def title(group: Sequence[Deviation]) -> str:
    """Return a name for a group: its first member, and how many more there are."""
    return group[0].name + (f" and {len(group) - 1} more" if len(group) > 1 else "")


def against(group: Sequence[Deviation]) -> list[str]:
    """Return the modules that a group concerns: those of what its defects violate; of variations, all.

    Variations of a TDD are shown in a scenario to each end, which has every transaction in it.
    """
    where = {module for deviation in group if isinstance(deviation, Defect) for module in concerned(deviation)}
    if {deviation.actor for deviation in group} == {"TDD"}:
        where = where or set(SCENARIOS)
    return sorted(where or visible(group))


def visible(group: Sequence[Deviation]) -> set[str]:
    """Return the modules that could see a group.

    TMS and OST judge each other's deviations too; those of a TDD or a watcher are seen by its own modules only.
    """
    return set(modules({deviation.actor for deviation in group} & {"TDD", "watcher"} or SCPS))


# With these nearly everything fails everywhere: each test would be run again with parts of what they are packed with.
NOTHING_LEFT = frozenset({
    "create-in-progress", "n-create-no-ups-failing", "n-create-no-ups-without-effect", "n-get-refused-under-pull",
})  # fmt: skip


def packs(defects: Iterable[Defect]) -> list[tuple[Defect, ...]]:
    """Put defects together that are run at once against the modules that they do not concern.

    There nothing is to fail, so more go together than where each has to be found: all that do not hide each other. Not so
    those of a TDD: what one violates fails in every scenario that has the step; nor those with which everything takes long,
    as when a TMS refuses several contexts at once, or reports what it has reported.
    """
    found: dict[tuple[str, frozenset[str], bool], list[list[Defect]]] = defaultdict(list)
    result: list[tuple[Defect, ...]] = []
    # Those of the same module side by side: a module that is concerned by some of a pack is run against the others of it.
    for defect in sorted(defects, key=lambda one: (place(one.requirements[0]), one.name)):
        if defect.actor == "TDD" or defect.name in NOTHING_LEFT:
            result.append((defect,))
            continue
        key = conditions(defect).edition, frozenset(visible([defect])), defect.own is not None
        _put(defect, found[key], _unhidden, MOST_MET)
    together = [pack for same in found.values() for pack in same]
    result += [(defect,) for pack in together for defect in pack if _apart(defect)]
    return result + [tuple(defect for defect in pack if not _apart(defect)) for pack in together]


# Those of the last kind report to the second receiver once the first has it. What others make of an event is made of it again then:
# packed with these they had tens of thousands of reports waiting.
APART = ("tms-*-refused", "event-stops-at-*")


def _apart(defect: Defect) -> bool:
    return defect.name in UNANSWERED or any(fnmatchcase(defect.name, pattern) for pattern in APART)


def elsewhere(pack: Sequence[Defect]) -> list[tuple[tuple[Defect, ...], tuple[str, ...]]]:
    """Return what is run of a pack: every module that could see it, with those of its defects that do not concern it."""
    found: dict[tuple[Defect, ...], list[str]] = defaultdict(list)
    for module in sorted(visible(pack)):
        strangers = tuple(defect for defect in pack if module not in concerned(defect))
        if strangers:
            found[strangers].append(module)
    return [(strangers, tuple(where)) for strangers, where in found.items()]


PARTS = 4  # of two it takes as many runs to find one defect, and more to find several


def meet(pack: Sequence[Defect], where: Iterable[str], conformant: Mapping[str, str]) -> Tally:
    """Run all tests of modules that defects do not concern, against all of these defects at once.

    What does not pass is run again with a part of them, until it passes with every part or fails with one defect alone: so
    in the end every test has met every defect, and what fails is known to be the doing of which.

    Parameters
    ----------
    pack : sequence of Defect
        The defects.
    where : iterable of str
        The modules.
    conformant : mapping of str to str
        Of each test its verdict without defects. One that is not judged then need not be judged now.

    Returns
    -------
    Tally
        What is violated with one defect alone, and ``by`` which.
    """
    modules = set(where)
    result = Tally()
    todo: list[tuple[Sequence[Defect], list[str]]] = [(pack, sorted(test for test in conformant if module_of(test) in modules))]
    while todo:
        part, tests = todo.pop()
        if not tests:
            continue
        tally = run({module_of(test) for test in tests}, [one.name for one in part], only=set(tests), edition=edition(part))
        result.tests += tally.tests
        result.tests_of += tally.tests_of
        unsettled = [test for test in tests if not _settled(tally.verdicts.get(test), conformant[test])]
        if len(part) > 1:
            size = -(-len(part) // PARTS)
            todo += [(part[n : n + size], unsettled) for n in range(0, len(part), size)]
            continue
        (defect,) = part
        for requirement, failed in tally.violated.items():
            result.violated[requirement] = sorted({*result.violated[requirement], *failed})
            for test in failed:
                result.by[test].append(defect.name)
        for test, finding in tally.findings.items():
            result.findings[test] = "; ".join(filter(None, (result.findings.get(test), f"{finding} ({defect.name})")))
        result.errors += tally.errors
        result.errors += [f"{test}: no verdict with {defect.name}" for test in unsettled if test not in tally.verdicts]
    return result


def _settled(verdict: str | None, conformant: str) -> bool:
    return verdict == MET or verdict == NOT_JUDGED == conformant


def module_of(test: str) -> str:
    """Return the module that a test is in."""
    return test.partition("::")[0]


def run_group(group: Sequence[Deviation], *, sample: int = 1) -> Tally:
    """Run the modules that a group concerns against simulators that have all of it."""
    names = [deviation.name for deviation in group]
    tally = run(against(group), names, wanted=wanted(group), sample=sample, edition=edition(group))
    untangle(group, tally)
    return tally


def wanted(group: Sequence[Deviation]) -> dict[str, Collection[str]]:
    """Return the requirements that a group violates, with the cases of each; without one where a defect has no case of its own."""
    found: dict[str, set[str]] = {}
    for defect in (one for one in group if isinstance(one, Defect)):
        for requirement in defect.requirements:
            found.setdefault(requirement, set()).add(conditions(defect).case)
    return {requirement: () if "" in some else some for requirement, some in found.items()}


def untangle(group: Sequence[Deviation], tally: Tally) -> None:
    """Make sure of what several defects at once do to each other, by runs of one alone.

    What no defect names counts only if one alone does it: several can get entangled. One that was not detected is run alone:
    others hid it. All tests of its modules are: one can be not judged because of what another one has seen.
    """
    defects = [one for one in group if isinstance(one, Defect)]
    if len(defects) < 2:
        return
    expected = {requirement for one in defects for requirement in one.requirements}
    unnamed = [requirement for requirement in tally.violated if requirement not in expected and not _random(requirement)]
    tests = [test for requirement in unnamed for test in tally.violated.pop(requirement)]
    for defect in defects if tests else ():
        alone = run(tests, [defect.name], edition=conditions(defect).edition)
        for requirement in alone.violated.keys() & set(unnamed):
            tally.violated[requirement] += alone.violated[requirement]
            tally.findings |= {test: f"{alone.findings[test]} ({defect.name} alone)" for test in alone.violated[requirement]}
    for defect in defects:
        own = evidence(defect, [other for other in defects if other is not defect])
        if any(r in tally.violated and shows(defect, r, tally.violated[r]) for r in own):
            continue
        alone = run(against([defect]), [defect.name], edition=conditions(defect).edition)
        for requirement, found in alone.violated.items():
            tally.violated[requirement] += found
        tally.findings |= alone.findings
        tally.errors += alone.errors


def variation_groups(variations: Iterable[Variation]) -> list[tuple[Variation, ...]]:
    """Put variations together that can be shown by one run: of what is allowed several things may be so at once.

    Those of one subject, and those for which options are not claimed, are apart.
    """
    result: list[list[Variation]] = []
    for variation in variations:
        _put(variation, result, lambda group, one: not any(_exclude(one, other) for other in group))
    return [tuple(group) for group in result]


def _exclude(one: Variation, other: Variation) -> bool:
    # Those of a TDD or a watcher are seen by modules of their own.
    if one.actor != other.actor and not {one.actor, other.actor} <= set(SCPS):
        return True
    mine, theirs = conditions(one), conditions(other)
    if mine.alone or theirs.alone or one.unsupported != other.unsupported:
        return True
    return bool(mine.subject) and mine.subject == theirs.subject


def _found(tally: Tally, requirement: str) -> str:
    """Return a test that found a requirement violated, and what it expected."""
    test = tally.violated[requirement][0]
    return f"{test}: expected {tally.findings.get(test) or 'otherwise'}"


def problems(group: Sequence[Defect], tally: Tally) -> list[str]:
    """Return what is not as the defects say: something that nothing detects, something else that fails, an error."""
    found = [f"error, neither met nor violated: {error}" for error in tally.errors]
    expected = {r for defect in group for r in defect.requirements}
    names = ", ".join(defect.name for defect in group)
    for defect in group:
        own = evidence(defect, [other for other in group if other is not defect])
        seen = [r for r in own if r in tally.violated and shows(defect, r, tally.violated[r])]
        if not seen:
            found.append(
                f"{defect.name}: nothing detects it ({defect.sentence}). The tests of {', '.join(own)} passed or were not"
                " judged: have one judge it, or name the requirement that is violated"
            )
    for requirement in sorted(expected - set(tally.violated)):
        why = f": {tally.not_judged[requirement][0]}" if requirement in tally.not_judged else ""
        guilty = [defect.name for defect in group if requirement in defect.requirements]
        found.append(f"{requirement} is not found violated though {', '.join(guilty)} names it{why}")
    allowed = expected.union(*(may_violate(defect.name) for defect in group))
    for requirement in sorted(r for r in tally.violated if r not in allowed and not _random(r)):
        found.append(
            f"{requirement} fails, and no defect names it ({names}): {_found(tally, requirement)}. Either its test"
            " judges more than the requirement says, or a defect violates it too: add it there, or to knock_on.py"
        )
    return found


def strays(tally: Tally) -> list[str]:
    """Return what fails in modules that a defect does not concern, though it takes nothing away that their tests stand on."""
    return [
        *(f"error, neither met nor violated: {error}" for error in tally.errors),
        *(
            f"{requirement} fails elsewhere, and {name} does not name it: {_found(tally, requirement)}. Name it in"
            " knock_on.py: as violated, or as something that cannot be judged any more"
            for requirement, tests in sorted(tally.violated.items())
            for name in sorted({name for test in tests for name in tally.by[test]})
            if requirement not in DEFECTS[name].requirements and not _random(requirement)
            if requirement not in (*spoiled(name), *may_violate(name))
        ),
    ]


def false_alarms(group: Sequence[Variation], tally: Tally) -> list[str]:
    """Return what fails though everything is allowed; a should that is not followed is a warning, which is no failure."""
    names, catalogue = ", ".join(variation.name for variation in group), load_catalogue()
    return [
        *(f"error, neither met nor violated: {error}" for error in tally.errors),
        *(
            f"false alarm, {requirement} fails with {names}: {_found(tally, requirement)}"
            for requirement in tally.violated
            if catalogue[requirement].level == "shall"
        ),
    ]
