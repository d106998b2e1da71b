"""Every form of a date-time that PS3.5 6.2 allows, through everything that reads one; and what is none, which harms nothing."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from ups_samples import item, workitem

from tdwii_conformance.cli.serve.view import row_of
from tdwii_conformance.cli.worklist import _row, summary
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem, TreatmentSession
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.ups import Worklist
from tdwii_conformance.ups.times import is_value, read_date_time, readable, value_start

START = "ScheduledProcedureStepStartDateTime"
STATION = Code("LINAC1", "99STATION", "Linac 1")
OFFSETS = st.integers(-48, 56).map(lambda quarters: timedelta(minutes=15 * quarters))


@st.composite
def date_times(draw):
    """A moment, cut off at any component, with or without fraction and offset; and that moment, by other means."""
    moment = draw(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
    length = draw(st.sampled_from([4, 6, 8, 10, 12, 14]))
    text = f"{moment:%Y%m%d%H%M%S}"[:length]
    start = datetime.strptime(text + "00000101000000"[length:], "%Y%m%d%H%M%S")
    if length == 14 and draw(st.booleans()):
        digits = draw(st.text("0123456789", min_size=1, max_size=6))
        text += f".{digits}"
        start += timedelta(microseconds=int(digits.ljust(6, "0")))
    elif length == 14 and draw(st.booleans()):
        text, start = f"{text[:12]}60", start.replace(second=59, microsecond=999_999)  # of its own minute, day and year
    if draw(st.booleans()):
        zone = timezone(draw(OFFSETS))
        text, start = f"{text}{datetime.now(zone):%z}", start.replace(tzinfo=zone)
    return text, start


def served(text, **more):
    worklist = Worklist()
    outcome = worklist.create("1.2.3.1", workitem(**{START: text}, **more))
    assert outcome.status == 0, (text, outcome.comment)
    return worklist


@given(date_times())
def test_a_legal_date_time(sample):
    text, start = sample
    assert is_value(text, "DT")
    assert value_start(text, "DT") == start.astimezone()  # without offset: local time
    # the worklist: as it was created, by its own value, by ranges open at either end and closed
    worklist = served(text)
    for key in (text, f"{text}-", f"-{text}", f"{text}-{text}"):
        (response,) = worklist.find(item(**{START: key, "SOPInstanceUID": None}))
        assert response[START].value == text
    later = (start.astimezone(UTC) + timedelta(days=400)).strftime("%Y%m%d%H%M%S+0000")
    earlier = (start.astimezone(UTC) - timedelta(days=1)).strftime("%Y%m%d%H%M%S+0000")
    assert list(worklist.find(item(**{START: f"{later}-"}))) == []
    assert list(worklist.find(item(**{START: f"-{earlier}"}))) == []
    # the tables
    (record,) = worklist.records()
    shown = _row(summary(record.attributes))[1]
    assert shown == readable(text) and "".join(c for c in shown if c.isdigit()) in "".join(c for c in text if c.isdigit())
    assert row_of(record).start in shown
    # the drivers: the query of a TDD that has found it finds it again
    found = ScheduledWorkitem.of_response(record.attributes, STATION, "TMS", "OST", "ti")
    assert found.bad_start is None
    assert len(list(worklist.find(item(**{START: found.days()})))) == 1
    assert list(worklist.find(item(**{START: found.days(-1)}))) == []
    assert all(is_value(text_, "DT") for text_ in performed(found))


def performed(workitem):
    facts = TreatmentSession(None, workitem, "OST")
    facts.scenario = SCENARIOS[0]
    return facts.facts["performed_start"], facts.facts["performed_end"]


def test_a_leap_second_is_of_its_own_day_and_year():
    worklist = served("20161231235960+0000")
    found = {key: len(list(worklist.find(item(**{START: key, "SOPInstanceUID": None})))) for key in (
        "20161231+0000", "2016+0000", "20161231000000+0000-20161231235959+0000", "20161231235960+0000", "20170101+0000",
        "20170101000000+0000", "20170101000000+0000-", "20161231235958+0000",
    )}  # fmt: skip
    assert list(found.values()) == [1, 1, 1, 1, 0, 0, 0, 0]


@given(st.one_of(st.sampled_from(("tomorrow", "2026-11-29T08:00", "20261329", "20261129080000+1500", "")), st.text()))
def test_what_is_no_date_time(text):
    if read_date_time(text) is not None:
        return
    response = item(**{START: text, "SOPInstanceUID": "1.2.3", "PatientID": "P"})
    found = ScheduledWorkitem.of_response(response, STATION, "TMS", "OST", "ti")
    assert found.bad_start is not None and found.uid == "1.2.3"
    assert found.query()[START].value in ("", None)  # asks for any start
    assert _row(summary(response))[1] == text
