"""The interpreter of the attribute tables, against findings worked out by hand."""

import pytest

from tdwii_conformance.checks import judge_attribute
from tdwii_conformance.drivers.messages import code_item, item
from tdwii_conformance.profile.catalogue import AttributeRule
from tdwii_conformance.profile.paths import parse_condition, parse_path


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
    ],
)  # fmt: skip
def test_findings(row, dataset, facts, expected):
    judgement = judge_attribute(row, [dataset], facts)
    assert judgement.not_judged == ""
    assert [(f.expected, f.received, f.path) for f in judgement.findings] == expected


def test_condition_decides_whether_it_is_judged():
    row = rule("PatientID", "1C", condition="$start = CONTINUATION")
    assert judge_attribute(row, [item()], {"start": "CONTINUATION"}).findings
    assert judge_attribute(row, [item()], {"start": "TREATMENT"}).not_judged
    assert judge_attribute(row, [item()], {}).not_judged


def test_nothing_to_judge_below_an_absent_sequence():
    assert judge_attribute(rule("InputInformationSequence.TypeOfInstances"), [item()], {}).not_judged


def test_several_data_sets_are_named_in_the_path():
    judgement = judge_attribute(rule("PatientID"), [item(PatientID="1"), item()], {})
    assert [f.path for f in judgement.findings] == ["identifier[1].PatientID"]
