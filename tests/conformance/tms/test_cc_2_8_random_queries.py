"""CC.2.8: random queries on random worklists find what the text says, by the oracle of `matching_oracle`."""

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, status
from tdwii_conformance.checks.matching_oracle import Verdict, verdicts
from tdwii_conformance.dimse import DimseError
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import code_item, item

# Keys may be what their VR does not allow.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:Invalid value for VR")]

WORKLIST = 25  # workitems of the worklist that stays while queries vary

# --- values: few, so that they meet, and near each other ---------------------------------------------------------------

# Patient ID behind the tag: what else belongs to a patient. A TMS may keep patients apart from workitems.
PATIENTS = {
    "A1": ("Alpha^Anna", "19600101", "F"),
    "A2": ("Alpha^Bert", "19600101", "M"),
    "A12": ("Beta^Anna", "19591231", "F"),
    "B1": ("Beta^Bert", "19600229", "O"),
    "B-2": ("Beta^Bert^C", "", "M"),
    "AB": ("", "20001231", ""),
}
TEXTS = {
    "ProcedureStepLabel": ("Plan A", "Plan B", "plan a", "Plan AB", "Plan", "Pl.n A", "Plan [A]", "Plan_A", "100%"),
    "WorklistLabel": ("MORNING", "EVENING", "Morning", "M", ""),
    "AdmissionID": ("ADM1", "ADM2", "ADM12", "adm1", "1-2", ""),
}
CHOICES = {
    "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"),
    "InputReadinessState": ("READY", "UNAVAILABLE", "INCOMPLETE"),
    "ProcedureStepState": ("SCHEDULED", "IN PROGRESS"),
}
# Minutes after the first start. Some are at the ends of an hour or a day.
MINUTES = (0, 1, 59, 60, 719, 720, 1440, 1441)
FORMS = ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H%M%S.000000")
STATIONS = (("TDD1", "99TDWII"), ("TDD1", "99OTHER"), ("TDD2", "99TDWII"), ("tdd1", "99TDWII"), ("TDD12", "99TDWII"))
CODES = (("121726", "DCM"), ("121727", "DCM"), ("121726", "99TDWII"))
ACCESSIONS = ("ACC1", "ACC2", "ACC12", "acc1", "")
PROCEDURES = ("RP1", "RP2", "")

START, END = "ScheduledProcedureStepStartDateTime", "ExpectedCompletionDateTime"
STATION, CODE = "ScheduledStationNameCodeSequence", "ScheduledWorkitemCodeSequence"
REQUEST = "ReferencedRequestSequence"

# --- workitems --------------------------------------------------------------------------------------------------------


@st.composite
def workitems(draw):
    """What a workitem has apart from the rest: values of attributes, and the patient."""
    start = draw(st.sampled_from(MINUTES))
    requests = st.tuples(st.sampled_from(ACCESSIONS), st.sampled_from(PROCEDURES))
    return {
        "patient": draw(st.sampled_from(list(PATIENTS))),
        **{keyword: draw(st.sampled_from(values)) for keyword, values in (TEXTS | CHOICES).items()},
        START: (start, draw(st.sampled_from(FORMS))),
        END: draw(st.one_of(st.none(), st.tuples(st.sampled_from([m for m in MINUTES if m >= start]), st.sampled_from(FORMS)))),
        STATION: draw(st.lists(st.sampled_from(STATIONS), min_size=1, max_size=2, unique=True)),
        CODE: draw(st.sampled_from(CODES)),
        REQUEST: draw(st.lists(requests, max_size=2)),
    }


def random_workitem(choose):
    """The same without Hypothesis: for the one worklist that stays while queries vary."""
    start = choose.choice(MINUTES)
    return {
        "patient": choose.choice(list(PATIENTS)),
        **{keyword: choose.choice(values) for keyword, values in (TEXTS | CHOICES).items()},
        START: (start, choose.choice(FORMS)),
        END: choose.choice([None, *((m, choose.choice(FORMS)) for m in MINUTES if m >= start)]),
        STATION: choose.sample(STATIONS, choose.randint(1, 2)),
        CODE: choose.choice(CODES),
        REQUEST: [(choose.choice(ACCESSIONS), choose.choice(PROCEDURES)) for _ in range(choose.randint(0, 2))],
    }


def moment(first, minutes, form):
    return f"{first + timedelta(minutes=minutes):{form}}"


def attributes_of(values, base, tag, first):
    """The N-CREATE of a workitem, and what a query is matched against."""
    name, birth, sex = PATIENTS[values["patient"]]
    own = item(
        PatientID=tag + values["patient"], PatientName=name, PatientBirthDate=birth, PatientSex=sex,
        **{keyword: values[keyword] for keyword in (*TEXTS, "ScheduledProcedureStepPriority", "InputReadinessState")},
        ScheduledStationNameCodeSequence=[code_item(*code, "Machine") for code in values[STATION]],
        ScheduledWorkitemCodeSequence=[code_item(*values[CODE], "Treatment")],
        ScheduledProcedureStepStartDateTime=moment(first, *values[START]),
        ReferencedRequestSequence=[
            item(
                StudyInstanceUID=base.StudyInstanceUID, AccessionNumber=accession, IssuerOfAccessionNumberSequence=[],
                OrderPlacerIdentifierSequence=[], OrderFillerIdentifierSequence=[], RequestedProcedureID=procedure,
                RequestedProcedureDescription="", RequestedProcedureCodeSequence=[],
            )
            for accession, procedure in values[REQUEST]
        ],
    )  # fmt: skip
    if values[END]:
        own.ExpectedCompletionDateTime = moment(first, *values[END])
    whole = Dataset()
    whole.update({element.tag: element for element in base if element.keyword != END})
    whole.update(own)
    return whole, own


# --- queries ----------------------------------------------------------------------------------------------------------


@st.composite
def patterns(draw, values):
    """A value with a run of it, also an empty one, replaced by "*" or each character by "?"."""
    value = draw(st.sampled_from([value for value in values if value]))
    begin = draw(st.integers(0, len(value)))
    end = draw(st.integers(begin, len(value)))
    wild = draw(st.sampled_from(["*", "?" * (end - begin), "?" * (end - begin + 1), "*?"]))
    return value[:begin] + wild + value[end:]


def texts(values):
    """A text key: a value, universal, or a pattern."""
    return st.one_of(st.sampled_from(values), st.just(""), patterns(values), patterns(values))


def ranges(points):
    """A range between two points, closed or open on one side."""
    pair = st.tuples(points, points).map(sorted)
    closed = pair.map("-".join)
    return st.one_of(closed, points.map("{}-".format), points.map("-{}".format), points.map("{0}-{0}".format))


DATES = st.sampled_from(["19591231", "19600101", "19600229", "19600301", "20001231"])
# Relative to the first start until a query is asked: seconds, and the form.
SECONDS = st.builds(lambda minutes, off: minutes * 60 + off, st.sampled_from(MINUTES), st.sampled_from([0, 0, -1, 1]))
POINTS = st.tuples(SECONDS, st.sampled_from(("%Y%m%d%H%M%S",) * 4 + ("%Y%m%d%H%M", "%Y%m%d")))
SPANS = st.one_of(
    st.tuples(POINTS, POINTS).map(sorted).map(tuple),
    POINTS.map(lambda point: (point, None)),
    POINTS.map(lambda point: (None, point)),
    POINTS.map(lambda point: (point, point)),
)


def codes(values):
    """A key for a coded entry: value and scheme, or only one of them, or an empty item; a meaning is no key."""
    keys = st.tuples(st.sampled_from(values), st.sampled_from(["both", "both", "value", "scheme", "neither"]), st.booleans())

    def key(parts):
        (value, scheme), which, meaning = parts
        if which == "neither":
            return [item()]
        value = value if which in ("both", "value") else None
        scheme = scheme if which in ("both", "scheme") else None
        return [code_item(value, scheme, "Another meaning" if meaning else None)]

    return keys.map(key)


REQUEST_KEYS = st.one_of(
    st.just([]),
    st.just([item()]),
    st.fixed_dictionaries({"AccessionNumber": texts(ACCESSIONS)}, optional={"RequestedProcedureID": texts(PROCEDURES)}).map(
        lambda keys: [item(**keys)]
    ),
)
# Names with wild cards are the SCP's own affair: nothing to compare.
NAMES = st.sampled_from([*(patient[0] for patient in PATIENTS.values()), "alpha^anna", "Alpha", "Gamma^Anna", "*"])
KEYS = {
    **{keyword: texts(values) for keyword, values in TEXTS.items()},
    **{keyword: st.sampled_from((*values, "")) for keyword, values in CHOICES.items()},
    "PatientName": NAMES,
    "PatientSex": st.sampled_from(["F", "M", "O", "", "*", "?"]),
    "PatientBirthDate": st.one_of(DATES, st.just(""), ranges(DATES)),
    START: SPANS,
    END: SPANS,
    STATION: codes(STATIONS),
    CODE: codes(CODES),
    REQUEST: REQUEST_KEYS,
}
PATIENT_KEYS = st.one_of(st.just("*"), st.just("*"), st.sampled_from(list(PATIENTS)), patterns(list(PATIENTS)))


@st.composite
def queries(draw):
    """Up to four keys besides the Patient ID, which holds the tag."""
    chosen = draw(st.lists(st.sampled_from(list(KEYS)), max_size=4, unique=True))
    return {"PatientID": draw(PATIENT_KEYS)} | {keyword: draw(KEYS[keyword]) for keyword in chosen}


def identifier_of(keys, tag, first):
    """The identifier of a query."""
    query = item(SOPInstanceUID=None)
    for keyword, value in keys.items():
        if keyword == "PatientID":
            value = tag + value
        elif isinstance(value, tuple):
            value = "-".join("" if end is None else f"{first + timedelta(seconds=end[0]):{end[1]}}" for end in value)
        setattr(query, keyword, value)
    return query


def in_words(dataset):
    """The keys of a query, or values of a UPS, in one line."""
    parts = []
    for element in dataset:
        if element.VR == "SQ":
            shown = "[" + ", ".join(f"({in_words(entry)})" for entry in element.value) + "]"
        else:
            shown = repr(str(element.value or ""))
        parts.append(f"{element.keyword}={shown}")
    return ", ".join(parts)


# --- a worklist -------------------------------------------------------------------------------------------------------


@dataclass
class Entry:
    """A UPS of ours, and what queries are matched against."""

    uid: str
    values: Dataset
    transaction_uid: str = ""


class Worklist:
    """Workitems that one tag tells from all others on the worklist."""

    def __init__(self, tdd, base, judge):
        self.tdd, self.base, self.judge = tdd, base, judge
        self.tag = f"Q{generate_uid()[-11:].replace('.', 'X')}X"
        # Tomorrow: what has expired an SCP may put away.
        self.first = datetime.combine(datetime.now().date() + timedelta(days=1), time(8))
        self.entries = []
        self.not_judged = []

    def add(self, values):
        __tracebackhide__ = True
        whole, own = attributes_of(values, self.base, self.tag, self.first)
        uid = generate_uid()
        created = self.tdd.create(uid, whole)
        self.judge(status.accepted(created, "the N-CREATE of a legal UPS"))
        entry = Entry(uid, own)
        if created.status != 0:  # modified, as an SCP may: what it holds now we do not know
            self.not_judged.append(uid)
            return
        own.SOPInstanceUID = uid
        own.ProcedureStepState = "SCHEDULED"
        if values["ProcedureStepState"] == "IN PROGRESS":
            entry.transaction_uid = generate_uid()
            claim = self.tdd.claim(uid, entry.transaction_uid)
            self.judge(status.accepted(claim, "the claim of a new UPS"))
            own.ProcedureStepState = "IN PROGRESS"
        self.entries.append(entry)

    def ask(self, keys):
        """Compare what a query finds with what the oracle says."""
        __tracebackhide__ = True
        query = identifier_of(keys, self.tag, self.first)
        exchange = self.tdd.query(query)
        self.judge(find.ended(exchange) + find.each_once(exchange))
        came = set(find.uids(exchange))
        words = f"the query {in_words(query)}"
        found = []
        for entry in self.entries:
            said = verdicts(query, entry.values)
            expected = min(said.values())
            about = f"{entry.uid} ({in_words(_of_keys(entry.values, said))})"
            if expected is Verdict.MATCH and entry.uid not in came:
                found.append(Finding(f"{words} finds the UPS {about}", f"{len(came)} response(s), none with it"))
            if expected is Verdict.NO_MATCH and entry.uid in came:
                keywords = [keyword for keyword, verdict in said.items() if verdict is Verdict.NO_MATCH]
                found.append(Finding(f"{words} does not find the UPS {about}", "it does", ", ".join(keywords)))
        ours = {entry.uid for entry in self.entries} | set(self.not_judged)
        for uid in came - ours:
            found.append(Finding(f"{words} finds UPS of this tag alone", f"the UPS {uid}", "PatientID"))
        self.judge(found)

    def clear(self):
        """Take our workitems off the worklist, as well as can be: nothing is judged by it."""
        final = None
        for entry in self.entries:
            if not entry.transaction_uid:
                self.tdd.action(entry.uid, REQUEST_CANCEL, None, context=UPS.PUSH)
                continue
            final = final or objects.final_update(
                progress=0, station=None, start=None, end=None, records=(), ost="", canceled=True
            )  # fmt: skip
            final.TransactionUID = entry.transaction_uid
            self.tdd.set(entry.uid, final)
            self.tdd.change_state(entry.uid, "CANCELED", entry.transaction_uid)
        for uid in self.not_judged:
            self.tdd.action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)


def _of_keys(values, keywords):
    return item(**{keyword: values.get(keyword) for keyword in keywords})


@pytest.fixture(scope="module")
def base(system):
    """A workitem, whose values are then replaced."""
    ost = system.ost.ae_title if system.ost else "OST"
    return objects.workitem(
        objects.new_treatment(), tms=system.tms.ae_title, ost=ost, station=system.workitems.station, start=datetime.now(),
        edition=system.edition,
    )  # fmt: skip


@pytest.fixture
def worklist(tdd, base, judge, system):
    """A function that makes an empty worklist; what is on it goes at the end of the example that `clear` ends."""
    made = []

    def new():
        made.append(Worklist(tdd, base, judge))
        return made[-1]

    new.clear = lambda: [one.clear() for one in made if "request-cancel" in system.tms_supports] and made.clear()
    yield new
    if system.test_system:
        with suppress(DimseError):
            new.clear()


@pytest.mark.requirement("CC28-TMS-080")
def test_any_query(worklist, bounds, new_example):
    """Many queries on one worklist."""
    seed = 0 if hypothesis.settings().derandomize else random.randrange(2**32)
    choose = random.Random(seed)
    full = worklist()
    for _ in range(WORKLIST):
        full.add(random_workitem(choose))
    if not full.entries:
        pytest.skip("not judged: the SCP modifies every UPS that is created (CC.2.5.3)")

    @bounds
    @given(asked=st.lists(queries(), min_size=1, max_size=5))
    def hold(asked):
        new_example()
        for keys in asked:
            full.ask(keys)

    hold()


@pytest.mark.requirement("CC28-TMS-080")
def test_any_worklist(worklist, bounds, new_example):
    """A worklist for each example."""

    @bounds
    @given(values=st.lists(workitems(), min_size=3, max_size=8), asked=st.lists(queries(), min_size=1, max_size=4))
    def hold(values, asked):
        new_example()
        fresh = worklist()
        try:
            for one in values:
                fresh.add(one)
            for keys in asked:
                fresh.ask(keys)
        finally:
            worklist.clear()

    hold()
