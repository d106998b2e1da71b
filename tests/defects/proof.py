"""What is run against which defects, and what is not as the defects say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.simulators.defects import Defect, Deviation, Variation
from tdwii_conformance.simulators.defects.also import spoiled

from .running import CONFORMANCE, ROOT, Outcome, of_case, run

# Modules of random tests: what they draw may meet a defect or not, so they are judged only for the defects that name them.
RANDOM = ("tms/test_cc_2_5_round_trip.py", "tms/test_cc_2_8_random_queries.py", "tms/test_cc_random_sequences.py")


SCPS = ("TMS", "OST")
SCENARIOS = ("tdd/test_new_completed.py", "tdd/test_continuation_canceled_after.py")

# Of the tests that are to pass, how many a sample leaves for one that it takes: with defects, and with variations.
SAMPLE, SAMPLE_OF_VARIATIONS = 45, 60
RANDOM_REQUIREMENTS = ("CC26-TMS-025",)  # one such test, in a module with others


def modules(actors: Iterable[str]) -> list[str]:
    """Return every conformance module of some actors, random ones left out."""
    found = sorted(path for actor in actors for path in (ROOT / CONFORMANCE / actor.lower()).rglob("test_*.py"))
    return [name for path in found if (name := path.relative_to(ROOT / CONFORMANCE).as_posix()) not in RANDOM]


# Where the tests of a requirement are.
PLACES = (
    (r"\w+-WATCHER", "watcher/test_watch.py"), (r"\w+-TDD", "tdd/test_new_completed.py"),
    (r"NEG-TMS", "tms/test_negotiation_tms.py"), (r"NEG-OST", "ost/test_negotiation_ost.py"),
    (r"RO58", "tms/test_ro58_worklist_query.py"), (r"RO59", "ost/test_ro59_retrieve_static_inputs.py"),
    (r"RO60", "tms/test_ro60_in_progress.py"), (r"RO61", "tms/test_ro61_retrieve_dynamic_inputs.py"),
    (r"RO62", "tms/test_ro62_progress_update.py"), (r"RO63", "ost/test_ro63_store_results.py"),
    (r"RO64", "tms/test_ro64_final_update.py"), (r"RO65", "tms/test_ro65_completed_canceled.py"),
    (r"CC11-TMS-1", "tms/test_cc_random_sequences.py"), (r"CC11", "tms/test_cc_1_1_states.py"),
    (r"CC21", "tms/test_cc_2_1_change_state.py"), (r"CC22", "tms/test_cc_2_2_request_cancel.py"),
    (r"CC23", "tms/test_cc_2_3_subscribe.py"),
    (r"CC24-TMS-(01[789]|025|13.)", "tms/test_cc_2_4_status_change.py"), (r"CC24", "tms/test_cc_2_4_event_reports.py"),
    (r"CC25-TMS-03[34]", "tms/test_cc_2_5_round_trip.py"), (r"CC25", "tms/test_cc_2_5_create.py"),
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
        return frozenset({f"tdd/test_{defect.scenario}.py"})
    return frozenset(place(requirement) for requirement in defect.requirements)


MOST = 24  # defects in one run


def groups(defects: Iterable[Defect]) -> list[tuple[Defect, ...]]:
    """Put defects together that can be proven by one run: the tests concerned are the same, and no defect hides another.

    Each keeps some requirement, or some case of one, that it alone violates: so a defect that nothing detects is seen.
    """
    found: dict[tuple[str, frozenset[str]], list[list[Defect]]] = defaultdict(list)
    result: list[tuple[Defect, ...]] = []
    for defect in sorted(defects, key=lambda one: (len(one.requirements), one.requirements, one.name)):
        if defect.alone:
            result.append((defect,))
            continue
        same = found[defect.edition, concerned(defect)]
        for group in same:
            if len(group) < MOST and _fit(group, defect):
                group.append(defect)
                break
        else:
            same.append([defect])
    return result + [tuple(group) for same in found.values() for group in same]


def edition(group: Sequence[Deviation]) -> str:
    """Return the edition of TDW-II by which a group is judged."""
    return next((one.edition for one in group if isinstance(one, Defect)), "ti")


def _fit(group: Sequence[Defect], defect: Defect) -> bool:
    together = [*group, defect]
    if any(_hides(defect, other) for other in group):
        return False
    return all(evidence(one, [other for other in together if other is not one]) for one in together)


def _hides(one: Defect, other: Defect) -> bool:
    shorter = min(len(one.subject), len(other.subject))
    return shorter > 0 and one.subject[:shorter] == other.subject[:shorter]


def evidence(defect: Defect, others: Iterable[Defect]) -> list[str]:
    """Return the requirements by which a defect shows among others: they violate other ones, or in other cases."""
    rest = list(others)
    return [r for r in defect.requirements if not any(r in other.requirements and not _apart(defect, other) for other in rest)]


def _apart(one: Defect, other: Defect) -> bool:
    return bool(one.case and other.case) and one.case != other.case


def shows(defect: Defect, requirement: str, tests: Sequence[str]) -> bool:
    """Whether failed tests of a requirement are those of the defect's case."""
    return not defect.case or any(of_case(test, defect.case) for test in tests)


def bounded(defects: Iterable[Defect]) -> list[tuple[Defect, ...]]:
    """Return the runs that are made with every `make test`: enough for every requirement to be seen violated.

    The runs that show most at once come first; one that shows nothing new is left to `make proof`.
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
    """Whether it takes random tests to see all that a defect violates, or long waits: for `make proof` only."""
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
    return sorted(where or _visible(group))


def elsewhere(group: Sequence[Deviation]) -> list[str]:
    """Return the modules that a group does not concern, and that could see it."""
    return sorted(_visible(group) - set(against(group)))


def _visible(group: Sequence[Deviation]) -> set[str]:
    # TMS and OST judge each other's deviations too; those of a TDD or a watcher are seen by its own modules only.
    return set(modules({deviation.actor for deviation in group} & {"TDD", "watcher"} or SCPS))


def run_group(group: Sequence[Deviation], *, sample: int = 1) -> Outcome:
    """Run the modules that a group concerns against simulators that have all of it."""
    wanted: dict[str, set[str]] = {}
    for defect in (one for one in group if isinstance(one, Defect)):
        for requirement in defect.requirements:
            wanted.setdefault(requirement, set()).add(defect.case)
    # Of what one defect violates without a case of its own, all tests.
    cases = {requirement: () if "" in some else some for requirement, some in wanted.items()}
    names = [deviation.name for deviation in group]
    outcome = run(against(group), names, wanted=cases, sample=sample, edition=edition(group))
    untangle(group, outcome)
    return outcome


def untangle(group: Sequence[Deviation], outcome: Outcome, *, detected: bool = True) -> None:
    """Make sure of what several defects at once do to each other, by runs of one alone.

    What no defect names counts only if one alone does it: several can get entangled. One that has to be ``detected`` and was
    not is run alone: others hid it.
    """
    defects = [one for one in group if isinstance(one, Defect)]
    if len(defects) < 2:
        return
    expected = {requirement for one in defects for requirement in one.requirements}
    unnamed = [requirement for requirement in outcome.violated if requirement not in expected and not _random(requirement)]
    tests = [test for requirement in unnamed for test in outcome.violated.pop(requirement)]
    for defect in defects if tests else ():
        alone = run(tests, [defect.name], edition=defect.edition)
        for requirement in alone.violated.keys() & set(unnamed):
            outcome.violated[requirement] += alone.violated[requirement]
            outcome.findings |= {test: f"{alone.findings[test]} ({defect.name} alone)" for test in alone.violated[requirement]}
    for defect in defects if detected else ():
        own = evidence(defect, [other for other in defects if other is not defect])
        if any(r in outcome.violated and shows(defect, r, outcome.violated[r]) for r in own):
            continue
        alone = run(against([defect]), [defect.name], edition=defect.edition)
        for requirement, found in alone.violated.items():
            outcome.violated[requirement] += found
        outcome.findings |= alone.findings
        outcome.errors += alone.errors


def variation_groups(variations: Iterable[Variation]) -> list[tuple[Variation, ...]]:
    """Put variations together that can be shown by one run: of what is allowed several things may be so at once.

    Those of one subject, and those for which options are not claimed, are apart.
    """
    result: list[list[Variation]] = []
    for variation in variations:
        for group in result:
            if len(group) < MOST and not any(_exclude(variation, other) for other in group):
                group.append(variation)
                break
        else:
            result.append([variation])
    return [tuple(group) for group in result]


def _exclude(one: Variation, other: Variation) -> bool:
    # Those of a TDD or a watcher are seen by modules of their own.
    if one.actor != other.actor and not {one.actor, other.actor} <= set(SCPS):
        return True
    return one.unclaimed != other.unclaimed or one.alone or other.alone or bool(one.subject and one.subject == other.subject)


def _found(outcome: Outcome, requirement: str) -> str:
    """Return a test that found a requirement violated, and what it expected."""
    test = outcome.violated[requirement][0]
    return f"{test}: expected {outcome.findings.get(test) or 'otherwise'}"


def problems(group: Sequence[Defect], outcome: Outcome) -> list[str]:
    """Return what is not as the defects say: something that nothing detects, something else that fails, an error."""
    found = [f"error, neither met nor violated: {error}" for error in outcome.errors]
    expected = {r for defect in group for r in defect.requirements}
    names = ", ".join(defect.name for defect in group)
    for defect in group:
        own = evidence(defect, [other for other in group if other is not defect])
        seen = [r for r in own if r in outcome.violated and shows(defect, r, outcome.violated[r])]
        if not seen:
            found.append(
                f"{defect.name}: nothing detects it ({defect.sentence}). The tests of {', '.join(own)} passed or were not"
                " judged: have one judge it, or name the requirement that is violated"
            )
    for requirement in sorted(expected - set(outcome.violated)):
        why = f": {outcome.not_judged[requirement][0]}" if requirement in outcome.not_judged else ""
        guilty = [defect.name for defect in group if requirement in defect.requirements]
        found.append(f"{requirement} is not found violated though {', '.join(guilty)} names it{why}")
    for requirement in sorted(r for r in outcome.violated if r not in expected and not _random(r)):
        found.append(
            f"{requirement} fails, and no defect names it ({names}): {_found(outcome, requirement)}. Either its test"
            " judges more than the requirement says, or a defect violates it too: add it there, or to also.py"
        )
    return found


def strays(group: Sequence[Defect], outcome: Outcome) -> list[str]:
    """Return what fails in modules that a group does not concern, though it takes nothing away that their tests stand on."""
    expected = {r for defect in group for r in defect.requirements}
    taken = [pattern for defect in group for pattern in spoiled(defect.name)]
    names = ", ".join(defect.name for defect in group)
    return [
        *(f"error, neither met nor violated: {error}" for error in outcome.errors),
        *(
            f"{requirement} fails elsewhere, and no defect names it ({names}): {_found(outcome, requirement)}. Name it in"
            " also.py: as violated, or as something that cannot be judged any more"
            for requirement in sorted(set(outcome.violated) - expected)
            if not any(fnmatchcase(requirement, pattern) for pattern in taken)
        ),
    ]


def false_alarms(group: Sequence[Variation], outcome: Outcome) -> list[str]:
    """Return what fails though everything is allowed; a should that is not followed is a warning, which is no failure."""
    names, catalogue = ", ".join(variation.name for variation in group), load_catalogue()
    return [
        *(f"error, neither met nor violated: {error}" for error in outcome.errors),
        *(
            f"false alarm, {requirement} fails with {names}: {_found(outcome, requirement)}"
            for requirement in outcome.violated
            if catalogue[requirement].level == "shall"
        ),
    ]
