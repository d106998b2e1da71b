"""The table at the end of a run can be read anywhere."""

import pytest

from tdwii_conformance.report import TestVerdict, render_table


class Named:
    def __init__(self, actor, transaction):
        self.actor, self.transaction = actor, transaction


CATALOGUE = {f"RO60-TMS-{n:03}": Named("TMS", "RO-60") for n in range(1, 40)} | {"NEG-OST-001": Named("OST", "negotiation")}


def run(**verdicts):
    out = []
    for name, verdict in verdicts.items():
        reason = "not claimed: ion" if verdict == "skipped" else ""
        out.append(TestVerdict(name.replace("_", "-"), f"t.py::test_{name}", verdict, reason=reason))
    return out


SMALL = run(
    RO60_TMS_001="passed", RO60_TMS_002="failed", RO60_TMS_003="warned", RO60_TMS_004="skipped", NEG_OST_001="error",
    RO60_TMS_005="passed",
)  # fmt: skip


def test_the_table_of_a_small_run():
    assert (
        render_table(SMALL, CATALOGUE, width=80)
        == """
 actor  transaction              passed  failed  warned  skipped  all
 ---------------------------------------------------------------------
 TMS    RO-60 In progress             2       1       1        1    5

 OST    Association negotiation       -       1       -        -    1
 ---------------------------------------------------------------------
 total                                2       2       1        1    6

judged: 4 of 6 requirements that apply (66 %)
failed: 1
  RO60-TMS-002
error: 1
  NEG-OST-001
warned: 1
  RO60-TMS-003
1 skipped: not claimed: ion
"""
    )


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_longer_than_the_terminal(width):
    many = run(**{f"RO60_TMS_{n:03}": "failed" for n in range(1, 40)})
    many.append(TestVerdict("NEG-OST-001", "t.py::x", "skipped", reason="a long reason " * 20))
    lines = render_table(many, CATALOGUE, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert any("passed  failed  warned  skipped  all" in line for line in lines)


def test_without_colour_it_is_plain_ascii():
    text = render_table(SMALL, CATALOGUE, width=80, color=False)
    assert text.isascii() and "\x1b" not in text


def test_with_colour_the_words_are_the_same():
    import re

    coloured = render_table(SMALL, CATALOGUE, width=80, color=True)
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.split() for line in plain.splitlines()] == [
        line.split() for line in render_table(SMALL, CATALOGUE, width=80).splitlines()
    ]


def test_reasons_with_brackets_are_shown_as_they_are():
    text = render_table([TestVerdict("NEG-OST-001", "t", "skipped", reason="[bold]x[/] [y]")], CATALOGUE, width=80)
    assert "1 skipped: [bold]x[/] [y]\n" in text
