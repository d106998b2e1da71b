"""Records of treatments."""

import pytest
from recorded_table import table

from tdwii_conformance.transcript.exchange import Transcript


@pytest.fixture(scope="session")
def recorded_treatment(tmp_path_factory):
    """The record of one treatment."""
    path = tmp_path_factory.mktemp("record") / "treatment.jsonl"
    with table(path) as tdd:
        tdd.perform()
    return path


@pytest.fixture(scope="session")
def partners_of_a_treatment(tmp_path_factory):
    """The record of one treatment, and the TDD's own transcript of it."""
    path, transcript = tmp_path_factory.mktemp("record") / "treatment.jsonl", Transcript()
    with table(path, transcript=transcript) as tdd:
        tdd.perform()
    return path, transcript
