"""Attribute matching of a C-FIND [PS3.4 C.2.2.2]: key against stored value, expected by the rules of `ups.md` section 14."""

import pytest
from ups_samples import code, item, reference, text_parameter, workitem

from tdwii_conformance.ups import Worklist

STATION = "ScheduledStationNameCodeSequence"
START = "ScheduledProcedureStepStartDateTime"
REQUEST = "ReferencedRequestSequence"


def request(**attributes):
    empty = dict.fromkeys(("AccessionNumber", "RequestedProcedureID", "RequestedProcedureDescription"))
    sequences = (
        "IssuerOfAccessionNumberSequence", "OrderPlacerIdentifierSequence", "OrderFillerIdentifierSequence",
        "RequestedProcedureCodeSequence",
    )  # fmt: skip
    empty |= {sequence: [] for sequence in sequences}
    return item(**{"StudyInstanceUID": "1.2.3", **empty, **attributes})


def found(stored, keys):
    worklist = Worklist()
    outcome = worklist.create("1.2.3.1", workitem(**stored))
    assert outcome.status == 0, outcome.comment
    return [str(match.SOPInstanceUID) for match in worklist.find(item(**{"SOPInstanceUID": None, **keys}))] == ["1.2.3.1"]


@pytest.mark.parametrize(
    ("keyword", "stored", "key", "matches"),
    [
        # single value: exact and case-sensitive [C.2.2.2.1]
        ("PatientID", "P1", "P1", True),
        ("PatientID", "P1", "p1", False),
        ("PatientID", "P1", "P", False),
        ("PatientID", "P1", "P1 ", True),  # padding
        ("PatientSex", "F", "M", False),
        ("PatientBirthDate", "19610212", "19610212", True),
        ("PatientBirthDate", "19610212", "1961.02.12", True),
        ("StudyInstanceUID", "1.2.3.9", "1.2.3.9", True),
        ("StudyInstanceUID", "1.2.3.9", "1.2.3.99", False),
        # list of UID [C.2.2.2.2]
        ("StudyInstanceUID", "1.2.3.9", ["1.2.3.8", "1.2.3.9"], True),
        ("StudyInstanceUID", "1.2.3.9", ["1.2.3.8", "1.2.3.7"], False),
        # universal [C.2.2.2.3]
        ("PatientID", "P1", None, True),
        ("AdmissionID", None, None, True),
        # an empty stored value matches nothing but universal (A13, our choice)
        ("AdmissionID", None, "A1", False),
        ("AdmissionID", None, "*", True),
        # wild card [C.2.2.2.4]
        ("PatientID", "P123", "P*", True),
        ("PatientID", "P123", "*3", True),
        ("PatientID", "P123", "P?23", True),
        ("PatientID", "P123", "P???", True),
        ("PatientID", "P123", "P??", False),
        ("PatientID", "P123", "P*123", True),  # an empty run
        ("PatientID", "P123", "p*", False),
        ("PatientID", "P123", "*", True),
        ("PatientID", "P.23", "P.2?", True),
        ("PatientID", "P123", "P.2?", False),  # other signs mean themselves
        ("PatientID", "P[1]", "P[1]*", True),
        ("CommentsOnTheScheduledProcedureStep", "one\r\ntwo", "one*two", True),
        ("WorklistLabel", "Linac 1", "Linac ?", True),
        ("WorklistLabel", "abcabd", "*ab?*d", True),
        ("WorklistLabel", "abcabd", "*ab*c*d*", True),
        ("WorklistLabel", "abcabd", "*ab*d*c", False),
        ("WorklistLabel", "aab", "*a*a*a*b", False),
        ("WorklistLabel", "aab", "a*ab", True),
        ("WorklistLabel", "aab", "aa*ab", False),
        ("WorklistLabel", "x" * 60, "*x" * 40 + "y", False),  # at once, not after a lifetime of going back
        ("WorklistLabel", "x" * 60, "*" * 70 + "?" * 60, True),
        # no wild card in these VRs
        ("StudyInstanceUID", "1.2.3.9", "1.2.3.*", False),
        # person names: without regard to case, our documented choice
        ("PatientName", "Doe^Jane", "doe^jane", True),
        ("PatientName", "Doe^Jane", "DOE^J*", True),
        ("PatientName", "Doe^Jane", "Doe", False),
        ("PatientName", "Doe^Jane", "Doe*", True),
        ("PatientName", "Doe^Jane", "Doe^Jane^^", True),
        ("PatientName", "Müller^Jörg", "MÜLLER^*", True),
        # single value only: a wild card is none [CC.2.5.1.3]
        ("ScheduledProcedureStepPriority", "HIGH", "H*", False),
        ("ScheduledProcedureStepPriority", "HIGH", "HIGH", True),
        ("InputReadinessState", "READY", "R?ADY", False),
        ("ProcedureStepState", "SCHEDULED", "SCHED*", False),
        ("ProcedureStepState", "SCHEDULED", "SCHEDULED", True),
        # ranges [C.2.2.2.5]
        ("PatientBirthDate", "19610212", "19610101-19611231", True),
        ("PatientBirthDate", "19610212", "19610213-", False),
        ("PatientBirthDate", "19610212", "-19610212", True),
        (START, "20260302103000", "20260302", True),
        (START, "20260302103000", "2026", True),
        (START, "20260302103000", "20260302103000", True),
        (START, "20260302103000", "202603021030", True),
        (START, "202603021030", "20260302103000.000", True),  # equal by meaning
        (START, "20260302103000", "20260302-20260302", True),
        (START, "20260302103000", "20260301-20260302", True),  # a range ends with all of its last day
        (START, "20260302103000", "20260301-2026030210", True),
        (START, "20260302103000", "20260301-2026030209", False),
        (START, "20260302103000", "20260303-", False),
        (START, "20260302103000", "20260302103000-", True),
        (START, "20260302103000", "-20260302103000", True),
        (START, "20260302103000", "-20260302102959", False),
        # offsets
        (START, "20260302103000+0100", "20260302093000+0000", True),
        (START, "20260302103000+0100", "20260302103000+0000", False),
        (START, "20260302233000-0500", "20260303+0000", True),
        (START, "20260302233000-0500", "20260302000000-0500-20260302235959-0500", True),
        (START, "20260302233000-0500", "20260302000000-0500-20260302232959-0500", False),
        (START, "20260302233000-0500", "20260302000000+0000-20260302235959+0000", False),
    ],
)  # fmt: skip
def test_a_key_at_the_top_level(keyword, stored, key, matches):
    assert found({keyword: stored}, {keyword: key}) is matches


@pytest.mark.parametrize(
    ("keyword", "stored", "key", "matches"),
    [
        (STATION, [code("A", "S")], [], True),
        (STATION, [], [], True),
        (STATION, [code("A", "S")], [item()], True),  # an empty item is universal
        (STATION, [], [item()], True),
        (STATION, [code("A", "S")], [item(CodeValue="A")], True),
        (STATION, [code("A", "S")], [item(CodeValue="B")], False),
        (STATION, [code("A", "S")], [code("A", "S", None)], True),
        (STATION, [code("A", "S")], [code("A", None, None)], True),
        (STATION, [code("A", "S")], [code("A", "T", None)], False),
        (STATION, [code("A", "S")], [code(None, None, None)], True),
        (STATION, [], [code(None, None, None)], True),  # nothing but universal keys
        (STATION, [], [item(CodeValue="A")], False),
        # one item must match all keys
        (STATION, [code("A", "S"), code("B", "T")], [code("A", "T", None)], False),
        (STATION, [code("A", "S"), code("B", "T")], [code("B", "T", None)], True),
        # single value only, and Code Meaning is never a key [CC.2.5.1.2]
        (STATION, [code("A1", "S")], [item(CodeValue="A*")], False),
        (STATION, [code("A*", "S")], [item(CodeValue="A*")], True),
        (STATION, [code("A1", "S")], [item(CodingSchemeDesignator="?")], False),
        (STATION, [code("A", "S", "Linac")], [code("A", "S", "other")], True),
        # deeper
        ("InputInformationSequence", [reference("1.2.840.1", "1.2.5")],
         [item(ReferencedSOPSequence=[item(ReferencedSOPInstanceUID="1.2.5")])], True),
        ("InputInformationSequence", [reference("1.2.840.1", "1.2.5")],
         [item(ReferencedSOPSequence=[item(ReferencedSOPInstanceUID="1.2.6")])], False),
        ("InputInformationSequence", [reference("1.2.840.1", "1.2.5", "OST")],
         [item(DICOMRetrievalSequence=[item(RetrieveAETitle="O*")])], True),
        ("InputInformationSequence", [reference("1.2.840.1", "1.2.5", "OST")],
         [item(TypeOfInstances="DICOM", DICOMRetrievalSequence=[item(RetrieveAETitle="TMS")])], False),
        (REQUEST, [request(AccessionNumber="A1")], [item(AccessionNumber="A1")], True),
        (REQUEST, [request(AccessionNumber="A1")], [item(AccessionNumber="A?")], True),
        (REQUEST, [request(AccessionNumber="A1")], [item(AccessionNumber="A2")], False),
        (REQUEST, [], [item(AccessionNumber="A2")], False),
        (REQUEST, [request(RequestingService="RT")], [item(RequestingService="RT")], True),
        # no matching key: a return key only [K.2.2.1.1.2]
        ("ScheduledProcessingParametersSequence", [text_parameter(code("121740", "DCM"), "TREATMENT")],
         [item(TextValue="CONTINUATION")], True),
    ],
)  # fmt: skip
def test_a_sequence_key(keyword, stored, key, matches):
    assert found({keyword: stored}, {keyword: key}) is matches


@pytest.mark.parametrize(
    ("keys", "matches"),
    [
        ({"PatientID": "P1", "PatientSex": "F"}, True),
        ({"PatientID": "P1", "PatientSex": "M"}, False),
        ({"TransactionUID": "1.2.3"}, True),  # cannot be queried, so it narrows nothing
        ({"SpecificCharacterSet": "ISO_IR 192", "PatientID": "P1"}, True),
        ({"TimezoneOffsetFromUTC": "+0100", "PatientID": "P1"}, True),
    ],
)
def test_keys_together(keys, matches):
    assert found({}, keys) is matches


@pytest.mark.parametrize(
    ("stored_offset", "stored", "query_offset", "key", "matches"),
    [
        (None, "20260302103000+0000", "+0200", "20260302123000", True),
        (None, "20260302103000+0000", "+0200", "20260302103000", False),
        (None, "20260302103000+0000", "-0500", "20260302053000-20260302053000", True),
        ("+0200", "20260302123000", None, "20260302103000+0000", True),
        ("+0200", "20260302123000", "+0000", "20260302103000", True),
        ("+0200", "20260302123000", "-0500", "2026030205-2026030205", True),
        ("+0200", "20260302123000-0500", None, "20260302173000+0000", True),  # a value's own offset comes first
    ],
)
def test_timezone_offset_from_utc(stored_offset, stored, query_offset, key, matches):
    kept = {START: stored, **({"TimezoneOffsetFromUTC": stored_offset} if stored_offset else {})}
    keys = {START: key, **({"TimezoneOffsetFromUTC": query_offset} if query_offset else {})}
    assert found(kept, keys) is matches


def test_a_query_with_only_empty_keys_matches_all():  # A15
    worklist = Worklist()
    for number in range(3):
        worklist.create(f"1.2.3.{number}", workitem())
    keys = item(SOPInstanceUID=None, PatientID=None, ScheduledStationNameCodeSequence=[])
    assert [match.SOPInstanceUID for match in worklist.find(keys)] == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
