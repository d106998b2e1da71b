"""Command sets are encoded as pydicom encodes them, and messages leave as pynetdicom's own sender has them leave."""

from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import dimse_messages, evt
from pynetdicom.dimse import _RQ_TO_MESSAGE, _RSP_TO_MESSAGE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import UnifiedProcedureStepPull, Verification

from tdwii_conformance.dimse import Server, connect, sending
from tdwii_conformance.dimse.command_sets import command_bytes, primitive_bytes, set_group_length

VALUES = {
    "US": [None, 0, 0xC307, [1, 2]], "UL": [None, 0, 4711], "UI": [None, "1.2.3", "1.2.34", "1.2.840.10008.5.1.4.34.6.1"],
    "LO": [None, "", "refused", "refused.", "déjà"], "AE": [None, "TMS", "UPSSCP"], "AT": [None, 0x00741000, [0x00741000, 0x00100010]],
}  # fmt: skip
MESSAGES = sorted(
    (kind for kind in vars(dimse_messages).values() if isinstance(kind, type) and kind.__mro__[1] is dimse_messages.DIMSEMessage),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_element_is_encoded_as_by_pydicom(kind):
    for number in range(5):
        command = kind().command_set
        for element in command:
            values = VALUES[element.VR]
            element.value = values[number % len(values)]
        assert command_bytes(command) == encode(command, True, True), command


def test_what_is_unusual_in_a_command_set_is_left_to_pydicom():
    command = Dataset()
    command.CommandGroupLength = 0
    command.add_new(Tag(0x0000, 0x5010), "SH", "retired")
    assert command_bytes(command) == encode(command, True, True)


def test_what_cannot_be_encoded_is_an_error_that_says_so():
    command = Dataset()
    command.add_new(Tag(0x0000, 0x0900), "US", 0)
    command[0x00000900]._value = 70000
    with pytest.raises(ValueError, match="cannot be encoded"):
        command_bytes(command)


def test_the_group_length_is_that_of_what_follows():
    command = Dataset()
    command.AffectedSOPClassUID, command.CommandField, command.MessageID, command.CommandDataSetType = (
        "1.2.840.10008.1.1",
        0x30,
        7,
        0x101,
    )
    set_group_length(command)
    assert command.CommandGroupLength == (8 + 18) + 3 * (8 + 2)  # header and value of each [PS3.5 7.1.3], the UID padded


class Sent(list):
    """Takes the place of the provider's thread."""

    def send_pdu(self, primitive):
        self.append([tuple(one) for one in primitive.presentation_data_value_list])


class Provider:
    """What a sender uses of an association and its DIMSE provider."""

    def __init__(self, most):
        self.maximum_pdu_size, self.dul, self.dimse, self.handlers = most, Sent(), self, []

    def get_handlers(self, event):
        return self.handlers


def filled(kind, number):
    """Return a primitive of pynetdicom, a request or a response, with values in all that it has."""
    primitive = kind()
    usual = {
        "AffectedSOPClassUID": "1.2.840.10008.5.1.4.34.6.1", "AffectedSOPInstanceUID": "1.2.3",
        "RequestedSOPClassUID": "1.2.840.10008.5.1.4.34.6.1", "RequestedSOPInstanceUID": "1.2.34", "ErrorComment": "refused",
        "OffendingElement": [Tag(0x00741000), Tag(0x00080018)], "ErrorID": 5, "ActionTypeID": 3, "EventTypeID": 1, "Priority": 2,
        "AttributeIdentifierList": [Tag(0x00741000)], "MoveDestination": "TDD", "MoveOriginatorMessageID": 9,
        "MoveOriginatorApplicationEntityTitle": "TDD", "NumberOfRemainingSuboperations": 0, "NumberOfCompletedSuboperations": 7,
        "NumberOfFailedSuboperations": 1, "NumberOfWarningSuboperations": 300,
    }  # fmt: skip
    unusual = {"ErrorComment": "back\\slash", "AttributeIdentifierList": [Tag(0x00741000), Tag(0x00100010)], "Priority": 0}
    for keyword, value in {0: {}, 1: usual, 2: usual | unusual}[number].items():
        if hasattr(primitive, keyword):
            setattr(primitive, keyword, value)
    return primitive


@pytest.mark.parametrize("looked_at", [False, True], ids=["quick", "looked at"])
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("most", [0, 20, 128, 16382])
@pytest.mark.parametrize("kinds", [_RQ_TO_MESSAGE, _RSP_TO_MESSAGE], ids=["requests", "responses"])
def test_messages_leave_in_the_fragments_of_pynetdicom(kinds, most, number, looked_at, monkeypatch):
    monkeypatch.setattr(sending.evt, "trigger", lambda *given: None)
    for kind, message_kind in kinds.items():
        primitive = filled(kind, number)
        if kinds is _RQ_TO_MESSAGE:
            primitive.MessageID = 7
        else:
            primitive.MessageIDBeingRespondedTo, primitive.Status = 7, 0xC307
        for keyword in ("DataSet", "Identifier", "ModificationList", "AttributeList", "EventInformation", "ActionInformation"):
            if hasattr(primitive, keyword):
                setattr(primitive, keyword, BytesIO(bytes(range(200))))
        plain = message_kind()
        plain.primitive_to_message(primitive)
        expected = [[tuple(one) for one in pdv.presentation_data_value_list] for pdv in plain.encode_msg(3, most)]
        ours = Provider(most)
        ours.handlers += [(print, None)] * looked_at
        sending.Sender(ours)
        ours.send_msg(primitive, 3)
        assert ours.dul == expected, kind


@pytest.mark.parametrize("kinds", [_RQ_TO_MESSAGE, _RSP_TO_MESSAGE], ids=["requests", "responses"])
def test_usual_messages_need_no_data_set_of_pydicom(kinds):
    for kind in kinds:
        primitive = filled(kind, 1)
        primitive.MessageIDBeingRespondedTo = None if kinds is _RQ_TO_MESSAGE else 7
        primitive.MessageID = 7
        assert primitive_bytes(primitive) is not None, kind


def test_a_handler_of_the_sent_message_still_decides_what_leaves():
    seen = []

    def change(event):
        if event.message.command_set.CommandField == 0x8030:
            event.message.command_set.Status = 0x0122
            seen.append(event.message.command_set.CommandGroupLength)

    with (
        Server(
            "TMS", [UnifiedProcedureStepPull, Verification], [(evt.EVT_C_ECHO, lambda event: 0), (evt.EVT_DIMSE_SENT, change)]
        ) as server,
        connect(server.peer, [Verification], calling="TDD") as link,
    ):
        exchange = link.c_echo()
    assert exchange.status == 0x0122
    assert seen == [26 + 4 * 10]  # class UID; command field, message ID responded to, data set type and status
