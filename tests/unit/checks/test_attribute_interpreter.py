"""The interpreter of the attribute tables, against findings worked out by hand."""

import pytest
from check_samples import raw
from pydicom.multival import MultiValue

from tdwii_conformance.checks import Finding, judge_attribute
from tdwii_conformance.checks.attributes import expected_values, shown
from tdwii_conformance.profile.catalogue import AttributeRule
from tdwii_conformance.profile.paths import parse_condition, parse_path
from tdwii_conformance.treatment.messages import code_item, item


def rule(path, type="1", values="", items=(), condition=""):
    return AttributeRule(
        message="RO-58 response",
        path=parse_path(path),
        text=path,
        type=type,
        values=tuple(values.split("|")) if values else (),
        items=items,
        condition=parse_condition(condition) if condition else None,
    )


STATION = item(ScheduledStationNameCodeSequence=[code_item("FX1", "99X", "Machine"), code_item("FX2", "99X", "")])
PARAMETERS = item(
    ScheduledProcessingParametersSequence=[
        item(
            ValueType="NUM",
            ConceptNameCodeSequence=code_item("2018002", "99IHERO2018", "Current Fraction Number"),
            NumericValue="3",
        ),
        item(
            ValueType="TEXT", ConceptNameCodeSequence=code_item("121740", "DCM", "Treatment Delivery Type"), TextValue="TREATMENT"
        ),
    ]
)
FRACTION = "ScheduledProcessingParametersSequence[concept 2018002 99IHERO2018]"


@pytest.mark.parametrize(
    ("row", "dataset", "facts", "expected"),
    [
        (rule("PatientID"), item(PatientID="P1"), {}, []),
        (rule("PatientID"), item(), {}, [("present with a value", "attribute absent", "PatientID")]),
        (rule("PatientID"), item(PatientID=""), {}, [("present with a value", "present without a value", "PatientID")]),
        (rule("PatientID", "2"), item(PatientID=""), {}, []),
        (rule("PatientID", "3"), item(), {}, []),
        (rule("PatientID", "empty"), item(PatientID="P1"), {}, [("present without a value", "value 'P1'", "PatientID")]),
        (rule("PatientName", values="$patient"), item(PatientName="Doe^Jane^^"), {"patient": "Doe^Jane"}, []),
        (rule("PatientName", values="$patient"), item(PatientName="Doe"), {"patient": "Doe^Jane"},
         [("value 'Doe^Jane'", "value 'Doe'", "PatientName")]),
        (rule("InputInformationSequence", "empty"), item(InputInformationSequence=[item()]), {}, []),
        (rule("InputInformationSequence", "empty"),
         item(InputInformationSequence=[item(StudyInstanceUID="", ReferencedSOPSequence=[item(ReferencedSOPClassUID="")])]), {}, []),
        (rule("InputInformationSequence", "empty"),
         item(InputInformationSequence=[item(ReferencedSOPSequence=[item(ReferencedSOPClassUID="1.2")])]), {},
         [("no item, or one empty item", "1 item(s)", "InputInformationSequence")]),
        (rule("PatientID", "absent"), item(PatientID="P1"), {}, [("attribute not sent", "sent with value 'P1'", "PatientID")]),
        (rule("ProcedureStepState", values="SCHEDULED"), item(ProcedureStepState="IN PROGRESS"), {},
         [("value 'SCHEDULED'", "value 'IN PROGRESS'", "ProcedureStepState")]),
        (rule("PatientID", values="$patient"), item(PatientID="P1"), {"patient": "P2"}, [("value 'P2'", "value 'P1'", "PatientID")]),
        (rule("PatientID", values="$patient"), item(PatientID="P1"), {}, []),
        (rule("ScheduledStationNameCodeSequence.CodeMeaning"), STATION, {},
         [("present with a value", "present without a value", "ScheduledStationNameCodeSequence[1].CodeMeaning")]),
        (rule("ScheduledStationNameCodeSequence", items=(1, 1)), STATION, {},
         [("1 item(s)", "2", "ScheduledStationNameCodeSequence")]),
        (rule(FRACTION + ".ValueType", values="NUMERIC"), PARAMETERS, {},
         [("value 'NUMERIC'", "value 'NUM'", "ScheduledProcessingParametersSequence[0].ValueType")]),
        (rule(FRACTION + ".NumericValue", values="$fraction"), PARAMETERS, {"fraction": "3.0"}, []),
        (rule("ScheduledProcessingParametersSequence[concept 2018001 99IHERO2018]"), PARAMETERS, {},
         [("an item [concept 2018001 99IHERO2018]", "2 item(s) [concept 2018002 99IHERO2018, 121740 DCM], none such", "ScheduledProcessingParametersSequence")]),
        # Types [PS3.5 7.4]: 1 and 1C need a value, 2 and 2C need to be there.
        (rule("PatientID", "1C", condition="PatientSex != F"), item(PatientID=""), {}, [("present with a value", "present without a value", "PatientID")]),
        (rule("PatientID", "1C", condition="PatientSex != F"), item(), {}, [("present with a value", "attribute absent", "PatientID")]),
        (rule("PatientID", "2"), item(), {}, [("present", "attribute absent", "PatientID")]),
        (rule("PatientID", "2C", condition="PatientSex != F"), item(), {}, [("present", "attribute absent", "PatientID")]),
        (rule("PatientID", "2C", condition="PatientSex != F"), item(PatientID=None), {}, []),
        (rule("PatientID", "2", values="A|B"), item(), {}, [("value 'A' or 'B'", "attribute absent", "PatientID")]),
        (rule("PatientID", values="A|B"), item(PatientID=None), {}, [("value 'A' or 'B'", "present without a value", "PatientID")]),
        (rule("PatientID", "3", values="A|B"), item(PatientID="C"), {}, [("value 'A' or 'B'", "value 'C'", "PatientID")]),
        (rule("PatientID", "3", values="A|B"), item(PatientID="B"), {}, []),
        (rule("PatientID", "3", values="A|B"), item(PatientID=""), {}, []),
        (rule("PatientID", "empty"), item(PatientID=None), {}, []),
        (rule("PatientID", "empty"), item(PatientID=""), {}, []),
        (rule("PatientID", "empty"), item(), {}, [("present", "attribute absent", "PatientID")]),
        (rule("PatientID", "absent"), item(), {}, []),
        (rule("PatientID", "absent"), item(PatientID=None), {}, [("attribute not sent", "sent with value (no value)", "PatientID")]),
        # One of several values is enough; a number is one whatever its text.
        (rule("OtherPatientNames", values="B"), item(OtherPatientNames=["A", "B"]), {}, []),
        (rule("OtherPatientNames", values="C"), item(OtherPatientNames=["A", "B"]), {}, [("value 'C'", "value 'A\\\\B'", "OtherPatientNames")]),
        (rule("OtherPatientNames"), item(OtherPatientNames=[]), {}, [("present with a value", "present without a value", "OtherPatientNames")]),
        (rule("NumericValue", values="1"), item(NumericValue="1.0"), {}, []),
        (rule("NumericValue", values="1"), item(NumericValue="1.1"), {}, [("value '1'", "value '1.1'", "NumericValue")]),
        (rule("NumericValue", values="one"), item(NumericValue="1"), {}, [("value 'one'", "value '1'", "NumericValue")]),
        (rule("PatientID", values="$patient"), item(PatientID="P2"), {"patient": "P1|P2"}, []),
        (rule("PatientID", values="$patient"), item(), {"patient": "P1|P2"}, [("value 'P1' or 'P2'", "attribute absent", "PatientID")]),
        (rule("PatientID", values="$patient"), item(PatientID=""), {"patient": "P1"}, [("value 'P1'", "present without a value", "PatientID")]),
        # Sequences
        (rule(FRACTION + ".ConceptNameCodeSequence[concept 1 DCM]"), PARAMETERS, {},
         [("an item [concept 1 DCM]", "1 item(s), none such", "ScheduledProcessingParametersSequence[0].ConceptNameCodeSequence")]),
        (rule(FRACTION), item(ScheduledProcessingParametersSequence=item(ConceptNameCodeSequence=item(CodeMeaning="x"))), {},
         [("an item [concept 2018002 99IHERO2018]", "1 item(s) [concept  ], none such", "ScheduledProcessingParametersSequence")]),
        (rule("ScheduledStationNameCodeSequence"), item(ScheduledStationNameCodeSequence=[]), {},
         [("at least one item", "sequence without an item", "ScheduledStationNameCodeSequence")]),
        (rule("ScheduledStationNameCodeSequence", "1C", condition="PatientSex != F"), item(ScheduledStationNameCodeSequence=[]), {},
         [("at least one item", "sequence without an item", "ScheduledStationNameCodeSequence")]),
        (rule("ScheduledStationNameCodeSequence", "2"), item(ScheduledStationNameCodeSequence=[]), {}, []),
        (rule("ScheduledStationNameCodeSequence", "2", items=(1, 1)), item(ScheduledStationNameCodeSequence=[]), {}, []),
        (rule("ScheduledStationNameCodeSequence"), STATION, {}, []),
        (rule("ScheduledStationNameCodeSequence", items=(2, 2)), STATION, {}, []),
        (rule("ScheduledStationNameCodeSequence", items=(1, 2)), STATION, {}, []),
        (rule("ScheduledStationNameCodeSequence", items=(1, 0)), STATION, {}, []),
        (rule("ScheduledStationNameCodeSequence", items=(3, 0)), STATION, {}, [("3 or more item(s)", "2", "ScheduledStationNameCodeSequence")]),
        (rule("ScheduledStationNameCodeSequence", items=(3, 5)), STATION, {}, [("3 to 5 item(s)", "2", "ScheduledStationNameCodeSequence")]),
        (rule(FRACTION, items=(1, 1)), PARAMETERS, {}, []),
        (rule(FRACTION, items=(2, 2)), PARAMETERS, {},
         [("2 item(s) [concept 2018002 99IHERO2018]", "1", "ScheduledProcessingParametersSequence")]),
        (rule(FRACTION), item(ScheduledProcessingParametersSequence=[]), {},
         [("an item [concept 2018002 99IHERO2018]", "sequence without an item", "ScheduledProcessingParametersSequence")]),
        # A sequence as a return key is empty or has one item, without keys or with empty ones [PS3.4 C.2.2.2.6].
        (rule("ScheduledStationNameCodeSequence", "empty"), item(ScheduledStationNameCodeSequence=[item(CodeValue=None)]), {}, []),
        (rule("ReferencedRequestSequence", "empty"), item(ReferencedRequestSequence=item(RequestedProcedureCodeSequence=item(CodeValue=None))), {}, []),
        (rule("ReferencedRequestSequence", "empty"), item(ReferencedRequestSequence=item(RequestedProcedureCodeSequence=[])), {}, []),
        (rule("ReferencedRequestSequence", "empty"), item(ReferencedRequestSequence=item(RequestedProcedureCodeSequence=item(CodeValue="1"))), {},
         [("no item, or one empty item", "1 item(s)", "ReferencedRequestSequence")]),
        # Empty components at the end of a name may be left out with their delimiters [PS3.5 6.2.1].
        (rule("PatientName", values="Doe^Jane"), item(PatientName="Doe^Jane^^="), {}, []),
        (rule("PatientName", values="Doe^Jane^^"), item(PatientName="Doe^Jane"), {}, []),
        (rule("PatientName", values="Ma"), item(PatientName="MaX"), {}, [("value 'Ma'", "value 'MaX'", "PatientName")]),
        (rule("PatientID", values="Doe"), item(PatientID="Doe^"), {}, [("value 'Doe'", "value 'Doe^'", "PatientID")]),
        (rule("ScheduledStationNameCodeSequence", "empty"), item(ScheduledStationNameCodeSequence=[]), {}, []),
        (rule("ScheduledStationNameCodeSequence", "empty"), item(ScheduledStationNameCodeSequence=[item()]), {}, []),
        (rule("ScheduledStationNameCodeSequence", "empty"), item(ScheduledStationNameCodeSequence=[item(), item()]), {},
         [("no item, or one empty item", "2 item(s)", "ScheduledStationNameCodeSequence")]),
        (rule("ScheduledStationNameCodeSequence", "empty"), item(ScheduledStationNameCodeSequence=[item(CodeValue="1")]), {},
         [("no item, or one empty item", "1 item(s)", "ScheduledStationNameCodeSequence")]),
    ],
)  # fmt: skip
def test_findings(row, dataset, facts, expected):
    judgement = judge_attribute(row, [dataset], facts)
    assert judgement.not_judged == ""
    assert [(f.expected, f.received, f.path) for f in judgement.findings] == expected


def test_condition_decides_whether_it_is_judged():
    row = rule("PatientID", "1C", condition="$start = CONTINUATION")
    judged = judge_attribute(row, [item()], {"start": "CONTINUATION"})
    assert judged.findings == (Finding("present with a value", "attribute absent", "PatientID"),)
    assert judged.not_judged == ""
    for facts in ({"start": "TREATMENT"}, {}):
        judged = judge_attribute(row, [item()], facts)
        assert judged.findings == ()
        assert judged.not_judged == "condition does not apply: the treatment continues an interrupted one"


def test_condition_is_asked_of_each_item():
    row = rule("ScheduledProcessingParametersSequence.TextValue", "1C", condition="ValueType = TEXT")
    judged = judge_attribute(row, [item(ScheduledProcessingParametersSequence=[item(ValueType="NUM"), item(ValueType="TEXT")])], {})
    path = "ScheduledProcessingParametersSequence[1].TextValue"
    assert judged.findings == (Finding("present with a value", "attribute absent", path),)


def test_nothing_to_judge_below_an_absent_sequence():
    judged = judge_attribute(rule("InputInformationSequence.TypeOfInstances"), [item()], {})
    assert judged.findings == ()
    assert judged.not_judged == (
        "nothing holds InputInformationSequence.TypeOfInstances here: the sequence around it is absent or empty"
    )


def test_several_data_sets_are_named_in_the_path():
    row = rule("ScheduledStationNameCodeSequence.CodeMeaning")
    judged = judge_attribute(row, [STATION, item(), STATION], {}, "workitem")
    assert [f.path for f in judged.findings] == [
        "workitem[0].ScheduledStationNameCodeSequence[1].CodeMeaning", "workitem[2].ScheduledStationNameCodeSequence[1].CodeMeaning",
    ]  # fmt: skip
    assert [f.path for f in judge_attribute(rule("PatientID"), [item(), item()], {}).findings] == [
        "identifier[0].PatientID", "identifier[1].PatientID",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "facts", "expected"),
    [
        ("", {}, ()), ("A|B", {}, ("A", "B")), ("A|$x|B", {"x": "1|2"}, ("A", "1", "2", "B")), ("A|$x", {"y": "1"}, ()),
    ],
)  # fmt: skip
def test_expected_values(values, facts, expected):
    assert expected_values(rule("PatientID", values=values), facts) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "(no value)"), ("", "(no value)"), ("P", "'P'"), (0, "'0'"), (MultiValue(str, ["A", "B"]), repr("A\\B")),
        ("x" * 120, repr("x" * 120)), ("x" * 121, repr("x" * 117 + "...")),
        (item(PatientName="N", PatientID="P"), "an item with PatientName, PatientID"),
        (raw(0x00990010, "LO", "V"), "an item with (0099,0010)"),
    ],
)  # fmt: skip
def test_shown(value, expected):
    assert shown(value) == expected
