"""The edges of what the oracle of attribute matching says: spans of every precision, offsets, padding, names [PS3.4 C.2.2.2]."""

import pytest

from tdwii_conformance.checks.matching_oracle import Verdict, matches
from tdwii_conformance.treatment.messages import item

NO_MATCH, EITHER, MATCH = Verdict

# Keys may be what their VR does not allow.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")

START, LABEL, NAME = "ScheduledProcedureStepStartDateTime", "ProcedureStepLabel", "PatientName"


def verdict(keyword, key, stored):
    return matches(item(**{keyword: key}), item(**{keyword: stored}))


# --- how long a time lasts that leaves something out ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "last", "after"),
    [
        ("2026", "20261231235959", "20270101000000"),
        ("202601", "20260131235959", "20260201000000"),
        ("202602", "20260228235959", "20260301000000"),
        ("202611", "20261130235959", "20261201000000"),
        ("202612", "20261231235959", "20270101000000"),
        ("20260302", "20260302235959", "20260303000000"),
        ("2026030210", "20260302105959", "20260302110000"),
        ("202603021030", "20260302103059", "20260302103100"),
    ],
)
def test_a_time_may_be_any_moment_that_it_leaves_open(stored, last, after):
    assert verdict(START, f"{last}-", stored) is EITHER
    assert verdict(START, f"{after}-", stored) is NO_MATCH
    assert verdict(START, f"-{last}", stored) is MATCH
    assert verdict(START, f"-{after}", stored) is MATCH


@pytest.mark.parametrize(
    ("fraction", "found"), [("4", MATCH), ("5", MATCH), ("500000", MATCH), ("51", NO_MATCH), ("000006", MATCH), ("6", NO_MATCH)]
)
def test_a_fraction_is_one_of_a_second(fraction, found):
    assert verdict(START, f"20260302120000.{fraction}-", "20260302120000.5") is found


# --- offsets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "the_same"),
    [
        ("-0530", "20260302173000+0000"),
        ("+0530", "20260302063000+0000"),
        ("-1200", "20260303000000+0000"),
        ("+1400", "20260301220000+0000"),
        ("+1359", "20260301220100+0000"),
        ("-1159", "20260302235900+0000"),
    ],
)
def test_an_offset_is_of_hours_and_minutes(offset, the_same):
    assert verdict(START, the_same, f"20260302120000{offset}") is EITHER  # single values match as the SCP likes, if they can
    assert verdict(START, "20270302120000+0000", f"20260302120000{offset}") is NO_MATCH


@pytest.mark.parametrize("offset", ["-1210", "-1230", "-1300", "+1401", "+1410", "+1430"])
def test_an_offset_that_no_place_on_earth_has_makes_no_time(offset):
    assert verdict(START, "20270302120000+0000", f"20260302120000{offset}") is EITHER


def test_a_day_may_have_an_offset():
    assert verdict(START, "20270302120000+0000", "20260302+0100") is NO_MATCH


# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "key", "stored", "found"),
    [
        # AE, CS, LO, SH: spaces on both sides are padding [PS3.5 6.2].
        ("RetrieveAETitle", " OST", "OST", MATCH),
        ("PatientSex", " F", "F", MATCH),
        ("CodeValue", " A", "A", MATCH),
        (LABEL, " A", "A", MATCH),
        # A star that begins after some of the text has been used up.
        (LABEL, "AB*B", "AB", NO_MATCH),
        (LABEL, "AB*B", "ABB", MATCH),
        (LABEL, "A*B*C", "ACB", NO_MATCH),
        # How wild cards match in names is for the SCP to say.
        (NAME, "D?e", "Doe", EITHER),
        (NAME, "D?e", "Roe", EITHER),
        # Empty component groups are not what two names have in common.
        (NAME, "=A", "=B", NO_MATCH),
        (NAME, "A=B", "A=C", EITHER),
        # Empty components at the end may be left out [PS3.5 6.2]: these say the same, that there is no name.
        (NAME, "=^", "^=^", EITHER),
    ],
)
def test_text(keyword, key, stored, found):
    assert verdict(keyword, key, stored) is found
