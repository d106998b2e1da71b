"""Starts of all forms in what `tdwii find` prints, and through a TMS that has them."""

from datetime import datetime

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.cli.failures import Usage
from tdwii_conformance.cli.query_keys import moment
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code


@pytest.fixture
def listed(floor):
    """Puts a workitem with a start of its own on the worklist, for a station of its own."""

    def put(start, **more):
        station = f"S{generate_uid()[-10:]}"
        made = objects.workitem(
            objects.new_treatment(), tms="UPSSCP", ost="OST", station=Code(station, "99X", "x"), start=datetime.now()
        )
        made.ScheduledProcedureStepStartDateTime = start
        for keyword, value in more.items():
            setattr(made, keyword, value)
        assert floor.tms.worklist.create(str(generate_uid()), made).status == 0
        return station

    return put


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        ("2026", "2026"),
        ("20261129", "2026-11-29"),
        ("202611290800+0100", "2026-11-29 08:00 +0100"),
        ("20261129080000.5-0500", "2026-11-29 08:00:00.5 -0500"),
        ("20161231235960", "2016-12-31 23:59:60"),
    ],
)
def test_find_shows_a_start_as_it_was_given(tdwii, listed, start, shown):
    station = listed(start)
    ran = tdwii("find", "UPSSCP", "--station", station, "--date", "any")
    assert ran.code == 0 and shown in ran.out, ran.out
    (found,) = tdwii("find", "UPSSCP", "--station", station, "--date", "any", "--json").json
    assert found["start"] == start


def test_find_shows_the_offset_of_the_data_set(tdwii, listed):
    station = listed("202611290800", TimezoneOffsetFromUTC="+0100")
    ran = tdwii("find", "UPSSCP", "--station", station, "--date", "any")
    assert "2026-11-29 08:00 +0100" in ran.out, ran.out


def test_the_day_of_a_start_is_that_of_its_moment(tdwii, listed):
    """Half an hour before midnight, eleven hours west of Greenwich, is a day later in Greenwich and east of it."""
    station = listed("202611282330-1100")  # 29 November, 10:30 UTC
    ranges = {"20261129103000+0000": True, "20261129103001+0000": False, "20261128233000-1100": True}
    for when, found in ranges.items():
        query = f"(0040,4005) DT [{when}-]\n(0040,4025) SQ\n(fffe,e000) na\n(0008,0100) SH [{station}]\n(fffe,e00d) na\n(fffe,e0dd) na\n(0008,0018) UI\n"
        with open("query.txt", "w", encoding="utf-8") as file:
            file.write(query)
        ran = tdwii("find", "UPSSCP", "--query", "query.txt", "--json")
        assert (len(ran.json) == 1) is found, (when, ran.out, ran.err)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-11-29", "20261129"),
        ("0999-01-02", "09990102"),
        ("2026-11-29T08:00", "20261129080000"),
        ("2026-11-29T08:00:00.25-05:00", "20261129080000.250000-0500"),
        ("2026-11-29T08:00Z", "20261129080000+0000"),
    ],
)
def test_a_time_of_an_option_loses_nothing(given, written):
    assert moment(given, "--start") == written


@pytest.mark.parametrize("given", ["tomorrow", "2026-13-01", "2026-11-29T08:00+15:00", "2026-11-29T08:00+01:00:30", ""])
def test_a_time_that_dicom_cannot_write(given):
    with pytest.raises(Usage, match="--end"):
        moment(given, "--end")


def test_the_order_of_start_and_end_is_that_of_their_moments(tdwii, floor):
    """Eight o'clock two hours east of Greenwich is before seven o'clock there."""
    ran = tdwii("find", "UPSSCP", "--station", "none", "--start", "2026-11-29T08:00+02:00", "--end", "2026-11-29T07:00+00:00")
    assert ran.code == 0, ran.err
    ran = tdwii("find", "UPSSCP", "--station", "none", "--start", "2026-11-29T08:00+00:00", "--end", "2026-11-29T09:00+02:00")
    assert ran.code == 2 and "is before --start" in ran.err
