"""A busy day at a table, recorded: our TDD, scheduler and watchers work with a TMS and an OST through the proxy, in parts.

The callers conform; what they ask for and must not get is what happens in practice: a workitem that another has claimed, that has
ended, that is not there, a lock that is out of date.
"""

from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from datetime import datetime, timedelta

from pydicom.uid import generate_uid
from recorded_table import STATION, TIMEOUTS, Writing

from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile.ups_service import FILTERED, GLOBAL, UPS
from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem, TreatmentSession
from tdwii_conformance.scu.watcher import Watcher
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import creation, modification, objects
from tdwii_conformance.treatment.messages import code_item, item, move_identifier
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.witness.proxy import Listener, Proxy
from tests.ports import free_port

PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
STATE = "ProcedureStepState"
LABEL = (STATE, "ProcedureStepLabel", PROGRESS, PERFORMED)
DAY = datetime.now().replace(hour=12, minute=0, second=0, microsecond=0)
KEYS = [keyword for keyword, row in attribute_rows().items() if row.match in ("R", "U") and keyword != STATE]
SECOND = timedelta(seconds=1)


class Table:
    """Everybody who takes part."""

    def __init__(self, tdd, other, receiver, watcher, second, tms, ost):
        self.tdd, self.other, self.receiver, self.watcher, self.second = tdd, other, receiver, watcher, second
        self.tms, self.ost = tms, ost

    def attributes(self, start="TREATMENT", treatment=None, **changes):
        treatment = treatment or objects.new_treatment(start)
        made = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=DAY)
        made.update(item(**changes))
        return made

    def create(self, attributes=None, uid=None):
        uid = uid or generate_uid()
        self.tdd.create(uid, deepcopy(attributes if attributes is not None else self.attributes()))
        return uid

    def treatment(self, start="TREATMENT", modality="photon"):
        """Give TMS and OST a treatment, as their users do; return its session."""
        treatment = objects.new_treatment(start, modality=modality)
        for instance in filter(None, (treatment.plan, treatment.previous_record)):
            self.tdd.store("OST", instance)
        self.tdd.store("TMS", treatment.instruction)
        attributes = self.attributes(treatment=treatment)
        uid = self.create(attributes)
        attributes.SOPInstanceUID = uid
        workitem = ScheduledWorkitem.of_response(attributes, STATION, "TMS", "OST", "ti").with_objects([treatment])
        return TreatmentSession(self.tdd, workitem, "OST")


@contextmanager
def busy_table(path, prepare=lambda *systems: None):
    """TMS and OST, and those who work with them, through the proxy."""
    destinations = {}
    with ExitStack() as stack:
        tms = TMS("TMS", destinations=destinations, timeouts=TIMEOUTS)
        ost = OST("OST", destinations=destinations, timeouts=TIMEOUTS)
        prepare(tms, ost)  # before they start: what deviates on a connection is handed to the server then
        stack.enter_context(tms), stack.enter_context(ost)
        at = free_port()
        behind = [Listener(0, "TMS", "127.0.0.1", tms.peer.port), Listener(0, "OST", "127.0.0.1", ost.peer.port)]
        proxy = stack.enter_context(Proxy([*behind, Listener(0, "TDD", "127.0.0.1", at)], [Writing(path)]))
        peers = [Peer(name, "127.0.0.1", port) for name, port in zip(("TMS", "OST", "TDD"), proxy.ports, strict=True)]
        for title in ("TDD", "WATCHER", "SECOND"):
            destinations[title] = Peer(title, "127.0.0.1", proxy.ports[2])
        receiver = stack.enter_context(Receiver("TDD", port=at, timeouts=TIMEOUTS))
        people = [
            stack.enter_context(TDD(*peers[:2], calling=title, timeouts=TIMEOUTS, receiver=receiver))
            for title in ("TDD", "OTHER", "WATCHER", "SECOND")
        ]
        watchers = [Watcher(people[2], receiver, "WATCHER", 3), Watcher(people[3], receiver, "SECOND", 3)]
        yield Table(people[0], people[1], receiver, *watchers, tms, ost)


def _echo(tdd):
    for role in ("TMS", "OST"):
        with suppress(Exception):  # who refuses Verification may have the rest
            tdd.echo(role)


def treating(table):
    """A treatment of each end, with a look at the workitem after each step; one is a continuation, one with ions."""
    tdd = table.tdd
    _echo(tdd)
    for scenario, modality in ((SCENARIOS[0], "photon"), (SCENARIOS[4], "ion"), (SCENARIOS[2], "photon")):
        session = table.treatment(scenario.start, modality)
        workitem = session.workitem
        tdd.query(workitem.query())
        tdd.retrieve_references("OST", [*workitem.plans, *workitem.records])
        session.get()
        session.claim()
        session.get()
        tdd.query(workitem.query(state="IN PROGRESS"))
        tdd.query(workitem.query())
        tdd.retrieve_references("TMS", workitem.instructions)
        for progress in scenario.progress:
            session.update(progress)
            session.get()
        session.plan(scenario)
        if session.record is not None:
            tdd.store("OST", session.record)
            tdd.retrieve("OST", move_identifier(session.record.StudyInstanceUID, session.record.SeriesInstanceUID,
                                                [session.record.SOPInstanceUID]))  # fmt: skip
        session.final_update()
        session.get()
        session.finish()
        session.get()
        tdd.query(workitem.query(state=scenario.state))
        tdd.query(workitem.query(state="IN PROGRESS"))
    _echo(tdd)


def asking(table):
    """What a TDD may ask otherwise on its worklist."""
    tdd = table.tdd
    first, second = table.treatment().workitem, table.treatment("CONTINUATION").workitem
    elsewhere = table.create(table.attributes(ScheduledStationNameCodeSequence=[code_item("TDD2", "99TDWII", "Linac 2")]))
    table.create(table.attributes(ScheduledWorkitemCodeSequence=[code_item("121727", "DCM", "External")]))
    table.create(table.attributes(PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 100"))
    start = first.start
    for changes in (
        {}, {"SOPInstanceUID": second.uid}, {"PatientID": first.facts["patient_id"]}, {"PatientID": None, "PatientName": None},
        {"scheme": None}, {"station": "TDD2"}, {"station": "TDD9"}, {"state": "COMPLETED"}, {"workitem": "121727"},
        {"start": f"{start:%Y%m%d%H%M%S}-"}, {"start": f"-{start:%Y%m%d%H%M%S}"}, {"start": f"{start + SECOND:%Y%m%d%H%M%S}-"},
        {"start": f"-{start - SECOND:%Y%m%d%H%M%S}"}, {"PatientID": "NOBODY"}, {"InputInformationSequence": [item()]},
        {"start": first.days(1)}, {"start": first.days(-1)}, {"SpecificCharacterSet": "ISO_IR 100"},
    ):  # fmt: skip
        tdd.query(first.query(**changes))
    station = code_item(STATION.value, None, "Another Meaning")
    tdd.query(first.query(ScheduledStationNameCodeSequence=[station]))
    tdd.get(elsewhere)


def _events(table, uid, lock):
    """Everything that can be asked of a workitem, whatever its state; what would take it further is last or left out."""
    tdd, other = table.tdd, table.other
    for state in ("SCHEDULED", "COMPLETED", "CANCELED", "IN PROGRESS"):
        for given in (lock, generate_uid(), None):
            if lock is None and given is not None and state == "IN PROGRESS":
                continue
            if given is not None and given == lock and state in ("COMPLETED", "CANCELED") and table.goes_on:
                continue
            if state == "SCHEDULED" and given is not lock:
                continue
            other.change_state(uid, state, given)
            tdd.get(uid, LABEL)
    for given in (lock, generate_uid(), None):
        if given is not None and given == lock and table.goes_on:
            continue
        update = item(ProcedureStepLabel=f"Label {str(given)[-5:]}")
        if given:
            update.TransactionUID = given
        other.set(uid, update)
        tdd.get(uid, LABEL)
    table.create(table.attributes(ProcedureStepLabel="Again"), uid=uid)
    tdd.get(uid, LABEL)


def states(table):
    """Workitems in every state, asked for everything by somebody else."""
    tdd = table.tdd
    nobody = generate_uid()
    tdd.query(item(SOPInstanceUID=nobody))
    table.goes_on = False
    for state in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"):
        tdd.change_state(nobody, state, generate_uid())
    tdd.change_state(nobody, "COMPLETED", None)
    for update in (item(ProcedureStepLabel="Nobody's"), item(ProcedureStepLabel="Nobody's", TransactionUID=generate_uid())):
        tdd.set(nobody, update)
    table.watcher.request_cancel(nobody)
    tdd.get(nobody)
    stranger = table.treatment()
    stranger.claim()
    tdd.close()  # who has released its association still holds what it has claimed
    stranger.get()
    for end in ("COMPLETED", "CANCELED"):
        session = table.treatment()
        uid, lock = session.workitem.uid, session.transaction_uid
        table.goes_on = True
        tdd.get(uid)
        _events(table, uid, None)
        session.claim()
        tdd.get(uid)
        if end == "COMPLETED":
            session.change_state("COMPLETED")
            tdd.get(uid, LABEL)
        for state in ("COMPLETED", "CANCELED"):
            table.other.change_state(uid, state, stranger.transaction_uid)
            tdd.get(uid, LABEL)
        table.goes_on = True
        _events(table, uid, lock)
        session.update(30)
        table.watcher.request_cancel(uid)
        tdd.get(uid, LABEL)
        session.conclude(SCENARIOS[0 if end == "COMPLETED" else 1])
        session.get()
        if end == "COMPLETED":
            for lacking in ("PerformedStationNameCodeSequence", "PerformedProcedureStepStartDateTime", "PerformedWorkitemCodeSequence",
                            "PerformedProcedureStepEndDateTime", "OutputInformationSequence"):  # fmt: skip
                update = session.final_data_set()
                delattr(update[PERFORMED].value[0], lacking)
                session.send(update)
                session.get()
                if table.tdd.transcript[-1].dataset is not None:
                    session.change_state("COMPLETED")
                    session.get(LABEL)
            session = _again(table, session)
            session.final_update()
            session.get()
        session.change_state(end)
        tdd.get(uid)
        table.goes_on = False
        uid, lock = session.workitem.uid, session.transaction_uid
        _events(table, uid, lock)
        table.watcher.request_cancel(uid)
        tdd.get(uid, LABEL)
    reason = item(ReasonForCancellation="Machine fault", ContactURI="mailto:a@example.org", ContactDisplayName="Physics",
                  ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110501", "DCM", "Equipment failure")])  # fmt: skip
    for information, context in ((None, UPS.WATCH), (reason, UPS.WATCH), (reason, UPS.PUSH)):
        uid = table.create()
        tdd.get(uid)
        table.watcher.request_cancel(uid, deepcopy(information), context=context)
        tdd.get(uid)
        tdd.claim(uid)
        tdd.get(uid, LABEL)
    session = table.treatment()
    session.claim()
    session.change_state("CANCELED")
    session.get()


def _again(table, session):
    """Go on with a session, or with a new one if a TMS has let it end early."""
    last = table.tdd.get(session.workitem.uid, [STATE])
    if last.dataset is not None and last.dataset.get(STATE) == "IN PROGRESS":
        return session
    another = table.treatment()
    another.claim()
    another._plan(SCENARIOS[0])
    return another


def contents(table):
    """Workitems that are made and changed in many ways, and looked at."""
    tdd = table.tdd
    everything = creation.all_supported(table.attributes())
    full = table.create(everything)
    tdd.get(full)
    least = table.create(creation.least(table.attributes()))
    tdd.get(least)
    optional = table.attributes()
    for path in creation.OPTIONAL:
        creation.leading_to(optional, path)
    tdd.get(table.create(optional))
    umlauts = table.create(table.attributes(PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 100"))
    tdd.get(umlauts)
    tdd.get(umlauts, ["PatientName"])
    session = table.treatment()
    uid = session.workitem.uid
    for update in (item(ProcedureStepLabel="Rescheduled"), item(CommentsOnTheScheduledProcedureStep="Later", WorklistLabel="B")):
        tdd.set(uid, update)
        tdd.get(uid)
    session.claim()
    session.get()
    rich, poor = modification.rich(session), modification.poor(session)
    for keywords in (modification.SUPPORTED, *([one] for one in [*modification.SUPPORTED, *modification.OPTIONAL])):
        for values in (poor, rich):
            session.send(modification.change(values, keywords))
            session.get()
    for keyword in modification.FREE:
        for values in (poor, rich):
            session.send(modification.change(values, [keyword]))
            session.get([keyword])
    session.send(modification.change(poor, modification.SUPPORTED))
    session.get()
    session.send(modification.change(poor, modification.SUPPORTED))
    session.get()
    for keyword in modification.MAY_BE_EMPTY:
        session.send(item(**{keyword: []}))
        session.get()
        session.send(modification.change(rich, [keyword]))
    session.get()
    session.send(item(ProcedureStepLabel="Größe", SpecificCharacterSet="ISO_IR 100"))
    session.get()
    session.send(item(CommentsOnTheScheduledProcedureStep="plain"))
    session.get()
    lock = session.transaction_uid
    session.send(item(ProcedureStepLabel="Not mine"), lock[:-2])
    session.get()
    session.send(item(ProcedureStepLabel="Mine"))
    session.get()
    stranger = table.treatment()
    stranger.claim()
    session.send(item(ProcedureStepLabel="Another's"), stranger.transaction_uid)
    session.get()


def illegal(table):
    """What an SCU must not send, and an SCP is to refuse."""
    tdd = table.tdd
    for path in [*creation.TYPE_1, *creation.TYPE_2]:
        for empty in (False, True):
            if (empty and path in creation.TYPE_2) or (len(path) > 1 and not empty):
                continue
            attributes = table.attributes()
            place = creation.held(attributes, path)
            if place is not None and path[-1] in place:
                if empty:
                    creation.empty(place, path[-1])
                else:
                    delattr(place, path[-1])
                uid = table.create(attributes)
                tdd.get(uid, LABEL)
    for state in ("IN PROGRESS", "", None):
        attributes = table.attributes()
        if state is None:
            del attributes.ProcedureStepState
        else:
            attributes.ProcedureStepState = state
        tdd.get(table.create(attributes), LABEL)
    session = table.treatment()
    session.claim()
    session.get()
    for keyword, value in modification.FORBIDDEN.items():
        session.send(item(**{keyword: value}))
        session.get()
    for keyword in modification.NEVER_EMPTY:
        session.send(item(**{keyword: [] if attribute_rows()[keyword].vr == "SQ" else None}))
        session.get()
    session.send(item(ProcedureStepState="COMPLETED"))
    session.get()
    for kind in modification.ILLEGAL:
        session.send(modification.illegal_change(kind))
        session.get()
    tdd.action(session.workitem.uid, 99, item())
    tdd.change_state(session.workitem.uid, "PAUSED", session.transaction_uid)
    session.get()


def getting(table):
    """N-GET of single attributes, by several, under several SOP classes."""
    tdd, other = table.tdd, table.other
    session = table.treatment()
    uid = session.workitem.uid
    tdd.get(uid)
    for keyword in [*creation.ROWS][1:]:
        if creation.ROWS[keyword].get in ("1", "2"):
            tdd.get(uid, [keyword])
    for asked in ((), LABEL, ["TransactionUID", STATE], ["SOPClassUID", STATE], ["RTPlanLabel", STATE]):
        tdd.get(uid, asked)
        other.get(uid, asked)
    for context in (UPS.PUSH, UPS.WATCH):
        tdd._call("TMS", lambda link, context=context: link.n_get(uid, (), context=context))
        tdd._call("TMS", lambda link, context=context: link.n_get(uid, LABEL, context=context))
    session.claim()
    for asked in ((), ["TransactionUID", STATE]):
        tdd.get(uid, asked)
    session.update(20)
    session.get()
    session.conclude(SCENARIOS[0])
    session.change_state("COMPLETED")
    for asked in ((), ["TransactionUID", STATE]):
        tdd.get(uid, asked)
    for well_known in (GLOBAL, FILTERED, generate_uid()):
        tdd.get(well_known)


def moving(table):
    """Retrievals of every kind, and what a destination refuses."""
    tdd = table.tdd
    for start, modality in (("TREATMENT", "photon"), ("CONTINUATION", "ion")):
        session = table.treatment(start, modality)
        workitem = session.workitem
        tdd.query(workitem.query())
        for role, wanted in (
            ("OST", workitem.plans),
            ("OST", [*workitem.plans, *workitem.records]),
            ("TMS", workitem.instructions),
        ):
            tdd.retrieve_references(role, wanted)
            one = wanted[0]
            for uids in ([one.instance, generate_uid()], [generate_uid()]):
                tdd.retrieve(role, move_identifier(one.study, one.series, uids))
            for study, series in ((generate_uid(), one.series), (one.study, generate_uid())):
                tdd.retrieve(role, move_identifier(study, series, [one.instance]))
            tdd.retrieve(role, move_identifier(one.study, one.series, [one.instance]), destination="NOBODY")
            table.receiver.refuse.add(one.instance)
            tdd.retrieve(role, move_identifier(one.study, one.series, [one.instance]))
            table.receiver.refuse.discard(one.instance)
        for scenario in (SCENARIOS[0], SCENARIOS[1]):
            session.plan(scenario)
            record = session.record
            tdd.store("OST", record)
            tdd.retrieve("OST", move_identifier(record.StudyInstanceUID, record.SeriesInstanceUID, [record.SOPInstanceUID]))


def _values(dataset, rows, path=()):
    """Every required key that a workitem has a value for: the path to it, and the value."""
    for keyword, row in rows.items():
        if row.match not in ("R", "U", "*") or not dataset.get(keyword) or keyword == STATE:
            continue
        if row.vr == "SQ":
            yield from _values(dataset[keyword].value[0], row.items, (*path, keyword))
        elif keyword != "CodeMeaning":
            yield (*path, keyword), row.vr, dataset[keyword].value


def _nested(path, value):
    return item(**{path[0]: [_nested(path[1:], value)] if len(path) > 1 else value})


def _other(vr, value):
    known = {"DA": "19991231", "DT": "20991231235959", "UI": generate_uid(), "PN": "Arm^Anton"}
    return known.get(vr, f"Z{str(value)[1:]}"[:16])


def searching(table):
    """Queries by others than a TDD: for every key, with and without a match, of workitems that a performer holds."""
    tdd = table.tdd
    held = []
    for number in (1, 2):
        made = table.attributes(
            PatientName=f"Reich^Robert{number}", PatientBirthDate="19580403", PatientSex="M", WorklistLabel=f"Team {number} Morning",
            ScheduledStationNameCodeSequence=[code_item(f"S{number}A", "99A", "A"), code_item(f"S{number}B", "99B", "B")],
        )  # fmt: skip
        uid, attributes = generate_uid(), creation.all_supported(made)
        table.create(attributes, uid)
        tdd.get(uid)
        tdd.claim(uid)
        tdd.get(uid)
        held.append((uid, attributes))
    uid, attributes = held[0]
    patient = attributes.PatientID
    for path, vr, value in list(_values(attributes, attribute_rows())):
        for wanted in (value, _other(vr, value)):
            query = item(SOPInstanceUID=None, SOPClassUID=None, PatientID=patient)
            query.update(_nested(path, wanted))
            tdd.query(query)
    wanted = [keyword for keyword in attribute_rows() if keyword not in ("TransactionUID", "SpecificCharacterSet")]
    everything = item(**{keyword: [] if attribute_rows()[keyword].vr == "SQ" else None for keyword in wanted})
    mine = {"PatientID": patient, "SOPInstanceUID": None}
    tdd.query(everything)
    for context in (UPS.WATCH, UPS.QUERY):
        for query in (item(**mine), item(**{**mine, "PatientID": "NOBODY"}), everything):
            tdd.query(query, context)
    for changes in _questions(uid, attributes):
        tdd.query(item(**{**mine, **changes}))
    session = table.treatment()
    session.claim()
    before = session.get()
    session.set(ProcedureStepLabel="Renamed")
    for name in ("Renamed", str(before.dataset.ProcedureStepLabel) if before.dataset is not None else "Old"):
        tdd.query(item(ProcedureStepLabel=name, SOPInstanceUID=None))
    session.get()
    latin = {"SpecificCharacterSet": "ISO_IR 100"}
    name = table.create(table.attributes(PatientName="Müller^Jürgen", ProcedureStepLabel="Größe", **latin))
    tdd.claim(name)
    tdd.get(name)
    for wanted in ("Größe", "Grüße"):
        tdd.query(item(ProcedureStepLabel=wanted, SOPInstanceUID=None, PatientName=None, **latin))


def _questions(uid, attributes):
    label, day, start = str(attributes.ProcedureStepLabel), f"{DAY:%Y%m%d%H%M%S}", "ScheduledProcedureStepStartDateTime"
    before, after, station = f"{DAY - SECOND:%Y%m%d%H%M%S}", f"{DAY + SECOND:%Y%m%d%H%M%S}", "ScheduledStationNameCodeSequence"
    yield from ({}, {"PatientID": None}, {"SOPInstanceUID": uid}, {"SOPInstanceUID": generate_uid()})
    yield from ({"SOPInstanceUID": [uid, generate_uid()]}, {"PatientBirthDate": "19580401-19580403"}, {"PatientSex": "?"})
    yield from ({STATE: state} for state in ("SCHEDULED", "IN PROGRESS", "COMPLETED"))
    for text in (f"{label[:3]}*", f"?{label[1:]}", "Q*", label.swapcase(), f"{label[:2].swapcase()}*", f"{label[:3]}%"):
        yield {"ProcedureStepLabel": text}
    for text in (f"{day}-", f"-{day}", f"{before}-", f"-{after}", f"{day}-{day}", f"{before}-{day}", f"{after}-", f"-{before}", f"{day}.000000-{day}.500000",
                 f"{DAY:%Y%m%d%H%M}-", f"{day}+0000-"):  # fmt: skip
        yield {start: text}
    for code in (item(CodeValue="S1A", CodingSchemeDesignator="99A"), item(CodeValue="S1A", CodingSchemeDesignator="99B"),
                 item(CodeValue="S1B", CodeMeaning=None), code_item("S1A", None, "Another"), item(CodeValue="S*")):  # fmt: skip
        yield {station: [code]}
    for keyword in ("InputInformationSequence", "ScheduledProcessingParametersSequence", station):
        yield {keyword: []}
    yield {"InputInformationSequence": [item()]}
    for keyword in ("StudyInstanceUID", "CommentsOnTheScheduledProcedureStep"):
        yield {keyword: str(attributes.get(keyword))}
    yield {"ScheduledProcedureStepPriority": "URGENT"}


def watching(table):
    """Watchers that subscribe to one, to all, with and without lock, and what they are told of."""
    tdd, watcher, second = table.tdd, table.watcher, table.second
    old = table.create()
    tdd.get(old)
    for one in (watcher, second):
        one.unsubscribe()
    _caught_up(table, watcher), _caught_up(table, second)
    marks = []
    # to one, in each state of the subscription; the second watcher is told of nothing
    for lock, again in ((False, False), (True, True), (False, True), (True, False)):
        session = table.treatment()
        uid = session.workitem.uid
        session.get()
        watcher.unsubscribe(uid)
        watcher.subscribe(uid, lock=lock)
        watcher.wait_for_state(uid, "SCHEDULED")
        watcher.subscribe(uid, lock=again)
        session.claim()
        session.get()
        watcher.wait_for_state(uid, "IN PROGRESS")
        marks.append((session, lock))
        _caught_up(table, watcher)
    session = marks[0][0]
    uid = session.workitem.uid
    for progress in (0, 10, 60):
        session.update(progress)
        watcher.wait_for(uid, 3, what="progress")
        session.get()
    full = item(
        ProcedureStepProgress="70", ProcedureStepProgressDescription="Gating",
        ProcedureStepCommunicationsURISequence=[item(ContactURI="mailto:a@example.org", ContactDisplayName="Physics")],
    )  # fmt: skip
    session.set(**{PROGRESS: [deepcopy(full)]})
    session.get()
    full.ProcedureStepProgressDescription = "Größe"
    session.set(**{PROGRESS: [deepcopy(full)], "SpecificCharacterSet": "ISO_IR 100"})
    session.get()
    for changes in ({"InputReadinessState": "INCOMPLETE"}, {"InputReadinessState": "READY"},
                    {"ScheduledStationNameCodeSequence": [code_item("TDD9", "99TDWII", "Linac 9")]},
                    {"ScheduledHumanPerformersSequence": [modification.performer("P1", "Doe^Jane", HumanPerformerOrganization="C")]}):  # fmt: skip
        session.set(**changes)
        session.get()
        _caught_up(table, watcher)
    reason = item(ReasonForCancellation="Machine fault", ContactURI="mailto:a@example.org", ContactDisplayName="Physics",
                  ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110501", "DCM", "Equipment failure")])  # fmt: skip
    second.request_cancel(uid, deepcopy(reason))
    _caught_up(table, watcher)
    # what is refused is not told
    table.other.set(uid, item(**{PROGRESS: [item(ProcedureStepProgress="99")]}, TransactionUID=generate_uid()))
    waiting = table.create()
    tdd.get(waiting)
    watcher.subscribe(waiting)
    table.other.change_state(waiting, "IN PROGRESS", None)
    table.other.change_state(uid, "IN PROGRESS", generate_uid())
    second.request_cancel(waiting, deepcopy(reason))
    _caught_up(table, watcher)
    session.conclude(SCENARIOS[0])
    session.change_state("COMPLETED")
    watcher.wait_for_state(uid, "COMPLETED")
    _caught_up(table, watcher)
    # the end of a subscription, with and without lock
    for one, _ in marks[1:]:
        watcher.unsubscribe(one.workitem.uid)
        one.update(20)
        _caught_up(table, watcher)
    last, _ = marks[3]
    last.conclude(SCENARIOS[1])
    last.change_state("CANCELED")
    # to all
    for lock in (False, True):
        for one in (watcher, second):
            one.unsubscribe()
        _caught_up(table, watcher), _caught_up(table, second)
        before = table.create()
        tdd.get(before)
        watcher.subscribe(lock=lock)
        new = table.treatment()
        new.get()
        _caught_up(table, watcher), _caught_up(table, second)
        new.claim()
        watcher.subscribe(lock=lock)
        watcher.subscribe(new.workitem.uid, lock=lock)
        new.update(50)
        _caught_up(table, watcher)
        watcher.suspend()
        quiet = table.treatment()
        new.update(60)
        quiet.claim()
        _caught_up(table, watcher)
        watcher.unsubscribe()
        new.update(70)
        quiet.update(10)
        _caught_up(table, watcher), _caught_up(table, second)
    table.receiver.refuse_reports = 0x0213
    watcher.subscribe(last.workitem.uid)
    _caught_up(table, watcher)
    table.receiver.refuse_reports = 0


def _caught_up(table, watcher):
    """Wait until a watcher was told of all that has happened: the initial event of another subscription comes last."""
    uid = table.create()
    since = watcher.mark()
    watcher.subscribe(uid)
    watcher.wait_for(uid, 1, since=since, what="an initial event")


PARTS = {
    "treating": treating, "asking": asking, "states": states, "contents": contents, "illegal": illegal, "getting": getting,
    "moving": moving, "searching": searching, "watching": watching,
}  # fmt: skip
