"""Messages and exchanges made by hand, for the tests of the checks."""

from datetime import UTC, datetime

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.profile import Requirement
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

PUSH, PULL, EVENT = (f"1.2.840.10008.5.1.4.34.6.{last}" for last in (1, 3, 4))
NO_DATA_SET = b"\x01\x02\x03"
REFUSAL = Requirement(
    "RO60-TMS-900", "TMS", "RO-60", "shall", "CC.1.1", "x",
    statuses=(0xC301, 0xC307), warnings=(0xC302,), readings={"C301": "as the text has it"},
)  # fmt: skip


def message(dataset=None, encoded=None, **command):
    encoded = encoded if dataset is None else encode(dataset, False, True)
    return Message(item(**command), datetime(2026, 1, 1, tzinfo=UTC), encoded, ExplicitVRLittleEndian)


def exchange(*responses, request=None, service="C-FIND", failure="", **command):
    return Exchange(service, "TDD", "TMS", PULL, message(request, **command), responses, failure)


def pending(uid, **more):
    return message(item(SOPInstanceUID=uid, **more), Status=0xFF00)


DONE = message(Status=0)
REFUSED = message(Status=0xC307)
NO_ANSWER = exchange(failure="no response within 30 s")


def got(**attributes):
    """Return an N-GET that was answered with these attributes."""
    return exchange(message(item(**attributes), Status=0), service="N-GET")


def raw(tag, vr, value):
    """Return a data set with one element, whatever its tag."""
    dataset = item()
    dataset.add_new(tag, vr, value)
    return dataset
