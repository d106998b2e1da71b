"""Writes results for the Allure report: actor, transaction and requirement as suites, an exchange once, environment, categories.

``allure generate --config DIR/allurerc.json DIR`` makes the report with Allure 3; Allure 2 reads ``categories.json`` by itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .links import source_links
from .matrix import ACTOR_NAMES, TRANSACTION_NAMES
from .results import RequirementEntry, Results, TestEntry

__all__ = ["MARK", "write_allure"]

MARK = "tdwii"  # the label by which our tests are known among others
STATUSES = {"passed": "passed", "failed": "failed", "warned": "passed", "skipped": "skipped", "error": "broken"}
SEVERITIES = {"shall": "critical", "should": "normal", "may": "minor"}
TEXT = "text/plain"
IN_SUITE = re.compile(r"^.*/(?=(?:tms|ost|tdd|watcher)/test_)")  # from where pytest was started; the history does not ask
REASONS = 12  # of what was not judged that have a category of their own


def write_allure(folder: Path, results: Results) -> None:
    """Write the results of a run; what others wrote there stays, and what allure-pytest wrote of our tests is replaced.

    Parameters
    ----------
    folder : Path
        Made if needed.
    results : Results
        Of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _forget(folder)
    total = sum(test.seconds for one in results.requirements for test in one.tests)
    clock = results.ended.timestamp() - total  # one after the other: results do not keep when a test began
    for key, text in results.exchanges.items():
        _write(folder / _source(key), text)
    for one in results.requirements:
        for test in one.tests:
            entry = _result(one, test, results, int(clock * 1000), folder)
            _write(folder / f"{entry['uuid']}-result.json", json.dumps(entry, ensure_ascii=False))
            clock += test.seconds
    categories = _categories(results)
    _write(folder / "categories.json", json.dumps(categories, indent=1, ensure_ascii=False))
    _write(folder / "environment.properties", _environment(results))
    _write(folder / "allurerc.json", json.dumps(_configuration(results, categories), indent=1, ensure_ascii=False))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _source(key: str) -> str:
    return f"exchange-{key}-attachment.txt"


def _forget(folder: Path) -> None:
    """Remove what allure-pytest has written of our tests, with what hangs on it."""
    gone: set[str] = set()
    for path in folder.glob("*-result.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if any(label["name"] == MARK for label in content.get("labels", ())):
            gone.add(content["uuid"])
            for attachment in content.get("attachments", ()):
                (folder / attachment["source"]).unlink(missing_ok=True)
            path.unlink()
    for path in folder.glob("*-container.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not set(content.get("children", ())) - gone:  # also those of fixtures that belong to no test: nothing shows them
            path.unlink()


def _result(one: RequirementEntry, test: TestEntry, results: Results, start: int, folder: Path) -> dict[str, Any]:
    case = _case(test.test, one.id)
    node = IN_SUITE.sub("", test.test)
    identity = hashlib.md5(f"{one.id} {node}".encode(), usedforsecurity=False).hexdigest()
    warned = " (warned)" if test.verdict == "warned" else ""
    transaction = TRANSACTION_NAMES.get(one.transaction, "")
    labels = {
        "parentSuite": f"{one.actor} {ACTOR_NAMES.get(one.actor, '')}".strip(),
        "suite": transaction if one.transaction == "negotiation" else f"{one.transaction} {transaction}".strip(),
        "subSuite": f"{one.id} {one.statement}",
        "epic": one.actor, "feature": one.transaction, "story": f"{one.id} {one.statement}",
        "severity": SEVERITIES[one.level], "tag": one.level, "framework": "tdwii_conformance", MARK: one.id,
    }  # fmt: skip
    tags = [{"name": "tag", "value": "warned"}] if warned else []
    return {
        "uuid": str(uuid.uuid4()),
        "historyId": identity,
        "testCaseId": identity,
        "fullName": node,
        "name": f"{one.id} {one.statement}{f' [{case}]' if case else ''}{warned}",
        "description": "\n\n".join(_described(one, test, results.again)),
        "status": STATUSES[test.verdict],
        "statusDetails": {"message": _message(test), "trace": "\n".join(_findings(test))},
        "stage": "finished",
        "start": start,
        "stop": start + int(test.seconds * 1000),
        "parameters": [{"name": "case", "value": case}] if case else [],
        "labels": [*({"name": name, "value": value} for name, value in labels.items()), *tags],
        "links": [{"name": name, "url": url, "type": "link"} for name, url in source_links(one.source)],
        "attachments": [
            {"name": _title(results.exchanges.get(key, "")), "source": _source(key), "type": TEXT} for key in test.exchanges
        ],
        "steps": [],
    }


def _case(node: str, requirement: str) -> str:
    """Return what distinguishes a test of several of one function, in words; empty if there is one only."""
    match = re.search(r"\[(.*)\]$", node, re.DOTALL)
    if match is None:
        return ""
    said = re.sub(rf"-?{re.escape(requirement)}-?", "", match[1])
    return said.replace("-", ", ") if re.fullmatch(r"[\w-]+", said) and said.count("-") == 1 else said


def _described(one: RequirementEntry, test: TestEntry, again: Sequence[str]) -> Iterable[str]:
    yield one.statement
    yield f"{one.level}; source: {one.source}"
    if test.reading:
        yield f"Reading met: {test.reading}"
    yield f"Test: {test.test}"
    if "::" in test.test:
        yield f"Again: {shlex.join(['tdwii', 'run', one.id, *again])}"


def _message(test: TestEntry) -> str:
    first = f": expected {test.findings[0].expected}; received {test.findings[0].received}" if test.findings else ""
    if test.verdict == "warned":
        return f"WARNED{first}"
    return f"NOT MET{first}" if test.verdict == "failed" else test.reason


def _findings(test: TestEntry) -> Iterable[str]:
    for finding in test.findings:
        yield f"expected: {finding.expected}"
        yield f"received: {finding.received}"
        if finding.path:
            yield f"at:       {finding.path}"


def _title(text: str) -> str:
    return text.split("\n", 1)[0].lstrip("# ")[:120] or "exchange"


def _categories(results: Results) -> list[dict[str, Any]]:
    reasons: dict[str, int] = {}
    for one in results.requirements:
        for test in one.tests:
            if test.verdict == "skipped" and test.reason:
                reasons[test.reason] = reasons.get(test.reason, 0) + 1
    often = sorted(reasons, key=lambda reason: -reasons[reason])[:REASONS]
    return [
        {"name": "Nonconformity", "matchedStatuses": ["failed"]},
        {"name": "Warned", "matchedStatuses": ["passed"], "messageRegex": "WARNED[\\s\\S]*"},
        *({"name": _in_a_line(reason), "matchedStatuses": ["skipped"], "messageRegex": _escaped(reason)} for reason in often),
        {"name": "Not judged for another reason", "matchedStatuses": ["skipped"]},
        {"name": "Error of the suite", "matchedStatuses": ["broken"]},
    ]


def _in_a_line(reason: str) -> str:
    line = " ".join(reason.split())
    return line[:1].upper() + line[1:160]


def _escaped(text: str) -> str:
    """Return a text as an expression that Java and JavaScript take."""
    return re.sub(r"([.*+?^${}()|\[\]\\/])", r"\\\1", text)


def _environment(results: Results) -> str:
    share = results.share
    named: Mapping[str, str] = {
        "System": results.system, "Description": results.description, "Edition": results.edition,
        "Ended": f"{results.ended:%Y-%m-%d %H:%M %z}",
        "Judged": f"{share.judged} of {share.applicable} requirements that apply",
        "Met": f"{share.met} of {share.judged} requirements judged",
        **results.software,
    }  # fmt: skip
    # a properties file: what is not Latin-1 as an escape
    lines = [f"{name}={' '.join(value.split())}" for name, value in named.items() if value]
    return "".join(f"{_properties(line)}\n" for line in lines)


def _properties(line: str) -> str:
    return "".join(c if c.isascii() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else "?" for c in line)


def _configuration(results: Results, categories: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": f"TDW-II conformance: {results.system}",
        "historyPath": "allure-history.jsonl",
        "appendHistory": True,
        "categories": categories,
        "plugins": {"awesome": {"options": {"groupBy": ["parentSuite", "suite", "subSuite"]}}},
    }
