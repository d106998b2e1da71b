"""Evidence is one readable file a test, with names that every file system takes."""

from tdwii_conformance.report.evidence import evidence_files, write_evidence
from tdwii_conformance.report.verdicts import TestVerdict


def verdict(nodeid, requirement="RO60-TMS-004", exchanges=("# N-ACTION\n(0000,0002) UI [1.2]\n",), **more):
    return TestVerdict(requirement, nodeid, more.pop("verdict", "passed"), exchanges=exchanges, **more)


def test_a_file_says_what_was_judged_and_how():
    findings = [{"expected": "C301", "received": "0000\nand more", "path": "", "weight": "fault"}]
    one = verdict("tests/tms/t.py::test_claim", verdict="failed", reading="x", findings=findings)
    assert list(evidence_files([one])) == [
        (
            "RO60-TMS-004_test_claim.txt",
            "# requirement: RO60-TMS-004\n# test: tests/tms/t.py::test_claim\n# verdict: failed\n# reading: x\n"
            "# expected: C301\n# received: 0000\n# and more\n\n\n# N-ACTION\n(0000,0002) UI [1.2]\n",
        )
    ]


def test_a_test_without_exchanges_has_no_file():
    assert list(evidence_files([verdict("t.py::a", exchanges=())])) == []


def test_names_are_safe_and_distinct():
    nodeids = [
        "t.py::test[../../etc/passwd]",
        "t.py::test[a b]",
        "t.py::test[a:b]",
        "t.py::test[A b]",
        "t.py::test[" + "x" * 500 + "]",
        "t.py::test[" + "x" * 500 + "y]",
    ]
    names = [name for name, _ in evidence_files([verdict(nodeid) for nodeid in nodeids])]
    assert len({name.lower() for name in names}) == len(nodeids)
    for name in names:
        assert len(name) <= 130
        assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
        assert ".." not in name and not name.startswith((".", "-"))


def test_files_are_written_where_asked_and_nothing_else_is_touched(tmp_path):
    folder = tmp_path / "deep" / "evidence"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("keep")
    written = write_evidence(folder, [verdict("t.py::é", exchanges=("Müller\n",))])
    assert len(written) == 1 and written[0].parent == folder
    assert written[0].read_text(encoding="utf-8").endswith("Müller\n")
    assert (folder / "mine.txt").read_text() == "keep"
