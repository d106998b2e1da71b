"""What the processes of the whole proof have in common: imported once, in the server that they are forked from.

No thread runs there, and no socket is open.
"""

import gc

from tdwii_conformance.checks import scu
from tdwii_conformance.defects import DEFECTS, VARIATIONS
from tdwii_conformance.profile import load_catalogue

from . import threads, whole

__all__ = ["DEFECTS", "VARIATIONS", "load_catalogue", "scu", "threads", "whole"]

len(DEFECTS), len(VARIATIONS), load_catalogue()
gc.freeze()  # what is here stays, so that no process copies it to look at it
gc.set_threshold(200_000, 50, 100)  # a run makes many objects that stay; looking at them again and again took a seventh of it
