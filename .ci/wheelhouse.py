"""Fill a folder with everything that a computer without internet needs: wheels, their hashes, and an instruction.

``python .ci/wheelhouse.py FOLDER [PIP DOWNLOAD OPTIONS]``; for another kind of computer for example
``--platform win_amd64 --python-version 3.12``. It needs the packages `build` and `pip`, and an index.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

CHECKOUT = Path(__file__).resolve().parents[1]
INSTRUCTION = """\
tdwii_conformance {version}, for a computer without internet ({kind})

1. Copy this folder there. Beside it:  python3 -m venv tdwii
2. Inside it:  ../tdwii/bin/pip install --no-index --find-links . --require-hashes -r requirements.txt
3. Anywhere:   PATH/TO/tdwii/bin/tdwii run --report report.html

On Windows say py for python3, and Scripts for bin.
"""


def build(into: Path) -> Path:
    """Build sdist and wheel, the wheel from the sdist, and return the wheel.

    Parameters
    ----------
    into : Path
        Where both are put.
    """
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), str(CHECKOUT)], check=True)
    return next(into.glob("*.whl"))


def distribution(wheel: Path) -> tuple[str, str]:
    """Return the name and the version of what is in a wheel."""
    with ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        fields = HeaderParser().parsestr(archive.read(metadata).decode("utf-8"))
    return fields["Name"], fields["Version"]


def requirements(folder: Path) -> str:
    """Return the requirements file of a folder of wheels: each with its version and its SHA-256."""
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        name, version = distribution(wheel)
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return "".join(lines)


def main(folder: Path, options: list[str]) -> None:
    """Fill the folder anew.

    Parameters
    ----------
    folder : Path
        It is emptied when it is a wheelhouse, refused when it is something else.
    options : list of str
        For ``pip download``.
    """
    if folder.exists() and not (folder / "requirements.txt").is_file() and any(folder.iterdir()):
        sys.exit(f"{folder}: is no wheelhouse and not empty: name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as built:
        wheel = shutil.copy(build(Path(built)), folder)
    # pip resolves for another platform with the conditions of this one; on Windows pytest and click need colorama as well.
    more = ["colorama"] if any(option.startswith("win") or "=win" in option for option in options) else []
    # Wheels only: what has to be compiled there would need a compiler there.
    download = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        *options,
        str(wheel),
        *more,
    ]
    subprocess.run(download, check=True)
    (folder / "requirements.txt").write_text(requirements(folder), encoding="utf-8")
    ours = f"Python {sys.version_info.major}.{sys.version_info.minor}, {platform.system()} {platform.machine()}"
    version = distribution(Path(wheel))[1]
    text = INSTRUCTION.format(version=version, kind=" ".join(options) or ours)
    (folder / "README.txt").write_text(text, encoding="utf-8")
    print(f"{folder}: {len(list(folder.glob('*.whl')))} wheels")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
