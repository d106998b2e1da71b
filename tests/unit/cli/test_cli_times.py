"""Starts of all forms in what `tdwii find` prints, and through a TMS that has them."""

from datetime import datetime

import pytest
from pydicom.uid import generate_uid

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
    for moment, found in ranges.items():
        query = f"(0040,4005) DT [{moment}-]\n(0040,4025) SQ\n(fffe,e000) na\n(0008,0100) SH [{station}]\n(fffe,e00d) na\n(fffe,e0dd) na\n(0008,0018) UI\n"
        with open("query.txt", "w", encoding="utf-8") as file:
            file.write(query)
        ran = tdwii("find", "UPSSCP", "--query", "query.txt", "--json")
        assert (len(ran.json) == 1) is found, (moment, ran.out, ran.err)
