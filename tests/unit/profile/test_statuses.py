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
    ("status", "service", "text"),
    [
        # CC.2.8.4: every Cxxx of a C-FIND is "unable to process"; C311 is of the cancel request [CC.2.2.4].
        (0xC311, "C-FIND", "C311 (unable to process)"),
        (0xC311, "N-ACTION", "C311 (the UPS is already COMPLETED)"),
        (0xC311, "C-STORE", "C311 (cannot understand)"),  # PS3.4 B.2.3
        (0xC311, "N-GET", "C311 (no status of N-GET)"),
        (0xC307, "C-MOVE", "C307 (unable to process)"),  # PS3.4 C.4.2.1.5
        (0xB000, "C-STORE", "B000 (warning: coercion of data elements)"),
        (0xB000, "C-MOVE", "B000 (warning: sub-operations complete with failures or warnings)"),
        (0xB300, "N-SET", "B300 (no status of N-SET)"),  # CC.2.5.4: of N-CREATE
        (0xA712, "C-FIND", "A712 (out of resources)"),
        (0xA712, "N-SET", "A712 (no status of N-SET)"),
        (0xFF00, "N-SET", "FF00 (no status of N-SET)"), (0xFF00, "C-FIND", "FF00 (pending)"),
        (0xFE00, "N-ACTION", "FE00 (no status of N-ACTION)"),
        (0x0110, "N-SET", "0110 (processing failure)"), (0x0000, "C-ECHO", "0000 (Success)"),
        (0xABCD, "N-SET", "ABCD (no status of N-SET)"),
    ],
)  # fmt: skip
def test_a_status_means_what_it_means_in_its_service(status, service, text):
    assert status_text(status, service) == text


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
