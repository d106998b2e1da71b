"""What the response to any request of the UPS service has in its command set and data set [PS3.7 10.1, CC.2, CC.3.1]."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ...profile.statuses import is_failure
from ...profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, UPS
from ...profile.ups_tables import attribute_rows
from ...transcript.exchange import Exchange
from .. import status, workitem
from ..creation import done, names_what_it_made
from ..findings import Finding
from ..values import illegal_answers
from .tally import Tally

__all__ = ["judge_get", "judge_response", "proper"]

# Requirements on Affected SOP Instance UID, on Affected SOP Class UID, and on the lock; by service.
INSTANCE = {"N-GET": "CC27-TMS-020", "N-SET": "CC26-TMS-027", "N-CREATE": "CC25-TMS-008"}
CLASS = {"N-GET": "CC27-TMS-021", "N-SET": "CC26-TMS-028", "N-ACTION": "RO60-TMS-003", "N-CREATE": "CC25-TMS-009"}
LOCK = {"N-SET": ("CC26-TMS-029", "RO62-TMS-013"), "N-CREATE": ("CC25-TMS-010",)}
# Every UPS has these: the SCU gives them a value at its creation, or the SCP does.
ALWAYS = tuple(keyword for keyword, row in attribute_rows().items() if row.get == "1" and row.create in ("1", "2", "-"))
GIVEN_LATER = ("WorklistLabel", "ScheduledWorkitemCodeSequence", "CommentsOnTheScheduledProcedureStep")  # may be created empty


# Under which SOP classes a service is [CC.3.1, table CC.3.1-1].
UNDER = {
    "N-CREATE": (UPS.PUSH,), "N-SET": (UPS.PULL,), "N-GET": (UPS.PUSH, UPS.PULL, UPS.WATCH),
    "C-FIND": (UPS.PULL, UPS.WATCH, UPS.QUERY),
}  # fmt: skip
ACTIONS = {CHANGE_STATE: (UPS.PULL,), REQUEST_CANCEL: (UPS.PUSH, UPS.WATCH)}


def proper(exchange: Exchange) -> bool:
    """Whether a request is one of its SOP class, and names the class of the instance: one that is not may be refused for that."""
    under = UNDER.get(exchange.service, UPS.ALL)
    if exchange.service == "N-ACTION":
        under = ACTIONS.get(int(exchange.request.command.get("ActionTypeID") or 0), UPS.ALL)
    command = exchange.request.command
    named = str(command.get("RequestedSOPClassUID") or command.get("AffectedSOPClassUID") or "")
    right = exchange.abstract_syntax if exchange.service == "C-FIND" else UPS.PUSH
    return exchange.abstract_syntax in under and named in ("", right)


def judge_response(exchange: Exchange, tally: Tally) -> None:
    """Judge the UIDs of a response, and that it does not hold the lock.

    Parameters
    ----------
    exchange : Exchange
        Of a DIMSE-N service of UPS.
    tally : Tally
        Takes what is found.
    """
    service = exchange.service
    if service not in CLASS or exchange.failure or not exchange.responses:
        return
    ended = _asked_state(exchange) in ("COMPLETED", "CANCELED")
    instance = INSTANCE.get(service, "RO65-TMS-014" if ended else "RO60-TMS-002")
    if exchange.instance_uid:
        tally.add((instance,), status.no_foreign_uid(exchange, "AffectedSOPInstanceUID", exchange.instance_uid), exchange)
    elif service == "N-CREATE" and done(exchange):
        tally.add(("CC25-TMS-042",), names_what_it_made(exchange), exchange)
    if proper(exchange):  # else it says what it was asked
        tally.add((CLASS[service], "CC31-TMS-006"), status.no_foreign_uid(exchange, "AffectedSOPClassUID", UPS.PUSH), exchange)
    if service == "N-ACTION":
        tally.add(("CC31-TMS-011",), status.no_other_action(exchange), exchange)
    if service != "N-GET":
        ids = LOCK.get(service, ("RO65-TMS-015",) if ended else ("RO60-TMS-013",))
        tally.add(ids, status.no_transaction_uid([exchange]), exchange)


def _asked_state(exchange: Exchange) -> str:
    asked = exchange.request.dataset
    kind = exchange.request.command.get("ActionTypeID")
    return str(asked.get("ProcedureStepState") or "") if asked is not None and kind == CHANGE_STATE else ""


def judge_get(exchange: Exchange, asked: Sequence[str], tally: Tally) -> None:
    """Judge what an N-GET brought, by what was asked for.

    Parameters
    ----------
    exchange : Exchange
        The N-GET, answered with success or a warning.
    asked : sequence of str
        Keywords; empty: everything.
    tally : Tally
        Takes what is found.
    """
    data = exchange.dataset
    ended = data is not None and data.get("ProcedureStepState") in ("COMPLETED", "CANCELED")
    tally.add(("CC27-TMS-014",) if ended else ("CC27-TMS-005", "RO60-TMS-014"), status.no_transaction_uid([exchange]), exchange)
    found = workitem.got(exchange)
    rows = [attribute_rows().get(keyword) for keyword in asked]
    if asked and data is None and not any(row is not None and row.get in ("1", "2") and row.create != "1C" for row in rows):
        return  # nothing that every UPS has was asked for
    if asked and data is None and exchange.response is not None and not exchange.response.undecodable and exchange.status == 0:
        data = Dataset()  # it shows none of what was asked for
    elif found:
        tally.add(("CC27-TMS-012",), found, exchange)
        return
    if data is None or is_failure(exchange.status):
        return
    tally.add(("CC27-TMS-023",), illegal_answers(exchange), exchange)
    if asked:
        others = workitem.only_requested(exchange, asked) if exchange.dataset is not None else []
        tally.add(("CC27-TMS-003", "RO60-TMS-019"), others, exchange)
    for keyword in asked or ALWAYS:
        row = attribute_rows().get(keyword)
        if row is None or row.get not in ("1", "2") or keyword in ("TransactionUID", "SpecificCharacterSet"):
            continue
        ids = ("CC27-TMS-001",) if asked else ("CC27-TMS-004",)
        if keyword not in data:
            # Type 2 that the UPS does not have may be said to be unsupported [CC.2.7.4].
            if row.get == "2" and (not asked or exchange.status != 0):
                continue
            if row.get == "2":
                ids = ("CC27-TMS-002",) if row.create not in ("1", "2") else ("CC27-TMS-001",)
            if row.create == "3":
                continue
            # What a UPS need not have been given is left out by many, and does no harm.
            harmless = ids == ("CC27-TMS-002",)
            finding = Finding("present", "attribute absent", keyword, weight="warning" if harmless else "fault")
            tally.add(ids, [finding], exchange)
        elif row.get == "1" and data[keyword].is_empty and row.create != "3" and keyword not in GIVEN_LATER:
            tally.add(ids, [Finding("present with a value", "present without a value", keyword)], exchange)
        else:
            tally.add(ids)
    needs = any(_beyond_ascii(element) for element in data.iterall())
    if not asked or needs or "SpecificCharacterSet" in data:
        named = bool(data.get("SpecificCharacterSet"))
        lacking = Finding("Specific Character Set with a value", "absent or empty, with text beyond ASCII")
        tally.add(("CC27-TMS-009",), [lacking] if needs and not named else [], exchange)


def _beyond_ascii(element: DataElement) -> bool:
    return element.VR in ("LO", "SH", "PN", "ST", "LT", "UT", "UC") and not str(element.value).isascii()
