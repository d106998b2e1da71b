"""The whole TDW-II environment in this process: simulated TMS and OST, ready to be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

from .config import Edition, SystemUnderTest, embedded
from .dimse import Peer
from .simulators.ost import OST
from .simulators.tms import TMS

__all__ = ["embedded_system"]


@contextmanager
def embedded_system(destination: Peer, edition: Edition = "ti") -> Iterator[SystemUnderTest]:
    """Start a simulated TMS and OST on free ports, and stop them at the end.

    Parameters
    ----------
    destination : Peer
        Our TDD's storage SCP, the one move destination they know.
    edition : {"ti", "2013"}
        Edition to judge by.
    """
    destinations = {destination.ae_title: destination}
    with TMS("TMS", destinations=destinations) as tms, OST("OST", destinations=destinations) as ost:
        yield dataclasses.replace(embedded(), tms=tms.peer, ost=ost.peer, edition=edition)
