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
