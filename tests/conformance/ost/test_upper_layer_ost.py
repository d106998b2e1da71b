"""What an OST sends on the upper layer and as DIMSE messages, whatever it is asked [PS3.8, PS3.7]."""

import pytest
from pynetdicom import sop_class

from tdwii_conformance.plugin import upper_layer_parameters
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import move_identifier

from ..upper_layer import Driven, Hostile, UpperLayer

MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove


class TestUpperLayer(UpperLayer):
    role = "OST"
    contexts = (sop_class.Verification, UPS.EVENT, MOVE)

    @staticmethod
    def talk(link, workitem, source, destination):
        link.c_echo()
        if destination and workitem.plans:
            one = workitem.plans[0]
            link.c_move(MOVE, move_identifier(one.study, one.series, [one.instance]), destination)

    @pytest.mark.parametrize("requirement", upper_layer_parameters("OST"))
    def test_requirement(self, requirement, spoken, system, judge):
        judge(self.judged(spoken, requirement, system))


class TestDriven(Driven):
    requirements = "UL-OST"
    role = "OST"


class TestHostile(Hostile):
    requirements = "UL-OST"
    role = "OST"
