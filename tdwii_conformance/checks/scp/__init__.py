"""Judges of systems that answer, a TMS or an OST, as observed: nobody drives them.

`replay` goes through what a TMS answered in the order in which it did. `belief` is what is known of its workitems by then,
`answers` how a request may be answered in each state that they may be in, `shown` what is compared of what an answer shows, `query`
how a worklist query is answered, `responses` what every response has, `retrieval` a C-MOVE with its C-STOREs, `associations` how
association requests are answered, `aborted` what is answered by A-ABORT only, `upper_layer` what is sent on any association.
`tally` takes what is found, by requirement.
"""

from .aborted import judge_aborted
from .associations import judge_associations
from .belief import Workitem
from .replay import Replay
from .retrieval import Instances, judge_retrievals
from .tally import Entry, Tally
from .upper_layer import judge_upper_layer

__all__ = ["Entry", "Instances", "Replay", "Tally", "Workitem", "judge_aborted", "judge_associations", "judge_retrievals",
           "judge_upper_layer"]  # fmt: skip
