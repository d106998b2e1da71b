"""Lines of the live view on screens of several widths."""

from datetime import datetime

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from tdwii_conformance.cli.following import _about, fitted
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.exchange import Exchange, Message

UID = "1.2.826.0.1.3680043.8.498.33442019977149128289618011153127504877"
LINE = f"18:43:08.607 [5] LINAC1 to TMS: N-ACTION {UID}: 0110 (processing failure)"
FINDING = (
    "    expected status 0000 (Success); received status 0110 (processing failure); by what was seen the workitem is SCHEDULED"
)


def test_a_wide_screen_shows_the_line_as_it_is():
    assert fitted(LINE, 160) == LINE


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_screen_shows_the_end_of_a_uid(width):
    lines = fitted(LINE, width).splitlines()
    assert lines[0].startswith("18:43:08.607 [5] LINAC1 to TMS: N-ACTION ...27504877:")
    assert all(len(line) <= width for line in lines)


def test_a_finding_is_wrapped_between_words_and_keeps_its_inset():
    assert fitted(FINDING, 80).splitlines() == [
        "    expected status 0000 (Success); received status 0110 (processing failure);",
        "        by what was seen the workitem is SCHEDULED",
    ]


@pytest.mark.parametrize(("service", "sent", "said"), [
    ("N-ACTION", {"ActionTypeID": 3}, ", Subscribe"), ("N-ACTION", {"ActionTypeID": [3, 4]}, ""), ("N-EVENT-REPORT", {"EventTypeID": [1, 2]}, ""),
    ("N-GET", {}, ""),
])  # fmt: skip
def test_what_a_request_asks_for_is_said_unless_it_is_nonsense(service, sent, said):
    command = Dataset()
    for keyword, value in sent.items():
        setattr(command, keyword, value)
    message = Message(command, datetime.now().astimezone(), None, ImplicitVRLittleEndian)
    about = _about(Exchange(service, "TDD", "TMS", UPS.WATCH, message, ()))
    assert about == said
