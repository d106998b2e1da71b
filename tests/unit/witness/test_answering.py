"""Verdicts on a TMS that was recorded while others worked with it: a conformant one has no finding, a defect is found."""

from contextlib import suppress

import pytest
from recorded_table import table

from tdwii_conformance.defects import DEFECTS, install
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.witness.answering import judge_answering
from tdwii_conformance.witness.judging import witness
from tdwii_conformance.witness.records import read_record

CATALOGUE = load_catalogue()


def bad(path, *, complete, edition="ti"):
    verdicts = judge_answering(witness(read_record(path), edition=edition), CATALOGUE, edition=edition, complete=complete)
    return {one.requirement for one in verdicts if one.verdict in ("failed", "warned")}, verdicts


@pytest.mark.parametrize("complete", [False, True])
def test_a_conformant_tms_has_no_finding(recorded_treatment, complete):
    found, verdicts = bad(recorded_treatment, complete=complete)
    assert found == set()
    passed = {one.requirement for one in verdicts if one.verdict == "passed"}
    # the worklist query row by row, the claim, the updates, the end
    assert {"RO58-TMS-104", "RO60-TMS-001", "RO62-TMS-001", "RO64-TMS-001", "RO65-TMS-001", "CC11-TMS-053"} <= passed


@pytest.mark.parametrize(
    "name", ["ro58-parameters-2018001-value-type-absent", "n-set-with-the-right-transaction-uid-in-progress-failing"]
)
def test_a_defect_is_found_and_no_other(tmp_path, name):
    path = tmp_path / "record.jsonl"
    prepare = lambda tms, ost, tdd: install(tms, [DEFECTS[name]])  # noqa: E731
    with table(path, prepare=prepare) as tdd, suppress(RuntimeError):  # CannotTreat: the TDD gives up
        tdd.perform()
    found, _ = bad(path, complete=False)
    assert found
    assert found <= set(DEFECTS[name].requirements)
