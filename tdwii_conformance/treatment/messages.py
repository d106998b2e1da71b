"""The data sets a TDD sends: the worklist query, the move identifier, the state change."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ..transcript.references import Reference

__all__ = ["Code", "Reference", "code_item", "copied", "item", "move_identifier", "references", "state_change", "worklist_query"]

TREATMENT_WITH_VERIFICATION = ("121726", "DCM", "RT Treatment with Internal Verification")

RETURN_KEYS = (
    "SOPClassUID", "SOPInstanceUID", "ProcedureStepLabel", "ScheduledProcessingParametersSequence",
    "InputInformationSequence", "StudyInstanceUID", "PatientName", "PatientID",
)  # fmt: skip


def item(**attributes: Any) -> Dataset:
    """Return a data set with these attributes, by keyword; a data set as value becomes a sequence of one item."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, [value] if isinstance(value, Dataset) else value)
    return dataset


def copied(dataset: Dataset) -> Dataset:
    """Return a copy of a data set that was made here, its text not encoded yet: it shares no item and no element.

    `copy.deepcopy` takes ten times as long.
    """
    return Dataset({element.tag: _copied(element) for element in dataset})


def _copied(element: DataElement) -> DataElement:
    value = element.value
    if element.VR == "SQ":
        value = Sequence([copied(item) for item in value])
    elif element.VM > 1:
        value = copy.deepcopy(value)
    return DataElement(element.tag, element.VR, value, already_converted=True)


def code_item(value: str, scheme: str | None, meaning: str | None) -> Dataset:
    """Return a coded entry: Code Value, Coding Scheme Designator, Code Meaning [PS3.3 8.8]."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


@dataclass(frozen=True)
class Code:
    """A coded entry.

    Parameters
    ----------
    value, scheme, meaning : str
        Code Value, Coding Scheme Designator, Code Meaning.
    """

    value: str
    scheme: str
    meaning: str

    @property
    def item(self) -> Dataset:
        """The entry as a sequence item."""
        return code_item(self.value, self.scheme, self.meaning)


def worklist_query(
    *,
    station: str,
    start: str,
    scheme: str | None = None,
    state: str = "SCHEDULED",
    workitem: str = TREATMENT_WITH_VERIFICATION[0],
    **more: Any,
) -> Dataset:
    """Return the identifier of RO-58.

    Parameters
    ----------
    station, scheme : str
        Code Value and Coding Scheme Designator of the station; the scheme may be left empty.
    start : str
        Scheduled Procedure Step Start DateTime: a value or range, or empty for any.
    state : str
        Procedure Step State.
    workitem : str
        Code Value of the Scheduled Workitem Code.
    **more
        Further keys, or other values for those above, by keyword.
    """
    query = item(**dict.fromkeys(RETURN_KEYS))
    query.ProcedureStepState = state
    query.ScheduledStationNameCodeSequence = [code_item(station, scheme, None)]
    query.ScheduledProcedureStepStartDateTime = start
    query.ScheduledWorkitemCodeSequence = [code_item(workitem, "DCM", None)]
    query.update(item(**more))
    return query


def references(items: Iterable[Dataset] | None) -> list[Reference]:
    """Return what the items of an Input or Output Information Sequence refer to; incomplete items are left out."""
    found = []
    for entry in items or ():
        access = next(iter(entry.get("DICOMRetrievalSequence") or ()), Dataset())
        for reference in entry.get("ReferencedSOPSequence") or ():
            found.append(
                Reference(
                    str(reference.get("ReferencedSOPClassUID", "")),
                    str(reference.get("ReferencedSOPInstanceUID", "")),
                    str(entry.get("StudyInstanceUID", "")),
                    str(entry.get("SeriesInstanceUID", "")),
                    str(access.get("RetrieveAETitle", "")),
                )
            )
    return found


def move_identifier(study: str, series: str, instances: list[str] | tuple[str, ...]) -> Dataset:
    """Return the identifier of RO-59 and RO-61: level IMAGE with the hierarchy's unique keys [PS3.4 C.4.2.2.1]."""
    return item(
        QueryRetrieveLevel="IMAGE",
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=instances[0] if len(instances) == 1 else list(instances),
    )


def state_change(state: str | None, transaction_uid: str | None) -> Dataset:
    """Return the action information of Change UPS State [CC.2.1.1]; ``None`` leaves an attribute out."""
    information = Dataset()
    if state is not None:
        information.ProcedureStepState = state
    if transaction_uid is not None:
        information.TransactionUID = transaction_uid
    return information
