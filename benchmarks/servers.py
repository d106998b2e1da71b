"""The servers that are measured, each run in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt, sop_class

from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item, worklist_query

PUSH, PULL = UPS.PUSH, UPS.PULL
CONTEXTS = (sop_class.Verification, PUSH, PULL)
STATION = Code("FX1", "99X", "FX1")
RESPONSES = 500


def workitem() -> Dataset:
    """Return the attributes of a workitem."""
    treatment = objects.new_treatment()
    return objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime.now())


def plain_server(ready: Any, stop: Any) -> None:
    """Serve with pynetdicom as shipped and trivial handlers."""
    match = worklist_query(station="FX1", start="20260101")

    def find(event: Any) -> Iterator[tuple[int, Dataset]]:
        for _ in range(RESPONSES):
            yield 0xFF00, match

    entity = AE("TMS")
    for context in CONTEXTS:
        entity.add_supported_context(context)
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_C_ECHO, lambda event: 0),
            (evt.EVT_C_FIND, find),
            (evt.EVT_N_CREATE, lambda event: (0, None)),
            (evt.EVT_N_SET, lambda event: (0, None)),
            (evt.EVT_N_GET, lambda event: (0, item(ProcedureStepState="SCHEDULED"))),
            (evt.EVT_N_ACTION, lambda event: (0, None)),
        ],
    )
    ready.send(server.server_address[1])
    stop.wait()
    server.shutdown()


def watching_tms(ready: Any, stop: Any, receivers: dict[str, Peer]) -> None:
    """Serve with the simulated TMS, for receivers of event reports."""
    with TMS(destinations=receivers) as tms:
        ready.send(tms.peer.port)
        stop.wait()


def tms_server(ready: Any, stop: Any, workitems: int) -> None:
    """Serve with the simulated TMS and a worklist."""
    with TMS() as tms:
        alike = workitem()
        for number in range(workitems):
            attributes = Dataset(alike)
            attributes.PatientID = f"TDWII-{number}"
            tms.worklist.create(generate_uid(), attributes)
        ready.send(tms.peer.port)
        stop.wait()
