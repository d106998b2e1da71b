"""Exchanges with a TMS or an OST as a record has them, made by hand."""

from datetime import UTC, datetime, timedelta

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.checks.scp import Replay
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment import creation, objects
from tdwii_conformance.treatment.messages import Code, item

CATALOGUE = load_catalogue()
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
W, LOCK = "1.2.3", "1.2.9.1"


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def message(dataset=None, *, seconds=0.0, encoded=None, **command):
    encoded = encode(dataset, True, True) if dataset is not None else encoded
    return Message(item(**command), at(seconds), encoded, ImplicitVRLittleEndian)


def exchange(
    service, asked=None, last=None, *, begin=0.0, end=0.0, came=(), status=0, answer=None, encoded=None, requestor="TDD",
    acceptor="TMS", syntax=UPS.PULL, failure="", **command,
):  # fmt: skip
    """What is asked with this command set, each match that came, and the last response: its data set, and more of its command set."""
    request = message(asked, seconds=begin, encoded=encoded, **command)
    pending = [message(one, seconds=end, Status=0xFF00) for one in came]
    answers = () if failure else (*pending, message(last, seconds=end, Status=status, **(answer or {})))
    return Exchange(service, requestor, acceptor, syntax, request, answers, failure)


def least(**attributes):
    """Attribute list of an N-CREATE: the least that a UPS needs, with these attributes."""
    station = Code("TDD1", "99TDWII", "Linac 1")
    made = creation.least(objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=station, start=NOON))
    made.update(item(**attributes))
    return made


class Record:
    """Exchanges with a TMS about a workitem, each two seconds after the one before, or after a pause."""

    def __init__(self):
        self.exchanges, self.now = [], 0.0

    def add(self, service, asked=None, last=None, **more):
        self.exchanges.append(exchange(service, asked, last, begin=self.now, end=self.now + 1, **more))
        return self.pause(2)

    def pause(self, seconds):
        self.now += seconds
        return self

    def shown(self, state="SCHEDULED", *, uid=W, **more):
        """All of a workitem is shown by N-GET."""
        return self.add("N-GET", None, item(**{"ProcedureStepState": state} | more), RequestedSOPInstanceUID=uid)

    def create(self, uid=W, status=0, **attributes):
        named = {"AffectedSOPInstanceUID": uid, "AffectedSOPClassUID": UPS.PUSH}
        return self.add("N-CREATE", least(**attributes), status=status, syntax=UPS.PUSH, **named)

    def subscribe(self, title="W1", kind=3, target=W, lock="FALSE"):
        asked = item(ReceivingAE=title, **({"DeletionLock": lock} if kind == 3 else {}))
        return self.add("N-ACTION", asked, requestor=title, syntax=UPS.WATCH, RequestedSOPInstanceUID=target, ActionTypeID=kind)

    def change(self, state="IN PROGRESS", status=0, lock=LOCK):
        asked = item(ProcedureStepState=state, TransactionUID=lock)
        return self.add("N-ACTION", asked, status=status, RequestedSOPInstanceUID=W, ActionTypeID=1)

    def set(self, status=0, lock=LOCK, **attributes):
        return self.add("N-SET", item(TransactionUID=lock, **attributes), status=status, RequestedSOPInstanceUID=W)

    def entries(self, *, complete=True):
        return Replay("TMS", self.exchanges, CATALOGUE, complete=complete).run().entries
