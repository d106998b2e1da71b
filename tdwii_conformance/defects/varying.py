"""Variations of whoever calls, a TDD or a watcher: what their SCU and their receiver may do as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from ..profile.ups_service import REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, UPS
from ..transcript.exchange import Exchange
from ..treatment.messages import item
from ..ups import FILTERED
from .calling import aside, beside, instead, of_type, propose_extended
from .deviations import Rows, Variation
from .hooks import around, change_response, on_links, propose, send_in_pieces
from .performing import on_message

__all__ = ["variation"]

C_STORE_RSP, C_MOVE_RSP, N_EVENT_REPORT_RSP = 0x8001, 0x8021, 0x8100
PENDING = 0xFF00
UNCOMPRESSED = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
ACTORS = ("TDD", "watcher")


def of_callers(
    name: str, sentence: str, apply: Callable[[Any], None], source: str, actors: Iterable[str] = ACTORS
) -> Iterator[Variation]:
    """Yield a variation of each of those who call; the name is without the actor."""
    for actor in actors:
        yield Variation(f"{actor.lower()}-{name}", sentence, actor, apply, source)


variation = Rows(of_callers)
of_a_tdd, of_a_watcher = (partial(variation, actors=(actor,)) for actor in ACTORS)


# --- the wire -------------------------------------------------------------------------------------------------------------


@variation("pdus-unlimited", "Announces no maximum length of a PDU", "PS3.8 D.1", given=(0,))
@variation("pdus-4-kb", "Announces a maximum length of 4 kB of a PDU", "PS3.8 D.1", given=(4096,))
@variation("pdus-1-mb", "Announces a maximum length of 1 MB of a PDU", "PS3.8 D.1", given=(1 << 20,))
def _maximum_length(length: int, simulator: Any) -> None:
    simulator.server.maximum_length = length
    getattr(simulator, "tdd", simulator).maximum_length = length


@variation("implicit-vr-only", "Proposes Implicit VR Little Endian only", "PS3.5 10.1", given=(UNCOMPRESSED[:1],))
@variation("explicit-vr-first", "Proposes Explicit VR Little Endian before Implicit", "PS3.5 10.1", given=(UNCOMPRESSED[::-1],))
@variation(
    "big-endian-too", "Proposes the retired Explicit VR Big Endian besides", "PS3.5 10.1",
    given=((*UNCOMPRESSED, uid.ExplicitVRBigEndian),),
)  # fmt: skip
def _proposes(syntaxes: tuple[str, ...], simulator: Any) -> None:
    propose(simulator, syntaxes)


@variation(
    "answers-without-uids", "Names neither class nor instance in its answers to C-STORE and event reports",
    "PS3.7 9.1.1; PS3.7 10.1.1",
)  # fmt: skip
def _answers_briefly(simulator: Any) -> None:
    for field in (C_STORE_RSP, N_EVENT_REPORT_RSP):
        change_response(simulator, field, AffectedSOPClassUID=None, AffectedSOPInstanceUID=None)


@variation("sequences-of-undefined-length", "Encodes sequences and items with undefined length", "PS3.5 7.5")
def _undefined_length(simulator: Any) -> None:
    def open_ended(link: Any) -> None:
        for method in ("n_action", "n_set", "c_find", "c_move", "c_store", "n_create"):
            around(link, method, _without_lengths)

    on_links(simulator, open_ended)


def _without_lengths(original: Any, *given: Any, **named: Any) -> Exchange:
    for dataset in given:
        for element in dataset.iterall() if isinstance(dataset, Dataset) else ():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for one in element.value or ():
                    one.is_undefined_length_sequence_item = True
    exchange: Exchange = original(*given, **named)
    return exchange


def _on_links(change: Callable[[Any], None], simulator: Any) -> None:
    on_links(simulator, change)


@variation("in-pieces", "Sends its PDUs in many small pieces", "PS3.8 9.3", through=_on_links)
def _in_pieces(link: Any) -> None:
    begun: list[Any] = []

    def begin(event: Any) -> None:
        if not begun:
            begun.append(event.assoc)
            send_in_pieces(event.assoc)

    link.add_handler(evt.EVT_DIMSE_SENT, begin)


@variation("verifies-first", "Sends a C-ECHO on an association of its own", "PS3.4 A.4")
def _verifies(simulator: Any) -> None:
    def echo() -> None:
        tdd = getattr(simulator, "tdd", None)
        if tdd is not None:
            tdd.echo("TMS")
        else:
            with simulator.connect(simulator.tms, sop_class.Verification) as link:
                link.c_echo()

    beside(simulator, echo)


# --- a TDD ----------------------------------------------------------------------------------------------------------------


@of_a_tdd("uids-of-64-characters", "Has UIDs of 64 characters", "PS3.5 9.1")
def _long_uids(tdd: Any) -> None:
    record_uids: list[str] = []

    def send(original: Any, role: str, record: Dataset) -> Any:
        record_uids[:] = [_long_uid()]
        record.SOPInstanceUID = record_uids[0]
        return original(role, record)

    def store(original: Any, *given: Any) -> Dataset | None:
        record: Dataset | None = original(*given)
        if record is not None:
            record.SOPInstanceUID = record_uids[0]  # what is referred to may be another copy of what was sent
        return record

    tdd.new_transaction_uid = _long_uid
    around(tdd.tdd, "store", send)
    around(tdd, "store", store)


def _long_uid() -> str:
    """Return a UID of 64 characters."""
    return str(generate_uid()).ljust(64, "7")


def _in_its_query(change: Callable[[Dataset], None], tdd: Any) -> None:
    on_message(tdd, "RO-58 request", change)


def _in_its_final_update(change: Callable[[Dataset], None], tdd: Any) -> None:
    on_message(tdd, "RO-64 request", change)


@of_a_tdd(
    "names-in-latin-1", "Names its operator in Latin-1", "PS3.3 C.12.1.1.2",
    given=("ISO_IR 100", "M\u00fcller^J\u00f6rg"), through=_in_its_final_update,
)  # fmt: skip
def _operator(characters: str, name: str, update: Dataset) -> None:
    if PERFORMED not in update:
        return
    update.SpecificCharacterSet = characters
    code = item(CodeValue="1", CodingSchemeDesignator="99TDD", CodeMeaning="operator")
    performer = item(HumanPerformerCodeSequence=[code], HumanPerformerName=name, HumanPerformerOrganization="Radiotherapy")
    update[PERFORMED].value[0].ActualHumanPerformersSequence = [performer]


@of_a_tdd(
    "names-in-all-groups", "Names its operator in all component groups, in Unicode", "PS3.5 6.2.1; PS3.3 C.12.1.1.2",
    through=_in_its_final_update,
)  # fmt: skip
def _names_in_all_groups(update: Dataset) -> None:
    _operator("ISO_IR 192", "Yamada^Tarou^^Dr^MD=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046", update)


@of_a_tdd(
    "times-with-fraction-and-offset", "Gives performed times with fractions of a second and an offset", "PS3.5 6.2",
    through=_in_its_final_update,
)  # fmt: skip
def _exact_times(update: Dataset) -> None:
    for performed in update.get(PERFORMED) or ():
        for keyword in ("PerformedProcedureStepStartDateTime", "PerformedProcedureStepEndDateTime"):
            performed[keyword].value = f"{str(performed[keyword].value)[:14]}.250000+0000"


def _day(query: Dataset) -> str:
    return str(query.ScheduledProcedureStepStartDateTime)[:8]


@of_a_tdd("query-with-offsets", "Gives the range of its query with fractions and offsets", "PS3.4 C.2.2.2.5", through=_in_its_query)
def _range_with_offsets(query: Dataset) -> None:
    # As wide as to hold the day in the zone of any TMS.
    day = _day(query)
    query.ScheduledProcedureStepStartDateTime = f"{day}000000.000000+1400-{day}235959.999999-1200"


@of_a_tdd("query-from-midnight-on", "Leaves the end of the range of its query open", "PS3.4 C.2.2.2.5", through=_in_its_query)
def _open_range(query: Dataset) -> None:
    query.ScheduledProcedureStepStartDateTime = f"{_day(query)}000000-"


@of_a_tdd("more-return-keys", "Asks for more than it has to", "TI RO-58", through=_in_its_query)
def _more_keys(query: Dataset) -> None:
    query.update(item(ScheduledProcedureStepPriority="", WorklistLabel="", AdmissionID="", PatientSex="", PatientBirthDate=""))
    query.add_new(0x00091001, "LO", "")
    query.add_new(0x00090010, "LO", "TDWII VARIATION")


@of_a_tdd("associations-of-their-own", "Has an association for each request", "PS3.8 7.1")
def _associations(tdd: Any) -> None:
    def call(original: Any, *given: Any) -> Exchange:
        exchange: Exchange = original(*given)
        tdd.tdd.close()
        return exchange

    around(tdd.tdd, "_call", call)


@of_a_tdd("instruction-before-the-claim", "Retrieves the delivery instruction before it claims", "TI order of transactions")
def _instruction_first(tdd: Any) -> None:
    kept: list[Dataset] = []
    retrieve = tdd.retrieve_dynamic

    def claim(original: Any, workitem: Any) -> None:
        kept[:] = [retrieve(workitem)]
        original(workitem)

    around(tdd, "claim", claim)
    around(tdd, "retrieve_dynamic", lambda original, workitem: kept[0])


@of_a_tdd("queries-twice", "Queries the worklist twice before it takes a workitem", "TI RO-58")
def _queries_twice(tdd: Any) -> None:
    def find(original: Any) -> Any:
        original()
        return original()

    around(tdd, "find", find)


@of_a_tdd("cancels-before-radiation", "Cancels before any radiation, whatever the scenario has it cancel after", "TI scenarios")
def _cancels_sooner(tdd: Any) -> None:
    def scenario(original: Any, start: str) -> Any:
        if tdd.end == "canceled-after":
            tdd.end = "canceled-before"
        return original(start)

    around(tdd, "_scenario", scenario)


@of_a_tdd("reads-the-workitem", "Reads its workitem by N-GET before it ends it", "CC.2.7")
def _reads(tdd: Any) -> None:
    def finish(original: Any, workitem: Any, state: str) -> None:
        tdd.tdd.get(workitem.uid, ["ProcedureStepState", PERFORMED])
        original(workitem, state)

    around(tdd, "finish", finish)


@of_a_tdd("moves-with-patient-id", "Names the patient's ID, with its character set, in each C-MOVE", "PS3.4 C.4.2.1.4.1")
def _moves_with_patient_id(tdd: Any) -> None:
    def retrieve(original: Any, role: str, identifier: Dataset, *given: Any) -> Any:
        identifier.update(item(PatientID="J\u00d6RG1", SpecificCharacterSet="ISO_IR 100"))
        return original(role, identifier, *given)

    around(tdd.tdd, "retrieve", retrieve)


@of_a_tdd("cancels-its-moves", "Cancels each C-MOVE when the first response is there", "PS3.4 C.4.2.2.1")
def _cancels_its_moves(tdd: Any) -> None:
    def canceling(link: Any) -> None:
        under_way: list[Callable[[], None]] = []

        def received(event: Any) -> None:
            command = event.message.command_set
            if under_way and command.get("CommandField") == C_MOVE_RSP and command.get("Status") == PENDING:
                under_way.pop()()

        link.add_handler(evt.EVT_DIMSE_RECV, received)
        around(link, "c_move", lambda original, *given: original(*given, begins=under_way.append))

    on_links(tdd, canceling)


@of_a_tdd("does-not-subscribe", "Subscribes to nothing", "CC.2.3")
def _does_not_subscribe(tdd: Any) -> None:
    tdd.watch = False


@of_a_tdd("subscribes-with-lock", "Subscribes with a deletion lock, and unsubscribes", "CC.2.3.2")
def _locks(tdd: Any) -> None:
    def locked(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
        information.DeletionLock = "TRUE"
        exchange: Exchange = original(instance, kind, information)
        return exchange

    instead(tdd, "n_action", of_type(SUBSCRIBE), locked)


@of_a_tdd("tells-more-progress", "Tells the same progress twice, and a description", "TI RO-62")
def _more_progress(tdd: Any) -> None:
    def progress(original: Any, transaction: str, workitem: Any, modification: Dataset) -> None:
        original(transaction, workitem, modification)
        if transaction == "RO-62":
            for entry in modification.ProcedureStepProgressInformationSequence:
                entry.ProcedureStepProgressDescription = "Beam on"
            original(transaction, workitem, modification)

    around(tdd, "set", progress)


@of_a_tdd("proposes-more-classes", "Proposes classes that nobody needs", "PS3.8 7.1.1.13")
def _more_contexts(tdd: Any) -> None:
    for role in ("TMS", "OST"):
        tdd.tdd.contexts[role] = [*tdd.tdd.contexts[role], uid.CTImageStorage, sop_class.ModalityWorklistInformationFind]


# --- a watcher ------------------------------------------------------------------------------------------------------------


def _subscribing(change: Callable[..., Exchange], watcher: Any) -> None:
    instead(watcher, "n_action", of_type(SUBSCRIBE), change)


@of_a_watcher("without-lock", "Subscribes without a deletion lock", "CC.2.3.2", through=_subscribing)
def _unlocked(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    information.DeletionLock = "FALSE"
    exchange: Exchange = original(instance, kind, information)
    return exchange


@of_a_watcher("filtered", "Subscribes with a filter, by the patient's name", "CC.2.3.1", through=_subscribing)
def _filtered(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    information.PatientName = "TDWII^*"
    exchange: Exchange = original(FILTERED, kind, information)
    return exchange


@of_a_watcher("subscribes-twice", "Subscribes twice to the same", "CC.2.3.3", through=_subscribing)
def _twice(original: Any, *given: Any) -> Exchange:
    original(*given)
    exchange: Exchange = original(*given)
    return exchange


@of_a_watcher(
    "unsubscribes-one-first", "Unsubscribes from a UPS, which releases its lock, before it unsubscribes from all", "CC.2.3.2"
)
def _unsubscribes_one_first(watcher: Any) -> None:
    told: list[str] = []

    def note(original: Any, kind: int, uid: str, information: Dataset) -> None:
        if information.get("ProcedureStepState"):
            told.append(uid)
        original(kind, uid, information)

    def unsubscribe(original: Any) -> None:
        for instance in told[:1]:
            watcher._ask(UNSUBSCRIBE, item(ReceivingAE=watcher.server.ae_title), instance)
        original()

    around(watcher, "_on_report", note)
    around(watcher, "unsubscribe", unsubscribe)


@of_a_watcher("searches", "Queries the worklist under UPS Watch", "CC.2.8")
def _searches(watcher: Any) -> None:
    def search() -> None:
        with watcher.connect(watcher.tms, UPS.WATCH) as link:
            link.c_find(UPS.WATCH, item(ProcedureStepState="", PatientName="", SOPInstanceUID=""))

    beside(watcher, search)


@variation("requests-a-cancel", "Requests the cancel of another UPS, with reasons by a URN and by a long code", "CC.2.2.1")
def _requests_a_cancel(simulator: Any) -> None:
    by_urn = item(URNCodeValue="urn:oid:1.2.3.4", CodeMeaning="Equipment failure")
    by_long_code = item(LongCodeValue="11050100000000001", CodingSchemeDesignator="99TDWII", CodeMeaning="Equipment failure")
    why = item(ProcedureStepDiscontinuationReasonCodeSequence=[by_urn, by_long_code])

    def cancel() -> None:
        with aside(simulator, UPS.WATCH) as link:
            link.n_action(generate_uid(), REQUEST_CANCEL, why, context=UPS.WATCH)

    beside(simulator, cancel)


@variation("names-a-character-set", "Names a character set in queries that have nothing but ASCII", "CC.2.8.1.3.1")
def _names_set(simulator: Any) -> None:
    def find(original: Any, model: str, identifier: Dataset, *more: Any, **named: Any) -> Exchange:
        identifier.SpecificCharacterSet = "ISO_IR 192"
        exchange: Exchange = original(model, identifier, *more, **named)
        return exchange

    on_links(simulator, lambda link: around(link, "c_find", find))


@variation("extended-names", "Proposes extended negotiation of names that sound alike", "PS3.4 K.5.1", given=(b"\1\1\1",))
@variation("extended-nothing", "Proposes extended negotiation, and asks for nothing by it", "PS3.4 K.5.1", given=(b"\1\1\0\0",))
@variation("extended-both", "Proposes extended negotiation of names and of time zones", "PS3.4 K.5.1", given=(b"\1\1\1\1",))
def _extended(information: bytes, simulator: Any) -> None:
    beside(simulator, partial(propose_extended, information, simulator))


@of_a_watcher("reads-twice", "Reads a workitem twice", "CC.2.7")
def _reads_twice(watcher: Any) -> None:
    def read(original: Any, uid: str) -> None:
        with watcher.connect(watcher.tms, UPS.WATCH) as link:
            link.n_get(uid, context=UPS.WATCH)
        original(uid)

    around(watcher, "fetch", read)
