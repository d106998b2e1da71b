"""The variation that sends a message in one PDU keeps back no response, whatever its bytes look like."""

import pytest
from pydicom.uid import generate_uid
from pynetdicom import AE

from tdwii_conformance.defects import VARIATIONS
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.simulators.tms import TMS


@pytest.mark.parametrize("message_id", [1, 0x0208], ids=["any", "as a tag"])  # 08 02: as the begin of (0000,0800), turned round
def test_response_without_data_set_is_sent(message_id):
    tms = TMS()
    VARIATIONS["tms-pdvs-of-a-message-in-one-pdu"].apply(tms)
    with tms:
        entity = AE("TDD")
        entity.add_requested_context(UPS.PULL)
        entity.dimse_timeout = 30
        association = entity.associate("127.0.0.1", tms.peer.port, ae_title="TMS")
        status, _ = association.send_n_get([0x00741000], UPS.PUSH, generate_uid(), msg_id=message_id, meta_uid=UPS.PULL)
        association.release()
    assert status.Status == 0xC307
