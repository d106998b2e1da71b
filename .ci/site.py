"""Hooks of mkdocs: pages made of the code and of sample results, and links to files of the repository that are no pages."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from tdwii_conformance import engine
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.clause_table import documents_of
from tdwii_conformance.report.grid import grid, grid_page
from tdwii_conformance.report.links import source_links
from tdwii_conformance.report.matrix import ACTOR_NAMES, TRANSACTION_NAMES
from tdwii_conformance.report.results import read_results, schema

SOURCE = "https://github.com/tdwii/tdwii_conformance/blob/main"
LOADED = re.compile(
    r"<(?:script|img|iframe|link(?![^>]*rel=\W?(?:canonical|next|prev)\W))[^>]*(?:src|href)=\W?(?:https?:)?//[^>]*>|url\(\W?https?:[^)]*\)"
)
OUTSIDE = re.compile(r"\]\(\.\./([^)]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the start page, which is the README, and a page of requirements for each transaction and section."""
    from mkdocs.structure.files import File

    readme = (Path(config.config_file_path).parent / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "index.md", content=_from_the_top(readme)))
    names = []
    for name, text in _requirements():
        names.append(name)
        files.append(File.generated(config, _page(name), content=text))
    listed = "\n".join(f"- [{_title(name)}]({_page(name)})" for name in names)
    head = "# Requirements\n\nMade of the catalogue. `tdwii requirements ID` shows one with its test.\n\n"
    files.append(File.generated(config, "requirements.md", content=f"{head}{listed}\n"))
    files.append(File.generated(config, "results-schema.md", content=_schema()))
    files.append(File.generated(config, "results.schema.json", content=schema()))
    shim = Path(__file__).with_name("iframe-worker.js").read_text(encoding="utf-8")
    files.append(File.generated(config, "assets/iframe-worker.js", content=shim))
    for name, text in _samples(Path(config.docs_dir) / "samples"):
        files.append(File.generated(config, name, content=text))
    return files


def on_post_build(config: Any) -> None:
    """Refuse a site of which a page would load something from the network.

    Raises
    ------
    PluginError
        Naming the page and what it loads.
    """
    from mkdocs.exceptions import PluginError

    for page in sorted(Path(config.site_dir).rglob("*.html")):
        if found := LOADED.search(page.read_text(encoding="utf-8")):
            raise PluginError(f"{page.name} loads from the network: {found[0]}")


def _samples(folder: Path) -> Any:
    """Yield the page of a sample run, and the comparison of two."""
    runs = [read_results(path) for path in sorted(folder.glob("*.json"))]
    yield "sample-report.html", runs[0].page(load_catalogue())
    when = datetime.fromisoformat("2026-11-29T15:00:00+00:00")  # the same site whenever it is built
    yield "sample-comparison.html", grid_page(grid(runs, [run.system for run in runs]), when)


def _schema() -> str:
    """Return the page of the results file, made of its JSON Schema."""
    whole = json.loads(schema())
    lines = [
        "# The results file", "",
        "What `tdwii run --results FILE` writes, and `tdwii report`, `compare` and `pack` read. Made of the JSON Schema, "
        "[results.schema.json](results.schema.json).", "",
    ]  # fmt: skip
    for name, one in {whole["title"]: whole, **whole.get("$defs", {})}.items():
        if "properties" not in one:
            continue
        lines += [f"## {name}", "", _plain(one.get("description", "")), "", "| key | type | |", "|---|---|---|"]
        for key, value in one["properties"].items():
            needed = "" if key in one.get("required", ()) else " (optional)"
            lines.append(f"| `{key}` | {_plain(_type(value))}{needed} | {_plain(value.get('description', ''))} |")
        lines.append("")
    return "\n".join(lines)


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "enum" in value or "const" in value:
        return " or ".join(f'"{one}"' for one in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object" and "additionalProperties" in value:
        return f"{_type(value['additionalProperties'])} by name"
    return str(value.get("format", value.get("type", "any")))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Have links to files outside of docs/ lead to the repository."""
    return OUTSIDE.sub(rf"]({SOURCE}/\1)", markdown)


def _from_the_top(text: str) -> str:
    def led(match: re.Match[str]) -> str:
        target = match[1]
        if target.startswith(("http:", "https:", "#")):
            return match[0]
        return f"]({target.removeprefix('docs/')})" if target.startswith("docs/") else f"]({SOURCE}/{target})"

    return re.sub(r"\]\(([^)]+)\)", led, text)


def _page(name: str) -> str:
    return f"requirements-{name.replace(' ', '-')}.md"


def _title(name: str) -> str:
    return f"{name} {TRANSACTION_NAMES.get(name, '')}" if name != "negotiation" else TRANSACTION_NAMES[name]


def _requirements() -> Any:
    from tdwii_conformance.defects import DEFECTS

    violating: dict[str, list[str]] = {}
    for defect in DEFECTS.values():
        for identifier in defect.requirements[:1]:
            violating.setdefault(identifier, []).append(defect.name)
    every = list(load_catalogue().values())
    tests = engine.find_tests([one.id for one in every])
    for name in TRANSACTION_NAMES:
        lines = [f"# {_title(name)}", ""]
        for one in (r for r in every if r.transaction == name):
            links = dict(source_links(one.source))
            parts = [part.strip() for part in one.source.split(";")]
            said = "; ".join(f"[{part}]({links[part]})" if part in links else part for part in parts)
            read = "; ".join(f"{document.title}, {document.edition.replace('; ', ', ')}" for document in documents_of(one.source))
            lines += [f"## {one.id}", "", _plain(one.statement), ""]
            lines += [
                f"{one.actor} ({ACTOR_NAMES[one.actor]}), {one.level}, editions {', '.join(one.editions)}. Source: {said}.",
                "",
                f"Read in: {read}.",
                "",
            ]
            if found := tests.get(one.id):
                names = list(dict.fromkeys(test.partition("[")[0] for test in found))
                count = f", {len(found)} cases" if len(found) > len(names) else ""
                lines += [f"Test: {', '.join(f'`{name}`' for name in names)}{count}.", ""]
            if defects := violating.get(one.id):
                more = f" and {len(defects) - 8} more" if len(defects) > 8 else ""
                lines += [f"Defects: {', '.join(f'`{defect}`' for defect in defects[:8])}{more}.", ""]
        yield name, "\n".join(lines)


def _plain(text: str) -> str:
    return re.sub(r"([\[\]<>*_`])", r"\\\1", text)
