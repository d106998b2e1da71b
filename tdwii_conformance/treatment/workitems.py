"""Workitems of a treatment, and what a TDD sets in them: RO-62 and RO-64."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from ..ups.datasets import named_character_set
from ..ups.times import is_value, written
from .messages import TREATMENT_WITH_VERIFICATION, Code, code_item, item
from .parts import Treatment, reference

__all__ = ["OF_A_WORKITEM", "facts_of", "final_update", "progress_update", "workitem"]

SEXES = ("M", "F", "O")


def _access(instance: Dataset, ae_title: str) -> Dataset:
    """Return an item of the Referenced Instances and Access Macro."""
    return item(
        TypeOfInstances="DICOM", StudyInstanceUID=instance.StudyInstanceUID, SeriesInstanceUID=instance.SeriesInstanceUID,
        ReferencedSOPSequence=reference(instance), DICOMRetrievalSequence=item(RetrieveAETitle=ae_title),
    )  # fmt: skip


def _text(code: tuple[str, str, str], value: str) -> Dataset:
    return item(ValueType="TEXT", ConceptNameCodeSequence=code_item(*code), TextValue=value)


def _numeric(code: tuple[str, str, str], value: float) -> Dataset:
    return item(
        ValueType="NUMERIC", ConceptNameCodeSequence=code_item(*code), NumericValue=value,
        MeasurementUnitsCodeSequence=code_item("1", "UCUM", "no units"),
    )  # fmt: skip


def _parameters(treatment: Treatment, edition: str) -> list[Dataset]:
    if edition == "2013":
        return [_text(("ccc001", "99IHERO2008", "Treatment Delivery Type"), treatment.start)]
    parameters = [
        _text(("121740", "DCM", "Treatment Delivery Type"), treatment.start),
        _text(("2018001", "99IHERO2018", "Plan Label"), treatment.plan_label),
        _numeric(("2018002", "99IHERO2018", "Current Fraction Number"), treatment.fraction),
    ]
    if (planned := treatment.fractions_planned) is not None:
        parameters.append(_numeric(("2018003", "99IHERO2018", "Number of Fractions Planned"), planned))
    return parameters


def workitem(treatment: Treatment, *, tms: str, ost: str, station: Code, start: datetime, edition: str = "ti") -> Dataset:
    """Return the attributes of a workitem for N-CREATE [CC.2.5.1.3].

    Parameters
    ----------
    treatment : Treatment
        What is to be delivered.
    tms, ost : str
        AE titles from which the inputs are retrieved.
    station : Code
        Scheduled station.
    start : datetime
        Scheduled Procedure Step Start DateTime.
    edition : {"ti", "2013"}
        Edition of TDW-II.
    """
    plan = treatment.plan
    inputs = [_access(plan, ost), _access(treatment.instruction, tms)]
    if treatment.previous_record is not None:
        inputs.append(_access(treatment.previous_record, ost))
    attributes = item(
        TransactionUID="", ScheduledProcedureStepPriority="MEDIUM", ProcedureStepLabel=f"Fraction {treatment.fraction}",
        WorklistLabel="TDW-II", ScheduledProcessingParametersSequence=_parameters(treatment, edition),
        ScheduledStationNameCodeSequence=station.item, ScheduledStationClassCodeSequence=[],
        ScheduledStationGeographicLocationCodeSequence=[],
        ScheduledProcedureStepStartDateTime=written(start),
        ExpectedCompletionDateTime=written(start + timedelta(minutes=15)),
        ScheduledWorkitemCodeSequence=code_item(*TREATMENT_WITH_VERIFICATION), CommentsOnTheScheduledProcedureStep="",
        InputReadinessState="READY", InputInformationSequence=inputs, StudyInstanceUID=plan.StudyInstanceUID,
        PatientName=str(plan.PatientName), PatientID=plan.PatientID, IssuerOfPatientID="",
        IssuerOfPatientIDQualifiersSequence=[], OtherPatientIDsSequence=[],
        PatientBirthDate=_legal(plan, "PatientBirthDate"), PatientSex=_legal(plan, "PatientSex"), AdmissionID="",
        IssuerOfAdmissionIDSequence=[], AdmittingDiagnosesDescription="", AdmittingDiagnosesCodeSequence=[],
        ReferencedRequestSequence=[], ProcedureStepState="SCHEDULED", ProcedureStepProgressInformationSequence=[],
        UnifiedProcedureStepPerformedProcedureSequence=[],
    )  # fmt: skip
    return named_character_set(attributes)


def _legal(plan: Dataset, keyword: str) -> str:
    """Return a value of a plan, or nothing for one that no workitem may have: it may be empty here."""
    value = str(plan.get(keyword) or "")
    return value if (is_value(value, "DA") if keyword == "PatientBirthDate" else value in SEXES) else ""


def progress_update(progress: int, beam: int | None, *, edition: str = "ti") -> Dataset:
    """Return the modification list of RO-62, without Transaction UID.

    Parameters
    ----------
    progress : int
        Per cent.
    beam : int or None
        Number of the beam in progress; ``None`` leaves it out, as one that is not known is not made up.
    edition : {"ti", "2013"}
        Where the beam number goes (T6).
    """
    information = item(ProcedureStepProgress=str(progress))
    if beam is None:
        return item(ProcedureStepProgressInformationSequence=information)
    if edition == "2013":
        parameter = _text(("121700", "DCM", "Referenced Beam Number in Progress"), str(beam))
        performed = item(PerformedProcessingParametersSequence=parameter, OutputInformationSequence=[])
        return item(
            ProcedureStepProgressInformationSequence=information,
            UnifiedProcedureStepPerformedProcedureSequence=performed,
        )
    information.ProcedureStepProgressParametersSequence = [_numeric(("2018004", "99IHERO2018", "Referenced Beam Number"), beam)]
    return item(ProcedureStepProgressInformationSequence=information)


def final_update(
    *,
    progress: int,
    station: Code,
    start: datetime,
    end: datetime,
    records: Sequence[Dataset],
    ost: str,
    canceled: bool,
) -> Dataset:
    """Return the modification list of RO-64, without Transaction UID.

    Parameters
    ----------
    progress : int
        Per cent.
    station : Code
        Performed station, as scheduled.
    start, end : datetime
        When delivery began and ended.
    records : sequence of Dataset
        What was stored by RO-63; empty when nothing was delivered, and then no procedure was performed (T7).
    ost : str
        AE title from which the records are retrieved.
    canceled : bool
        Whether CANCELED follows, which a reason goes with.
    """
    information = item(ProcedureStepProgress=str(progress))
    if canceled:
        information.ProcedureStepDiscontinuationReasonCodeSequence = [
            code_item("110513", "DCM", "Discontinued for unspecified reason")
        ]
    update = item(ProcedureStepProgressInformationSequence=information)
    if records:
        update.UnifiedProcedureStepPerformedProcedureSequence = [
            item(
                PerformedStationNameCodeSequence=station.item,
                PerformedProcedureStepStartDateTime=written(start),
                PerformedProcedureStepEndDateTime=written(end),
                PerformedWorkitemCodeSequence=code_item(*TREATMENT_WITH_VERIFICATION),
                OutputInformationSequence=[_access(one, ost) for one in records],
            )
        ]
    return update


OF_A_WORKITEM = {"patient_name": "PatientName", "patient_id": "PatientID", "study": "StudyInstanceUID"}


def facts_of(attributes: Dataset, treatment: Treatment | None = None) -> dict[str, str]:
    """Return the facts that a workitem and its treatment say: what ``$name`` stands for in the attribute tables.

    Parameters
    ----------
    attributes : Dataset
        Of the workitem; what it lacks is no fact.
    treatment : Treatment, optional
        Its objects, if they are ours.
    """
    facts = {name: str(attributes.get(keyword)) for name, keyword in OF_A_WORKITEM.items() if attributes.get(keyword)}
    if treatment is not None:
        facts |= {
            "plan_label": treatment.plan_label,
            "fraction": str(treatment.fraction),
            "fractions_planned": str(treatment.fractions_planned),
            "start": treatment.start,
            "plan": str(treatment.plan.SOPInstanceUID),
            "plan_class": str(treatment.plan.SOPClassUID),
            "instruction": str(treatment.instruction.SOPInstanceUID),
            "beam_numbers": "|".join(str(number) for number in treatment.beam_numbers),
        }
    return facts
