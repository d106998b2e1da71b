"""Labels and attachments for allure."""

from __future__ import annotations

from ..checks import Finding
from ..profile import Requirement
from .texts import explanation


def label(requirement: Requirement) -> None:
    """Label the running test by its requirement."""
    import allure

    from ..report.links import source_links

    allure.dynamic.epic(requirement.actor)
    allure.dynamic.feature(requirement.transaction)
    allure.dynamic.story(f"{requirement.id} {requirement.statement}")
    severity = {"shall": "critical", "should": "normal", "may": "minor"}[requirement.level]
    allure.dynamic.severity(getattr(allure.severity_level, severity.upper()))
    allure.dynamic.description(f"{requirement.statement}\n\nSource: {requirement.source}")
    for name, url in source_links(requirement.source):
        allure.dynamic.link(url, name=name)


def attach(requirement: Requirement, findings: tuple[Finding, ...], exchanges: list[str]) -> None:
    """Attach to the running test what was found, and the exchanges as text."""
    import allure

    if findings:
        allure.attach(explanation(requirement, findings), "finding", allure.attachment_type.TEXT)
    for number, text in enumerate(exchanges, 1):
        allure.attach(text, f"exchange {number}", allure.attachment_type.TEXT)
