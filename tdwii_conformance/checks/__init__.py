"""Judges: exchanges and data sets in, findings out. Pure: nothing here touches the network."""

from .attributes import Judgement, judge_attribute
from .findings import Finding

__all__ = ["Finding", "Judgement", "judge_attribute"]
