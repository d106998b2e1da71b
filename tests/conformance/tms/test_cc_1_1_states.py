"""CC.1.1 the states of a UPS: every cell of the state table."""

from datetime import datetime

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.plugin import cell_parameters
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.treatment.objects import new_treatment
from tdwii_conformance.treatment.objects import workitem as attributes_of
from tdwii_conformance.treatment.scenarios import SCENARIOS

STATE = ("ProcedureStepState",)
COMPLETED, CANCELED = SCENARIOS[0], SCENARIOS[1]
WANTED = {"change": "SCHEDULED", "claim": "IN PROGRESS", "complete": "COMPLETED", "cancel": "CANCELED"}
# What a cell leads to when it is no refusal [CC.1.1 table CC.1.1-2], by the first word of the event and the state.
LEADS_TO = {
    ("N-CREATE", NO_UPS): "SCHEDULED", ("claim", "SCHEDULED"): "IN PROGRESS", ("request", "SCHEDULED"): "CANCELED",
    ("complete", "IN PROGRESS"): "COMPLETED", ("cancel", "IN PROGRESS"): "CANCELED",
}  # fmt: skip


class Subject:
    """A UPS in a state, or none, and the operations of the table on it."""

    def __init__(self, tdd, session, start):
        self.tdd, self.session, self.start = tdd, session, start
        self.uid = session.workitem.uid if session else generate_uid()
        self.lock = session.transaction_uid if session else generate_uid()

    def perform(self, event):
        verb, _, rest = event.partition(" ")
        if verb == "N-CREATE":
            return self.tdd.create(self.uid, self.start())
        if verb == "request":
            return self.tdd.action(self.uid, REQUEST_CANCEL, item(ReasonForCancellation="Test"), context=UPS.WATCH)
        if verb == "change":
            return self.tdd.change_state(self.uid, "SCHEDULED", self.lock)
        right = rest.startswith("with the right")
        # A claim of a SCHEDULED UPS is wrong only without any Transaction UID: there is none to compare with.
        other = None if self.state == "SCHEDULED" else generate_uid()
        return self.tdd.change_state(self.uid, WANTED[verb], self.lock if right else other)

    @property
    def state(self):
        return self.session.state if self.session else NO_UPS


@pytest.fixture
def subject(request, tdd, system):
    """A function that returns a UPS in a state, by what the event does to it: the marker ``workitem`` says that."""
    doing = request.getfixturevalue(request.node.get_closest_marker("workitem").args[0])

    def make(state):
        def attributes():
            return attributes_of(
                new_treatment(), tms=system.tms.ae_title, ost="OST", station=system.workitems.station, start=datetime.now(),
                edition=system.edition,
            )  # fmt: skip

        session = None
        if state != NO_UPS:
            session = doing(state)
            session.state = state
        return Subject(tdd, session, attributes)

    return make


@pytest.fixture
def finished(subject, needs):
    """What a UPS needs for its final state, sent before it is asked for."""

    def prepare(one, event):
        if one.state == "IN PROGRESS" and event.startswith(("complete", "cancel")):
            update = one.session.conclude(COMPLETED if event.startswith("complete") else CANCELED)
            needs(status.accepted(update, "the final update"), "RO64-TMS-001")

    return prepare


def does(event, state):
    """What the event of a cell does to the UPS."""
    leads = LEADS_TO.get((event.split()[0], state))
    if leads is None or state == NO_UPS or event.endswith("without it"):
        return "updates" if state == "IN PROGRESS" else "is_refused"  # before some, it gets what a final state needs
    return "claims" if leads == "IN PROGRESS" else "ends"


CELLS = [
    pytest.param(*cell.values, id=cell.id, marks=[*cell.marks, pytest.mark.workitem(does(*cell.values))])
    for cell in cell_parameters("CC.1.1")
]


@pytest.mark.parametrize(("event", "state"), CELLS)
def test_cell(event, state, subject, finished, supported, still_kept, judge, judge_status):
    if event.startswith("request"):
        supported("TMS", "watch")
    one = subject(state)
    if state in ("COMPLETED", "CANCELED"):
        still_kept(one.session)
    finished(one, event)
    before = one.tdd.get(one.uid)
    exchange = one.perform(event)
    leads = LEADS_TO.get((event.split()[0], state))
    if leads in ("COMPLETED", "CANCELED") and not event.endswith("without it") and exchange.status == 0:
        still_kept(one.session)
    if leads is not None and not event.endswith("without it"):
        judge(ups.state_is(one.tdd.get(one.uid, STATE), leads))
    elif state == NO_UPS:
        judge(ups.none_came_to_be(before, one.tdd.get(one.uid)))  # how N-GET answers is for CC27-TMS-010
    else:
        judge(ups.untouched(before, one.tdd.get(one.uid)))
    judge_status(exchange)


@pytest.fixture(scope="module")
def stranger(updates):
    """A UPS that is IN PROGRESS by another lock."""
    return updates("IN PROGRESS", role="risked")


def not_the_lock(one, stranger):
    """Transaction UIDs that are not the lock of a UPS, though some may look like it; of a SCHEDULED one any UID would do."""
    if one.state == "SCHEDULED":
        return {"of zero length": ""}
    return {
        "left out": None, "of zero length": "", "cut short": one.lock[:-1], "of another UPS": stranger.transaction_uid,
        "one of two": [one.lock, generate_uid()], "the other of two": [generate_uid(), one.lock],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "state"),
    [cell for cell in CELLS if cell.values[1] != NO_UPS and str(cell.values[0]).endswith("without it")]
    + [cell for cell in CELLS if cell.values == ("change to SCHEDULED", "IN PROGRESS")],
)
def test_what_is_not_the_lock(event, state, subject, finished, still_kept, stranger, judge):
    one = subject(state)
    if state in ("COMPLETED", "CANCELED"):
        still_kept(one.session)
    finished(one, event)
    before, wanted = one.tdd.get(one.uid), WANTED[event.partition(" ")[0]]
    for kind, uid in not_the_lock(one, stranger).items():
        exchange = one.tdd.change_state(one.uid, wanted, uid)
        found = status.refused(exchange, f"{wanted} with a Transaction UID that is {kind}")
        judge([Finding(f.expected, f.received, f"Transaction UID {kind}", f.weight) for f in found])
    judge(ups.untouched(before, one.tdd.get(one.uid)))
