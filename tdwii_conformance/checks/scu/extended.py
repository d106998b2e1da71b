"""Judge of what a TDD or a watcher proposes in SOP Class Extended Negotiation of a worklist [PS3.4 K.5.1]."""

from __future__ import annotations

from ...profile import Requirement
from ...profile.ups_service import UPS
from ..findings import Finding
from ..negotiation import proposal_fits
from .observed import ObservedSession
from .registry import judges

WORKLISTS = (UPS.PULL, UPS.WATCH, UPS.QUERY)


@judges("CC32-TDD-001", "CC32-WATCHER-001", even_if_nothing_came=True)
def proposes_as_a_worklist_has_it(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the bytes of each proposal, once however often it came."""
    items = dict.fromkeys(one for association in observed.requested for one in association.extended if one[0] in WORKLISTS)
    if not items:
        return "the system proposed no extended negotiation of a worklist"
    return [finding for uid, information in items for finding in proposal_fits(uid, bytes.fromhex(information))]
