"""The state machine of an association of pynetdicom, which nothing that a peer sends ends [PS3.8 9.2]."""

from __future__ import annotations

import logging
from typing import Any

from pynetdicom.fsm import AA_4, AA_8, TRANSITION_TABLE

__all__ = ["Machine"]

LOG = logging.getLogger(__name__)
CLOSING, IDLE = "Sta13", "Sta1"
REJECTED, ABORTED = "Evt4", "Evt16"  # A-ASSOCIATE-RJ and A-ABORT, after which there is no association


class Machine:
    """Lets nothing end the thread that reads and writes PDUs but the end of its connection.

    As shipped, an action that raises ends that thread: a PDU with a value that does not exist, as the source of an abort; or a
    primitive of ours that comes when the association is over already. Then nobody closes the connection, and who waits for the
    association to end waits for ever. Here a PDU that cannot be made anything of aborts the association [AA-8], and what comes
    for a connection that is being closed is dropped.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that is being tuned.
    """

    def __init__(self, association: Any) -> None:
        self._dul = association.dul
        self._machine = association.dul.state_machine
        self._do = self._machine.do_action
        self._machine.do_action = self.do

    def do(self, event: str) -> None:
        """Do what an event causes."""
        state = self._machine.current_state
        if state in (CLOSING, IDLE) and (event, state) not in TRANSITION_TABLE:
            return  # ours: who sends it has not seen yet that the association is over
        try:
            self._do(event)
        except Exception as error:  # whatever pynetdicom makes of a peer's bytes
            LOG.info("%s in state %s: %s", event, state, error)
            over = event in (REJECTED, ABORTED)
            self._machine.current_state = AA_4(self._dul) if over else AA_8(self._dul)
