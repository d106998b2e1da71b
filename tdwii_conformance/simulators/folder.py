"""A folder of workitems that a simulated TMS serves: its files, and those that are added while it runs.

A file is read once it has not changed between two looks, so that no half file is read. A file that cannot be used is named and
left where it is; it is read again when it changes. Files are read only, never written, moved or deleted.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RTBeamsDeliveryInstructionStorage

from ..dcmdump import load_text
from ..dcmdump.dicom import read_dicom
from ..profile.ups_service import UPS
from ..profile.ups_tables import AttributeRow, attribute_rows
from ..treatment.messages import Reference, references
from ..ups import Worklist
from ..ups.datasets import plain
from .instances import Instance, InstanceStore, instance_of_dataset, read_instance

__all__ = ["News", "WorkitemFolder", "completed", "read_workitem"]

log = logging.getLogger(__name__)

MOST_TEXT = 16 << 20  # bytes
SUFFIXES = (".dcm", ".txt")
NAME = re.compile(r"UPS_([0-9.]*[0-9])(?:\.dcmdump)?$")
EXISTS = 0x0111
# Attributes that a workitem needs and a response of C-FIND may lack, as they were no return keys; and the notice.
PRIORITY, READINESS = "MEDIUM", "READY"


@dataclass(frozen=True)
class News:
    """The result of reading a file.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        One sentence.
    kind : {"taken", "known", "left out"}
        Whether it is served now, was served before, or is not served.
    """

    path: Path
    text: str
    kind: str

    def __str__(self) -> str:
        """Return the file's name and the sentence."""
        return f"{self.path.name}: {self.text}"


class WorkitemFolder:
    """Watches a folder. A context manager: a thread looks at the folder until the end.

    Parameters
    ----------
    folder : Path
        The folder; files in folders below it are not read, and named.
    worklist : Worklist
        Gets the workitems.
    instructions : InstanceStore
        Gets RT Beams Delivery Instructions.
    others : InstanceStore, optional
        Gets other instances: plans, records, images; without it they are left out.
    others_title : str
        AE title of who has the others: a delivery instruction is given to them as well if a workitem says that it is there.
    tell : callable
        Called with each `News`.
    interval : float
        Seconds between two looks.
    assume : str
        UID of the transfer syntax of files that name none; empty: what they look like.
    beside : collection of str
        Names of files and folders in it that have another purpose, as our own; nothing is said of them.

    Raises
    ------
    ValueError
        If it is not a folder.
    """

    def __init__(
        self,
        folder: Path,
        worklist: Worklist,
        instructions: InstanceStore,
        others: InstanceStore | None = None,
        *,
        others_title: str = "",
        tell: Callable[[News], object] = lambda news: None,
        interval: float = 0.5,
        assume: str = "",
        beside: Collection[str] = (),
    ) -> None:
        if not folder.is_dir():
            raise ValueError(f"{folder}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
        self.folder, self.interval, self.assume = folder, interval, assume
        self._worklist, self._instructions, self._others, self._tell = worklist, instructions, others, tell
        self._others_title, self._beside = others_title, frozenset(beside)
        self._taken: dict[str, Path] = {}  # workitems and instances of this run, by UID
        self._named_once: set[Path] = set()
        self._given: dict[str, Instance] = {}  # delivery instructions
        self._seen: dict[Path, tuple[int, int]] = {}  # size and time of change at the last look
        self._read: dict[Path, tuple[int, int]] = {}  # and when it was read
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> bool:
        """Take what is new and has come to rest; return whether nothing is left that may still be growing."""
        at_rest = True
        now = time.time_ns()
        for path, state in self._files():
            if self._stop.is_set():
                return False
            if self._read.get(path) == state:
                continue
            # Unchanged since the last look; or for so long that no look before is needed.
            if self._seen.get(path) == state or now - state[1] > self.interval * 1e9:
                self._read[path] = state
                self._tell(self._take(path))
            else:
                at_rest = False
            self._seen[path] = state
        return at_rest

    def _files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        try:
            paths = sorted(self.folder.iterdir())
        except OSError:  # gone for now: a network folder, perhaps
            return
        for path in paths:
            if path.name.startswith(".") or path.name in self._beside:
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            if path.is_file() and path.suffix.lower() in SUFFIXES:
                yield path, (status.st_size, status.st_mtime_ns)
            elif path not in self._named_once and time.time_ns() - status.st_mtime_ns > self.interval * 1e9:
                self._named_once.add(path)  # one that is being written may get another name
                self._tell(News(path, _unread(path), "left out"))

    def _take(self, path: Path) -> News:
        try:
            text = path.suffix.lower() != ".dcm"
            if text and path.stat().st_size > MOST_TEXT:
                raise ValueError(f"has more than the {MOST_TEXT >> 20} MB that a workitem's text can have")
            notes: list[str] = []
            dataset = load_text(path) if text else read_dicom(path, assume=self.assume, tell=notes.append)
            sop_class = str(dataset.get("SOPClassUID") or "")
            if sop_class and sop_class not in UPS.ALL:
                news = self._take_instance(path, UID(sop_class), dataset if text else None)
            else:
                news = self._take_workitem(path, dataset)
            return replace(news, text="; ".join([news.text, *(note.removeprefix(f"{path}: ") for note in notes)]))
        except OSError as error:
            return News(path, f"cannot be read: {error.strerror or error}", "left out")
        except ValueError as error:
            return News(path, str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, "), "left out")
        except Exception as error:  # whatever is in a file, the others are served
            return News(path, f"cannot be used: {type(error).__name__}: {error}", "left out")

    def _take_instance(self, path: Path, sop_class: UID, from_text: Dataset | None) -> News:
        store = self._instructions if sop_class == RTBeamsDeliveryInstructionStorage else self._others
        if store is None:
            return News(path, f"is {sop_class.name}, which a TMS does not serve", "left out")
        if from_text is None:
            instance = read_instance(path, assume=self.assume)
        else:
            instance = instance_of_dataset(from_text, ExplicitVRLittleEndian)
        if sop_class == RTBeamsDeliveryInstructionStorage:
            self._given[instance.uid] = instance
            self._give_the_others(self._named())
        if other := self._other(instance.uid, path):
            return News(path, f"its SOP Instance UID {instance.uid} is that of {other.name}, which is served", "left out")
        if instance.uid in store:
            return News(path, f"{sop_class.name} that is here already", "known")
        self._taken[instance.uid] = path
        store.add(instance)
        return News(path, sop_class.name, "taken")

    def _other(self, uid: str, path: Path) -> Path | None:
        """Return the other file of this run that has a UID."""
        taken = self._taken.get(uid)
        return taken if taken != path else None

    def _named(self) -> list[Reference]:
        return [one for record in self._worklist.records() for one in references(record.attributes.get("InputInformationSequence"))]

    def _give_the_others(self, inputs: Iterable[Reference]) -> None:
        """Give the others, too, the delivery instructions that workitems say they have."""
        for one in inputs:
            if self._others is not None and one.ae_title == self._others_title and one.instance not in self._others:
                instance = self._given.get(one.instance)
                if instance is not None:
                    self._others.add(instance)

    def _take_workitem(self, path: Path, dataset: Dataset) -> News:
        uid, attributes, filled = read_workitem(path, dataset)
        outcome = self._worklist.restore(uid, attributes)
        self._give_the_others(references(attributes.get("InputInformationSequence")))
        if outcome.status == EXISTS and (other := self._other(uid, path)):
            return News(path, f"its workitem {uid} is that of {other.name}, which is served", "left out")
        if outcome.status == EXISTS:
            return News(path, "its workitem is on the worklist already, and stays as it is there", "known")
        if outcome.status:
            raise ValueError(f"cannot be a workitem: {outcome.comment} (status {outcome.status:04X})")
        self._taken[uid] = path
        made_up = "".join(f"; {keyword} was missing and is {value!r} now" for keyword, value in filled.items())
        state = str(attributes.get("ProcedureStepState") or "SCHEDULED")
        unlocked = "; no system can continue it: it has no Transaction UID"
        free = state == "IN PROGRESS" and not attributes.get("TransactionUID")
        return News(path, f"workitem, {state}{made_up}{unlocked if free else ''}", "taken")

    def __enter__(self) -> Self:
        # After the start, the files of the folder are served; a file that is still being written gets one more look.
        if not self.look() and not self._stop.wait(self.interval):
            self.look()
        self._thread = threading.Thread(target=self._watch, name=f"watches {self.folder}", daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(self.interval):
            try:
                self.look()
            except Exception as error:  # it looks again
                log.warning("%s: could not be looked at: %s: %s", self.folder, type(error).__name__, error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()


def _unread(path: Path) -> str:
    """Say of a file or folder that it is not read."""
    if path.is_file():
        return f"is not read: its name ends neither in {' nor in '.join(SUFFIXES)}"
    if not path.is_dir():
        return "is not read: it is neither file nor folder"
    try:
        count = sum(one.is_file() for one in path.rglob("*"))
    except OSError as error:
        return f"is a folder that cannot be read: {error.strerror or error}"
    return f"is a folder, and folders are not read ({count} files): put into {path.parent} what is to be served"


def read_workitem(path: Path, dataset: Dataset) -> tuple[str, Dataset, Mapping[str, Any]]:
    """Return the workitem of a file: its SOP Instance UID, its attributes, and those that got defaults.

    Parameters
    ----------
    path : Path
        Its name, ``UPS_<SOPInstanceUID>``, is asked when the data set has no UID.
    dataset : Dataset
        What is in it: the attributes of a UPS, or of a response of C-FIND.

    Raises
    ------
    ValueError
        If the UID cannot be found, or the data set is that of something else.
    """
    named = NAME.match(path.stem)
    uid = str(dataset.get("SOPInstanceUID") or (named[1] if named else ""))
    if not dataset.get("SOPClassUID") and not named:
        raise ValueError("is no workitem: it has no SOPClassUID, and the file is not called UPS_<SOPInstanceUID>")
    if not uid:
        raise ValueError("has no SOPInstanceUID, and the file is not called UPS_<SOPInstanceUID>")
    try:
        attributes = plain(dataset)
    except Exception as error:  # pydicom raises whatever the bytes lead it to
        raise ValueError(f"cannot be decoded: {error}") from error
    return uid, *completed(attributes)


def completed(attributes: Dataset) -> tuple[Dataset, dict[str, Any]]:
    """Return attributes with what a UPS has to have, and the values that were made up for it.

    A response of C-FIND has what was asked for. What is missing and may be empty is empty; of what may not, the label is
    the meaning of the workitem code, and the start is at the full hour.
    """
    _empty_where_missing(attributes, attribute_rows())
    code = next(iter(attributes.get("ScheduledWorkitemCodeSequence") or ()), Dataset())
    defaults = {
        "ScheduledProcedureStepPriority": PRIORITY,
        "ProcedureStepLabel": str(code.get("CodeMeaning") or "Workitem"),
        "ScheduledProcedureStepStartDateTime": time.strftime("%Y%m%d%H0000"),
        "InputReadinessState": READINESS,
        "ProcedureStepState": "SCHEDULED",
    }
    made_up = {keyword: value for keyword, value in defaults.items() if not attributes.get(keyword)}
    for keyword, value in made_up.items():
        setattr(attributes, keyword, value)
    return attributes, made_up


def _empty_where_missing(item: Dataset, rows: Mapping[str, AttributeRow]) -> None:
    for keyword, row in rows.items():
        if row.create == "2" and keyword not in item:
            setattr(item, keyword, [] if row.vr == "SQ" else None)
        elif row.items and keyword in item and row.vr == "SQ":
            for below in item[keyword].value or ():
                _empty_where_missing(below, row.items)
