"""Sources lead to the pages of the standard."""

import pytest

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.links import BASE, source_links


@pytest.mark.parametrize(
    ("source", "page"),
    [
        # pages as pynetdicom and pydicom link to them in their documentation, or as others do
        ("PS3.7 10.1.4", "part07/chapter_10.html#sect_10.1.4"),
        ("PS3.7 10.3.2", "part07/sect_10.3.2.html"),
        ("PS3.8 9.3.3.2", "part08/sect_9.3.3.2.html"),
        ("PS3.8 9.3.5.1", "part08/sect_9.3.5.html#sect_9.3.5.1"),
        ("PS3.3 C.7.6.3.1.2", "part03/sect_C.7.6.3.html#sect_C.7.6.3.1.2"),
        ("PS3.5 6.2", "part05/sect_6.2.html"),
        ("PS3.4 C", "part04/chapter_C.html"),
        ("PS3.10 7.1", "part10/chapter_7.html#sect_7.1"),
        ("CC.2.8.4", "part04/sect_CC.2.8.4.html"),
        # the same rule for sections of our own
        ("CC.2.1.3", "part04/sect_CC.2.html#sect_CC.2.1.3"),
        ("CC.1.1", "part04/chapter_CC.html#sect_CC.1.1"),
        ("CC.1.1 table CC.1.1-2", "part04/chapter_CC.html#sect_CC.1.1"),
    ],
)
def test_a_section_has_its_page(source, page):
    assert source_links(source) == [(source, f"{BASE}/{page}")]


def test_only_sections_of_dicom_have_links():
    assert source_links("TI RO-60; A16; T3; 2013 RO-58; TDW-II actors") == []
    assert [name for name, _ in source_links("TI RO-58; CC.3.1; PS3.4 A; T1")] == ["CC.3.1", "PS3.4 A"]


def test_every_section_the_catalogue_names_has_a_link():
    for requirement in load_catalogue().values():
        parts = [part.strip() for part in requirement.source.split(";")]
        named = [part for part in parts if part.startswith(("PS3", "CC"))]
        assert [name for name, _ in source_links(requirement.source)] == named, requirement.id
