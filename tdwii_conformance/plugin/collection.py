"""Which tests are run: bound to their requirements, of the edition that is judged."""

from __future__ import annotations

import pytest

from ..profile import Requirement
from .keys import requirement_key
from .under_test import catalogue_of, edition_of
from .xdist import order


def requirement_of(item: pytest.Item) -> Requirement | None:
    """Return the requirement that a test is marked with, or None; an unknown one ends the run."""
    marker = item.get_closest_marker("requirement")
    if marker is None:
        return None
    identifier = marker.args[0]
    # Tests shared by two transactions are marked with the number alone; their class names the prefix.
    prefix = getattr(getattr(item, "cls", None), "requirements", "")
    try:
        return catalogue_of(item.config)[identifier if "-" in identifier else f"{prefix}-{identifier}"]
    except KeyError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error.args[0]}") from error


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bind tests to requirements, and leave out other editions."""
    edition = edition_of(config)
    kept, left_out = [], []
    for item in items:
        requirement = requirement_of(item)
        if requirement is None:
            kept.append(item)
            continue
        item.stash[requirement_key] = requirement
        if edition not in requirement.editions:
            left_out.append(item)
            continue
        kept.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    if hasattr(config, "workerinput"):
        order(items)
