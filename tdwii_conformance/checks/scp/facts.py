"""What is known of a treatment from a record: what ``$name`` stands for in the attribute tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage, RTIonPlanStorage, RTPlanStorage

if TYPE_CHECKING:
    from .belief import Workitem
    from .replay import Replay

__all__ = ["facts_of_query", "facts_of_update", "facts_of_workitem"]

PARAMETERS = {"121740": "start", "ccc001": "start", "2018001": "plan_label", "2018002": "fraction", "2018003": "fractions_planned"}
PLANS = (RTPlanStorage, RTIonPlanStorage)
INPUTS, STATION = "InputInformationSequence", "ScheduledStationNameCodeSequence"


def facts_of_workitem(attributes: Dataset) -> dict[str, str]:
    """Return what the attributes of a workitem say of its treatment.

    Parameters
    ----------
    attributes : Dataset
        As it was created, or shown; what it lacks is no fact.
    """
    facts = {
        "patient_name": str(attributes.get("PatientName") or ""),
        "patient_id": str(attributes.get("PatientID") or ""),
        "study": str(attributes.get("StudyInstanceUID") or ""),
    }
    for entry in attributes.get("ScheduledProcessingParametersSequence") or ():
        for name in entry.get("ConceptNameCodeSequence") or ():
            fact = PARAMETERS.get(str(name.get("CodeValue") or ""), "")
            if fact:
                facts[fact] = str(entry.get("TextValue") or entry.get("NumericValue") or "")
    for entry in attributes.get(INPUTS) or ():
        for reference in entry.get("ReferencedSOPSequence") or ():
            kind, uid = reference.get("ReferencedSOPClassUID"), str(reference.get("ReferencedSOPInstanceUID") or "")
            if kind in PLANS:
                facts |= {"plan": uid, "plan_class": str(kind)}
            elif kind == RTBeamsDeliveryInstructionStorage:
                facts["instruction"] = uid
    return {name: value for name, value in facts.items() if value}


def facts_of_query(asked: Dataset, identifier: Dataset, item: Workitem | None, replay: Replay) -> dict[str, str]:
    """Return what a match of the query of RO-58 has to say.

    Parameters
    ----------
    asked, identifier : Dataset
        The query and the match.
    item : Workitem or None
        What is known of the workitem.
    replay : Replay
        Who gives out instances.
    """
    known = Dataset()
    for one in item.known.values() if item is not None else ():
        if one.element is not None and item is not None and item.firm(one) and one.how != "shown":
            known.add(one.element)
    facts = facts_of_workitem(known)
    own = facts_of_workitem(identifier).get("start")
    if own and "start" not in facts and own in ("TREATMENT", "CONTINUATION"):
        facts["start"] = own
    # Of several stations that a workitem is scheduled for, those that were not asked for may come along.
    for code in asked.get(STATION) or () if len(identifier.get(STATION) or ()) == 1 else ():
        facts["station_value"] = str(code.get("CodeValue") or "")
    for code in known.get(STATION) or ():
        if code.get("CodeValue") == facts.get("station_value") and code.get("CodingSchemeDesignator"):
            facts["station_scheme"] = str(code.CodingSchemeDesignator)
    # From whom an instance is to be retrieved is known when it has been. It may be of a system that was not recorded.
    for name, uids in _references(identifier).items():
        if uids & replay.retrieved:
            facts[name] = "|".join(replay.movers)
    return {name: value for name, value in facts.items() if value}


def _references(identifier: Dataset) -> dict[str, set[str]]:
    """Return the instances that are the inputs of a workitem, by the fact that says from whom they are retrieved."""
    found: dict[str, set[str]] = {"ost_ae_title": set(), "tms_ae_title": set()}
    for entry in identifier.get(INPUTS) or ():
        for reference in entry.get("ReferencedSOPSequence") or ():
            of_tms = reference.get("ReferencedSOPClassUID") == RTBeamsDeliveryInstructionStorage
            found["tms_ae_title" if of_tms else "ost_ae_title"].add(str(reference.get("ReferencedSOPInstanceUID") or ""))
    return found


def facts_of_update(update: Dataset) -> dict[str, str]:
    """Return what the attributes of a final update say, for N-GET to show again.

    Parameters
    ----------
    update : Dataset
        Progress and performed procedure, as they were set.
    """
    facts = {"delivered": "yes" if update.get("UnifiedProcedureStepPerformedProcedureSequence") else "no"}
    for progress in update.get("ProcedureStepProgressInformationSequence") or ():
        facts["progress"] = str(progress.get("ProcedureStepProgress") or "")
    for performed in update.get("UnifiedProcedureStepPerformedProcedureSequence") or ():
        facts["performed_start"] = str(performed.get("PerformedProcedureStepStartDateTime") or "")
        facts["performed_end"] = str(performed.get("PerformedProcedureStepEndDateTime") or "")
        for code in performed.get("PerformedStationNameCodeSequence") or ():
            facts["station_value"] = str(code.get("CodeValue") or "")
            facts["station_scheme"] = str(code.get("CodingSchemeDesignator") or "")
        outputs = list(performed.get("OutputInformationSequence") or ())
        facts["record_study"] = "|".join(str(one.get("StudyInstanceUID") or "") for one in outputs)
        facts["record_series"] = "|".join(str(one.get("SeriesInstanceUID") or "") for one in outputs)
        references = [reference for one in outputs for reference in one.get("ReferencedSOPSequence") or ()]
        facts["record_class"] = "|".join(str(one.get("ReferencedSOPClassUID") or "") for one in references)
        facts["record"] = "|".join(str(one.get("ReferencedSOPInstanceUID") or "") for one in references)
        retrievals = [retrieval for one in outputs for retrieval in one.get("DICOMRetrievalSequence") or ()]
        facts["ost_ae_title"] = "|".join(str(one.get("RetrieveAETitle") or "") for one in retrievals)
    return {name: value for name, value in facts.items() if value.strip("|")}
