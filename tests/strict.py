"""The suite against a strict, conformant TMS, with names that no Latin repertoire has: it has nothing to say.

`python -m tests.strict` runs the whole part on the TMS, once for each station (`make strict`); a part of it is a test
(`tests/unit/conformance/test_strict_tms.py`).
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.defects import equip
from tdwii_conformance.dimse import Peer
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects

from .ports import free_port

__all__ = ["PATIENT", "STATIONS", "judged"]

ROOT = Path(__file__).parent.parent
STATIONS = ("Linac Süd", "治療室 3")  # what ISO_IR 100 has, and what only ISO_IR 192 has
PATIENT = "Müller^Jörg=田中^太郎=たなか^たろう"


def judged(folder: Path, station: str, parts: Sequence[str], deadline: float) -> tuple[subprocess.CompletedProcess[str], TMS]:
    """Run parts of the suite on a strict TMS.

    Parameters
    ----------
    folder : Path
        For the description of the system and the objects; empty.
    station : str
        Meaning of the station's code.
    parts : sequence of str
        What pytest is told to run, from the root of the checkout, and options.
    deadline : float
        Seconds it may take.

    Returns
    -------
    (CompletedProcess, TMS)
        How it ended, and the TMS with its worklist.
    """
    port = free_port()
    known = {title: Peer(title, "127.0.0.1", port) for title in ("TDD", "WATCHER2")}
    tms = TMS("TMS", destinations=known)
    equip(tms, ["strict"])
    with tms, OST("OST", destinations=known) as ost:
        description = folder / "sut.toml"
        description.write_text(
            '[system]\nname = "strict"\ntest_system = true\n'
            f'[tms]\nae_title = "TMS"\nhost = "127.0.0.1"\nport = {tms.peer.port}\n'
            'supports = ["push", "watch", "query", "request-cancel", "subscription", "store-instructions"]\n'
            f'[ost]\nae_title = "OST"\nhost = "127.0.0.1"\nport = {ost.peer.port}\nsupports = ["store-inputs", "photon"]\n'
            f'[ours]\nsecond_performer = "TDD2"\nsecond_watcher = "WATCHER2"\n'
            f'[ours.tdd]\nae_title = "TDD"\nhost = "127.0.0.1"\nport = {port}\n'
            f'[workitems.station]\nvalue = "S1"\nscheme = "99X"\nmeaning = "{station}"\n'
            '[objects]\nfolder = "objects"\n',
            encoding="utf-8",
        )
        _objects(folder / "objects")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--sut", str(description), *parts]
        ran = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", timeout=deadline, check=False
        )  # fmt: skip
    return ran, tms


def _objects(folder: Path) -> None:
    """Write a new treatment and a continuation, of a patient and with a label in several scripts."""
    folder.mkdir()
    for start in ("TREATMENT", "CONTINUATION"):
        made = objects.new_treatment(start)
        made.plan.RTPlanLabel = "Prüfung 治療"
        for name, one in (("plan", made.plan), ("instruction", made.instruction), ("record", made.previous_record)):
            if one is not None:
                one.SpecificCharacterSet, one.PatientName = "ISO_IR 192", PATIENT
                save_dicom(one, folder / f"{start}_{name}.dcm")


def main() -> int:
    """Run all of it; return 1 if there was a finding."""
    findings = 0
    for station in STATIONS:
        with tempfile.TemporaryDirectory() as folder:
            ran, _ = judged(Path(folder), station, ["tests/conformance/tms", *sys.argv[1:]], 3600)
        print(f"station {station}:\n{ran.stdout}", flush=True)
        findings += ran.returncode != 0 or not_green(ran.stdout)
    return 1 if findings else 0


def not_green(output: str) -> bool:
    """Whether a run has failures or warnings, by its last lines."""
    return any(word in line for line in output.splitlines()[-4:] for word in (" failed", " warned", " error"))


if __name__ == "__main__":
    sys.exit(main())
