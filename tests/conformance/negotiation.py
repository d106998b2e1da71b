"""What TMS and OST have in common in association negotiation; their test classes name actor and requirements."""

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import sop_class

from tdwii_conformance.checks import Finding, negotiation
from tdwii_conformance.checks.status import answered
from tdwii_conformance.dimse import Aborted, Mute, NothingAccepted, Rejected
from tdwii_conformance.scu.tdd import OST_CONTEXTS, TMS_CONTEXTS

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


class Negotiation:
    """Base of the test classes; not collected itself."""

    requirements = ""
    role = ""
    needed: tuple[object, ...] = ()

    @staticmethod
    def judge_accepted(judge, contexts, abstract_syntax):
        judge(negotiation.accepted(contexts.of(abstract_syntax)))

    @pytest.fixture(scope="class")
    @classmethod
    def contexts(cls, associate):
        proposed = TMS_CONTEXTS if cls.role == "TMS" else OST_CONTEXTS
        with associate(cls.role, proposed) as link:
            both = link.contexts
        with associate(cls.role, [(p, [syntax]) for p in proposed for syntax in SYNTAXES]) as link:
            return negotiation.Contexts(both, link.contexts)

    @pytest.fixture
    def associated(self, associate, judge):
        """A function that requests an association; that there is none is a fault of what is judged."""

        def request(contexts):
            try:
                return associate(self.role, contexts)
            except (NothingAccepted, Rejected, Aborted, Mute) as error:
                judge([Finding("an association with the contexts that it has to accept", error.advice)])

        return request

    @pytest.mark.requirement("001")
    def test_answers_echo(self, associated, judge_status):
        with associated([sop_class.Verification]) as link:
            judge_status(link.c_echo())

    @pytest.mark.requirement("005")
    def test_accepts_implicit_vr_little_endian(self, judge, contexts):
        judge(negotiation.accepted_alone(contexts, ImplicitVRLittleEndian))

    @pytest.mark.requirement("006")
    def test_accepts_explicit_vr_little_endian(self, judge, contexts):
        judge(negotiation.accepted_alone(contexts, ExplicitVRLittleEndian))

    @pytest.mark.requirement("007")
    def test_refuses_unknown_abstract_syntax_alone(self, judge, associated, contexts):
        self.some_accepted(contexts)
        with associated([generate_uid(), *self.needed]) as link:
            _, *others = link.contexts
        # The unknown one may be accepted: archives take classes of every vendor, and cannot know that this one has no meaning.
        judge(finding for context in contexts.usually_accepted(others) for finding in negotiation.accepted(context))

    @pytest.mark.requirement("008")
    def test_refuses_unknown_transfer_syntax_alone(self, judge, associated, contexts):
        self.some_accepted(contexts)
        with associated([(self.needed[0], [generate_uid()]), *self.needed]) as link:
            unknown, *others = link.contexts
        judge(negotiation.refused_alone(unknown, contexts.usually_accepted(others)))

    def some_accepted(self, contexts):
        """Skip if nothing that goes with the unknown context is accepted without it either."""
        if not contexts.accepted.intersection(self.needed):
            pytest.skip("not judged: none of the contexts that go with it is accepted anyway (see 002)")

    @pytest.mark.requirement("009")
    def test_answers_a_proposal_of_unknown_contexts(self, judge, associate):
        try:
            with associate(self.role, [generate_uid(), generate_uid()]):
                judge([])
        except (Rejected, NothingAccepted):
            judge([])
        except (Aborted, Mute) as error:
            judge([Finding("A-ASSOCIATE-AC or A-ASSOCIATE-RJ", error.advice)])

    @pytest.mark.requirement("010")
    def test_chooses_among_the_proposed(self, judge, contexts):
        judge(negotiation.one_of_proposed(contexts.both + contexts.single))

    @pytest.mark.requirement("011")
    def test_answers_release(self, judge, associated):
        with associated([self.needed[0]]) as link:
            pass
        judge([] if link.released else [Finding("A-RELEASE answered", "the association had to be aborted")])
        with associated([sop_class.Verification]) as link:
            judge(answered(link.c_echo()))
