"""Every form of a date-time over the wire: created and changed by drivers, stored, matched, and shown by the commands.

`--hypothesis-profile thorough` tries many; otherwise there are a few beside the examples.
"""

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pydicom.uid import generate_uid
from test_all_date_times import OFFSETS, START, date_times

from tdwii_conformance.checks.find import times_legal
from tdwii_conformance.checks.workitem import shows
from tdwii_conformance.cli import main
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem, TreatmentSession
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item, worklist_query
from tdwii_conformance.treatment.scenarios import SCENARIOS

THOROUGH = settings.get_current_profile_name() == "thorough"
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


@pytest.fixture(scope="module")
def worklist():
    """A TMS, and our driver that calls it."""
    with TMS("TMS") as tms, TDD(tms.peer, tms.peer, calling="TDD") as driver:
        yield tms, driver


def shown(*arguments):
    out, err = io.StringIO(), io.StringIO()
    # In a narrow terminal the moment is in a line of its own.
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("COLUMNS", "200")
        code = main([str(one) for one in arguments])
    assert code == 0, err.getvalue()
    return out.getvalue()


def digits(text):
    return "".join(c for c in text if c.isdigit())


def utc(moment):
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


@settings(
    max_examples=200 if THOROUGH else 1, phases=tuple(Phase) if THOROUGH else (Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@example(sample=("2026", datetime(2026, 1, 1)), zone=None)
@example(sample=("202611290800+0100", datetime(2026, 11, 29, 8, tzinfo=timezone(timedelta(hours=1)))), zone=None)
@example(sample=("20161231235960-1200", datetime(2016, 12, 31, 23, 59, 59, 999_999, WEST)), zone=None)
@example(sample=("20261129080000.123456", datetime(2026, 11, 29, 8, 0, 0, 123456, EAST)), zone=EAST)
@given(sample=date_times(), zone=st.none() | OFFSETS.map(timezone))
def test_a_legal_date_time(worklist, sample, zone):
    text, start = sample
    if zone is not None and start.tzinfo is None:  # then it is meant in that of its data set
        start = start.replace(tzinfo=zone)
    tms, driver = worklist
    station, uid = Code(f"S{generate_uid()[-12:]}", "99X", "x"), str(generate_uid())
    made = objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=station, start=datetime(2026, 11, 29))
    setattr(made, START, text)
    if zone is not None:
        made.TimezoneOffsetFromUTC = datetime.now(zone).strftime("%z")
    assert driver.create(uid, made).status == 0
    found = driver.query(worklist_query(station=station.value, start="", TimezoneOffsetFromUTC=None))
    assert times_legal(found) == [] and found.identifiers[0][START].value == text
    assert shows(driver.get(uid, [START]), START, text) == []

    def matches(key):
        return len(driver.query(worklist_query(station=station.value, start=key)).identifiers)

    # its own moment, in Greenwich's time; a day before and long after it
    assert [matches(key) for key in (f"{utc(start)}-", f"-{utc(start + timedelta(seconds=1))}")] == [1, 1]
    assert [matches(key) for key in (f"-{utc(start - timedelta(days=1))}", f"{utc(start + timedelta(days=1))}-")] == [0, 0]
    # a driver that has found it finds it again, by its day, and not by the one before
    taken = ScheduledWorkitem.of_response(found.identifiers[0], station, "TMS", "OST", "ti")
    session = TreatmentSession(driver, taken, "OST")
    assert taken.bad_start is None and len(driver.query(taken.query()).identifiers) == 1
    assert driver.query(taken.query(ScheduledProcedureStepStartDateTime=taken.days(-1))).identifiers == ()
    # the commands
    asked = ("find", f"127.0.0.1:{tms.peer.port}", "--station", station.value, "--date", "any")
    row = next(line for line in shown(*asked).splitlines() if uid in line)
    offset = text[-5:] if text[-5:-4] in ("+", "-") else ""
    assert digits(text.removesuffix(offset)).rstrip("0") in digits(row) and offset in row
    assert json.loads(shown(*asked, "--json"))[0]["start"] == text
    assert text in shown("get", f"127.0.0.1:{tms.peer.port}", uid, START)
    # the drivers' changes: another expected end, and a performance that begins when it was to begin
    assert driver.set(uid, item(ExpectedCompletionDateTime=text)).status == 0
    assert session.claim().status == 0
    assert session.conclude(next(one for one in SCENARIOS if one.delivered and one.state == "COMPLETED")).status == 0
    assert session.finish().status == 0
