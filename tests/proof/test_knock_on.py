"""The snapshot of knock-on failures is renewed by what a proof saw, exactly."""

import json

import pytest

from tdwii_conformance.defects.knock_on import Entry, read

from . import knock_on, proof

NAME = "ost-echo-fails"
EVERYWHERE = sorted(knock_on._elsewhere(NAME))


@pytest.fixture
def renew(tmp_path):
    """Renew a snapshot of some rows by results; return exit code and rows."""

    def of(rows, *results):
        snapshot, kept = tmp_path / "knock_on.csv", tmp_path / "proof.jsonl"
        knock_on.write(snapshot, rows)
        kept.write_text("".join(json.dumps(result) + "\n" for result in results), encoding="utf-8")
        code = knock_on.main(["--results", str(kept), "--snapshot", str(snapshot)])
        return code, list(read(snapshot))

    return of


def result(modules=EVERYWHERE, *, elsewhere=True, **violated):
    tests = {name.replace("_", "-"): [f"{name}::t"] for name in violated}
    by = {f"{name}::t": list(names) for name, names in violated.items()}
    return {"names": [NAME], "modules": list(modules), "edition": "ti", "elsewhere": elsewhere, "violated": tests, "by": by}


def row(*requirements, why="why", kind="elsewhere", defect=NAME):
    return Entry(kind, defect, requirements, why)


def test_what_failed_is_written_with_the_reason_it_had(renew):
    code, rows = renew([row("CC27-TMS-001", "CC27-TMS-002")], result(CC27_TMS_001=[NAME]))
    assert (code, rows) == (0, [row("CC27-TMS-001")])


def test_new_failure_has_no_reason_yet(renew, capsys):
    code, rows = renew([], result(CC27_TMS_001=[NAME]))
    assert (code, rows) == (1, [row("CC27-TMS-001", why="?")])
    assert f"{NAME}: no reason why CC27-TMS-001 fails elsewhere" in capsys.readouterr().err


def test_failure_of_another_defect_is_not_this_ones(renew):
    assert renew([], result(CC27_TMS_001=["tms-echo-fails"])) == (0, [])


def test_what_no_longer_fails_is_left_out(renew):
    assert renew([row("CC27-TMS-001")], result()) == (0, [])


def test_rows_of_defects_that_were_not_run_against_everything_are_kept(renew):
    rows = [row("CC27-TMS-001")]
    assert renew(rows, result(EVERYWHERE[1:])) == (0, rows)
    assert renew(rows, result(elsewhere=False)) == (0, rows)


def test_rows_of_other_kinds_are_kept(renew):
    rows = [row("CC27-TMS-001", kind="also"), row("CC27-TMS-002", kind="sometimes")]
    assert renew(rows, result(CC27_TMS_002=[NAME])) == (0, rows)


def test_result_that_was_made_again_counts(renew):
    assert renew([], result(CC27_TMS_001=[NAME]), result()) == (0, [])


def test_without_results_there_is_nothing_to_renew(tmp_path, capsys):
    with pytest.raises(SystemExit):
        knock_on.main(["--results", str(tmp_path / "none.jsonl")])
    assert "run `make proof` first" in capsys.readouterr().err


def test_everything_is_what_the_proof_runs():
    packs = proof.packs([knock_on.DEFECTS[NAME]])
    assert sorted(module for pack in packs for _, where in proof.elsewhere(pack) for module in where) == EVERYWHERE
