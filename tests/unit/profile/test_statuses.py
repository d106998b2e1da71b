"""Status codes: their words, and of which kind they are by the classes of PS3.7 C."""

import pytest

from tdwii_conformance.profile.statuses import is_failure, is_warning, status_text


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0xC301, "C301 (the right Transaction UID was not given)"), (0x0000, "0000 (Success)"), (0x0FFF, "0FFF"),
        (0xABCD, "ABCD"), (None, "no status"),
    ],
)  # fmt: skip
def test_status_for_a_reader(status, text):
    assert status_text(status) == text


@pytest.mark.parametrize(
    ("status", "warning", "failure"),
    [
        (0x0000, False, False),  # C.1
        (0xFF00, False, False), (0xFF01, False, False),  # C.2
        (0xFE00, False, False),  # C.3
        (0x0001, True, False), (0x0107, True, False), (0x0116, True, False), (0xB000, True, False), (0xBFFF, True, False),  # C.4
        (0x0110, False, True), (0x0122, False, True), (0xA700, False, True), (0xC300, False, True), (0xAFFF, False, True),  # C.5
        (None, False, False),
    ],
)  # fmt: skip
def test_kind(status, warning, failure):
    assert is_warning(status) is warning
    assert is_failure(status) is failure
