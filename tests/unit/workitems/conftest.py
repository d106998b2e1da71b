"""An embedded TMS and OST, and our TDD."""

import pytest

from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.sut.embedded import embedded_system


@pytest.fixture
def system():
    with Receiver("TDD", host="127.0.0.1", port=0) as receiver, embedded_system(receiver.peer) as system:
        yield system


@pytest.fixture
def tdd(system):
    with TDD(system.tms, system.ost, calling="TDD") as device:
        yield device
