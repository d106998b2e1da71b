"""Association negotiation with a TMS: what it accepts, and how it refuses what it does not know."""

import pytest
from pynetdicom import sop_class

from tdwii_conformance.checks import find
from tdwii_conformance.profile.ups_service import UPS

from ..negotiation import Negotiation


class TestNegotiation(Negotiation):
    requirements = "NEG-TMS"
    role = "TMS"
    needed = (UPS.PULL, sop_class.StudyRootQueryRetrieveInformationModelMove)

    @pytest.mark.requirement("NEG-TMS-002")
    def test_accepts_ups_pull(self, judge, contexts):
        self.judge_accepted(judge, contexts, UPS.PULL)

    @pytest.mark.requirement("NEG-TMS-003")
    def test_accepts_ups_push(self, judge, contexts):
        self.judge_accepted(judge, contexts, UPS.PUSH)

    @pytest.mark.requirement("NEG-TMS-004")
    def test_accepts_study_root_move(self, judge, contexts):
        self.judge_accepted(judge, contexts, sop_class.StudyRootQueryRetrieveInformationModelMove)

    @pytest.mark.requirement("NEG-TMS-012")
    def test_accepts_ups_watch(self, judge, contexts):
        self.judge_accepted(judge, contexts, UPS.WATCH)

    @pytest.mark.requirement("NEG-TMS-013")
    def test_accepts_ups_query(self, judge, contexts):
        self.judge_accepted(judge, contexts, UPS.QUERY)

    @pytest.mark.requirement("NEG-TMS-014")
    def test_answers_alike_in_every_transfer_syntax(self, judge, associate, contexts, looks_at):
        pull = UPS.PULL
        workitem = looks_at().workitem
        accepted = [c.transfer_syntax for c in contexts.single if c.abstract_syntax == pull and c.accepted]
        for syntax in accepted:
            with associate("TMS", [(pull, [syntax])]) as link:
                judge(find.includes(link.c_find(pull, workitem.query()), workitem.uid))
        assert accepted, "UPS Pull is accepted in no transfer syntax"
