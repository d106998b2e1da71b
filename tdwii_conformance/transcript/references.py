"""An instance that a data set refers to, and where it can be retrieved."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reference"]


@dataclass(frozen=True)
class Reference:
    """An instance that a workitem refers to, and where it is: an item of the Referenced Instances and Access Macro.

    Parameters
    ----------
    sop_class, instance : str
        Referenced SOP Class and Instance UID.
    study, series : str
        Study and Series Instance UID.
    ae_title : str
        Retrieve AE Title of the DICOM Retrieval Sequence.
    """

    sop_class: str
    instance: str
    study: str
    series: str
    ae_title: str
