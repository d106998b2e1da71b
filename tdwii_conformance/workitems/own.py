"""The user's own objects, as a run is to use them: of ``[objects] folder``, or of ``TDWII_OBJECTS``."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from ..sut.config import SystemUnderTest
from ..treatment.own import ObjectsError, OwnObjects, read_own
from .outcomes import UnusableObjects

__all__ = ["folder_of", "own_objects"]


def folder_of(system: SystemUnderTest) -> Path | None:
    """Return where a user's own objects are; ``None`` if there are none."""
    named = os.environ.get("TDWII_OBJECTS")
    return system.objects or (Path(named) if named else None)


def own_objects(system: SystemUnderTest) -> OwnObjects | None:
    """Return a user's own objects; ``None`` if there are none.

    Raises
    ------
    UnusableObjects
        If they cannot be used; the run ends.
    """
    folder = folder_of(system)
    if folder is None:
        return None
    try:
        return _read(folder)
    except ObjectsError as error:
        raise UnusableObjects(str(error)) from error


@lru_cache(maxsize=8)
def _read(folder: Path) -> OwnObjects:
    return read_own(folder)
