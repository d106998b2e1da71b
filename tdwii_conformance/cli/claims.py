"""The Transaction UIDs of our claims, kept between commands: only requests with the right one can change a workitem.

A file of JSON below the person's state folder (``$TDWII_STATE``, else ``$XDG_STATE_HOME/tdwii/claims.json``, else
``~/.local/state/tdwii/claims.json``), readable by its owner alone. It is changed under a lock and replaced as a whole, so
that neither two commands at once nor a crash can damage it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from .failures import Usage

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["Claim", "Claims"]


@dataclass(frozen=True)
class Claim:
    """A workitem that we claimed, or were about to.

    Parameters
    ----------
    scp : str
        ``host:port`` of the SCP: its AE title may be given in several ways.
    workitem : str
        SOP Instance UID.
    transaction_uid : str
        The lock.
    claimed : str
        When, as ISO 8601.
    """

    scp: str
    workitem: str
    transaction_uid: str
    claimed: str


class Claims:
    """The claims of one person on one machine.

    Parameters
    ----------
    path : Path, optional
        The file, instead of the usual one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else _usual()

    def find(self, scp: str, workitem: str) -> Claim | None:
        """Return our claim of a workitem; ``None`` if there is none. Raises as `keep`."""
        with self._locked():
            return self._read().get((scp, workitem))

    def elsewhere(self, workitem: str) -> list[str]:
        """Return the SCPs at which we have a claim of this workitem."""
        with self._locked():
            return [claim.scp for claim in self._read().values() if claim.workitem == workitem]

    def keep(self, claim: Claim) -> None:
        """Keep a claim; one of the same workitem is replaced.

        Raises
        ------
        Usage
            If the file is not ours to read, or not what we wrote.
        OSError
            If it cannot be written.
        """
        with self._locked():
            known = self._read()
            known[claim.scp, claim.workitem] = claim
            self._write(known)

    def forget(self, scp: str, workitem: str) -> None:
        """Forget a claim; there need not be one."""
        with self._locked():
            known = self._read()
            if known.pop((scp, workitem), None) is not None:
                self._write(known)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A file of its own: the one with the claims is replaced, and a lock on what was replaced locks nothing.
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(lock)
            yield
        finally:
            os.close(lock)

    def _read(self) -> dict[tuple[str, str], Claim]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            claims = [Claim(**entry) for entry in content["claims"]]
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError) as error:
            raise Usage(f"{self.path}: is not a file of claims as tdwii writes it ({error}); move it away") from error
        return {(claim.scp, claim.workitem): claim for claim in claims}

    def _write(self, claims: dict[tuple[str, str], Claim]) -> None:
        content = json.dumps({"claims": [asdict(claim) for claim in claims.values()]}, indent=1)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)


def _lock(descriptor: int) -> None:
    """Wait for the lock of an open file, and have it until the file is closed; raises `OSError` where the system gives none."""
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # tries for ten seconds
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _usual() -> Path:
    if given := os.environ.get("TDWII_STATE"):
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "tdwii" / "claims.json"
