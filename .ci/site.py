"""Hooks of mkdocs: pages made of the code, and links to files of the repository that are no pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.links import source_links
from tdwii_conformance.report.matrix import ACTOR_NAMES, TRANSACTION_NAMES

SOURCE = "https://github.com/tdwii/tdwii_conformance/blob/main"
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
    return files


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
    for name in TRANSACTION_NAMES:
        lines = [f"# {_title(name)}", ""]
        for one in (r for r in every if r.transaction == name):
            links = dict(source_links(one.source))
            parts = [part.strip() for part in one.source.split(";")]
            said = "; ".join(f"[{part}]({links[part]})" if part in links else part for part in parts)
            lines += [f"## {one.id}", "", _plain(one.statement), ""]
            lines += [
                f"{one.actor} ({ACTOR_NAMES[one.actor]}), {one.level}, editions {', '.join(one.editions)}. Source: {said}.",
                "",
            ]
            if defects := violating.get(one.id):
                more = f" and {len(defects) - 8} more" if len(defects) > 8 else ""
                lines += [f"Defects: {', '.join(f'`{defect}`' for defect in defects[:8])}{more}.", ""]
        yield name, "\n".join(lines)


def _plain(text: str) -> str:
    return re.sub(r"([\[\]<>*_`])", r"\\\1", text)
