"""Attributes that no UPS has: each kind adds one that the attribute table has not there, and nothing else changes."""

import pytest
from pydicom.datadict import dictionary_has_tag

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.treatment import unlisted
from tdwii_conformance.treatment.messages import item


@pytest.mark.parametrize("kind", unlisted.KINDS)
def test_what_is_added_is_no_attribute_of_a_ups(kind):
    dataset = unlisted.add(item(ProcedureStepLabel="Label"), kind)
    added = [element for element in dataset if element.keyword != "ProcedureStepLabel"]
    assert dataset.ProcedureStepLabel == "Label" and added
    assert {element.keyword for element in added} <= set(unlisted.NO_UPS_HAS)
    assert not {element.keyword for element in added} & attribute_rows().keys()
    assert not any(element.is_empty for element in added)


def test_private_ones_have_a_creator():
    for kind in ("private", "private-sequence"):
        dataset = unlisted.add(item(), kind)
        assert dataset[0x0099, 0x0010].value == "TDW-II CONFORMANCE" and all(element.tag.is_private for element in dataset)


def test_an_undefined_one_is_in_no_dictionary():
    assert not dictionary_has_tag(unlisted.UNDEFINED)


def test_a_misplaced_one_stands_in_an_item_of_the_progress():
    (element,) = unlisted.add(item(), "misplaced")
    assert element.keyword in attribute_rows()["ProcedureStepProgressInformationSequence"].items


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown kind 'mine'; expected one of of-no-ups, undefined"):
        unlisted.add(item(), "mine")
