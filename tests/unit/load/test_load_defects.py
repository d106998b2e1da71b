"""The defects that only load shows: each can be installed, and `make load` looks for each."""

from datetime import datetime

import pytest

from tdwii_conformance.defects import DEFECTS, LOAD_DEFECTS, VARIATIONS, equip
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code
from tests.loaded import FOUND

SCHEDULED = {"tms": "TMS", "ost": "OST", "station": Code("FX1", "99X", "FX1"), "start": datetime(2026, 1, 1, 12)}


@pytest.mark.parametrize("name", LOAD_DEFECTS)
def test_each_is_looked_for_by_what_it_violates(name):
    _, wanted = FOUND[name]
    assert wanted <= set(LOAD_DEFECTS[name].requirements) <= set(load_catalogue())
    equip(TMS(), [name])


def test_the_proof_does_not_expect_the_suite_to_find_them():
    assert not set(LOAD_DEFECTS) & {*DEFECTS, *VARIATIONS}
    assert set(FOUND) <= {*DEFECTS, *LOAD_DEFECTS}


def test_what_a_restart_loses():
    lost, kept = "1.2.3.2", "1.2.3.1"
    tms = TMS()
    for uid in (kept, lost):
        assert tms.worklist.create(uid, objects.workitem(objects.new_treatment(), **SCHEDULED)).status == 0
    assert tms.worklist.change_state(kept, "IN PROGRESS", "2.25.1").status == 0
    equip(tms, ["lock-lost-at-restart", "created-lost-at-restart"])
    assert [(record.uid, record.lock) for record in tms.worklist.records()] == [(kept, "")]
