"""`TMS(lenient=True)`: what public sample programs send under the wrong class is served, and said; by default it is refused."""

from datetime import datetime

import pytest
from pydicom.uid import generate_uid
from pynetdicom import AE, UnifiedProcedurePresentationContexts

from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile.ups_service import CHANGE_STATE, GLOBAL, SUBSCRIBE, UPS
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item, state_change

STATION = Code("FX1", "99X", "FX1")


def serving(lenient):
    tms = TMS("UPSSCP", destinations={"WATCHER": Peer("WATCHER", "127.0.0.1", 1)}, lenient=lenient)
    uid = str(generate_uid())
    workitem = objects.workitem(objects.new_treatment(), tms="UPSSCP", ost="OST", station=STATION, start=datetime.now())
    assert tms.worklist.create(uid, workitem).status == 0
    return tms, uid


def ask(tms, operation):
    """Return the status of what a program like those of tdwii_plus_examples asks, in pynetdicom's own words."""
    entity = AE("SAMPLE")
    entity.requested_contexts = UnifiedProcedurePresentationContexts
    association = entity.associate("127.0.0.1", tms.peer.port, ae_title="UPSSCP")
    assert association.is_established
    status, _ = operation(association)
    association.release()
    return status.Status


def subscribe(uid):
    """As watchscu.py and nactionscu.py: N-ACTION Subscribe with class, and so under the context of, UPS Push."""
    information = item(ReceivingAE="WATCHER", DeletionLock="FALSE")
    return lambda association: association.send_n_action(information, SUBSCRIBE, UPS.PUSH, GLOBAL)


def claim_pull(uid):
    """As upschangestatescu.py: N-ACTION Change UPS State with class UPS Pull."""
    return lambda association: association.send_n_action(state_change("IN PROGRESS", generate_uid()), CHANGE_STATE, UPS.PULL, uid)


def claim_push(uid):
    """As nactionscu.py: under the context of UPS Push."""
    return lambda association: association.send_n_action(state_change("IN PROGRESS", generate_uid()), CHANGE_STATE, UPS.PUSH, uid)


CASES = [
    (subscribe, 0x0211, "SAMPLE sent N-ACTION Subscribe under Unified Procedure Step - Push"),
    (claim_pull, 0x0119, "SAMPLE sent N-ACTION Change UPS State with RequestedSOPClassUID Unified Procedure Step - Pull"),
    (claim_push, 0x0211, "SAMPLE sent N-ACTION Change UPS State under Unified Procedure Step - Push"),
]


@pytest.mark.parametrize(("sent", "refusal", "said"), CASES, ids=["watchscu", "upschangestatescu", "nactionscu"])
def test_lenient_serves_it_and_says_so_each_time(sent, refusal, said, caplog):
    tms, uid = serving(True)
    with tms:
        assert ask(tms, sent(uid)) == 0x0000
    (message,) = [record.getMessage() for record in caplog.records if "--lenient" in record.getMessage()]
    assert message.startswith(said)


@pytest.mark.parametrize(("sent", "refusal", "said"), CASES, ids=["watchscu", "upschangestatescu", "nactionscu"])
def test_the_default_is_strict(sent, refusal, said, caplog):
    tms, uid = serving(False)
    with tms:
        assert ask(tms, sent(uid)) == refusal
    assert not any("--lenient" in record.getMessage() for record in caplog.records)
