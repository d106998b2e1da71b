"""Association negotiation with an OST: what it accepts, and how it refuses what it does not know."""

import pytest
from pydicom import uid
from pynetdicom import sop_class

from ..negotiation import Negotiation


class TestNegotiation(Negotiation):
    requirements = "NEG-OST"
    role = "OST"
    needed = (sop_class.StudyRootQueryRetrieveInformationModelMove,)

    @pytest.mark.requirement("NEG-OST-002")
    def test_accepts_study_root_move(self, judge, contexts):
        self.judge_accepted(judge, contexts, sop_class.StudyRootQueryRetrieveInformationModelMove)

    @pytest.mark.requirement("NEG-OST-003")
    def test_accepts_photon_records(self, judge, contexts):
        self.judge_accepted(judge, contexts, uid.RTBeamsTreatmentRecordStorage)

    @pytest.mark.requirement("NEG-OST-004")
    def test_accepts_ion_records(self, judge, contexts):
        self.judge_accepted(judge, contexts, uid.RTIonBeamsTreatmentRecordStorage)
