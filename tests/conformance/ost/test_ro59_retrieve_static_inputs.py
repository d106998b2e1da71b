"""RO-59 Retrieve Static Treatment Delivery Input Instances from OST: plan, and record of an interrupted session."""

import pytest

from tdwii_conformance.checks import move

from ..retrieval import Retrieve


class TestRetrieveStaticInputs(Retrieve):
    role = "OST"
    requirements = "RO59-OST"

    @staticmethod
    def references(workitem):
        return workitem.plans

    @staticmethod
    def list_of_two(workitem, source):
        return source.second_plan(workitem)

    @pytest.mark.requirement("015")
    def test_plan_is_unchanged(self, retriever, retrieval, reference, workitem, source, judge):
        stored, original = source.as_stored(self.role, reference, workitem.treatment.plan)
        result = retrieval if stored == reference else retriever.retrieve_references(self.role, [stored])
        judge(move.unchanged(result, original))


@pytest.mark.requirement("RO59-OST-016")
def test_record_of_the_interrupted_session(retriever, source, looks_at, judge):
    workitem = looks_at(start="CONTINUATION").workitem
    source.has_instances("OST", workitem.records)
    retrieval = retriever.retrieve_references("OST", workitem.records)
    judge(move.received_exactly(retrieval, [record.instance for record in workitem.records]))


@pytest.mark.requirement("RO59-OST-017")
def test_ion_plan(retriever, source, supply, judge):
    workitem = supply.of_ions().workitem
    source.has_instances("OST", workitem.plans)
    retrieval = retriever.retrieve_references("OST", workitem.plans)
    judge(move.received_exactly(retrieval, [plan.instance for plan in workitem.plans]))
