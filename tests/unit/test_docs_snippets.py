"""Every snippet of the documentation is one that works: lines of shell, descriptions, Python, and the jobs of CI systems."""

import argparse
import re
import shlex
import textwrap
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from tdwii_conformance import resources
from tdwii_conformance.load.clinic import load_clinic
from tdwii_conformance.plugin.options import OPTIONS
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.search import named
from tdwii_conformance.report import baseline
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


SHOWN = re.compile(r"(?:^|[\s'\"(\\/`])(tdwii [a-z-].*)")  # also below Scripts\\ and bin/, in $( ), in '...' of a trigger
INLINE = re.compile(r"`(tdwii [a-z][^`]*)`")


def lines(page):
    """The commands of `tdwii` that a page shows, as lists of words."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(text):
        for line in block.replace("\\\n", " ").splitlines():
            if not line.strip().startswith("#") and (shown := SHOWN.search(line)) is not None:
                yield line.strip(), words_of(shown[1])
    prose = INDENTED.sub("\n", FENCED.sub("\n", text))
    for shown in INLINE.findall(re.sub(r"\n *", " ", prose)):
        if "…" not in shown and not re.fullmatch(r"tdwii \w+( ROLE)?( --[\w-]+)?", shown):  # names of commands and options alone
            yield shown, words_of(shown.replace("\\|", "|"))


def words_of(shown):
    if shown.count("'") % 2 or shown.count('"') % 2:
        shown = shown.rstrip("'\")")  # what is quoted is the command
    lexer = shlex.shlex(shown, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("|&;<>()"):
            break
        words.append(word)
    return words[1:]


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
                    if isinstance(one, str) and not one.startswith("$"):
                        parameter.type.convert(one, parameter, context)
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


def texts(pattern):
    for page in PAGES:
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"))):
            if re.search(pattern, block, re.M):
                yield pytest.param(textwrap.dedent(block), id=f"{page_id(page)}-{number}")


@pytest.mark.parametrize("text", list(texts(r"^\s*(?:from|import) \w+")))
def test_python_runs(text, tmp_path, monkeypatch):
    """As it is written, but for what runs the suite, which has a test of its own (tests/unit/engine)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "query.txt").write_text("(0010,0010) PN [Doe^Jane]\n")
    program = compile(text, "snippet", "exec")
    if "engine.run" not in text:
        exec(program, {})


@pytest.mark.parametrize("text", list(texts(r"python -c")))
def test_python_in_a_line_runs(text, capsys):
    for program in re.findall(r'python -c "(.*)"', text):
        exec(program, {})
        assert capsys.readouterr().out


@pytest.mark.parametrize("text", list(texts(r"^\s*# \.git(?:hub/|lab-ci)")))
def test_a_job_of_a_ci_system_is_whole(text):
    job = yaml.safe_load(text)
    if "jobs" in job:
        (only,) = job["jobs"].values()
        steps = only["steps"]
        assert all(set(step) <= {"uses", "with", "run", "name", "if"} and ("uses" in step) != ("run" in step) for step in steps)
        scripts = [step["run"] for step in steps if "run" in step]
    else:
        (only,) = job.values()
        scripts = [*only["before_script"], *only["script"]]
    (run,) = [line for script in scripts for line in script.replace("\\\n", " ").splitlines() if line.startswith("tdwii ")]
    words = words_of(run)
    assert (words[0], trouble_of_a_run(words[1:])) == ("run", "")
    written = {words[n + 1] for n, word in enumerate(words) if word in ("--report", "--junitxml", "--alluredir", "--evidence")}
    kept = re.findall(r"[\w-]+(?:\.(?:html|xml)|/)(?=\s|$)", yaml.safe_dump(only).partition("artifact")[2])
    assert written == {name.rstrip("/") for name in kept}, "what the run writes is kept"


def test_a_clinic_is_loaded(tmp_path):
    (text,) = [param.values[0] for param in texts(r"^# clinic of tdwii load")]
    (tmp_path / "clinic.toml").write_text(text, encoding="utf-8")
    assert load_clinic(str(tmp_path / "clinic.toml")).machines == 12


@pytest.mark.parametrize("text", list(texts(r"^\s*\[(?!pytest)[a-z_.]+\]$")))
def test_every_toml_is_toml(text):
    content = tomllib.loads("\n".join(line for line in text.splitlines() if line.strip() != "..."))
    if "verdicts" in content:
        read = baseline.parse(f'format = {baseline.FORMAT}\nsystem = "S"\nedition = "ti"\n{text}', "docs")
        assert set(read.entries) == set(content["verdicts"])


def test_what_else_is_called_is_there():
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    found = 0
    for param in texts("."):
        for line in param.values[0].splitlines():
            for target in re.findall(r"(?:^|&& )make (?:-C \S+ )?([a-z]+)", line):
                assert re.search(rf"^{target}:", makefile, re.M), line
                found += 1
            for extra in re.findall(r"tdwii_conformance\[(\w+)\]", line):
                assert extra in extras, line
                found += 1
            for module in re.findall(r"-m (tests(?:\.\w+)+)", line):
                base = CHECKOUT / module.replace(".", "/")
                assert base.with_suffix(".py").is_file() or (base / "__main__.py").is_file(), line
                found += 1
            if pytested := re.search(r"(?:^|/)pytest ((?!-p ).*)", line):
                assert (
                    trouble_of_a_run([word for word in words_of(f"pytest {pytested[1]}") if word != "tests/conformance"]) == ""
                ), line
                found += 1
    assert found > 8


def test_pages_show_lines_and_descriptions():
    assert sum(1 for page in PAGES for _ in lines(page)) > 150
    assert len(list(descriptions())) > 3
