"""The simulated Treatment Delivery Device: takes one workitem from the worklist and performs it, RO-58 to RO-65."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..dimse import TLS, DimseError, Peer, Timeouts
from ..profile.ups_service import CANCEL_REQUESTED, SUBSCRIBE, UNSUBSCRIBE, UPS
from ..scu.receiver import Receiver
from ..scu.tdd import TDD
from ..scu.treatment_session import PLANS, RECORDS, ScheduledWorkitem
from ..transcript.answers import answered, said
from ..transcript.exchange import Exchange, Transcript
from ..treatment import objects
from ..treatment.messages import Code, Reference, item, worklist_query
from ..treatment.prescription import PlanError, beams_of
from ..treatment.scenarios import SCENARIOS, Scenario
from .simulator import Simulator

__all__ = ["CannotTreat", "End", "NothingScheduled", "TDDSimulator"]

logger = logging.getLogger(__name__)

End = Literal["completed", "canceled-after", "canceled-before"]
TRIED_AGAIN_AFTER = 30.0  # seconds after which a workitem that could not be treated is tried again


class CannotTreat(RuntimeError):
    """The treatment cannot go on; the message says at which transaction, and why."""


class NothingScheduled(CannotTreat):
    """There is nothing to treat."""


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Say of what cannot be delivered why."""
    try:
        yield
    except PlanError as error:
        raise CannotTreat(f"{what} cannot be delivered: {error}") from error


def _check(transaction: str, exchange: Exchange) -> Exchange:
    if exchange.failure or exchange.status is None:
        raise CannotTreat(f"{transaction}: {exchange.failure or 'no status'}")
    if answered(exchange) not in ("done", "warning"):
        raise CannotTreat(f"{transaction}: refused with status {said(exchange)}")
    return exchange


class TDDSimulator(Simulator):
    """A simulated TDD. A context manager; `perform` does one treatment. Each step is a method of its own.

    Parameters
    ----------
    tms, ost : Peer
        The TMS and the OST; inputs are retrieved from the one that the workitem names.
    ae_title : str
        Its AE title: calling AE title, and move destination.
    host, port : str, int
        Where it listens for what is moved to it; port 0 takes a free one.
    station : Code
        Its Scheduled Station Name Code.
    end : {"completed", "canceled-after", "canceled-before"}
        How the treatment ends: canceled after radiation, or before any.
    edition : {"ti", "2013"}
        Edition of TDW-II, which says where the beam number of a progress update goes.
    watch : bool
        Whether it subscribes to the workitem once claimed, and cancels when somebody requests that.
    pace : float
        How long each part of the delivery takes, in seconds. A request to cancel ends it at once.
    tell : callable
        Called with one sentence for each step.
    tls : TLS, optional
        To listen with TLS.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets its exchanges.
    patience : float
        How long others may take, at its end, to release their associations, in seconds.
    """

    actor = "TDD"

    def __init__(
        self,
        tms: Peer,
        ost: Peer,
        ae_title: str = "TDD",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        station: Code,
        end: End = "completed",
        edition: str = "ti",
        watch: bool = False,
        pace: float = 0.0,
        tell: Callable[[str], object] = lambda sentence: None,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        patience: float = 0.0,
    ) -> None:
        self.tms, self.ost, self.station, self.edition, self.watch = tms, ost, station, edition, watch
        self.end: End = end
        self.pace = pace
        self.tell = tell
        self.receiver = Receiver(
            ae_title, host=host, port=port, tls=tls, timeouts=timeouts, transcript=transcript, patience=patience
        )
        self._server = self.receiver.server
        self.tdd = TDD(tms, ost, calling=ae_title, timeouts=timeouts, transcript=transcript, receiver=self.receiver)
        self.transaction_uid = ""
        self.began = datetime.now()
        self._not_before: dict[str, float] = {}  # workitems that could not be treated, and when they may be tried again

    def call_itself(self, name: str) -> None:
        """Set its Implementation Version Name, also for the associations it requests."""
        super().call_itself(name)
        self.tdd.implementation_version_name = name

    def stop(self) -> None:
        """End all associations, and stop listening."""
        self.tdd.close()
        super().stop()

    # --- the treatment ----------------------------------------------------------------------------------------------

    def perform(self) -> None:
        """Find a workitem and perform it, over associations of its own.

        Raises
        ------
        CannotTreat
            When the treatment had to be given up. What had been claimed has been canceled, as far as the TMS let it.
        DimseError
            If there is no association.
        """
        try:
            self.treat()
        except (CannotTreat, DimseError):
            raise
        except Exception as error:
            logger.debug("a treatment ended by an error", exc_info=True)
            raise CannotTreat(f"the worklist's answer cannot be used: {type(error).__name__}: {error}") from error
        finally:
            self.tdd.close()

    def treat(self) -> None:
        """Find a workitem and perform it; raises as `perform` does."""
        found = self.find()
        uid = str(found.get("SOPInstanceUID"))
        try:
            self._treat(found)
        except (CannotTreat, DimseError):
            self._not_before[uid] = time.monotonic() + TRIED_AGAIN_AFTER
            raise
        except Exception as error:
            self._not_before[uid] = time.monotonic() + TRIED_AGAIN_AFTER
            logger.debug("the treatment of %s ended by an error", uid, exc_info=True)
            raise CannotTreat(f"{uid} cannot be treated: {type(error).__name__}: {error}") from error

    def _treat(self, found: Dataset) -> None:
        workitem = ScheduledWorkitem.of_response(found, self.station, self.tms.ae_title, self.ost.ae_title, self.edition)
        plan = self.retrieve_static(workitem)
        with _refusing(f"the plan of {workitem.uid}"):
            beams_of(plan)
        self.claim(workitem)
        try:
            self.subscribe(workitem)
            instruction = self.retrieve_dynamic(workitem)
            treatment = objects.Treatment(plan, instruction, None, workitem.start_type, fractions=workitem.fractions_planned)
            with _refusing(f"plan and delivery instruction of {workitem.uid}"):
                _ = treatment.prescription
            scenario = self.deliver(workitem, treatment)
            record = self.store(workitem, treatment, scenario)
            self.final_update(workitem, scenario, record)
        except Exception as fault:
            self.give_up(workitem, fault)
            raise
        self.finish(workitem, scenario.state)

    def query(self) -> Dataset:
        """Return the identifier of RO-58: what is scheduled here today."""
        today = datetime.now()
        return worklist_query(
            station=self.station.value, scheme=self.station.scheme, start=f"{today:%Y%m%d}000000-{today:%Y%m%d}235959"
        )

    def find(self) -> Dataset:
        """RO-58: return the first match, of those that have not just turned out not to be treatable."""
        exchange = _check("RO-58", self.tdd.query(self.query()))
        if not exchange.identifiers:
            raise NothingScheduled(f"RO-58: nothing is scheduled for station {self.station.value} today")
        now = time.monotonic()
        waiting = [one for one in exchange.identifiers if self._not_before.get(str(one.get("SOPInstanceUID")), 0.0) <= now]
        if not waiting:
            raise NothingScheduled(
                f"RO-58: nothing is scheduled for station {self.station.value} today but what cannot be treated,"
                f" which is tried again every {TRIED_AGAIN_AFTER:g} s"
            )
        found = waiting[0]
        self.tell(f"RO-58: {len(exchange.identifiers)} workitem(s) found; {found.get('PatientName')} is treated")
        return found

    def _retrieve(self, transaction: str, wanted: list[Reference]) -> list[Dataset]:
        received: list[Dataset] = []
        for one in wanted:
            retrieval = self.tdd.retrieve_references(self.source(one), [one])
            _check(transaction, retrieval.move)
            came = [store.request.dataset for store in retrieval.stores if store.instance_uid == one.instance]
            if not came or came[0] is None:
                raise CannotTreat(f"{transaction}: {one.instance} did not come from {one.ae_title}")
            received.append(came[0])
            self.tell(f"{transaction}: {one.instance} retrieved from {one.ae_title}")
        return received

    def source(self, reference: Reference) -> str:
        """Return who holds an input: ``"TMS"`` or ``"OST"``, by the AE title that the workitem names."""
        for role, peer in (("OST", self.ost), ("TMS", self.tms)):
            if reference.ae_title == peer.ae_title:
                return role
        raise CannotTreat(f"Retrieve AE Title {reference.ae_title!r} is not known here")

    def retrieve_static(self, workitem: ScheduledWorkitem) -> Dataset:
        """RO-59: retrieve the plan, and the records of an interrupted session; return the plan."""
        plans = workitem.of_class(*PLANS)
        if not plans:
            raise CannotTreat("RO-59: the workitem names no RT Plan or RT Ion Plan")
        records = workitem.of_class(*RECORDS) if workitem.start_type == "CONTINUATION" else []
        return self._retrieve("RO-59", [plans[0], *records])[0]

    def claim(self, workitem: ScheduledWorkitem) -> None:
        """RO-60."""
        self.transaction_uid = self.new_transaction_uid()
        self.began = datetime.now()
        _check("RO-60", self.tdd.claim(workitem.uid, self.transaction_uid))
        self.tell("RO-60: claimed")

    def subscribe(self, workitem: ScheduledWorkitem) -> None:
        """Subscribe to the workitem, if that is wanted; a TMS that does not want it does not keep us from treating."""
        if self.watch:
            information = item(ReceivingAE=self.tdd.calling, DeletionLock="FALSE")
            exchange = self.tdd.action(workitem.uid, SUBSCRIBE, information, context=UPS.WATCH)
            self.tell("subscribed" if exchange.status == 0 else f"not subscribed: {said(exchange)}")

    def unsubscribe(self, workitem: ScheduledWorkitem) -> None:
        """Unsubscribe from the workitem, if it was subscribed to."""
        if self.watch:
            self.tdd.action(workitem.uid, UNSUBSCRIBE, item(ReceivingAE=self.tdd.calling), context=UPS.WATCH)

    def new_transaction_uid(self) -> str:
        """Return the Transaction UID of a claim."""
        return str(generate_uid())

    def retrieve_dynamic(self, workitem: ScheduledWorkitem) -> Dataset:
        """RO-61: retrieve the delivery instruction."""
        if not workitem.instructions:
            raise CannotTreat("RO-61: the workitem names no RT Beams Delivery Instruction")
        return self._retrieve("RO-61", workitem.instructions[:1])[0]

    def deliver(self, workitem: ScheduledWorkitem, treatment: objects.Treatment) -> Scenario:
        """RO-62: deliver, and tell the progress; return what became of it."""
        scenario = self._scenario(workitem.start_type)
        done: list[int] = []
        for progress in scenario.progress:
            if self.cancel_requested(workitem):
                self.tell("cancel requested: the treatment is canceled")
                return Scenario(scenario.start, "CANCELED", tuple(done), done[-1] if done else 0)
            beam = treatment.prescription.beam_at(progress)
            self.set("RO-62", workitem, objects.progress_update(progress, beam, edition=self.edition))
            self.tell(f"RO-62: {progress} %, beam {beam}")
            done.append(progress)
        return scenario

    def _scenario(self, start: str) -> Scenario:
        named = {"completed": 0, "canceled-after": 1, "canceled-before": 2}[self.end]
        return [scenario for scenario in SCENARIOS if scenario.start == start][named]

    def cancel_requested(self, workitem: ScheduledWorkitem) -> bool:
        """Whether an event report asks to cancel the workitem, while a part of it is delivered."""

        def asks(report: Exchange) -> bool:
            return report.request.command.get("EventTypeID") == CANCEL_REQUESTED and report.instance_uid == workitem.uid

        return self.receiver.wait_for(asks, self.tdd.calling, 0, self.pace) is not None

    def set(self, transaction: str, workitem: ScheduledWorkitem, modification: Dataset) -> None:
        """N-SET with the lock."""
        modification.TransactionUID = self.transaction_uid
        _check(transaction, self.tdd.set(workitem.uid, modification))

    def store(self, workitem: ScheduledWorkitem, treatment: objects.Treatment, scenario: Scenario) -> Dataset | None:
        """RO-63: store the record of what was delivered."""
        if not scenario.delivered:
            return None
        record = objects.record(treatment, interrupted=scenario.state == "CANCELED", at=self.began)
        _check("RO-63", self.tdd.store("OST", record))
        self.tell(f"RO-63: record {record.SOPInstanceUID} stored")
        return record

    def final_update(self, workitem: ScheduledWorkitem, scenario: Scenario, record: Dataset | None) -> None:
        """RO-64."""
        self.set("RO-64", workitem, self.final_data_set(workitem, scenario, record))
        self.tell(f"RO-64: {scenario.final_progress} %, {'with' if record is not None else 'without'} a record")

    def final_data_set(self, workitem: ScheduledWorkitem, scenario: Scenario, record: Dataset | None) -> Dataset:
        """Return the modification list of RO-64."""
        return objects.final_update(
            progress=scenario.final_progress,
            station=self.station,
            start=self.began,
            end=max(datetime.now(), self.began + timedelta(seconds=1)),
            records=[record] if record is not None else [],
            ost=self.ost.ae_title,
            canceled=scenario.state == "CANCELED",
        )

    def finish(self, workitem: ScheduledWorkitem, state: str) -> None:
        """RO-65."""
        _check("RO-65", self.tdd.change_state(workitem.uid, state, self.transaction_uid))
        self.tell(f"RO-65: {state}")
        self.unsubscribe(workitem)

    def give_up(self, workitem: ScheduledWorkitem, fault: Exception) -> None:
        """Cancel what has been claimed, as far as the TMS lets us."""
        self.tell(f"{fault}; the workitem is canceled")
        scenario = SCENARIOS[2]
        update = self.final_data_set(workitem, scenario, None)
        update.TransactionUID = self.transaction_uid
        self.tdd.set(workitem.uid, update)
        self.tdd.change_state(workitem.uid, scenario.state, self.transaction_uid)
        self.unsubscribe(workitem)
