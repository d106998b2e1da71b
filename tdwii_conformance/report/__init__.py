"""What becomes of verdicts: the table, the page, the evidence, and the comparison with an earlier run."""

from .table import render as render_table
from .verdicts import RequirementVerdict, TestVerdict, requirement_verdicts

__all__ = ["RequirementVerdict", "TestVerdict", "render_table", "requirement_verdicts"]
