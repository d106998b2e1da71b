"""A peer that takes everything a UPS or Storage SCP takes, and refuses what is undeclared; and a transcript that looks for it."""

from pydicom.uid import (
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)
from pynetdicom import evt
from strict_text import Undeclared, texts_in

from tdwii_conformance.dimse import Server
from tdwii_conformance.transcript.exchange import Transcript

UPS = tuple(f"1.2.840.10008.5.1.4.34.6.{n}" for n in (1, 2, 3, 4, 5))
STORED = (
    RTPlanStorage, RTIonPlanStorage, RTBeamsDeliveryInstructionStorage, RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
)  # fmt: skip
INVALID_VALUE, OUT_OF_RANGE, CANNOT_UNDERSTAND = 0x0106, 0xA900, 0xC000


class StrictPeer:
    """Keeps the texts of what it took, request by request; nothing of what it refused."""

    def __init__(self):
        self.came = []
        self.server = Server(
            "STRICT", [*UPS, *STORED],
            [(evt.EVT_N_CREATE, lambda event: (self._take(event, "AttributeList", INVALID_VALUE), None)),
             (evt.EVT_N_SET, lambda event: (self._take(event, "ModificationList", INVALID_VALUE), None)),
             (evt.EVT_N_ACTION, lambda event: (self._take(event, "ActionInformation", INVALID_VALUE), None)),
             (evt.EVT_N_EVENT_REPORT, lambda event: (self._take(event, "EventInformation", INVALID_VALUE), None)),
             (evt.EVT_C_STORE, lambda event: self._take(event, "DataSet", CANNOT_UNDERSTAND)),
             (evt.EVT_C_FIND, self._find)],
            scp_roles=[UPS[3]],
        )  # fmt: skip

    def _take(self, event, part, refusal):
        data = getattr(event.request, part)
        try:
            self.came.append(texts_in(data.getvalue(), event.context.transfer_syntax.is_implicit_VR))
        except Undeclared:
            return refusal
        return 0x0000

    def _find(self, event):
        yield self._take(event, "Identifier", OUT_OF_RANGE), None

    def taken(self):
        """Return the texts of all that came since it was asked last."""
        came, self.came = self.came, []
        return [text for one in came for text in one.values()]


class StrictTranscript(Transcript):
    """Keeps the texts of whatever travels, requests and responses; and what is undeclared."""

    def __init__(self):
        super().__init__()
        self.texts, self.undeclared = [], []

    def append(self, exchange):
        super().append(exchange)
        for message in (exchange.request, *exchange.responses):
            if message.encoded:
                try:
                    texts = texts_in(message.encoded, message.transfer_syntax == "1.2.840.10008.1.2")
                except Undeclared as error:
                    self.undeclared.append((exchange.service, str(error)))
                else:
                    self.texts.append((exchange.service, set(texts.values())))
