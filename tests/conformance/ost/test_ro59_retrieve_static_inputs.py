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

    @pytest.mark.requirement("026")
    def test_one_of_two_without_a_context(self, retriever, receiver, workitem, source, two, needs, judge, judge_status):
        needs(move.received_exactly(two[1], two[0]), "RO59-OST-003")
        wanted = source.plan_of_another_class(workitem)
        taken, not_taken = wanted
        receiver.not_taken.add(not_taken.sop_class)
        try:
            result = retriever.retrieve_references(self.role, wanted)
        finally:
            receiver.not_taken.discard(not_taken.sop_class)
        if not_taken.instance in result.received:
            pytest.skip("not judged: it came over an association that stood, on which its class had been accepted")
        judge(move.received(result, taken.instance))
        judge_status(result.move)


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
