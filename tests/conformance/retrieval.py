"""RO-59 and RO-61 are one service of two actors: C-MOVE to the TDD. Their test classes name actor and requirements.

A class gives ``role`` ("OST" or "TMS"), ``requirements`` (the prefix of the ids) and ``references(workitem)``: what it
retrieves, by the workitem's Input Information Sequence.
"""

from collections import Counter

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import canceled_move, move
from tdwii_conformance.scu.canceling import cancel_retrieval
from tdwii_conformance.scu.tdd import STUDY_ROOT_MOVE
from tdwii_conformance.treatment.messages import move_identifier
from tdwii_conformance.treatment.scenarios import STARTS

COERCED = 0xB000  # stored, with data elements coerced [PS3.4 B.2.3]


class Retrieve:
    """Base of the test classes; not collected itcls."""

    role = ""
    requirements = ""

    @staticmethod
    def references(workitem):
        raise NotImplementedError

    @pytest.fixture(scope="class", params=STARTS, ids=["new", "continuation"])
    @classmethod
    def workitem(cls, request, looks_at):
        return looks_at(start=request.param).workitem

    @pytest.fixture(scope="class")
    @classmethod
    def reference(cls, workitem, source):
        wanted = cls.references(workitem)
        source.has_instances(cls.role, wanted[:1])
        return wanted[0]

    @pytest.fixture(scope="class")
    @classmethod
    def retrieval(cls, retriever, reference):
        """The retrieval of one instance."""
        return retriever.retrieve_references(cls.role, [reference])

    @pytest.fixture(scope="class")
    @classmethod
    def list_retrieval(cls, retriever, reference):
        """The retrieval of a list: the instance, and one that does not exist."""
        uids = [reference.instance, generate_uid()]
        return retriever.retrieve(cls.role, move_identifier(reference.study, reference.series, uids))

    @pytest.fixture(scope="class")
    @classmethod
    def two(cls, retriever, workitem, source):
        """A list of two that are there, and its retrieval."""
        wanted = cls.list_of_two(workitem, source)
        return [one.instance for one in wanted], retriever.retrieve_references(cls.role, wanted)

    @pytest.fixture(scope="class")
    @classmethod
    def refused(cls, retriever, receiver, reference):
        """The retrieval of an instance that the move destination refuses (Out of resources)."""
        receiver.refuse.add(reference.instance)
        try:
            return retriever.retrieve_references(cls.role, [reference])
        finally:  # the fixture may last while others retrieve
            receiver.refuse.discard(reference.instance)

    @pytest.mark.requirement("001")
    def test_ends_with_success(self, retrieval, judge_status):
        judge_status(retrieval.move)

    @pytest.mark.requirement("002")
    def test_sends_the_instance_asked_for(self, retrieval, reference, judge):
        judge(move.received_exactly(retrieval, [reference.instance]))

    @pytest.mark.requirement("003")
    def test_sends_all_of_a_list(self, two, judge):
        wanted, result = two
        judge(move.received_exactly(result, wanted))

    @pytest.mark.requirement("004")
    def test_store_command_agrees_with_data_set(self, retrieval, judge):
        judge(move.command_agrees(retrieval))

    @pytest.mark.requirement("005")
    def test_counts_what_it_sent(self, retrieval, judge):
        judge(move.counted(retrieval, completed=1))

    @pytest.mark.requirement("006")
    def test_pending_numbers_are_consistent(self, list_retrieval, judge):
        judge(move.pending_consistent(list_retrieval))

    @pytest.mark.requirement("006")
    def test_pending_numbers_of_two_are_consistent(self, two, judge):
        judge(move.pending_consistent(two[1]))

    @pytest.mark.requirement("007")
    def test_unknown_destination_is_refused(self, retriever, reference, judge, judge_status):
        identifier = move_identifier(reference.study, reference.series, [reference.instance])
        result = retriever.retrieve(self.role, identifier, destination="TDWII_NOBODY")
        judge(move.received_exactly(result, []))
        judge_status(result.move)

    @pytest.mark.requirement("008")
    def test_missing_instance_sends_nothing(self, retriever, reference, judge):
        identifier = move_identifier(reference.study, reference.series, [generate_uid()])
        judge(move.nothing_moved(retriever.retrieve(self.role, identifier)))

    @pytest.mark.requirement("009")
    def test_missing_instance_of_a_list_is_left_out(self, list_retrieval, reference, judge):
        judge(move.received_exactly(list_retrieval, [reference.instance]))

    @pytest.mark.requirement("010")
    def test_refused_instance_is_no_success(self, refused, judge_status):
        judge_status(refused.move)

    @pytest.mark.requirement("011")
    def test_refused_instance_is_listed(self, refused, reference, judge):
        judge(move.failed_list(refused, [reference.instance]))

    @pytest.fixture(scope="class")
    @classmethod
    def came(cls, retrieval):
        """The retrieval, of which something came."""
        if not retrieval.stores:
            pytest.skip(f"not judged: nothing came ({cls.requirements}-002)")
        return retrieval

    @pytest.mark.requirement("018")
    def test_stores_name_their_origin(self, came, tdd, judge):
        judge(move.originator(came, tdd.calling))

    @pytest.mark.requirement("019")
    @pytest.mark.parametrize("level", ["study", "series"])
    def test_keys_above_the_instance_have_to_fit(self, retriever, reference, judge, level):
        uids = {"study": reference.study, "series": reference.series} | {level: generate_uid()}
        judge(
            move.nothing_moved(retriever.retrieve(self.role, move_identifier(uids["study"], uids["series"], [reference.instance])))
        )

    @pytest.mark.requirement("020")
    def test_some_fail(self, retriever, receiver, workitem, source, judge, judge_status):
        wanted = self.list_of_two(workitem, source)
        kept, refused = (one.instance for one in wanted)
        receiver.refuse.add(refused)
        try:
            result = retriever.retrieve_references(self.role, wanted)
        finally:
            receiver.refuse.discard(refused)
        judge(move.received_exactly(result, [kept, refused]))
        judge(move.counted(result, completed=1, failed=1) + move.failed_list(result, [refused]))
        judge_status(result.move)

    @pytest.mark.requirement("021")
    def test_stores_have_the_priority(self, came, judge):
        judge(move.priority(came))

    @pytest.fixture(scope="class")
    @classmethod
    def canceled(cls, retriever, receiver, associate, workitem, source):
        """The retrieval of four that is canceled when the first comes."""
        wanted = cls.list_of_two(workitem, source)
        for _ in range(2):
            wanted += cls.list_of_two(workitem, source)[1:]
        with associate(cls.role, [STUDY_ROOT_MOVE]) as link:
            canceled = cancel_retrieval(link, receiver, wanted)
        if canceled.sent is None:
            pytest.skip(f"not judged: nothing came ({cls.requirements}-002)")
        if Counter(canceled.retrieval.received) - Counter(canceled.asked):
            pytest.skip(f"not judged: more came than was asked for ({cls.requirements}-003)")
        if canceled_move.came_too_late(canceled):
            pytest.skip("not judged: everything had been sent before the C-CANCEL can have come")
        return canceled

    @pytest.mark.requirement("022")
    def test_cancel_ends_it(self, canceled, two, needs, judge, judge_status):
        needs(move.received_exactly(two[1], two[0]), f"{self.requirements}-003")
        judge_status(canceled.retrieval.move)
        judge(canceled_move.nothing_after_it(canceled))

    @pytest.mark.requirement("022")
    def test_association_lives_after_a_cancel(self, canceled, two, needs, judge):
        needs(move.received_exactly(two[1], two[0]), f"{self.requirements}-003")
        judge(canceled_move.association_lives(canceled))

    @pytest.mark.requirement("023")
    def test_cancel_has_true_numbers(self, canceled, two, needs, judge):
        needs(move.received_exactly(two[1], two[0]), f"{self.requirements}-003")
        if not canceled_move.ended_by_it(canceled):
            pytest.skip(f"not judged: the C-MOVE did not end with Canceled ({self.requirements}-022)")
        judge(canceled_move.numbers_agree(canceled))

    @pytest.mark.requirement("024")
    def test_instance_without_a_context_has_failed(self, retriever, receiver, reference, came, judge):
        receiver.not_taken.add(reference.sop_class)
        try:
            result = retriever.retrieve_references(self.role, [reference])
        finally:
            receiver.not_taken.discard(reference.sop_class)
        if result.stores:
            pytest.skip("not judged: it came over an association that stood, on which its class had been accepted")
        judge(move.none_succeeded(result))

    @pytest.mark.requirement("025")
    @pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007], ids=["B000", "B006", "B007"])
    def test_instance_with_a_warning(self, retriever, receiver, reference, needs, judge, judge_status, status):
        result = _warned(retriever, receiver, self.role, [reference], status)
        needs(move.received_exactly(result, [reference.instance]), f"{self.requirements}-002")
        judge_status(result.move)
        judge(move.counted(result, completed=0, warning=1))

    @pytest.mark.requirement("025")
    def test_one_of_two_with_a_warning(self, retriever, receiver, workitem, source, needs, judge, judge_status):
        wanted = self.list_of_two(workitem, source)
        result = _warned(retriever, receiver, self.role, wanted, COERCED)
        needs(move.received_exactly(result, [one.instance for one in wanted]), f"{self.requirements}-003")
        judge_status(result.move)
        judge(move.counted(result, completed=1, warning=1))

    @pytest.mark.requirement("012")
    def test_stores_come_on_their_own_association(self, retrieval, receiver, judge):
        judge(move.called_as(retrieval, receiver.ae_title))

    @pytest.mark.requirement("013")
    def test_success_has_no_remaining(self, retrieval, judge):
        judge(move.remaining_absent(retrieval))

    @pytest.mark.requirement("013")
    def test_failure_has_no_remaining(self, refused, judge):
        judge(move.remaining_absent(refused))

    @pytest.mark.requirement("014")
    def test_success_has_no_identifier(self, retrieval, judge):
        judge(move.no_identifier(retrieval))

    @pytest.mark.requirement("014")
    def test_pending_has_no_identifier(self, two, judge):
        judge(move.no_identifier(two[1]))


def _warned(retriever, receiver, role, wanted, status):
    """Return the retrieval of instances, the last of which is answered with a warning."""
    receiver.warn[wanted[-1].instance] = status
    try:
        return retriever.retrieve_references(role, wanted)
    finally:
        del receiver.warn[wanted[-1].instance]
