"""DCMTK's dcmdump and dump2dcm as functions, and data sets compared element for element."""

import math
import shutil
import struct
import subprocess
from collections.abc import Callable

import pytest
from pydicom.multival import MultiValue

needs_dcmtk = pytest.mark.skipif(
    not shutil.which("dcmdump") or not shutil.which("dump2dcm"), reason="DCMTK (dcmdump, dump2dcm) is not installed"
)

WORDS = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}


def dcmdump(path, *options):
    """Return what dcmdump prints, or None when it refuses the file."""
    done = subprocess.run(["dcmdump", "-q", "+L", *options, path], capture_output=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else None


def dump2dcm(text, path, *options):
    """Write a text as a DICOM file; whether dump2dcm could."""
    path.with_suffix(".txt").write_bytes(text)
    command = ["dump2dcm", "-q", "+l", "10000000", *options, path.with_suffix(".txt"), path]
    # It ends with 0 whatever happened.
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    return path.exists()


def elements(dataset, path=""):
    """Return all elements by their path: VR and value, words with the least significant byte first."""
    found = {}
    for element in dataset:
        if element.tag.element == 0:
            continue  # a group length is counted anew by who writes
        here = f"{path}{element.tag}"
        value = element.value
        if element.VR == "SQ":
            value = len(value)
            for number, item in enumerate(element.value):
                found.update(elements(item, f"{here}[{number}]."))
        elif element.VR in WORDS and dataset.original_encoding == (False, False):
            size = WORDS[element.VR]
            value = b"".join(value[start : start + size][::-1] for start in range(0, len(value), size))
        found[here] = (str(element.VR), value)
    return found


def differences(ours, theirs, *, same: Callable = lambda ours, theirs: ours == theirs):
    """Return in words where the elements of two data sets differ."""
    return [
        f"{path}: {str(ours.get(path))[:200]} and {str(theirs.get(path))[:200]}"
        for path in sorted(ours.keys() | theirs.keys())
        if not (path in ours and path in theirs and (ours[path] == theirs[path] or same(ours[path], theirs[path])))
    ]


def nearly(vr, one, other):
    """Whether numbers of 64 bits are the same to the digits that DCMTK writes and reads."""
    numbers = [
        struct.unpack(f"<{len(v) // 8}d", v) if vr == "OD" else v if isinstance(v, (list, MultiValue)) else [v]
        for v in (one, other)
    ]
    return len(numbers[0]) == len(numbers[1]) and all(
        math.isclose(a, b, rel_tol=1e-15, abs_tol=0) or (math.isnan(a) and math.isnan(b)) for a, b in zip(*numbers, strict=True)
    )
