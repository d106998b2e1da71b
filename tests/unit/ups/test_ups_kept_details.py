"""Details of how UPS are kept, read and shown that only a particular value, or number of UPS, brings to light."""

import os
import struct
import time
import warnings
from functools import partial
from io import BytesIO

import pytest
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from ups_samples import item, workitem

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.ups import MemoryStore, SQLiteStore, Worklist, sqlite_store, times
from tdwii_conformance.ups.answers import name_character_set
from tdwii_conformance.ups.changes import in_zone_of
from tdwii_conformance.ups.datasets import character_set_of, plain
from tdwii_conformance.ups.matching import Key, keys_of, respond
from tdwii_conformance.ups.records import Kept, Record
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


def number_of(store, few):
    """Fill a store with eight UPS that are kept decoded, of which a query finds a few; return whether these are among them."""
    for number in range(12):
        label = "Boost" if number < few else "Other"
        store.commit(Change(Record(f"1.2.{number}", plain(workitem(ProcedureStepLabel=label)))))
    keys = keys_of(item(ProcedureStepLabel="Boost"), attribute_rows())
    found = store.candidates(keys)
    assert [one.uid for one in found] == [f"1.2.{number}" for number in range(few)]
    return [store.get(one.uid) is one for one in found]


@pytest.mark.parametrize(("few", "kept"), [(2, [True] * 2), (3, [False] * 3)])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_a_query_finds_stays_decoded_if_it_is_no_more_than_a_quarter(kind, few, kept, tmp_path):
    store = MemoryStore(awake=8) if kind == "memory" else SQLiteStore(tmp_path / "worklist.db", awake=8)
    assert number_of(store, few) == kept
    store.close()


def test_what_was_used_last_is_not_read_again(store):
    store.commit(Change(Record("1.2.3", plain(workitem()))))
    assert store.get("1.2.3") is store.get("1.2.3")


def test_a_large_answer_has_those_that_are_decoded_as_they_are():
    store = MemoryStore(awake=2)
    for number in range(4):
        store.commit(Change(Record(f"1.2.{number}", plain(workitem()))))
    last = store.get("1.2.3")
    assert [one is last for one in store.candidates(())] == [False, False, False, True]


def test_of_indexes_that_leave_many_the_one_that_leaves_fewer_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "FEW", 2)
    store = SQLiteStore(tmp_path / "worklist.db")
    for number, (label, patient) in enumerate(
        [("Boost", "P1"), ("Boost", "P1"), ("Boost", "P2"), ("Other", "P1"), ("Boost", "P3")]
    ):
        store.commit(Change(Record(f"1.2.{number}", plain(workitem(ProcedureStepLabel=label, PatientID=patient)))))
    for asked, left in (("P1", ["1.2.0", "1.2.1", "1.2.3"]), ("P2", ["1.2.2"])):
        keys = keys_of(item(PatientID=asked, ProcedureStepLabel="Boost"), attribute_rows())
        assert [one.uid for one in store.candidates(keys)] == left
    keys = keys_of(item(PatientID=["P2", "P3"], ProcedureStepLabel="Boost"), attribute_rows())
    assert [one.uid for one in store.candidates(keys)] == ["1.2.2", "1.2.4"]
    store.commit(Change(Record("1.2.5", plain(workitem(ProcedureStepLabel="Other", PatientID="P9")))))
    keys = keys_of(item(PatientID="P1", ProcedureStepLabel="Other"), attribute_rows())
    assert [one.uid for one in store.candidates(keys)] == ["1.2.3", "1.2.5"]
    store.close()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the local time of a process can be changed on POSIX only")
def test_local_times_are_indexed_anew_where_local_time_is_another(tmp_path, monkeypatch):
    """10:30 without an offset is 10:30 where the SCP is [PS3.5 6.2, DT]."""
    try:
        for zone in ("UTC", "EST5EDT", "JST-9", "CET-1CEST", "NST3:30", "UTC"):
            monkeypatch.setitem(os.environ, "TZ", zone)
            time.tzset()
            times._span.cache_clear()  # of another process, which the next run of an SCP is
            times.key_span.cache_clear()
            store = SQLiteStore(tmp_path / "worklist.db")
            worklist = Worklist(store)
            if not store.known:
                worklist.create("1.2.3", workitem(**{START: "20260302103000"}))
            assert found(worklist, **{START: "20260302102900-20260302103100"}) == ["1.2.3"]
            store.close()
    finally:
        monkeypatch.undo()
        time.tzset()
        times._span.cache_clear()
        times.key_span.cache_clear()


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_text_keeps_the_letters_at_its_end():
    assert plain(as_read("ProcedureStepLabel", "LO", b"BOOST X")).ProcedureStepLabel == "BOOST X"


def test_an_escape_sequence_is_no_text():
    """ESC 02/08 04/02 designates ASCII [PS3.3 table C.12-3]."""
    read = as_read("ProcedureStepLabel", "LO", b"Bo\x1b(Bost", "ISO 2022 IR 6\\ISO 2022 IR 100")
    assert plain(read).ProcedureStepLabel == "Boost"


def test_an_element_keeps_the_value_representation_that_it_came_with():
    assert plain(as_read("ProcedureStepLabel", "SH", b"Boost"))["ProcedureStepLabel"].VR == "SH"


def test_what_is_wrong_with_a_uid_is_not_said_while_it_is_read(monkeypatch):
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.WARN)
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


PERFORMED, ENDED = "UnifiedProcedureStepPerformedProcedureSequence", "PerformedProcedureStepEndDateTime"


def found_by(worklist, keys, implicit_vr):
    (response,) = worklist.find(keys, implicit_vr)
    return response


@pytest.mark.parametrize("implicit_vr", [None, True, False])
@pytest.mark.parametrize(("asked", "found"), [("202603020900-202603021000", 0), ("202603020800-202603020900", 1)])
def test_the_items_of_a_response_are_matched_in_the_zone_of_the_ups(implicit_vr, asked, found):
    """09:30 one hour east of Greenwich is 08:30 UTC [PS3.4 C.2.2.2.5]."""
    worklist = Worklist()
    done = [item(**{ENDED: "20260302093000"}), item(**{ENDED: "20250101"})]
    worklist.restore("1.2.3", workitem(TimezoneOffsetFromUTC="+0100", ProcedureStepState="IN PROGRESS", **{PERFORMED: done}))
    keys = item(SOPInstanceUID=None, TimezoneOffsetFromUTC="+0000", **{PERFORMED: [item(**{ENDED: asked})]})
    responses = list(worklist.find(keys, implicit_vr))
    assert [[str(one[ENDED].value) for one in response[PERFORMED].value] for response in responses] == [["20260302093000"]] * found


@pytest.mark.parametrize("implicit_vr", [None, True, False])
@pytest.mark.parametrize(
    ("asked", "zone"),
    [
        ({"ScheduledProcedureStepStartDateTime": None}, "+0100"),
        ({"ProcedureStepProgressInformationSequence": []}, "+0100"),
        ({"PatientBirthDate": None}, "+0100"),
        ({"PatientName": None}, None),
    ],
)
def test_a_response_that_may_hold_times_says_where_they_are_meant(implicit_vr, asked, zone):
    worklist = Worklist()
    worklist.create("1.2.3", workitem(TimezoneOffsetFromUTC="+0100"))
    assert found_by(worklist, item(**asked), implicit_vr).get("TimezoneOffsetFromUTC") == zone


@pytest.mark.parametrize("implicit_vr", [True, False])
def test_a_response_holds_its_elements_as_they_are_sent(implicit_vr):
    worklist = Worklist()
    worklist.create("1.2.3", workitem(PatientName="Roe^Jörg"))
    response = found_by(worklist, item(PatientName=None), implicit_vr)
    assert isinstance(response.get_item("PatientName"), Kept)
    assert response.original_encoding == (implicit_vr, True)
    assert response.original_character_set == ["latin_1"]


def test_a_response_that_is_not_yet_encoded_has_its_values():
    worklist = Worklist()
    worklist.create("1.2.3", workitem(PatientName="Roe^Jörg"))
    response = found_by(worklist, item(PatientName=None), None)
    assert not isinstance(response.get_item("PatientName"), Kept)
    assert response.original_encoding == (None, None)


def test_items_matched_by_several_times_have_the_character_set_of_the_ups():
    done = [item(**{ENDED: "20260302", "PerformedProcedureStepDescription": "Gerät"})]
    record = Record("1.2.3", plain(workitem(PatientName="山田", **{PERFORMED: done})))
    below = keys_of(
        item(**{ENDED: ["20260302", "20260303"], "PerformedProcedureStepDescription": None}), attribute_rows()[PERFORMED].items
    )
    sent = respond([Key(Tag(PERFORMED), "SQ", below=below)], record.attributes, "", partial(record.kept, implicit_vr=True))
    assert "Gerät".encode() in sent.get_item(PERFORMED).value


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
