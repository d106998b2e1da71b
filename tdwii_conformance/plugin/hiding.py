"""``--pseudonymise``: nobody can be recognised in the files that a run writes, by one set of pseudonyms for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from ..transcript.exchange import TranscriptError
from .keys import system_key, transcripts_key

if TYPE_CHECKING:
    from ..report.pseudonyms import Pseudonyms
    from ..report.results import Results

__all__ = ["TRANSCRIPTS", "Hiding", "note_transcripts"]

TRANSCRIPTS = "tdwii_transcripts"  # the folders that a worker has written transcripts into


def note_transcripts(config: pytest.Config, folder: Path) -> None:
    """Note a folder into which transcripts are written for the user."""
    output = getattr(config, "workeroutput", None)
    folders = config.stash.setdefault(transcripts_key, []) if output is None else output.setdefault(TRANSCRIPTS, [])
    if str(folder) not in folders:
        folders.append(str(folder))


class Hiding:
    """Pseudonymises what one run writes.

    Parameters
    ----------
    config : pytest.Config
        Of the run, in the process that writes the reports.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.trouble: list[str] = []
        self._names: Pseudonyms | None = None

    def results(self, results: Results) -> Results:
        """Return results in which nobody can be recognised; the transcripts are rewritten by the same pseudonyms."""
        from ..report.pseudonymise import learn_results, pseudonymise_transcripts, pseudonymised_results
        from ..report.pseudonyms import Pseudonyms

        names = self._names = Pseudonyms()
        for title, host in self._addresses():
            names.value(title, "AE")
            names.hosts([host] if host else [])
        learn_results(results, names)
        for folder in self.config.stash.get(transcripts_key, []):
            try:
                pseudonymise_transcripts(sorted(Path(folder).glob("*.jsonl")), names)
            except TranscriptError as error:
                self.trouble.append(f"the transcripts in {folder} are NOT pseudonymised: {error}")
        return pseudonymised_results(results, names)

    def _addresses(self) -> Iterable[tuple[str, str]]:
        system = self.config.stash.get(system_key, None)
        if system is None:
            return
        for peer in (system.tms, system.ost, system.tdd):
            if peer is not None:
                yield peer.ae_title, peer.host
        for title in (system.second_performer, system.second_watcher):
            if title:
                yield title, ""
        for caller in (system.calling_tdd, system.calling_watcher):
            if caller is not None:
                yield caller.peer.ae_title, caller.peer.host
                yield caller.receiver.ae_title, caller.receiver.host

    def junit(self) -> None:
        """Pseudonymise the JUnit XML file, if one was written."""
        path = self.config.getoption("xmlpath", None)
        if self._names is None or not path or not Path(path).is_file():
            return
        tree = ElementTree.parse(path)  # what pytest has written
        for element in tree.iter():
            element.text = self._names.text(element.text) if element.text else element.text
            for name in ("value", "message"):
                if name in element.attrib:
                    element.set(name, self._names.text(element.attrib[name]))
        tree.write(path, encoding="utf-8", xml_declaration=True)
