"""A TMS that refuses what it may, with names of many scripts: the suite has nothing to say against it."""

import pytest

from tests.strict import PATIENT, STATIONS, judged, not_green

# Those whose requests have text of the description and of the objects: station, patient, label. `make strict` runs all.
MODULES = ("ro60_in_progress", "ro62_progress_update", "ro64_final_update")


@pytest.mark.slow
def test_no_finding_with_names_of_any_script(tmp_path):
    ran, tms = judged(tmp_path, STATIONS[1], [f"tests/conformance/tms/test_{module}.py" for module in MODULES], 240)
    assert ran.returncode == 0 and not not_green(ran.stdout), ran.stdout[-6000:]
    records = [record.attributes for record in tms.worklist.records()]
    assert PATIENT in {str(one.PatientName) for one in records}
    assert {str(one.ScheduledStationNameCodeSequence[0].CodeMeaning) for one in records} == {STATIONS[1]}


@pytest.mark.parametrize(("output", "finding"), [
    ("...\njudged: 9 of 9 requirements that apply (100 %)\n9 passed in 1.0s\n", False),
    ("9 passed, 2 warned in 1.0s\njudged: 9 of 9\n", True), ("1 failed, 8 passed in 1.0s\n", True),
])  # fmt: skip
def test_what_a_finding_is(output, finding):
    assert not_green(output) == finding
