"""Links from the sources a requirement names to the sections of DICOM on the web. Pure."""

from __future__ import annotations

import re

__all__ = ["source_links"]

BASE = "https://dicom.nema.org/medical/dicom/current/output/chtml"
# "PS3.7 10.1.4", or a section of Annex CC of PS3.4 by itself, "CC.2.1.3"; also with a table, "CC.1.1 table CC.1.1-2".
SOURCE = re.compile(r"(?:PS3\.(\d{1,2}) ([A-Z]{1,2}|\d{1,2})((?:\.\d+)*)|(CC)((?:\.\d+)+))(?: table \S+)?")


def source_links(source: str) -> list[tuple[str, str]]:
    """Return name and URL of every section of DICOM that a requirement's source names.

    Parameters
    ----------
    source : str
        Parts separated by semicolons, as in the catalogue: ``"TI RO-60; CC.2.1.3; PS3.7 10.1.4"``. What is not a
        section of DICOM has no link.
    """
    links = []
    for part in source.split(";"):
        match = SOURCE.fullmatch(part.strip())
        if match:
            part_number = int(match[1] or 4)
            chapter, sections = match[2] or match[4], (match[3] or match[5] or "")
            links.append((part.strip(), _url(part_number, chapter, [int(n) for n in sections.split(".")[1:]])))
    return links


def _url(part: int, chapter: str, sections: list[int]) -> str:
    # The standard is cut into pages in such a way that a first section, and all below it, stays on its parent's page.
    page, section = f"chapter_{chapter}", chapter
    on_page = True
    for number in sections:
        section = f"{section}.{number}"
        if number == 1:
            on_page = False
        if on_page:
            page = f"sect_{section}"
    anchor = "" if page.removeprefix("sect_") == section or not sections else f"#sect_{section}"
    return f"{BASE}/part{part:02d}/{page}.html{anchor}"
