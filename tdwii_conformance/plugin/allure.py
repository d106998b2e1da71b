"""Marks our tests for `report.allure`, which writes their results anew: by requirement, each exchange once."""

from __future__ import annotations

from ..profile import Requirement


def label(requirement: Requirement) -> None:
    """Label the running test by its requirement."""
    import allure

    from ..report.allure import MARK

    allure.dynamic.label(MARK, requirement.id)
