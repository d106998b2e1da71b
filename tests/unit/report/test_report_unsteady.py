"""A fault that Hypothesis finds once, and not again when it repeats the example, is a fault all the same."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tdwii_conformance.checks import Finding
from tdwii_conformance.plugin.verdicts import Nonconformity, nonconformity_in


def test_fault_that_is_not_repeated_is_found_in_what_hypothesis_raises():
    seen = []

    @settings(settings.get_profile("ci"))
    @given(st.integers())
    def unsteady(number):
        if not seen:
            seen.append(number)
            raise Nonconformity([Finding("an event report", "none in time")])

    with pytest.raises(BaseExceptionGroup) as raised:
        unsteady()
    fault = nonconformity_in(raised.value)
    assert [finding.received for finding in fault.findings] == ["none in time"]


def test_other_groups_hold_no_fault():
    assert nonconformity_in(ExceptionGroup("several", [ValueError(), ExceptionGroup("deeper", [OSError()])])) is None
