"""A partners, and systems that call it."""

import pytest
from partner_callers import STATION

from tdwii_conformance.dimse import Peer, Timeouts
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.sut.config import Listener, PartnerSettings

BRIEF = Timeouts(connect=2, association=2, message=2, network=5)


@pytest.fixture
def new_floor(tmp_path):
    """A function that makes test partners for a TDD and a watcher, TDD and PPVS."""

    def make(**changes):
        plan = PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0), **changes)
        systems = {title: Peer(title, "127.0.0.1", 9) for title in ("TDD", "PPVS")}
        return Partners(plan, systems, tmp_path / "transcripts", timeouts=BRIEF, station=STATION)

    return make


@pytest.fixture
def partners(new_floor):
    with new_floor() as there:
        yield there
