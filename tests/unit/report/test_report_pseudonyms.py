"""Nobody can be recognised: no original value is found in anything, in any character set; and what is judged stays as it was."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tdwii_conformance.dcmdump import dump_exchange
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.pseudonymise import (
    _encoded,
    learn_observation,
    learn_results,
    pseudonymised_observation,
    pseudonymised_results,
)
from tdwii_conformance.report.pseudonyms import Pseudonyms
from tdwii_conformance.report.results import results_of
from tdwii_conformance.report.verdicts import TestVerdict
from tdwii_conformance.transcript.exchange import Exchange, Message, exchange_to_json
from tdwii_conformance.transcript.observation import Association, Observation

NOW = datetime(2026, 11, 29, 9, tzinfo=UTC)
PULL = "1.2.840.10008.5.1.4.34.6.3"
# Specific Character Set, and a name in it [PS3.5 H to K; PS3.3 C.12.1.1.2].
SETS = [
    ("", "Adams^John Robert"),
    ("ISO_IR 100", "Buc^Jérôme"),
    ("ISO_IR 101", "Wałęsa^Łucja"),
    ("ISO_IR 144", "Люксембург^Роза"),
    ("ISO_IR 126", "Διονυσιος^Παυλος"),
    ("ISO_IR 127", "قباني^لنزار"),
    ("ISO_IR 138", "שרון^דבורה"),
    ("ISO_IR 148", "Çavuşoğlu^Işık"),
    ("ISO_IR 166", "ธนกิจ^สมชาย"),
    ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ("GB18030", "Wang^XiaoDong=王^小东"),
    ("ISO_IR 192", "Müller^Иван=王^小东=やまだ^たろう"),
]
ORIGINALS = ("PAT-4711", "19610203", "ACC20260001", "VENDORTDD", "CLINICTMS", "1.2.826.0.1.3680043.8.498.777.1")


def workitem(charset, name):
    dataset = Dataset()
    if charset:
        dataset.SpecificCharacterSet = charset
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = name, "PAT-4711", "19610203"
    dataset.ProcedureStepLabel = "Plan of PAT-4711"
    request, step = Dataset(), Dataset()
    request.AccessionNumber = "ACC20260001"
    step.StudyInstanceUID, step.RetrieveAETitle = ORIGINALS[-1], "CLINICTMS"
    dataset.ReferencedRequestSequence, dataset.InputInformationSequence = [request], [step]
    return dataset


def observed(charset, name, syntax):
    command = Dataset()
    command.AffectedSOPInstanceUID, command.Status = ORIGINALS[-1], 0
    answer = Message(command, NOW, _encoded(workitem(charset, name), syntax), syntax)
    exchange = Exchange("N-GET", "VENDORTDD", "CLINICTMS", PULL, Message(Dataset(), NOW), (answer,), "")
    facts = {
        "actor": "TDD", "system": "Vendor X", "workitem": ORIGINALS[-1], "patient_name": name, "patient_id": "PAT-4711",
        "tdd_ae_title": "VENDORTDD", "tms_ae_title": "CLINICTMS",
    }  # fmt: skip
    return Observation(facts, (), (exchange,), (Association("VENDORTDD", "CLINICTMS", NOW, ended="aborted by 10.1.2.3"),), "")


def parts(name):
    return [part for group in name.split("=") for part in group.replace(" ", "^").split("^") if part]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize(("charset", "name"), SETS, ids=[str(charset) for charset, _ in SETS])
def test_no_original_is_found_in_any_character_set(charset, name, syntax):
    before = observed(charset, name, syntax)
    names = Pseudonyms(b"a key that maps no name onto another of them")
    learn_observation(before, names)
    after = pseudonymised_observation(before, names)
    (exchange,) = after.exchanges
    dataset = exchange.dataset
    text = (
        json.dumps([after.facts, exchange_to_json(exchange)], ensure_ascii=False)
        + str(after.associations)
        + dump_exchange(exchange)
    )
    text += "".join(str(element.value) for element in dataset.iterall())
    raw = exchange.responses[0].encoded
    for original in (*ORIGINALS, *parts(name), "10.1.2.3"):
        assert original not in text
        assert original.encode() not in raw
    # the same everywhere, and as legal as it was
    assert str(dataset.PatientName) == after.facts["patient_name"] and dataset.PatientID == after.facts["patient_id"]
    assert len(str(dataset.PatientName)) == len(name)
    assert dataset.ProcedureStepLabel == f"Plan of {dataset.PatientID}"
    assert dataset.InputInformationSequence[0].StudyInstanceUID == after.facts["workitem"]
    assert str(dataset.PatientName).isascii() is name.isascii()
    assert (after.facts["actor"], after.facts["system"]) == ("TDD", "Vendor X")


def test_results_and_their_texts_are_pseudonymised():
    (exchange,) = observed("ISO_IR 100", "Buc^Jérôme", ExplicitVRLittleEndian).exchanges
    finding = {"expected": "value 'PAT-4711'", "received": "value 'Buc^Jérôme'", "path": "PatientID", "weight": "fault"}
    results = results_of(
        [TestVerdict("RO60-TMS-004", "t.py::a", "failed", findings=(finding,), exchanges=(dump_exchange(exchange),))],
        load_catalogue(), system="V", edition="ti", description="CLINICTMS at 10.1.2.3:104", notices=["VENDORTDD is gone"],
    )  # fmt: skip
    names = Pseudonyms(b"a key")
    learn_results(results, names)
    after = pseudonymised_results(results, names)
    text = after.model_dump_json() + after.page(load_catalogue())
    for original in (*ORIGINALS, "Buc", "Jérôme", "10.1.2.3"):
        assert original not in text
    assert [(v.requirement, v.verdict) for v in after.verdicts] == [("RO60-TMS-004", "failed")]
    assert after.verdicts[0].exchanges[0].startswith("# N-GET request, ")
    assert Pseudonyms(b"a key").value("PAT-4711") == names.value("PAT-4711") != Pseudonyms(b"other").value("PAT-4711")


TEXTS = st.text(st.characters(codec="latin-1", categories=["L", "N", "P"]), min_size=1, max_size=12)


@given(TEXTS, TEXTS)
def test_what_is_different_stays_so_and_what_begins_alike_too(one, other):
    names = Pseudonyms(b"key")
    assert names.value(one) == names.value(one) and len(names.value(one)) == len(one)
    common = one[: len(one) // 2]
    if not set(common) & set("^=\\") and common.strip():
        assert names.value(one).startswith(names.value(common))
    if one.isascii() and other.isascii() and one != other:
        assert names.value(one) != names.value(other)


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.5.1.4.34.6.3", "1.2.826.0.1", "2.25.0", "1.2.03.4.5.6", "1.02.3", "1..2", "x.1", "1.2." + "9" * 70]
)
def test_a_uid_stays_as_legal_as_it_was(uid):
    from pydicom.uid import UID

    new = Pseudonyms(b"key").value(uid, "UI")
    assert UID(new).is_valid == UID(uid).is_valid and len(new) == len(uid)
    assert (new == uid) is uid.startswith("1.2.840.10008") or set(uid) <= set("02.x5")


def test_names_of_actors_versions_and_sections_stay():
    names = Pseudonyms(b"key")
    names.value("TMS", "AE")
    names.value("VENDORTDD", "AE")
    text = "RO58-TDD-001, TMS, pydicom 3.0.2, PS3.7 10.1.4, 127.0.0.1"
    assert names.text(text) == text
    assert "VENDORTDD" not in names.text("called VENDORTDD")


def test_a_short_title_is_replaced_in_the_heading_of_a_message_and_in_the_name_of_a_session():
    text = "# C-FIND request, T1 -> TMS, 2026-11-29 09:00:00.000, UPS\n\n# C-FIND response 1 of 1, TMS -> T1, 09:00:01.000, 9 ms, status 0000\n"
    names = Pseudonyms(b"a key")
    verdict = TestVerdict("RO58-TDD-001", "T1 new-completed 1.2.826.0.1.3680043.8.498.777.1", "failed", exchanges=(text,))
    results = results_of([verdict], load_catalogue(), system="V", edition="ti")
    learn_results(results, names)
    (after,) = pseudonymised_results(results, names).verdicts
    assert "T1" not in after.exchanges[0] + after.nodeid and names.value("T1", "AE") in after.exchanges[0]
    assert " -> TMS, 2026" in after.exchanges[0] and "new-completed" in after.nodeid and "498.777" not in after.nodeid


def test_hosts_of_all_kinds_are_replaced_and_our_own_stays():
    names = Pseudonyms(b"a key")
    names.hosts(["fe80::a7", "rt7.clinic.example", "10.1.2.3", "localhost", "::1", "127.0.0.1"])
    said = names.text("fe80::a7 rt7.clinic.example 10.1.2.3:104 localhost ::1 127.0.0.1")
    assert said.endswith(" localhost ::1 127.0.0.1")
    assert not any(host in said for host in ("fe80::a7", "rt7.clinic.example", "10.1.2.3"))
