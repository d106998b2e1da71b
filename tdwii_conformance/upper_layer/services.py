"""DIMSE services: their command fields, and what each message has to have [PS3.7 9.3, 10.3, E.1]."""

from __future__ import annotations

from pydicom.dataset import Dataset

__all__ = ["CANCEL", "PENDING", "RESPONSE", "SERVICES", "SEVERAL", "carries", "lacking"]

# Command Field (0000,0100) of requests [PS3.7 E.1]; a response has the highest bit set as well.
SERVICES = {
    0x0001: "C-STORE", 0x0010: "C-GET", 0x0020: "C-FIND", 0x0021: "C-MOVE", 0x0030: "C-ECHO",
    0x0100: "N-EVENT-REPORT", 0x0110: "N-GET", 0x0120: "N-SET", 0x0130: "N-ACTION", 0x0140: "N-CREATE",
    0x0150: "N-DELETE",
}  # fmt: skip
CANCEL = 0x0FFF  # C-CANCEL-RQ, which has no response
RESPONSE = 0x8000
SEVERAL = ("C-FIND", "C-GET", "C-MOVE")  # may have pending responses; of the others the first is the last, whatever it says
PENDING = (0xFF00, 0xFF01)

# What a request has besides Command Group Length, Command Field, Message ID and Command Data Set Type. What is a user option
# or conditional in the tables of PS3.7 9.1 and 10.1 is not among them.
NEEDED: dict[str, tuple[str, ...]] = {
    "C-STORE": ("AffectedSOPClassUID", "Priority", "AffectedSOPInstanceUID"),
    "C-FIND": ("AffectedSOPClassUID", "Priority"),
    "C-GET": ("AffectedSOPClassUID", "Priority"),
    "C-MOVE": ("AffectedSOPClassUID", "Priority", "MoveDestination"),
    "C-ECHO": ("AffectedSOPClassUID",),
    "N-EVENT-REPORT": ("AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID"),
    "N-GET": ("RequestedSOPClassUID", "RequestedSOPInstanceUID"),
    "N-SET": ("RequestedSOPClassUID", "RequestedSOPInstanceUID"),
    "N-ACTION": ("RequestedSOPClassUID", "RequestedSOPInstanceUID", "ActionTypeID"),
    "N-CREATE": ("AffectedSOPClassUID",),
    "N-DELETE": ("RequestedSOPClassUID", "RequestedSOPInstanceUID"),
}
# Whether a data set goes with a message; services that are not here leave it open.
REQUESTS = {
    "C-STORE": True, "C-FIND": True, "C-GET": True, "C-MOVE": True, "N-SET": True,
    "C-ECHO": False, "N-GET": False, "N-DELETE": False,
}  # fmt: skip
RESPONSES = {"C-STORE": False, "C-ECHO": False, "N-DELETE": False}


def lacking(service: str, command: Dataset, *, response: bool) -> list[str]:
    """Return the keywords of the elements that a message has to have and lacks.

    Parameters
    ----------
    service : str
        As `SERVICES` names it; empty for C-CANCEL.
    command : pydicom.dataset.Dataset
        Its command set; group length, Command Field and Command Data Set Type are looked at elsewhere.
    response : bool
        Whether it is a response.
    """
    if response:
        needed: tuple[str, ...] = ("MessageIDBeingRespondedTo", "Status")
    else:
        needed = ("MessageID", *NEEDED[service]) if service else ("MessageIDBeingRespondedTo",)
    return [keyword for keyword in needed if command.get(keyword) in (None, "")]


def carries(service: str, status: int | None, *, response: bool) -> bool | None:
    """Return whether a data set goes with a message; ``None`` if it may be so or so.

    Parameters
    ----------
    service : str
        As `SERVICES` names it; empty for C-CANCEL.
    status : int or None
        Of a response.
    response : bool
        Whether it is one.
    """
    if not response:
        return REQUESTS.get(service) if service else False
    if service == "C-FIND" and status in PENDING:
        return True  # the Identifier: what matches
    return RESPONSES.get(service)
