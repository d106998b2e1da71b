"""Variations of whoever calls, a TDD or a watcher: what their SCU and their receiver may do as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from ..profile.ups_service import SUBSCRIBE, UPS
from ..transcript.exchange import Exchange
from ..treatment.messages import item
from ..ups import FILTERED
from .calling import beside, instead, of_type
from .deviations import Variation
from .hooks import around, change_response, on_links, propose, send_in_pieces
from .performing import on_message

__all__ = ["variations"]

C_STORE_RSP, N_EVENT_REPORT_RSP = 0x8001, 0x8100
UNCOMPRESSED = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"


def variations() -> Iterator[Variation]:
    """Yield the variations of a TDD and of a watcher."""
    for actor in ("TDD", "watcher"):
        yield from _of_the_wire(actor)
    yield from _of_a_tdd()
    yield from _of_a_watcher()


def _one(actor: str, name: str, sentence: str, apply: Callable[[Any], None], source: str, **more: Any) -> Variation:
    return Variation(f"{actor.lower()}-{name}", sentence, actor, apply, source, **more)


# --- the wire -------------------------------------------------------------------------------------------------------------


def _of_the_wire(actor: str) -> Iterator[Variation]:
    def wire(name: str, sentence: str, apply: Callable[[Any], None], source: str) -> Variation:
        return _one(actor, name, sentence, apply, source)

    yield wire("pdus-unlimited", "Announces no maximum length of a PDU", partial(_maximum_length, 0), "PS3.8 D.1")
    yield wire("pdus-4-kb", "Announces a maximum length of 4 kB of a PDU", partial(_maximum_length, 4096), "PS3.8 D.1")
    yield wire("pdus-1-mb", "Announces a maximum length of 1 MB of a PDU", partial(_maximum_length, 1 << 20), "PS3.8 D.1")
    yield wire("implicit-vr-only", "Proposes Implicit VR Little Endian only", _proposes(UNCOMPRESSED[:1]), "PS3.5 10.1")  # fmt: skip
    yield wire("explicit-vr-first", "Proposes Explicit VR Little Endian before Implicit", _proposes(UNCOMPRESSED[::-1]),
               "PS3.5 10.1")  # fmt: skip
    yield wire("big-endian-too", "Proposes the retired Explicit VR Big Endian besides",
               _proposes((*UNCOMPRESSED, uid.ExplicitVRBigEndian)), "PS3.5 10.1")  # fmt: skip
    yield wire("answers-without-uids", "Names neither class nor instance in its answers to C-STORE and event reports",
               _answers_briefly, "PS3.7 9.1.1; PS3.7 10.1.1")  # fmt: skip
    yield wire("sequences-of-undefined-length", "Encodes sequences and items with undefined length", _undefined_length,
               "PS3.5 7.5")  # fmt: skip
    yield wire("in-pieces", "Sends its PDUs in many small pieces", lambda s: on_links(s, _in_pieces), "PS3.8 9.3")
    yield wire("verifies-first", "Sends a C-ECHO on an association of its own", _verifies, "PS3.4 A.4")


def _proposes(syntaxes: tuple[str, ...]) -> Callable[[Any], None]:
    return lambda simulator: propose(simulator, syntaxes)


def _maximum_length(length: int, simulator: Any) -> None:
    simulator.server.maximum_length = length
    getattr(simulator, "tdd", simulator).maximum_length = length


def _answers_briefly(simulator: Any) -> None:
    for field in (C_STORE_RSP, N_EVENT_REPORT_RSP):
        change_response(simulator, field, AffectedSOPClassUID=None, AffectedSOPInstanceUID=None)


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


def _in_pieces(link: Any) -> None:
    begun: list[Any] = []

    def begin(event: Any) -> None:
        if not begun:
            begun.append(event.assoc)
            send_in_pieces(event.assoc)

    link.add_handler(evt.EVT_DIMSE_SENT, begin)


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


def _of_a_tdd() -> Iterator[Variation]:
    one = partial(_one, "TDD")

    def final(change: Callable[[Dataset], None]) -> Callable[[Any], None]:
        return lambda tdd: on_message(tdd, "RO-64 request", change)

    yield one("uids-of-64-characters", "Has UIDs of 64 characters", _long_uids, "PS3.5 9.1")
    yield one("names-in-all-groups", "Names its operator in all component groups, in Unicode", final(_names_in_all_groups),
              "PS3.5 6.2.1; PS3.3 C.12.1.1.2")  # fmt: skip
    yield one("names-in-latin-1", "Names its operator in Latin-1", final(partial(_operator, "ISO_IR 100", "M\u00fcller^J\u00f6rg")),
              "PS3.3 C.12.1.1.2")  # fmt: skip
    yield one("times-with-fraction-and-offset", "Gives performed times with fractions of a second and an offset", final(_exact_times),
              "PS3.5 6.2")  # fmt: skip
    yield one("query-with-offsets", "Gives the range of its query with fractions and offsets", lambda tdd: on_message(
        tdd, "RO-58 request", _range_with_offsets), "PS3.4 C.2.2.2.5")  # fmt: skip
    yield one("query-from-midnight-on", "Leaves the end of the range of its query open", lambda tdd: on_message(
        tdd, "RO-58 request", _open_range), "PS3.4 C.2.2.2.5")  # fmt: skip
    yield one("more-return-keys", "Asks for more than it has to", lambda tdd: on_message(tdd, "RO-58 request", _more_keys),
              "TI RO-58")  # fmt: skip
    yield one("associations-of-their-own", "Has an association for each request", _associations, "PS3.8 7.1")
    yield one("instruction-before-the-claim", "Retrieves the delivery instruction before it claims", _instruction_first,
              "TI order of transactions")  # fmt: skip
    yield one("queries-twice", "Queries the worklist twice before it takes a workitem", _queries_twice, "TI RO-58")
    yield one("reads-the-workitem", "Reads its workitem by N-GET before it ends it", _reads, "CC.2.7")
    yield one("does-not-subscribe", "Subscribes to nothing", lambda tdd: setattr(tdd, "watch", False), "CC.2.3")  # fmt: skip
    yield one("subscribes-with-lock", "Subscribes with a deletion lock, and unsubscribes", _locks, "CC.2.3.2")  # fmt: skip
    yield one("tells-more-progress", "Tells the same progress twice, and a description", _more_progress, "TI RO-62")
    yield one("proposes-more-classes", "Proposes classes that nobody needs", _more_contexts, "PS3.8 7.1.1.13")


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


def _operator(characters: str, name: str, update: Dataset) -> None:
    if PERFORMED not in update:
        return
    update.SpecificCharacterSet = characters
    code = item(CodeValue="1", CodingSchemeDesignator="99TDD", CodeMeaning="operator")
    performer = item(HumanPerformerCodeSequence=[code], HumanPerformerName=name, HumanPerformerOrganization="Radiotherapy")
    update[PERFORMED].value[0].ActualHumanPerformersSequence = [performer]


def _names_in_all_groups(update: Dataset) -> None:
    _operator("ISO_IR 192", "Yamada^Tarou^^Dr^MD=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046", update)


def _exact_times(update: Dataset) -> None:
    for performed in update.get(PERFORMED) or ():
        for keyword in ("PerformedProcedureStepStartDateTime", "PerformedProcedureStepEndDateTime"):
            performed[keyword].value = f"{str(performed[keyword].value)[:14]}.250000+0000"


def _day(query: Dataset) -> str:
    return str(query.ScheduledProcedureStepStartDateTime)[:8]


def _range_with_offsets(query: Dataset) -> None:
    # As wide as to hold the day in the zone of any TMS.
    day = _day(query)
    query.ScheduledProcedureStepStartDateTime = f"{day}000000.000000+1400-{day}235959.999999-1200"


def _open_range(query: Dataset) -> None:
    query.ScheduledProcedureStepStartDateTime = f"{_day(query)}000000-"


def _more_keys(query: Dataset) -> None:
    query.update(item(ScheduledProcedureStepPriority="", WorklistLabel="", AdmissionID="", PatientSex="", PatientBirthDate=""))
    query.add_new(0x00091001, "LO", "")
    query.add_new(0x00090010, "LO", "TDWII VARIATION")


def _associations(tdd: Any) -> None:
    def call(original: Any, *given: Any) -> Exchange:
        exchange: Exchange = original(*given)
        tdd.tdd.close()
        return exchange

    around(tdd.tdd, "_call", call)


def _instruction_first(tdd: Any) -> None:
    kept: list[Dataset] = []
    retrieve = tdd.retrieve_dynamic

    def claim(original: Any, workitem: Any) -> None:
        kept[:] = [retrieve(workitem)]
        original(workitem)

    around(tdd, "claim", claim)
    around(tdd, "retrieve_dynamic", lambda original, workitem: kept[0])


def _queries_twice(tdd: Any) -> None:
    def find(original: Any) -> Any:
        original()
        return original()

    around(tdd, "find", find)


def _reads(tdd: Any) -> None:
    def finish(original: Any, workitem: Any, state: str) -> None:
        tdd.tdd.get(workitem.uid, ["ProcedureStepState", PERFORMED])
        original(workitem, state)

    around(tdd, "finish", finish)


def _locks(tdd: Any) -> None:
    def locked(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
        information.DeletionLock = "TRUE"
        exchange: Exchange = original(instance, kind, information)
        return exchange

    instead(tdd, "n_action", of_type(SUBSCRIBE), locked)


def _more_progress(tdd: Any) -> None:
    def progress(original: Any, transaction: str, workitem: Any, modification: Dataset) -> None:
        original(transaction, workitem, modification)
        if transaction == "RO-62":
            for entry in modification.ProcedureStepProgressInformationSequence:
                entry.ProcedureStepProgressDescription = "Beam on"
            original(transaction, workitem, modification)

    around(tdd, "set", progress)


def _more_contexts(tdd: Any) -> None:
    for role in ("TMS", "OST"):
        tdd.tdd.contexts[role] = [*tdd.tdd.contexts[role], uid.CTImageStorage, sop_class.ModalityWorklistInformationFind]


# --- a watcher ------------------------------------------------------------------------------------------------------------


def _of_a_watcher() -> Iterator[Variation]:
    one = partial(_one, "watcher")

    def subscribing(change: Callable[..., Exchange]) -> Callable[[Any], None]:
        return lambda watcher: instead(watcher, "n_action", of_type(SUBSCRIBE), change)

    yield one("without-lock", "Subscribes without a deletion lock", subscribing(_unlocked), "CC.2.3.2")
    yield one("filtered", "Subscribes with a filter, by the patient's name", subscribing(_filtered), "CC.2.3.1")  # fmt: skip
    yield one("subscribes-twice", "Subscribes twice to the same", subscribing(_twice), "CC.2.3.3")
    yield one("searches", "Queries the worklist under UPS Watch", _searches, "CC.2.8")
    yield one("reads-twice", "Reads a workitem twice", _reads_twice, "CC.2.7")


def _unlocked(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    information.DeletionLock = "FALSE"
    exchange: Exchange = original(instance, kind, information)
    return exchange


def _filtered(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    information.PatientName = "TDWII^*"
    exchange: Exchange = original(FILTERED, kind, information)
    return exchange


def _twice(original: Any, *given: Any) -> Exchange:
    original(*given)
    exchange: Exchange = original(*given)
    return exchange


def _searches(watcher: Any) -> None:
    def search() -> None:
        with watcher.connect(watcher.tms, UPS.WATCH) as link:
            link.c_find(UPS.WATCH, item(ProcedureStepState="", PatientName="", SOPInstanceUID=""))

    beside(watcher, search)


def _reads_twice(watcher: Any) -> None:
    def read(original: Any, uid: str) -> None:
        with watcher.connect(watcher.tms, UPS.WATCH) as link:
            link.n_get(uid, context=UPS.WATCH)
        original(uid)

    around(watcher, "fetch", read)
