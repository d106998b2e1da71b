"""Observations made by hand, after tdwii.md: a conformant TDD in each scenario, and a conformant watcher.

A play is a list of steps in the order of their requests. A test changes a step, or leaves it out, and then observes.
"""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.transcript.observation import Association, Observation, Reference
from tdwii_conformance.treatment.messages import item

PUSH, WATCH, PULL, EVENT, QUERY = (f"1.2.840.10008.5.1.4.34.6.{n}" for n in range(1, 6))
TRIAL_PUSH, TRIAL_PULL = "1.2.840.10008.5.1.4.34.4.1", "1.2.840.10008.5.1.4.34.4.3"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
RT_PLAN, RECORD, ION_RECORD = (f"1.2.840.10008.5.1.4.1.1.481.{n}" for n in (5, 4, 9))
RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
INSTRUCTION = "1.2.840.10008.5.1.4.34.7"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
ALL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"

SCENARIOS = [f"{start}-{end}" for start in ("new", "continuation") for end in ("completed", "canceled-after", "canceled-before")]

WORKITEM, LOCK = "1.2.3.1", "1.2.3.2.77"
STUDY = "1.2.3.10"
PLAN_AT = Reference(RT_PLAN, "1.2.3.11.1", STUDY, "1.2.3.11", "OST")
INSTRUCTION_AT = Reference(INSTRUCTION, "1.2.3.12.1", STUDY, "1.2.3.12", "TMS")
PREVIOUS_AT = Reference(RECORD, "1.2.3.13.1", STUDY, "1.2.3.13", "OST")
NEW_RECORD, NEW_SERIES = "1.2.3.14.1", "1.2.3.14"
BEGIN = datetime(2026, 3, 2, 10, 0, 0, tzinfo=UTC)
FIELDS = {"C-STORE": "Affected", "N-CREATE": "Affected", "N-EVENT-REPORT": "Affected"}


@dataclass
class Step:
    """A request and its answer. `lasts` is how many of the next steps come before the answer."""

    name: str
    service: str
    requestor: str
    acceptor: str
    context: str
    data: object = None
    command: dict = field(default_factory=dict)
    status: int | None = 0
    answers: list = field(default_factory=list)  # identifiers of pending responses
    answer: dict = field(default_factory=dict)  # the command set of the final response
    lasts: int = 0
    failure: str = ""
    encoded: bytes | None = None  # instead of what `data` gives
    answer_encoded: bytes | None = None


def message(at, data, encoded=None, **command):
    if data is not None and encoded is None:
        encoded = encode(data, True, True)
    return Message(item(**command), at, encoded, ImplicitVRLittleEndian)


@dataclass
class Play:
    facts: dict
    inputs: list
    steps: list
    associations: list
    why_early: str = ""
    awaited: str = ""

    def __getitem__(self, name):
        (found,) = [step for step in self.steps if step.name == name]
        return found

    def drop(self, *names):
        """Leave steps out."""
        for name in names:
            self.steps.remove(self[name])

    def until(self, name, why_early="awaited 120 s, nothing received"):
        """Let nothing come after a step and what it brought."""
        at = self.steps.index(self[name])
        del self.steps[at + 1 + self.steps[at].lasts :]
        self.why_early = why_early

    def before(self, name, step):
        """Let a step come before another."""
        self.steps.insert(self.steps.index(self[name]), step)

    def after(self, name, step):
        """Let a step come after another."""
        self.steps.insert(self.steps.index(self[name]) + 1, step)

    def shift(self, name, *, before):
        """Let a step come earlier than it does."""
        step = self[name]
        self.steps.remove(step)
        self.before(before, step)

    def observe(self):
        exchanges = []
        for number, step in enumerate(self.steps):
            at = BEGIN + timedelta(seconds=number)
            then = at + timedelta(seconds=step.lasts, milliseconds=500)
            responses = [message(then, data, Status=0xFF00) for data in step.answers]
            if step.status is not None:
                responses.append(message(then, None, step.answer_encoded, Status=step.status, **step.answer))
            request = message(at, step.data, step.encoded, **step.command)
            ends = (step.service, step.requestor, step.acceptor, step.context)
            exchanges.append((then, Exchange(*ends, request, tuple(responses), step.failure)))
        in_order = tuple(exchange for _, exchange in sorted(exchanges, key=lambda pair: pair[0]))
        return Observation(self.facts, tuple(self.inputs), in_order, tuple(self.associations), self.why_early, self.awaited)


def code(value, scheme, meaning=None):
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def access(study, series, sop_class, instance, ae_title):
    return item(
        TypeOfInstances="DICOM", StudyInstanceUID=study, SeriesInstanceUID=series,
        ReferencedSOPSequence=[item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)],
        DICOMRetrievalSequence=[item(RetrieveAETitle=ae_title)],
    )  # fmt: skip


# --- the steps of a TDD ----------------------------------------------------------------------------------------------


def query():
    keys = item(
        SOPClassUID=None, SOPInstanceUID=None, PatientName=None, PatientID=None, StudyInstanceUID=None,
        ScheduledProcedureStepStartDateTime="20260302000000-20260302235959",
        ScheduledWorkitemCodeSequence=[code("121726", "DCM")], InputInformationSequence=[],
        ScheduledStationNameCodeSequence=[code("FX1", "99HOSPITAL")], ProcedureStepState="SCHEDULED",
        ProcedureStepLabel=None, ScheduledProcessingParametersSequence=[item()],
    )  # fmt: skip
    found = item(SOPClassUID=PUSH, SOPInstanceUID=WORKITEM, PatientName="TDWII^ONE", PatientID="P1")
    return Step("query", "C-FIND", "TDD", "TMS", PULL, keys, {"AffectedSOPClassUID": PULL}, answers=[found])


def retrieval(name, what):
    """A C-MOVE and the C-STORE that it causes."""
    identifier = item(
        QueryRetrieveLevel="IMAGE", StudyInstanceUID=what.study, SeriesInstanceUID=what.series, SOPInstanceUID=what.instance
    )
    move = {"AffectedSOPClassUID": MOVE, "MoveDestination": "TDD"}
    store = {"AffectedSOPClassUID": what.sop_class, "AffectedSOPInstanceUID": what.instance}
    instance = item(SOPClassUID=what.sop_class, SOPInstanceUID=what.instance)
    return [
        Step(name, "C-MOVE", "TDD", what.ae_title, MOVE, identifier, move, lasts=1),
        Step(f"{name} comes", "C-STORE", what.ae_title, "TDD", what.sop_class, instance, store, answer=dict(store)),
    ]


def to_ups(name, service, data, context=PULL, workitem=WORKITEM, **command):
    named = {"RequestedSOPClassUID": PUSH, "RequestedSOPInstanceUID": workitem, **command}
    return Step(name, service, "TDD", "TMS", context, data, named)


def change(name, state, lock=LOCK):
    return to_ups(name, "N-ACTION", item(ProcedureStepState=state, TransactionUID=lock), ActionTypeID=1)


def update(progress, beam, edition):
    data = item(TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[item(ProcedureStepProgress=str(progress))])
    if edition == "2013":
        parameter = item(
            ValueType="TEXT", ConceptNameCodeSequence=[code("121700", "DCM", "Referenced Beam Number in Progress")],
            TextValue=str(beam),
        )  # fmt: skip
        performed = item(PerformedProcessingParametersSequence=[parameter], OutputInformationSequence=[])
        data.UnifiedProcedureStepPerformedProcedureSequence = [performed]
    else:
        parameter = item(
            ValueType="NUMERIC", ConceptNameCodeSequence=[code("2018004", "99IHERO2018", "Referenced Beam Number")],
            NumericValue=beam, MeasurementUnitsCodeSequence=[code("1", "UCUM", "no units")],
        )  # fmt: skip
        data.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressParametersSequence = [parameter]
    return to_ups(f"update {progress}", "N-SET", data)


def record():
    data = item(
        SOPClassUID=RECORD, SOPInstanceUID=NEW_RECORD, StudyInstanceUID=STUDY, SeriesInstanceUID=NEW_SERIES,
        PatientName="TDWII^ONE", PatientID="P1",
        ReferencedRTPlanSequence=[item(ReferencedSOPClassUID=RT_PLAN, ReferencedSOPInstanceUID=PLAN_AT.instance)],
        TreatmentSessionBeamSequence=[item(ReferencedBeamNumber=1), item(ReferencedBeamNumber=2)],
    )  # fmt: skip
    command = {"AffectedSOPClassUID": RECORD, "AffectedSOPInstanceUID": NEW_RECORD}
    return Step("record", "C-STORE", "TDD", "OST", RECORD, data, command)


def final(progress, *, canceled, delivered):
    information = item(ProcedureStepProgress=str(progress))
    if canceled:
        information.ProcedureStepDiscontinuationReasonCodeSequence = [code("110513", "DCM", "Discontinued")]
    data = item(TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[information])
    if delivered:
        data.UnifiedProcedureStepPerformedProcedureSequence = [
            item(
                PerformedStationNameCodeSequence=[code("FX1", "99HOSPITAL", "Room 1")],
                PerformedProcedureStepStartDateTime="20260302100000", PerformedProcedureStepEndDateTime="20260302101200",
                PerformedWorkitemCodeSequence=[code("121726", "DCM", "RT Treatment with Internal Verification")],
                OutputInformationSequence=[access(STUDY, NEW_SERIES, RECORD, NEW_RECORD, "OST")],
            )
        ]  # fmt: skip
    return to_ups("final", "N-SET", data)


def treatment(scenario="new-completed", edition="ti"):
    """A conformant TDD in a scenario."""
    start, _, end = scenario.partition("-")
    inputs = [PLAN_AT, INSTRUCTION_AT] + ([PREVIOUS_AT] if start == "continuation" else [])
    delivered = end != "canceled-before"
    told = {"completed": (0, 50, 100), "canceled-after": (0, 40), "canceled-before": ()}[end]
    steps = [query(), *retrieval("plan", PLAN_AT)]
    if start == "continuation":
        steps += retrieval("previous", PREVIOUS_AT)
    steps += [change("claim", "IN PROGRESS"), *retrieval("instruction", INSTRUCTION_AT)]
    steps += [update(progress, 2 if progress >= 50 else 1, edition) for progress in told]
    if delivered:
        steps.append(record())
    steps.append(final(told[-1] if told else 0, canceled=end != "completed", delivered=delivered))
    steps.append(change("end", "COMPLETED" if end == "completed" else "CANCELED"))
    facts = {
        "scenario": scenario, "edition": edition, "inject": "", "start": "TREATMENT" if start == "new" else "CONTINUATION",
        "end": end, "workitem": WORKITEM, "tdd_ae_title": "TDD", "tms_ae_title": "TMS", "ost_ae_title": "OST",
        "station_value": "FX1", "station_scheme": "99HOSPITAL", "patient_name": "TDWII^ONE", "patient_id": "P1",
        "plan_label": "TDWII", "fraction": "3", "fractions_planned": "30", "study": STUDY, "plan": PLAN_AT.instance,
        "plan_class": RT_PLAN, "instruction": INSTRUCTION_AT.instance, "beam_numbers": "1|2", "deadline": "120",
        "known_transaction_uids": "1.2.3.2.75|1.2.3.2.76",
    }  # fmt: skip
    both = (IMPLICIT, EXPLICIT)
    associations = [
        Association("TDD", "TMS", BEGIN, ((PULL, both), (MOVE, both)), (PULL, MOVE)),
        Association("TDD", "OST", BEGIN, ((MOVE, both), (RECORD, both)), (MOVE, RECORD)),
        Association("OST", "TDD", BEGIN, ((RT_PLAN, both), (RECORD, both)), (RT_PLAN, RECORD)),
        Association("TMS", "TDD", BEGIN, ((INSTRUCTION, both),), (INSTRUCTION,)),
    ]
    return Play(facts, inputs, steps, associations)


# --- a watcher -------------------------------------------------------------------------------------------------------


def asks(name, service, data, context=WATCH, workitem=ALL, **command):
    step = to_ups(name, service, data, context, workitem, **command)
    step.requestor = "PPVS"
    return step


def subscribe(name="subscribe", *, lock="FALSE", workitem=ALL, **keys):
    return asks(name, "N-ACTION", item(ReceivingAE="PPVS", DeletionLock=lock, **keys), workitem=workitem, ActionTypeID=3)


def unsubscribe(name="unsubscribe", *, workitem=ALL):
    return asks(name, "N-ACTION", item(ReceivingAE="PPVS"), workitem=workitem, ActionTypeID=4)


def report(kind, data, name="", receiver="PPVS"):
    command = {"AffectedSOPClassUID": PUSH, "AffectedSOPInstanceUID": WORKITEM, "EventTypeID": kind}
    return Step(name or f"event {kind}", "N-EVENT-REPORT", "TMS", receiver, EVENT, data, command, answer=dict(command))


def state_report(state, name):
    return report(1, item(ProcedureStepState=state, InputReadinessState="READY"), name)


def watching():
    """A conformant watcher: subscribes with a lock, is told everything, looks, searches, and takes its leave."""
    steps = [
        subscribe(lock="TRUE"),
        state_report("SCHEDULED", "scheduled"),
        report(5, item(ScheduledStationNameCodeSequence=[code("FX1", "99HOSPITAL", "Room 1")])),
        report(2, item(RequestingAE="CONSOLE", ReasonForCancellation="late")),
        report(3, item(ProcedureStepProgressInformationSequence=[item(ProcedureStepProgress="50")])),
        report(4, item(SCPStatus="RESTARTED", SubscriptionListStatus="WARM START", UnifiedProcedureStepListStatus="WARM START")),
        state_report("COMPLETED", "completed"),
        asks("get", "N-GET", None, workitem=WORKITEM, AttributeIdentifierList=[0x00741000]),
        Step("search", "C-FIND", "PPVS", "TMS", QUERY, item(PatientID="P1"), {"AffectedSOPClassUID": QUERY}),
        unsubscribe(),
    ]
    facts = {
        "scenario": "watch", "edition": "ti", "inject": "", "workitem": WORKITEM, "watcher_ae_title": "PPVS",
        "tms_ae_title": "TMS", "ost_ae_title": "OST", "deadline": "120",
    }  # fmt: skip
    both = (IMPLICIT, EXPLICIT)
    associations = [
        Association("PPVS", "TMS", BEGIN, ((WATCH, both), (QUERY, both)), (WATCH, QUERY)),
        Association("TMS", "PPVS", BEGIN, ((EVENT, both),), (EVENT,)),
    ]
    return Play(facts, [], steps, associations)


def fetching():
    """A conformant watcher that fetches what is scheduled, with its inputs."""
    play = watching()
    both = (IMPLICIT, EXPLICIT)
    for what, name in ((PLAN_AT, "plan"), (INSTRUCTION_AT, "instruction")):
        move, store = retrieval(name, what)
        move.requestor, store.acceptor = "PPVS", "PPVS"
        move.command["MoveDestination"] = "PPVS"
        play.before("search", move)
        play.before("search", store)
        play.associations.append(Association("PPVS", what.ae_title, BEGIN, ((MOVE, both),), (MOVE,)))
        play.associations.append(Association(what.ae_title, "PPVS", BEGIN, ((what.sop_class, both),), (what.sop_class,)))
    play.inputs += [PLAN_AT, INSTRUCTION_AT]
    return play


def new(play):
    """A copy to be changed: data sets share their elements otherwise."""
    return copy.deepcopy(play)
