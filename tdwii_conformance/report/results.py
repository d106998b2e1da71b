"""The results of a run in one file: what was judged, by what, how it came out, with the exchanges. Read again at any time.

Its form is the JSON Schema ``results.schema.json`` beside this module, made of the models here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..profile import Requirement
from .html import Deviated, render_html, versions
from .share import share_of
from .verdicts import TestVerdict, Verdict, requirement_verdicts

__all__ = ["FORMAT", "DeviationEntry", "Results", "ResultsError", "read_results", "results_of", "schema", "write_results"]

FORMAT: Literal["tdwii results 1"] = "tdwii results 1"


class ResultsError(ValueError):
    """A file is no results of a run; the message names file and place."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingEntry(_Strict):
    """What was expected, and what came instead."""

    expected: str
    received: str
    path: str = Field("", description="where in the data set; empty when it is about no place in one")
    weight: Literal["fault", "warning"] = "fault"


class TestEntry(_Strict):
    """What one test found about its requirement."""

    test: str = Field(description="the test, as pytest names it")
    verdict: Verdict
    reason: str = Field("", description="why it was skipped, or what the error was")
    reading: str = Field("", description="which of several allowed readings was met")
    findings: tuple[FindingEntry, ...] = ()
    exchanges: tuple[str, ...] = Field((), description="what was looked at, as keys of the file's exchanges")
    seconds: float = 0.0


class RequirementEntry(_Strict):
    """A requirement, and what its tests add up to."""

    id: str
    actor: str
    transaction: str
    level: Literal["shall", "should", "may"]
    source: str
    statement: str
    verdict: Verdict
    note: str = Field("", description="what the verdict hides: reasons of skips and errors")
    tests: tuple[TestEntry, ...]


class DeviationEntry(_Strict):
    """A defect or variation that a simulator of the run had."""

    name: str
    kind: Literal["defect", "variation"]
    actor: str
    sentence: str = Field(description="what the simulator does")
    requirements: tuple[str, ...] = Field((), description="what may fail by it")


class ShareEntry(_Strict):
    """How much was judged of what applies."""

    applicable: int
    judged: int
    met: int = Field(description="judged, and neither failed nor ended in an error")


class Results(_Strict):
    """The results of a run."""

    format: Literal["tdwii results 1"] = FORMAT
    system: str
    description: str = ""
    edition: Literal["ti", "2013"]
    ended: datetime = Field(description="when the run ended, with its time zone")
    software: Mapping[str, str] = Field(description="names and versions of what a verdict may depend on")
    notices: tuple[str, ...] = Field((), description="what else is to be known of the run: that it was interrupted, ...")
    again: tuple[str, ...] = Field((), description="options of `tdwii run` that name the system again: --sut vendor.toml")
    deviations: tuple[DeviationEntry, ...] = ()
    share: ShareEntry
    requirements: tuple[RequirementEntry, ...]
    exchanges: Mapping[str, str] = Field(default_factory=dict, description="dcmdump text of each exchange, kept once")

    @property
    def verdicts(self) -> list[TestVerdict]:
        """The verdicts of the tests, as all reports take them."""
        return [
            TestVerdict(
                requirement=one.id,
                nodeid=test.test,
                verdict=test.verdict,
                reason=test.reason,
                reading=test.reading,
                findings=tuple(finding.model_dump() for finding in test.findings),
                exchanges=tuple(self.exchanges.get(key, "") for key in test.exchanges),
                duration=test.seconds,
            )
            for one in self.requirements
            for test in one.tests
        ]

    def page(self, catalogue: Mapping[str, Requirement]) -> str:
        """Return the report page of the run.

        Parameters
        ----------
        catalogue : mapping of str to Requirement
            Of this installation. What it does not know is left out, and a notice says so.
        """
        verdicts = [verdict for verdict in self.verdicts if verdict.requirement in catalogue]
        unknown = sorted({verdict.requirement for verdict in self.verdicts if verdict.requirement not in catalogue})
        more = [f"requirements that this installation does not know: {', '.join(unknown)}"] if unknown else []
        return render_html(
            verdicts,
            catalogue,
            system=self.system,
            edition=self.edition,
            when=self.ended,
            software=self.software,
            description=self.description,
            notices=[*self.notices, *more],
            again=self.again,
            deviations=[Deviated(one.name, one.kind, one.sentence, frozenset(one.requirements)) for one in self.deviations],
        )


def results_of(
    verdicts: Iterable[TestVerdict],
    catalogue: Mapping[str, Requirement],
    *,
    system: str,
    edition: str,
    description: str = "",
    notices: Sequence[str] = (),
    when: datetime | None = None,
    again: Sequence[str] = (),
    deviations: Iterable[DeviationEntry] = (),
) -> Results:
    """Return the results of a run.

    Parameters
    ----------
    verdicts : iterable of TestVerdict
        Of the whole run.
    catalogue : mapping of str to Requirement
        What they are about.
    system, edition, description, notices
        As for the page.
    when : datetime.datetime, optional
        When the run ended; now by default.
    again : sequence of str
        The options of ``tdwii run`` that name the system again.
    deviations : iterable of DeviationEntry
        Of the simulators.
    """
    exchanges: dict[str, str] = {}
    summed = requirement_verdicts(verdicts)
    entries = [_entry(catalogue[identifier], one, exchanges) for identifier, one in summed.items()]
    share = share_of(summed)
    met = sum(entry.verdict in ("passed", "warned") for entry in entries)
    return Results(
        system=system,
        description=description,
        edition=edition,  # type: ignore[arg-type]  # validated
        ended=when or datetime.now().astimezone(),
        software=versions(),
        notices=tuple(notices),
        again=tuple(again),
        deviations=tuple(deviations),
        share=ShareEntry(applicable=share.applicable, judged=share.judged, met=met),
        requirements=tuple(entries),
        exchanges=exchanges,
    )


def _entry(requirement: Requirement, summed: Any, exchanges: dict[str, str]) -> RequirementEntry:
    return RequirementEntry(
        id=requirement.id,
        actor=requirement.actor,
        transaction=requirement.transaction,
        level=requirement.level,  # type: ignore[arg-type]  # validated
        source=requirement.source,
        statement=requirement.statement,
        verdict=summed.verdict,
        note=summed.note,
        tests=tuple(
            TestEntry(
                test=test.nodeid,
                verdict=test.verdict,
                reason=test.reason,
                reading=test.reading,
                findings=tuple(FindingEntry(**finding) for finding in test.findings),
                exchanges=tuple(_kept(text, exchanges) for text in test.exchanges),
                seconds=round(test.duration, 4),
            )
            for test in summed.tests
        ),
    )


def _kept(text: str, exchanges: dict[str, str]) -> str:
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    exchanges.setdefault(key, text)
    return key


def write_results(path: Path, results: Results) -> None:
    """Write results; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(results.model_dump_json(indent=1, exclude_defaults=False) + "\n", encoding="utf-8", newline="\n")


def read_results(path: Path) -> Results:
    """Read what `write_results` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ResultsError
        Naming file, place, what is wrong and what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise ResultsError(f"{path}: cannot be read: {reason}") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ResultsError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ResultsError(f'{path}: no results of a run: expected "format": {FORMAT!r}; `tdwii run --results FILE` writes them')
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultsError(f"{path}: {where}: {first['msg']}") from error


def schema() -> str:
    """Return the JSON Schema of the file, as it is published."""
    return resources.files(__package__).joinpath("results.schema.json").read_text(encoding="utf-8")


def made_schema() -> str:
    """Return the JSON Schema that the models here make; ``results.schema.json`` is this."""
    return json.dumps(Results.model_json_schema(mode="serialization"), indent=1) + "\n"
