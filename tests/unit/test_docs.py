"""The documentation names the options and keys that there are, and no others."""

import re
import textwrap
import tomllib
from pathlib import Path

import pytest

from tests import clause_page, reference

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "RELEASING.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9](?![\w-])")
# Of programs that are not ours, and what the pages say of them.
OTHERS = {
    *("--help", "--version", "--junitxml", "--alluredir", "--dist", "--hypothesis-profile"),  # all; pytest and its plugins
    *("--no-index", "--find-links", "--require-hashes", "--platform", "--python-version"),  # pip
    *("--output", "--ups", "--add-host", "--rest", "--strict", "--follow-tags"),  # allure, DCMTK, docker, git
    *("--from", "--spec", "--only"),  # uvx, pipx, mutmut
    *("--master", "--worker", "--expect-workers", "--master-host"),  # Locust
}
OF_THE_SUITE = {f"--{prefix}{name}" for name in reference.OPTIONS for prefix in ("", "tdwii-")}
COMMANDS = {
    name: {word for one in reference.options_of(command) for word in (*one.opts, *one.secondary_opts)}
    for name, command in reference.commands()
}


def page_id(path):
    return path.relative_to(CHECKOUT).as_posix()


def test_the_page_of_options_and_keys_is_made_of_the_code():
    written = reference.PAGE.read_text(encoding="utf-8")
    assert written == reference.page(), "write it anew: .venv/bin/python -m tests.reference"


def test_the_page_of_clauses_is_made_of_the_table():
    assert clause_page.PAGE.read_text(encoding="utf-8") == clause_page.page(), "write it anew: .venv/bin/python -m tests.reference"


def test_the_readme_counts_the_clauses():
    assert clause_page.README.read_text(encoding="utf-8") == clause_page.readme(), (
        "write it anew: .venv/bin/python -m tests.reference"
    )
    assert re.search(r"\d+ clauses; ", clause_page.README.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_an_option_that_a_page_names_exists(page):
    known = OTHERS | OF_THE_SUITE | set().union(*COMMANDS.values())
    unknown = {word for word in OPTION.findall(page.read_text(encoding="utf-8")) if word not in known}
    assert unknown == set()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_command_line_that_a_page_shows_has_options_of_that_command(page):
    wrong = []
    for line in page.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        for shown in re.findall(r"tdwii(?: [a-z][a-z0-9-]*)+[^#`|&>]*", line):
            words = shown.split()
            name = next((" ".join(words[:n]) for n in (3, 2) if " ".join(words[:n]) in COMMANDS), None)
            if name is None or name == "tdwii run":  # which hands pytest's options on
                continue
            wrong += [
                f"{name} {word}" for word in OPTION.findall(shown.partition(" -- ")[0]) if word not in COMMANDS[name] | {"--help"}
            ]
    assert wrong == []


def keys_in(table, before=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys_in(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def keys_named_in(text):
    """The keys of a TOML text, those that are commented out included."""
    table, found = "", set()
    for line in text.splitlines():
        if header := re.match(r"(?:# ?)?\[([\w.]+)\]", line):
            table = f"{header[1]}."
        elif key := re.match(r"(?:# ?)?([a-z_]+) = (\{)?", line):
            if key[2]:
                found |= {f"{table}{key[1]}.{inner}" for inner in re.findall(r"(\w+) =", line.split("{", 1)[1])}
            else:
                found.add(f"{table}{key[1]}")
    return found


def test_the_example_explains_every_key_and_no_other():
    named = keys_named_in((CHECKOUT / "fixtures" / "sut_example.toml").read_text(encoding="utf-8"))
    known = {key for key, _ in reference.toml_keys()}
    assert named - known == set()
    # Certificates are explained once, and [watcher] has the keys of [tdd].
    missing = {key for key in known - named if ".tls." not in key and not key.startswith("watcher.")}
    assert missing == set()


def snippets():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^ *```toml\n(.*?)^ *```", text, re.S | re.M)
        blocks += [block for block in re.findall(r"(?:^    .*\n|^\n)+", text, re.M) if re.search(r"^    \[\w", block, re.M)]
        for number, block in enumerate(blocks):
            lines = [line for line in textwrap.dedent(block).splitlines() if line != "..."]
            if any(re.match(r"\[(system|tms|ost|tdd|watcher|ours|workitems)", line) for line in lines):
                yield pytest.param("\n".join(lines), id=f"{page_id(page)}-{number}")


@pytest.mark.parametrize("snippet", snippets())
def test_a_description_that_a_page_shows_has_keys_that_there_are(snippet):
    known = {key for key, _ in reference.toml_keys()}
    assert set(keys_in(tomllib.loads(snippet))) - known == set()
