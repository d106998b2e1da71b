"""The page is one file, says everything about a failure, and escapes whatever came over the wire."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report import TestVerdict
from tdwii_conformance.report.html import render_html, versions
from tdwii_conformance.report.results import results_of

CATALOGUE = load_catalogue()
WHEN = datetime(2025, 3, 31, 12, 0, tzinfo=UTC)
OWN = "# N-ACTION request, TDD -> TMS\n\n# N-ACTION response 1 of 1, TMS -> TDD, status 0000 (Success)\nown evidence\n"
SHARED = "# C-FIND request, TDD -> TMS\nshared evidence\n\n# no response within 30 s\n"


def failed(requirement, *exchanges, verdict="failed", received="0000"):
    finding = {"expected": "C301", "received": received, "path": "A[0].B", "weight": "fault"}
    return TestVerdict(requirement, f"t.py::test[{requirement}]", verdict, findings=(finding,), exchanges=exchanges, duration=0.012)


def render(*verdicts, system="Vendor", **more):
    return render_html(verdicts, CATALOGUE, system=system, edition="ti", when=WHEN, software={"tdwii_conformance": "1.2.3"}, **more)


class Page(HTMLParser):
    """Collects what the tests ask for, and that every element is closed."""

    VOID = ("meta", "input", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.words, self.pres = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag == "pre":
            self.pres.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open or "style" in self.open:
            return
        self.words.append(data)
        if "pre" in self.open:
            self.pres[-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_the_heading_says_what_was_judged():
    text = Page(render(failed("RO60-TMS-004"), description="at 10.0.0.1")).text
    for part in ("Vendor", "at 10.0.0.1", "Trial Implementation", "2025-03-31 12:00 UTC", "tdwii_conformance 1.2.3"):
        assert part in text
    assert "1 failed , 0 warned, 0 skipped, 0 passed, of 1 requirements" in text


def test_a_failure_explains_itself():
    text = Page(render(failed("RO60-TMS-004", OWN))).text
    requirement = CATALOGUE["RO60-TMS-004"]
    assert f"failed RO60-TMS-004 {' '.join(requirement.statement.split())}" in text
    assert f"{requirement.level}; source:" in text
    assert "expected C301 received 0000 at A[0].B" in text
    assert "Exchange 1: N-ACTION request, TDD -> TMS: status 0000 (Success)" in text
    assert "t.py::test[RO60-TMS-004] 12 ms" in text


def test_an_exchange_is_on_the_page_once():
    page = Page(render(failed("RO60-TMS-001", OWN, SHARED), failed("RO60-TMS-004", SHARED)))
    assert page.pres == [OWN, SHARED]
    assert "Exchange 2: C-FIND request, TDD -> TMS: no response within 30 s" in page.text
    assert page.text.count("Seen in exchange 2 below") == 2
    links = [attributes["href"] for tag, attributes in page.attributes if tag == "a"]
    ids = {attributes.get("id") for _, attributes in page.attributes}
    assert links.count("#exchange-2") == 2
    assert {link[1:] for link in links if link.startswith("#")} <= ids


def test_evidence_of_what_passed_is_not_on_the_page():
    assert Page(render(TestVerdict("RO60-TMS-001", "t", "passed", exchanges=(OWN,)))).pres == []


def test_nothing_is_loaded_from_elsewhere():
    text = render(failed("RO60-TMS-004", OWN))
    for tag, attributes in Page(text).attributes:
        assert tag not in ("link", "img", "iframe", "object")
        assert "src" not in attributes
        if "href" in attributes and not attributes["href"].startswith("#"):
            assert tag == "a" and attributes["href"].startswith("https://dicom.nema.org/")
    assert "url(" not in text and "@import" not in text


def test_what_came_over_the_wire_is_shown_and_not_obeyed():
    evil = '<script>alert(1)</script> & "quotes" \x00\x1b[31m'
    page = Page(render(failed("RO60-TMS-004", f"# x\n{evil}\n", received=evil), system=evil))
    assert [tag for tag, _ in page.attributes].count("script") == 1, "ours"
    assert page.pres == ['# x\n<script>alert(1)</script> & "quotes" \u2400\u241b[31m\n']
    assert "received <script>alert(1)</script>" in page.text


def test_every_verdict_can_be_filtered():
    verdicts = [
        failed("RO60-TMS-001"),
        failed("RO60-TMS-002", verdict="warned"),
        TestVerdict("RO60-TMS-003", "t", "skipped", reason="not claimed: ion"),
        TestVerdict("RO60-TMS-004", "t", "passed"),
        TestVerdict("RO60-TMS-005", "t", "error", reason="LinkLost: gone"),
    ]
    page = Page(render(*verdicts))
    shown = [
        (attributes["id"], attributes["data-verdict"], "open" in attributes)
        for tag, attributes in page.attributes
        if tag == "details" and "data-verdict" in attributes
    ]
    assert shown == [
        ("RO60-TMS-001", "failed", True),
        ("RO60-TMS-005", "failed", True),
        ("RO60-TMS-002", "warned", True),
        ("RO60-TMS-003", "skipped", False),
        ("RO60-TMS-004", "passed", False),
    ]
    boxes = [attributes["name"] for tag, attributes in page.attributes if attributes.get("type") == "checkbox"]
    assert boxes == ["failed", "warned", "skipped", "passed"]
    assert "1 skipped: not claimed: ion" in page.text
    assert "LinkLost: gone" in page.text


def test_requirements_without_a_test_in_the_run_are_named():
    page = Page(render(TestVerdict("RO60-TMS-001", "t", "passed")))
    others = sum(r.actor == "TMS" and "ti" in r.editions for r in CATALOGUE.values()) - 1
    assert f"{others} requirements on these actors had no test in this run" in page.text
    assert "RO60-TMS-002" in page.text


def test_the_same_run_makes_the_same_page():
    verdicts = [failed("RO60-TMS-004", SHARED), failed("RO60-TMS-001", OWN, SHARED)]
    assert render(*verdicts) == render(*reversed(verdicts))


@pytest.mark.parametrize("edition", ["ti", "2013"])
def test_the_page_of_results_names_the_versions(edition):
    results = results_of([failed("RO60-TMS-004", "Müller\n")], CATALOGUE, system="Vendor", edition=edition)
    text = results.page(CATALOGUE)
    assert "Müller" in text and re.match(r"<!DOCTYPE html>", text)
    for name, version in versions().items():
        assert f"{name} {version}" in text


def test_a_page_stays_small_however_much_fails():
    names = list(CATALOGUE)[:170]
    head = (
        "# C-FIND request, TDD -> TMS, 2026-11-29 09:00:00.000, UPS\n\n"
        "# C-FIND response 1 of 1, TMS -> TDD, 09:00:01.0, 9 ms after the request, status 0000 (Success)\n"
    )
    finding = {"expected": "é " * 500, "received": "<" * 200, "path": "PatientID", "weight": "fault"}
    verdicts = [
        TestVerdict(
            name, f"tms/test_a.py::test_{test}[{name}]", "failed", findings=(finding,) * 3,
            exchanges=tuple(f"{head}# {number}\n{name} {test} {'é' * 3_000}" for number in range(20)),
        )
        for name in names for test in range(2)
    ]  # fmt: skip
    page = render(*verdicts)
    assert 2_500_000 < len(page.encode()) < 4_200_000
    assert page.count('<svg class="seq"') > 140
    text = Page(page).text
    assert text.count("more exchanges were looked at: --evidence DIR has them") == len(names)
    assert "more findings: --results FILE has them" in text


def test_of_many_exchanges_those_that_a_finding_points_at_are_shown():
    def text(number):
        return (
            f"# N-GET request, TDD -> TMS, 2026-11-29 09:00:00.{number:03}, UPS\n\n"
            f"# N-GET response 1 of 1, TMS -> TDD, 09:00:01.0, 9 ms after the request, status 0000 (Success)\n"
            f"# Dicom-Data-Set\n(0010,0020) LO [P{number:03}]    #   4, 1 PatientID\n"
        )

    finding = {"expected": "value 'P'", "received": "value 'P007'", "path": "PatientID", "weight": "fault"}
    seen = TestVerdict("RO60-TMS-004", "t.py::a", "failed", findings=(finding,), exchanges=tuple(map(text, range(100))))
    page = Page(render(seen))
    assert [pre for pre in page.pres if "[P007]" in pre] and not [pre for pre in page.pres if "[P050]" in pre]
    assert "84 more exchanges were looked at" in page.text
