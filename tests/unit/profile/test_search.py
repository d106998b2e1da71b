"""What a person calls a requirement finds it."""

import pytest

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.search import named, search

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("RO60-TMS-004", lambda r: r.id == "RO60-TMS-004"),
        ("ro60-tms", lambda r: r.id.startswith("RO60-TMS-")),
        ("RO-60", lambda r: r.transaction == "RO-60"),
        ("ro60", lambda r: r.transaction == "RO-60"),
        ("ost", lambda r: r.actor == "OST"),
        ("negotiation", lambda r: r.transaction == "negotiation"),
    ],
)
def test_a_name_means_all_that_it_fits(name, holds):
    assert named(CATALOGUE, name) == [r for r in CATALOGUE.values() if holds(r)] != []


def test_a_section_has_those_below_it_and_no_other():
    found = named(CATALOGUE, "CC.2.1")
    assert {r.transaction for r in found} >= {"CC.2.1", "RO-60"}
    assert all("CC.2.1" in r.source or r.transaction == "CC.2.1" for r in found)
    assert {r.id for r in named(CATALOGUE, "CC.2.1.3")} < {r.id for r in found}
    assert not any("CC.2.10" in r.source for r in found)
    assert all("PS3.7 10.1.4" in r.source for r in named(CATALOGUE, "ps3.7 10.1.4"))


@pytest.mark.parametrize("name", ["", "RO60-TMS-999", "claim", "RO-6"])
def test_what_is_no_name_means_nothing(name):
    assert named(CATALOGUE, name) == []


def test_words_are_searched_in_statements_beside_names():
    found = search(CATALOGUE, ["TMS", "Transaction", "refuses"])
    assert found and all(r.actor == "TMS" and "refuses" in r.statement.lower() for r in found)
    assert search(CATALOGUE, []) == list(CATALOGUE.values())
    assert search(CATALOGUE, ["no such words"]) == []
