"""Details of how UPS are kept, read and shown that only a particular value, or number of UPS, brings to light."""

import os
import struct
import time
import warnings
from io import BytesIO

import pytest
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from ups_samples import item, workitem

from tdwii_conformance.ups import MemoryStore, SQLiteStore, Worklist, sqlite_store
from tdwii_conformance.ups.answers import name_character_set
from tdwii_conformance.ups.changes import in_zone_of
from tdwii_conformance.ups.datasets import character_set_of, plain
from tdwii_conformance.ups.records import Record
from tdwii_conformance.ups.store import Change

START = "ScheduledProcedureStepStartDateTime"


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    opened = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "worklist.db")
    yield opened
    opened.close()


def found(worklist, **keys):
    return [str(one.SOPInstanceUID) for one in worklist.find(item(**{"SOPInstanceUID": None, **keys}))]


def raw(keyword, vr, octets):
    return RawDataElement(Tag(keyword), vr, len(octets), octets, 0, False, True)


def as_read(keyword, vr, octets, character_set="ISO_IR 100"):
    """Return a data set in Explicit VR Little Endian as pydicom reads it, its values left as they travelled."""
    elements = (("SpecificCharacterSet", "CS", character_set.encode()), (keyword, vr, octets))
    tags = [(Tag(one), kind, value + b" " * (len(value) % 2)) for one, kind, value in elements]
    sent = b"".join(struct.pack("<HH2sH", tag.group, tag.element, kind.encode(), len(value)) + value for tag, kind, value in tags)
    return read_dataset(BytesIO(sent), False, True)


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_all_that_share_the_only_key_are_found(store, number):
    worklist = Worklist(store)
    uids = [f"1.2.3.{n}" for n in range(number)]
    for uid in uids:
        assert worklist.create(uid, workitem(ProcedureStepLabel="Boost")).status == 0
    assert worklist.create("1.2.4", workitem(ProcedureStepLabel="Other")).status == 0
    assert found(worklist, ProcedureStepLabel="Boost") == uids
    assert found(worklist, PatientID=str(workitem().PatientID)) == [*uids, "1.2.4"]


def test_more_are_found_than_one_statement_can_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "AT_ONCE", 2)
    store = SQLiteStore(tmp_path / "worklist.db")
    worklist = Worklist(store)
    uids = [f"1.2.3.{n}" for n in range(5)]
    for uid in uids:
        worklist.create(uid, workitem())
    assert found(worklist, ProcedureStepState="SCHEDULED") == uids
    store.close()


def test_what_was_deleted_is_not_put_away_later():
    store = MemoryStore(awake=2)
    records = [Record(f"1.2.3.{n}", plain(workitem(ProcedureStepState="SCHEDULED"))) for n in range(5)]
    for record in records[:2]:
        store.commit(Change(record))
    store.commit(Change(deleted=records[0].uid))
    for record in records[2:]:
        store.commit(Change(record))
    assert [one.uid for one in store.candidates(())] == [one.uid for one in records[1:]]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the local time of a process can be changed on POSIX only")
def test_local_times_are_indexed_anew_where_local_time_is_another(tmp_path, monkeypatch):
    """10:30 without an offset is 10:30 where the SCP is [PS3.5 6.2, DT]."""
    try:
        for zone in ("UTC", "EST5EDT", "UTC"):
            monkeypatch.setitem(os.environ, "TZ", zone)
            time.tzset()
            store = SQLiteStore(tmp_path / "worklist.db")
            worklist = Worklist(store)
            if not store.known:
                worklist.create("1.2.3", workitem(**{START: "20260302103000"}))
            assert found(worklist, **{START: "20260302102900-20260302103100"}) == ["1.2.3"]
            store.close()
    finally:
        monkeypatch.undo()
        time.tzset()


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_text_keeps_the_letters_at_its_end():
    assert plain(as_read("ProcedureStepLabel", "LO", b"BOOST X")).ProcedureStepLabel == "BOOST X"


def test_an_escape_sequence_is_no_text():
    """ESC 02/08 04/02 designates ASCII [PS3.3 table C.12-3]."""
    read = as_read("ProcedureStepLabel", "LO", b"Bo\x1b(Bost", "ISO 2022 IR 6\\ISO 2022 IR 100")
    assert plain(read).ProcedureStepLabel == "Boost"


def test_an_element_keeps_the_value_representation_that_it_came_with():
    assert plain(as_read("ProcedureStepLabel", "SH", b"Boost"))["ProcedureStepLabel"].VR == "SH"


def test_what_is_wrong_with_a_uid_is_not_said_while_it_is_read():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plain(as_read("SOPInstanceUID", "UI", b"1.02.3")).SOPInstanceUID == "1.02.3"


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("~", ""),
        ("\x7f", ""),
        ("\x80", "ISO_IR 192"),
        ("\x85", "ISO_IR 192"),
        ("\x9f", "ISO_IR 192"),
        ("\xa0", "ISO_IR 100"),
        ("\xff", "ISO_IR 100"),
        ("\u0100", "ISO_IR 192"),
        ("\xe9\u0100", "ISO_IR 192"),
    ],
)
def test_iso_8859_1_has_the_characters_from_a0_to_ff(text, needed):
    assert character_set_of(text) == needed


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "named"),
    [
        (raw("ProcedureStepLabel", "LO", b"Boost "), False),
        (raw("ProcedureStepLabel", "LO", b""), False),
        (raw("ProcedureStepLabel", "LO", b"J\xf6rg"), True),
        (DataElement(Tag("ProcedureStepLabel"), "LO", "Boost"), False),
        (DataElement(Tag("ProcedureStepLabel"), "LO", "Jörg"), True),
        (DataElement(Tag("ScheduledStationNameCodeSequence"), "SQ", [item(CodeMeaning="Jörg")]), True),
        (DataElement(Tag("ScheduledStationNameCodeSequence"), "SQ", [item(CodeMeaning="Boost")]), False),
        (DataElement(Tag("ScheduledStationNameCodeSequence"), "SQ", []), False),
    ],
)
def test_a_response_names_the_character_set_that_it_needs(element, named):
    record = Record("1.2.3", plain(workitem(PatientName="Roe^Jörg")))
    response = name_character_set(Dataset({element.tag: element}), record)
    assert response.get("SpecificCharacterSet") == ("ISO_IR 100" if named else None)


# --- what is changed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("20260302103000", "20260302103000+0100"),
        ("20260302103000-0500", "20260302103000-0500"),
        (["20260302", "20260303+0000"], ["20260302+0100", "20260303+0000"]),
    ],
)
def test_the_date_times_of_a_modification_are_meant_in_its_zone(sent, meant):
    record = Record("1.2.3", plain(workitem(TimezoneOffsetFromUTC="-0500")))
    changed = in_zone_of(record, item(**{START: sent, "TimezoneOffsetFromUTC": "+0100"}))
    assert "TimezoneOffsetFromUTC" not in changed
    assert changed[START].value == meant
