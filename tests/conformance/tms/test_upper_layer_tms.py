"""What a TMS sends on the upper layer and as DIMSE messages, whatever it is asked [PS3.8, PS3.7]."""

import pytest
from pynetdicom import sop_class

from tdwii_conformance.dimse import DimseError, connect
from tdwii_conformance.plugin import upper_layer_parameters
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item, move_identifier

from ..upper_layer import Driven, Hostile, UpperLayer

MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove


class TestUpperLayer(UpperLayer):
    role = "TMS"
    contexts = (sop_class.Verification, UPS.PULL, UPS.WATCH, UPS.EVENT, MOVE)

    @staticmethod
    def talk(link, workitem, source, destination):
        link.c_echo()
        link.c_find(UPS.PULL, workitem.query())
        link.n_get(workitem.uid)
        if destination and workitem.instructions:
            one = workitem.instructions[0]
            link.c_move(MOVE, move_identifier(one.study, one.series, [one.instance]), destination)

    @pytest.mark.parametrize("requirement", upper_layer_parameters("TMS"))
    def test_requirement(self, requirement, spoken, system, judge):
        judge(self.judged(spoken, requirement, system))


class TestDriven(Driven):
    requirements = "UL-TMS"
    role = "TMS"


class TestHostile(Hostile):
    requirements = "UL-TMS"
    role = "TMS"

    def worklist(self, system):
        """What the TMS shows of all workitems."""
        try:
            with connect(system.tms, [UPS.PULL], calling=system.tdd.ae_title, timeouts=system.timeouts) as link:
                found = link.c_find(UPS.PULL, item(SOPInstanceUID=None, ProcedureStepState=None, ProcedureStepLabel=None))
        except DimseError:
            return None
        return sorted(str(one) for one in found.identifiers)
