"""Checks of negotiation: presentation contexts made by hand, and what has to be said of them."""

from dataclasses import dataclass

import pytest

from tdwii_conformance.checks import Finding, negotiation

IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
SYNTAXES = "Implicit VR Little Endian, Explicit VR Little Endian"
PULL = f"Unified Procedure Step - Pull SOP Class ({SYNTAXES})"


@dataclass(frozen=True)
class Context:
    abstract_syntax: str = "1.2.840.10008.5.1.4.34.6.3"
    proposed: tuple[str, ...] = (IMPLICIT, EXPLICIT)
    accepted: bool = True
    result: int = 0
    transfer_syntax: str = EXPLICIT


REFUSED = Context(accepted=False, result=3, transfer_syntax="")
UNKNOWN = Context("1.2.3.4", accepted=True)


# Results and reasons of PS3.8 table 9-18.
@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (1, "user rejection"), (2, "no reason (provider rejection)"), (3, "abstract syntax not supported"),
        (4, "transfer syntaxes not supported"), (9, "result 9"),
    ],
)  # fmt: skip
def test_refusal_names_its_reason(result, reason):
    context = Context(accepted=False, result=result, transfer_syntax="")
    assert negotiation.accepted(context) == [Finding(f"presentation context {PULL} accepted", f"refused: {reason}")]


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (lambda: negotiation.accepted(Context()), []),
        (lambda: negotiation.refused_alone(REFUSED, [Context(), Context()]), []),
        (
            lambda: negotiation.refused_alone(UNKNOWN, [Context(), REFUSED]),
            [
                Finding(f"presentation context {PULL} accepted", "refused: abstract syntax not supported"),
                Finding(f"presentation context 1.2.3.4 ({SYNTAXES}) refused", "accepted"),
            ],
        ),
        (lambda: negotiation.one_of_proposed([Context(), Context(transfer_syntax=IMPLICIT), REFUSED]), []),
        (
            lambda: negotiation.one_of_proposed([Context(), Context(transfer_syntax=DEFLATED)]),
            [Finding(f"one of the transfer syntaxes proposed: {PULL}", "'1.2.840.10008.1.2.1.99'")],
        ),
    ],
)
def test_findings(findings, expected):
    assert findings() == expected


# SOP Class Extended Negotiation [PS3.4 K.5.1]: reserved, reserved, fuzzy semantic matching, timezone query adjustment.
UPS_PULL, UPS_WATCH = "1.2.840.10008.5.1.4.34.6.3", "1.2.840.10008.5.1.4.34.6.2"
NAMED = "Unified Procedure Step - Pull SOP Class"


def extended(proposed, *answered):
    return negotiation.Extended({UPS_PULL: proposed}, tuple((UPS_PULL, one) for one in answered))


@pytest.mark.parametrize(
    ("check", "seen", "expected"),
    [
        (negotiation.answered_as_proposed, extended(b"\1\1\1"), []),
        (negotiation.answered_as_proposed, extended(b"\1\1\1", b"\1\1\1"), []),
        (
            negotiation.answered_as_proposed,
            extended(b"\1\1\1", b"\1\1\1", b"\1\1\0"),
            [Finding("one item for each SOP class", f"2 for {NAMED}")],
        ),
        (
            negotiation.answered_as_proposed,
            negotiation.Extended({}, ((UPS_WATCH, b"\1\1\0"),)),
            [
                Finding(
                    "no extended negotiation of a SOP class for which none was proposed",
                    "Unified Procedure Step - Watch SOP Class: 01 01 00",
                )
            ],
        ),
        (negotiation.length_fits, extended(b"\1\1\1", b"\1\1\0"), []),
        (negotiation.length_fits, extended(b"\1\1\1\1", b"\1\1\0"), []),
        (negotiation.length_fits, extended(b"\1\1\1\1", b"\1\1\0\1"), []),
        (
            negotiation.length_fits,
            extended(b"\1\1\1", b"\1\1\0\0"),
            [Finding(f"3 bytes for {NAMED}: 01 01 01", "4: 01 01 00 00")],
        ),
        (negotiation.length_fits, extended(b"\1\1\1\1", b""), [Finding(f"3 or 4 bytes for {NAMED}: 01 01 01 01", "0: ")]),
        (negotiation.choices_fit, extended(b"\1\1\1\1", b"\1\1\0\1"), []),
        (negotiation.choices_fit, extended(b"\1\1\1\1", b"\1\1\1"), []),
        (negotiation.choices_fit, extended(b"\1\1\1", b"\1\1\1\1"), []),
        (
            negotiation.choices_fit,
            extended(b"\1\1\0\1", b"\1\1\1\2"),
            [
                Finding("fuzzy semantic matching, proposed 0: 0", "1"),
                Finding("timezone query adjustment, proposed 1: 0 or 1", "2"),
            ],
        ),
        (negotiation.reserved_are_1, extended(b"\1\1\1", b"\1\1\0"), []),
        (negotiation.reserved_are_1, extended(b"\1\1\1", b"\1"), []),  # too short is another fault
        (
            negotiation.reserved_are_1,
            extended(b"\1\1\1", b"\0\1\0"),
            [Finding("01 01 in the reserved bytes", f"{NAMED}: 00 01 00", weight="warning")],
        ),
        (
            negotiation.reserved_are_1,
            extended(b"\1\1\1", b"\0\1\2"),  # the third is no reserved one
            [Finding("01 01 in the reserved bytes", f"{NAMED}: 00 01 02", weight="warning")],
        ),
        (
            negotiation.reserved_are_1,
            extended(b"\1\1\1", b"\0\2\0"),
            [Finding("01 01 in the reserved bytes", f"{NAMED}: 00 02 00")],
        ),
    ],
)
def test_extended_negotiation(check, seen, expected):
    assert check(seen) == expected


@pytest.mark.parametrize(
    ("proposed", "wrong"),
    [
        ("010100", []), ("01010001", []), ("01010101", []), ("0101", ["3 or 4 bytes"]), ("", ["3 or 4 bytes"]),
        ("000100", ["01 01 in the reserved bytes"]), ("010102", ["00 or 01 for fuzzy semantic matching"]),
        ("010101ff", ["00 or 01 for timezone query adjustment"]),
    ],
)  # fmt: skip
def test_proposal(proposed, wrong):
    pull = Context().abstract_syntax
    assert [one.expected for one in negotiation.proposal_fits(pull, bytes.fromhex(proposed)) if one.weight == "fault"] == wrong


@pytest.mark.parametrize(
    ("answered", "word"),
    [((), "unanswered"), ((b"\1\1\0\1",), "performed"), ((b"\1\1\1\0",), "declined"), ((b"\1\1\1",), "declined")],
)
def test_choice_of_the_acceptor(answered, word):
    assert extended(b"\1\1\1\1", *answered).choice(negotiation.TIMEZONE) == word


def test_a_choice_is_one_byte():
    assert [extended(b"\1\1\1\1", b"\1\1\1\0").choice(place) for place in (2, 3)] == ["performed", "declined"]


def test_extended_negotiation_as_text():
    assert str(extended(b"\1\1\1", b"\1\1\0")).splitlines() == [
        "# SOP Class Extended Negotiation [PS3.4 K.5.1]",
        f"  proposed: {NAMED}: 01 01 01",
        f"  answered: {NAMED}: 01 01 00",
    ]
    head, *items = str(negotiation.Extended({}, ())).splitlines()
    assert head == "# SOP Class Extended Negotiation [PS3.4 K.5.1]"
    assert items == ["  proposed: nothing", "  answered: nothing"]


BOTH = (Context(), REFUSED_PUSH := Context("1.2.840.10008.5.1.4.34.6.1", accepted=False, result=3, transfer_syntax=""))


@pytest.mark.parametrize(
    ("single", "received"),
    [
        ([Context(proposed=(IMPLICIT,), transfer_syntax=IMPLICIT), Context(proposed=(EXPLICIT,))], []),
        (
            [Context(proposed=(IMPLICIT,), accepted=False, result=4), Context(proposed=(EXPLICIT,))],
            ["transfer syntaxes not supported"],
        ),
        ([Context(proposed=(IMPLICIT,), abstract_syntax=REFUSED_PUSH.abstract_syntax, accepted=False, result=3)], ["none"]),
    ],
)
def test_accepted_alone(single, received):
    found = negotiation.accepted_alone(negotiation.Contexts(BOTH, tuple(single)), IMPLICIT)
    assert len(found) == len(received)
    assert all(words in finding.received for finding, words in zip(found, received, strict=True))


def test_contexts():
    contexts = negotiation.Contexts(BOTH, ())
    assert contexts.of(REFUSED_PUSH.abstract_syntax) is REFUSED_PUSH
    assert contexts.accepted == {BOTH[0].abstract_syntax}
    assert contexts.usually_accepted([UNKNOWN, BOTH[0], REFUSED_PUSH]) == [BOTH[0]]
