"""Which tests are run: bound to their requirements, of the edition that is judged."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..profile import Requirement
from ..profile.search import named, names
from .keys import requirement_key
from .under_test import catalogue_of, edition_of
from .xdist import order

of_another_key = pytest.StashKey[tuple[int, str]]()  # how many tests are of another edition, and the one that is judged


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


def _wanted(config: pytest.Config) -> set[str]:
    """Return the ids that --requirement names; empty: all."""
    catalogue, wanted = catalogue_of(config), set()
    for name in config.getoption("tdwii_requirement"):
        found = {one.id for one in named(catalogue, name)}
        if not found:
            near = difflib.get_close_matches(name.upper(), names(catalogue), 3)
            raise pytest.UsageError(f"--requirement: {name!r} is no requirement, transaction or section; {_nearest(near)}")
        wanted |= found
    return wanted


def _is_in(item: pytest.Item, parts: Sequence[str]) -> bool:
    """Whether a test is in one of some folders, files or tests."""
    for part in parts:
        path, _, test = part.partition("::")
        if Path(path) in (item.path, *item.path.parents):
            named = item.nodeid.partition("::")[2]
            if not test or named == test or named.startswith((f"{test}::", f"{test}[")):
                return True
    return False


def _nearest(near: list[str]) -> str:
    return f"the nearest are {', '.join(near)}" if near else "for example RO60-TMS-004, RO-60 or CC.2.3"


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say why tests are deselected that nobody has left out."""
    count, edition = config.stash.get(of_another_key, (0, ""))
    if not count:
        return []
    tests = f"{count} test is" if count == 1 else f"{count} tests are"
    return [f"{tests} deselected: of requirements of another edition of TDW-II than {edition!r} (--edition)"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bind tests to requirements, and leave out other editions and what --requirement does not name."""
    edition, wanted, parts = edition_of(config), _wanted(config), config.getoption("tdwii_part")
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        requirement = requirement_of(item)
        if requirement is None:
            (left_out if wanted else kept).append(item)
            continue
        item.stash[requirement_key] = requirement
        chosen = not wanted or requirement.id in wanted or _is_in(item, parts)
        if edition not in requirement.editions or not chosen:
            left_out.append(item)
            continue
        kept.append(item)
    of_another = sum(edition not in item.stash[requirement_key].editions for item in left_out if requirement_key in item.stash)
    config.stash[of_another_key] = (of_another, edition)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    if hasattr(config, "workerinput"):
        order(items)
