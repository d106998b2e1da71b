"""Where the folders are that stand at the top of a checkout and travel with the package: suite, templates, examples.

In a wheel they are packages below ours (``setup.py`` maps them); in a checkout they are where its readers look for them.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

__all__ = ["cache", "examples", "pytest_arguments", "suite", "templates"]

PACKAGE = Path(__file__).resolve().parents[1]


@functools.cache
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


def cache() -> Path:
    """Return the folder for what a run keeps for the next one: ``$XDG_CACHE_HOME/tdwii`` (Windows: ``%LOCALAPPDATA%``).

    Nothing of it is put into the folder where somebody runs the suite, or into the installation, which may be read-only.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tdwii"


def pytest_arguments(folder: Path | None = None) -> list[str]:
    """Return the arguments by which pytest runs the suite alike in a checkout, in a wheel, and in any current folder.

    The suite's own ``suite.ini`` is the configuration, whatever pytest.ini or pyproject.toml stands above the current folder
    or above the virtual environment. Arguments of the user come after these, and so win.

    Parameters
    ----------
    folder : Path, optional
        The suite, if it is not the one that came with the package.
    """
    folder = (folder or suite()).resolve()
    return ["-c", str(folder / "suite.ini"), f"--rootdir={folder}", "-o", f"cache_dir={cache() / 'pytest'}"]
