"""Where the folders are that stand at the top of a checkout and travel with the package: suite, templates, examples.

In a wheel they are packages below ours (``setup.py`` maps them); in a checkout they are where its readers look for them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["examples", "suite", "templates"]

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def _folder(installed: str, in_checkout: str) -> Path:
    """Return a folder as the wheel brings it, or as the checkout has it from which an editable install comes.

    Raises
    ------
    FileNotFoundError
        If neither is there: the installation is damaged.
    """
    candidates = PACKAGE / installed, PACKAGE.parent / in_checkout
    for folder in candidates:
        if folder.is_dir():
            return folder
    neither = " nor ".join(map(str, candidates))
    raise FileNotFoundError(f"the installation of tdwii_conformance is incomplete: there is neither {neither}; install it again")


def suite() -> Path:
    """Return the folder of the conformance tests: ``tests/conformance`` of a checkout, ``tdwii_conformance.suite`` in a wheel.

    Raises
    ------
    FileNotFoundError
        If the installation is damaged.
    """
    return _folder("suite", "tests/conformance")


def templates() -> Path:
    """Return the folder of the queries and messages as dcmdump text with placeholders.

    Raises
    ------
    FileNotFoundError
        If the installation is damaged.
    """
    return _folder("dcmdump_templates", "dcmdump_templates")


def examples() -> Path:
    """Return the folder of the example configurations: ``fixtures`` of a checkout.

    Raises
    ------
    FileNotFoundError
        If the installation is damaged.
    """
    return _folder("fixtures", "fixtures")
