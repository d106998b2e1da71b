"""What docs/readings.md says of A1 to A23 and T1 to T15 is what the catalogue has."""

import re
from pathlib import Path

import pytest

from tdwii_conformance.profile import load_catalogue

PAGE = Path(__file__).parents[3] / "docs" / "readings.md"
NUMBERS = [f"A{number}" for number in range(1, 24)] + [f"T{number}" for number in range(1, 16)]
ONE_READING = ("settled", "no requirement")
CATALOGUE = load_catalogue()


def requirements_and_readings(number):
    """The cell of the table for a number: the requirements that name it as a source, by the readings that they list."""
    of_readings = {}
    for requirement in CATALOGUE.values():
        if re.search(rf"\b{number}\b", requirement.source):
            of_readings.setdefault(" / ".join(requirement.readings), []).append(requirement.id)
    return "; ".join(f"{', '.join(ids)}{f': {words}' if words else ''}" for words, ids in of_readings.items()) or "none"


@pytest.fixture(scope="module")
def rows():
    """The rows of the page's table by their number."""
    lines = [line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[2:]}


def test_every_number_has_a_row(rows):
    assert list(rows) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_has_the_requirements_and_readings_of_the_catalogue(rows, number):
    assert rows[number][1] == requirements_and_readings(number)


@pytest.mark.parametrize("number", NUMBERS)
def test_where_no_readings_are_listed_the_verdict_says_why(rows, number):
    _, requirements, verdict = rows[number]
    assert verdict.startswith(ONE_READING) or ": " in requirements
    assert requirements != "none" or verdict.startswith("no requirement")
