"""Every line of shell in the documentation is one that `tdwii` takes, and every whole description of a system is loaded."""

import argparse
import re
import shlex
from pathlib import Path

import click
import pytest

from tdwii_conformance import resources
from tdwii_conformance.plugin.options import OPTIONS
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.search import named
from tdwii_conformance.sut.config import load_system
from tests import reference

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
FENCED = re.compile(r"^ *```\w*[^\n]*\n(.*?)^ *```", re.S | re.M)
INDENTED = re.compile(r"(?:^    .*\n|^\n)+", re.M)
CATALOGUE = load_catalogue()
COMMANDS = dict(reference.commands())


def page_id(path):
    return path.relative_to(CHECKOUT).as_posix()


def blocks(text):
    yield from FENCED.findall(text)
    yield from INDENTED.findall(FENCED.sub("", text))


def lines(page):
    """The commands of `tdwii` that a page shows, as lists of words."""
    for block in blocks(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            shown = re.match(r"\s*(?:\$ |- run: |- )?(?:[A-Z_]+=\S+ )*(?:tdwii/bin/)?(tdwii [a-z-].*)", line)
            if shown is None:
                continue
            lexer = shlex.shlex(shown[1], posix=True, punctuation_chars="|&;<>()")
            lexer.whitespace_split = True
            words = []
            for word in lexer:
                if set(word) <= set("|&;<>()"):
                    break
                words.append(word)
            yield line.strip(), words[1:]


def command_of(words):
    name = next((" ".join(words[:n]) for n in (2, 1) if f"tdwii {' '.join(words[:n])}" in COMMANDS), None)
    return name, words[len(name.split()) :] if name else words


def suite_parser():
    """The options of the suite, and those of pytest and its plugins that pages show."""
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    for name, properties in OPTIONS.items():
        parser.add_argument(f"--{name}", f"--tdwii-{name}", **properties)
    for name in ("-n", "-k", "-m", "--junitxml", "--alluredir", "--hypothesis-profile", "--dist", "--suite"):
        parser.add_argument(name)
    for name in ("-q", "-x", "-v", "-s"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("parts", nargs="*")
    return parser


def trouble_of_a_run(words):
    """What is wrong with the words of `tdwii run`: an option that there is not, a part that is none of the suite."""
    try:
        given, rest = suite_parser().parse_known_intermixed_args([word for word in words if word != "--"])
    except argparse.ArgumentError as error:
        return str(error)
    suite = resources.suite()
    unknown = [part for part in given.parts if not (suite / part).exists() and not named(CATALOGUE, part)]
    return " ".join([*rest, *unknown])


def trouble(command, words):
    """What click says of words that are no arguments of a command; files need not be there."""
    context = click.Context(command, info_name=command.name)
    try:
        given, rest, _ = command.make_parser(context).parse_args(list(words))
        if rest and not context.ignore_unknown_options:
            return f"more than it takes: {rest}"
        for parameter in command.params:
            value = given.get(parameter.name)
            if value is not None and isinstance(
                parameter.type, (click.Choice, click.types.IntParamType, click.types.FloatParamType)
            ):
                for one in value if isinstance(value, (list, tuple)) else [value]:
                    parameter.type.convert(one, parameter, context) if isinstance(one, str) else None
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_shell_line_is_one_that_tdwii_takes(page):
    wrong = {}
    for line, words in lines(page):
        name, rest = command_of(words)
        said = "no such command" if name is None and words[0] not in ("--help", "--version") else ""
        if name == "run":
            said = trouble_of_a_run(rest)
        elif name:
            said = trouble(COMMANDS[f"tdwii {name}"], rest)
        if said:
            wrong[line] = said
    assert wrong == {}


def descriptions():
    for page in PAGES:
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"))):
            text = "\n".join(line.removeprefix("    ") for line in block.splitlines())
            if re.search(r"^\s*\[system\]", text, re.M):
                yield pytest.param(text, id=f"{page_id(page)}-{number}")


@pytest.mark.parametrize("text", list(descriptions()))
def test_a_whole_description_is_loaded(text, tmp_path):
    path = tmp_path / "sut.toml"
    path.write_text(text, encoding="utf-8")
    assert load_system(path).name


def test_pages_show_lines_and_descriptions():
    assert sum(1 for page in PAGES for _ in lines(page)) > 120
    assert len(list(descriptions())) > 3
