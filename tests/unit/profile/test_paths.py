"""Paths and conditions of the attribute tables: what they parse to, where they lead, and what is refused."""

import pytest
from pydicom.uid import RTIonPlanStorage, RTPlanStorage

from tdwii_conformance.profile.paths import Condition, PathError, Step, parse_condition, parse_path, resolve
from tdwii_conformance.treatment.messages import code_item, item

PLAN, ION_PLAN, IMAGE = "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.481.8", "1.2.840.10008.5.1.4.1.1.2"  # [PS3.6 A-1]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("PatientID", (Step("PatientID"),)),
        ("InputInformationSequence.TypeOfInstances", (Step("InputInformationSequence"), Step("TypeOfInstances"))),
        (
            "ScheduledProcessingParametersSequence[concept 121740 DCM].TextValue",
            (Step("ScheduledProcessingParametersSequence", concept=("121740", "DCM")), Step("TextValue")),
        ),
        (
            "InputInformationSequence[class RTPlanStorage|RTIonPlanStorage]",
            (Step("InputInformationSequence", classes=(PLAN, ION_PLAN)),),
        ),
    ],
)
def test_path(text, steps):
    assert parse_path(text) == steps


def test_classes_of_a_path_are_plain_text():
    # UID is a str with an equality of its own; what goes into a report is to be neither.
    assert {type(one) for one in parse_path("InputInformationSequence[class RTPlanStorage]")[0].classes} == {str}
    assert (RTPlanStorage, RTIonPlanStorage) == (PLAN, ION_PLAN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the path is empty"),
        (".", "the path is empty"),
        ("Patient ID", "'Patient ID' in path 'Patient ID' is not KEYWORD, KEYWORD[concept CODE SCHEME] or KEYWORD[class ...]"),
        (
            "A.B[concept 1]",
            "'B[concept 1]' in path 'A.B[concept 1]': a concept is a code value and a coding scheme designator",
        ),
        ("A[concept 1 DCM x]", "'A[concept 1 DCM x]' in path 'A[concept 1 DCM x]': a concept is a code value and a coding scheme designator"),
        ("A[concept 1  DCM]", "'A[concept 1  DCM]' in path 'A[concept 1  DCM]': a concept is a code value and a coding scheme designator"),
        ("A[item 1]", "'A[item 1]' in path 'A[item 1]' is not KEYWORD, KEYWORD[concept CODE SCHEME] or KEYWORD[class ...]"),
        (
            "A[class RTPlan]",
            "'RTPlan' in path 'A[class RTPlan]' is no SOP class; spell it as PS3.6 does, for example RTPlanStorage",
        ),
        ("A[class UID]", "'UID' in path 'A[class UID]' is no SOP class; spell it as PS3.6 does, for example RTPlanStorage"),
    ],
)  # fmt: skip
def test_path_is_refused(text, said):
    with pytest.raises(PathError) as error:
        parse_path(text)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("ValueType = TEXT|CODE", Condition("ValueType = TEXT|CODE", "ValueType", True, ("TEXT", "CODE"))),
        ("ValueType != TEXT", Condition("ValueType != TEXT", "ValueType", False, ("TEXT",))),
        ("$start = NEW START", Condition("$start = NEW START", "$start", True, ("NEW START",))),
    ],
)
def test_condition(text, condition):
    assert parse_condition(text) == condition


@pytest.mark.parametrize("text", ["ValueType", "ValueType=TEXT", "ValueType < TEXT", "ValueType = ", "Value Type = TEXT"])
def test_condition_is_refused(text):
    with pytest.raises(PathError) as error:
        parse_condition(text)
    assert str(error.value) == f"condition {text!r} is not SUBJECT = VALUE or SUBJECT != VALUE"


def test_keywords_of_a_condition():
    assert parse_condition("ValueType = TEXT").keywords == ("ValueType",)
    assert parse_condition("$start = NEW").keywords == ()


@pytest.mark.parametrize(
    ("condition", "dataset", "facts", "holds"),
    [
        ("ValueType = TEXT|CODE", item(ValueType="CODE"), {}, True),
        ("ValueType = TEXT|CODE", item(ValueType="NUMERIC"), {}, False),
        ("ValueType = TEXT", item(), {}, False),
        ("ValueType != TEXT", item(ValueType="TEXT"), {}, False),
        ("ValueType != TEXT", item(ValueType="CODE"), {}, True),
        ("ValueType != TEXT", item(), {}, True),
        ("ValueType != None", item(), {}, True),  # an absent value is empty, and not the word for it
        ("NumericValue = 1", item(NumericValue="1"), {}, True),
        ("$start = NEW", item(), {"start": "NEW"}, True),
        ("$start = NEW", item(), {"start": "OLD"}, False),
        ("$start != NEW", item(), {"start": "OLD"}, True),
        ("$start != NEW", item(), {"start": "NEW"}, False),
        ("$start = NEW", item(), {"$start": "NEW"}, None),
        ("$start != NEW", item(), {}, None),
    ],
)
def test_condition_holds(condition, dataset, facts, holds):
    assert parse_condition(condition).holds(dataset, facts) is holds


def parameter(value, scheme, **more):
    return item(ConceptNameCodeSequence=code_item(value, scheme, "meaning"), **more)


def reference(*classes):
    return item(ReferencedSOPSequence=[item(ReferencedSOPClassUID=one) for one in classes])


@pytest.mark.parametrize(
    ("step", "dataset", "taken"),
    [
        (Step("A"), item(), True),
        (Step("A", concept=("1", "DCM")), parameter("1", "DCM"), True),
        (Step("A", concept=("1", "DCM")), parameter("1", "99X"), False),
        (Step("A", concept=("1", "DCM")), parameter("2", "DCM"), False),
        (Step("A", concept=("1", "*")), parameter("1", "99X"), True),
        (Step("A", concept=("1", "*")), parameter("2", "99X"), False),
        (Step("A", concept=("1", "*")), item(), False),
        (Step("A", classes=(PLAN, ION_PLAN)), reference(ION_PLAN), True),
        (Step("A", classes=(PLAN, ION_PLAN)), reference(IMAGE, PLAN), True),
        (Step("A", classes=(PLAN, ION_PLAN)), reference(IMAGE), False),
        (Step("A", classes=(PLAN, ION_PLAN)), item(), False),
    ],
)
def test_step_takes(step, dataset, taken):
    assert step.takes(dataset) is taken
    assert step.selects is (step != Step("A"))


NESTED = item(
    PatientID="P",
    ScheduledProcessingParametersSequence=[
        parameter("1", "DCM", TextValue="a"), parameter("2", "DCM", TextValue="b"), parameter("1", "DCM", TextValue="c"),
    ],
    InputInformationSequence=[reference(PLAN, IMAGE), reference(IMAGE)],
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "root", "places"),
    [
        ("PatientID", "", [""]),
        ("PatientID", "identifier[1]", ["identifier[1]"]),
        ("PatientName", "", [""]),
        (
            "ScheduledProcessingParametersSequence[concept 1 DCM].TextValue",
            "",
            ["ScheduledProcessingParametersSequence[0]", "ScheduledProcessingParametersSequence[2]"],
        ),
        (
            "InputInformationSequence.ReferencedSOPSequence.ReferencedSOPInstanceUID",
            "identifier[1]",
            [
                f"identifier[1].InputInformationSequence[{one}].ReferencedSOPSequence[{two}]"
                for one, two in ((0, 0), (0, 1), (1, 0))
            ],
        ),
        ("ScheduledStationNameCodeSequence.CodeValue", "", []),
        # What is no sequence has no items, whatever its value.
        ("PatientID.CodeValue", "", []),
    ],
)
def test_resolve(path, root, places):
    assert [place.path for place in resolve(NESTED, parse_path(path), root)] == places


def test_resolve_gives_the_items():
    path = parse_path("ScheduledProcessingParametersSequence[concept 1 DCM].TextValue")
    assert [place.item.TextValue for place in resolve(NESTED, path)] == ["a", "c"]


@pytest.mark.parametrize(
    "value",
    [
        {"NumericValue": ["1", "2"]},
        {"OtherPatientNames": ["A", "B"]},
        {"PatientAge": "001Y"},
        {"EncapsulatedDocument": b"ab"},
        {"RadionuclideTotalDose": 1.0},
    ],
)
def test_what_is_no_sequence_has_no_items(value):
    (keyword,) = value
    assert list(resolve(item(**value), (Step(keyword), Step("CodeValue")))) == []
