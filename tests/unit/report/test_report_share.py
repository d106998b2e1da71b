"""How much of what applies was judged."""

import pytest

from tdwii_conformance.report import TestVerdict, requirement_verdicts
from tdwii_conformance.report.html import LONGEST, render_html
from tdwii_conformance.report.share import share_of


def run(*verdicts):
    tests = [TestVerdict(f"R-{n}", f"t.py::test_{n}", verdict, reason=reason) for n, (verdict, reason) in enumerate(verdicts)]
    return share_of(requirement_verdicts(tests))


FEW = ("skipped", "not judged: no (further) workitem of type TREATMENT on the worklist for this station and date")
PUSH = ("skipped", "not supported: push")
SINCE = ("skipped", "not supported: store-inputs; so the OST has no instances of the workitems that we create")
MET, VIOLATED, WARNED, ERROR = (("passed", ""), ("failed", ""), ("warned", ""), ("error", "KeyError"))


def test_what_is_not_offered_does_not_apply():
    share = run(MET, VIOLATED, WARNED, PUSH, SINCE, FEW)
    assert (share.judged, share.applicable, share.percent) == (3, 4, 75)
    assert str(share) == "judged: 3 of 4 requirements that apply (75 %)"
    assert share.warning == ""


def test_an_error_has_judged_nothing():
    assert (run(MET, ERROR).judged, run(MET, ERROR).applicable) == (1, 2)


def test_little_says_so_and_what_would_change_it():
    share = run(MET, FEW, FEW)
    assert share.little
    assert share.warning.startswith("LITTLE WAS JUDGED: 1 of 3 requirements that apply (33 %): 2 not judged: no (further) workitem")
    assert share.warning.endswith("What would change it: schedule more workitems for this station and date.")


@pytest.mark.parametrize(("judged", "others", "percent"), [(199, 1, 99), (200, 0, 100), (1, 1, 50)])
def test_only_all_is_a_hundred(judged, others, percent):
    share = run(*[MET] * judged, *[FEW] * others)
    assert (share.percent, share.little) == (percent, False)


def test_nothing_applies():
    assert (run(PUSH).percent, run(PUSH).little) == (100, False)


class Named:
    actor, transaction, source, editions = "TMS", "RO-60", "CC.2.1", ("ti",)
    id = "R-1"
    level, statement, readings, statuses, capability, warnings = "shall", "Is so.", {}, (), "", ()


def test_the_page_of_a_system_that_never_stops_talking_stays_small():
    from datetime import UTC, datetime

    talk = "".join(f"# line {n} {'x' * 60}\n" for n in range(2_000))
    tests = [
        TestVerdict(
            "R-1", f"t.py::test_{n}", "failed", findings=({"expected": "a", "received": "b"},), exchanges=(f"# {n}\n{talk}",)
        )
        for n in range(400)
    ]
    page = render_html(tests, {"R-1": Named()}, system="S", edition="ti", when=datetime.now(UTC), software={})
    assert LONGEST < len(page.encode()) < 5_000_000
    assert "more characters: --evidence DIR has them" in page
