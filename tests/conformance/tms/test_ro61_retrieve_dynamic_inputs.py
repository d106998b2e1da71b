"""RO-61 Retrieve Dynamic Treatment Delivery Input Instances from TMS: the RT Beams Delivery Instruction."""

import pytest

from tdwii_conformance.checks import judge_attribute, move
from tdwii_conformance.plugin import attribute_parameters

from ..retrieval import Retrieve


class TestRetrieveDynamicInputs(Retrieve):
    role = "TMS"
    requirements = "RO61-TMS"

    @staticmethod
    def references(workitem):
        return workitem.instructions

    @staticmethod
    def list_of_two(workitem, source):
        return source.second_instruction(workitem)

    @pytest.mark.requirement("015")
    def test_instruction_is_unchanged(self, retriever, retrieval, reference, workitem, source, judge):
        stored, original = source.as_stored(self.role, reference, workitem.treatment.instruction)
        result = retrieval if stored == reference else retriever.retrieve_references(self.role, [stored])
        judge(move.unchanged(result, original))

    @pytest.mark.requirement("016")
    def test_nothing_but_the_instruction(self, retrieval, reference, judge):
        judge(move.only_classes(retrieval, {reference.sop_class}))

    @pytest.mark.parametrize("rule", attribute_parameters("RO-61 object", "TMS"))
    def test_instruction_has(self, rule, retrieval, workitem, judge):
        objects = [store.request.dataset for store in retrieval.stores if store.request.dataset is not None]
        if not objects:
            pytest.skip("not judged: no delivery instruction came (RO61-TMS-002)")
        judge(judge_attribute(rule.rule, objects, workitem.facts))
