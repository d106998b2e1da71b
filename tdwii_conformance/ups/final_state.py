"""What a UPS needs before it may be COMPLETED or CANCELED [CC.2.5.1.1]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydicom.dataset import Dataset

from ..profile.ups_tables import AttributeRow, attribute_rows

__all__ = ["missing"]

# Codes whose attribute must have a value in that state [CC.2.5.1.1 table CC.2.5-1]. RC depends on conditions that only
# the performer knows ("if known"), so it cannot be refused for.
NEEDED = {"COMPLETED": ("R", "P"), "CANCELED": ("R", "X")}
# May be there without items when there is no relevant output [CC.2.5.1.3].
MAY_BE_EMPTY = ("OutputInformationSequence",)
# Nothing fills this one in, and the note of CC.2.5.1.3.2 cancels without N-SET (A12): we grant CANCELED without it.
NOT_INSISTED_ON = ("ProcedureStepDiscontinuationReasonCodeSequence",)


def missing(attributes: Dataset, state: str) -> list[str]:
    """Return the keywords of what keeps a UPS from a final state; empty when nothing does.

    Parameters
    ----------
    attributes : Dataset
        The UPS, with what the SCP fills in filled in.
    state : {"COMPLETED", "CANCELED"}
        The state asked for.
    """
    return list(_missing(attributes, attribute_rows(), NEEDED[state]))


def _missing(attributes: Dataset, rows: Mapping[str, AttributeRow], codes: tuple[str, ...]) -> Iterator[str]:
    for keyword, row in rows.items():
        if row.final in codes and keyword not in NOT_INSISTED_ON:
            present = keyword in attributes
            if not present or (attributes[keyword].is_empty and keyword not in MAY_BE_EMPTY):
                yield keyword
                continue
        if row.items and keyword in attributes:
            for item in attributes[keyword].value or ():
                yield from _missing(item, row.items, codes)
