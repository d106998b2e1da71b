"""What TMS and OST have in common in association negotiation; their test classes name actor and requirements."""

from dataclasses import dataclass

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import sop_class

from tdwii_conformance.checks import Finding, negotiation
from tdwii_conformance.checks.status import answered
from tdwii_conformance.dimse import Aborted, Mute, NegotiatedContext, NothingAccepted, Rejected
from tdwii_conformance.scu.tdd import OST_CONTEXTS, TMS_CONTEXTS

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


@dataclass(frozen=True)
class Contexts:
    """What the system said to each abstract syntax: with both common transfer syntaxes, and with each alone."""

    both: tuple[NegotiatedContext, ...]
    single: tuple[NegotiatedContext, ...]

    def of(self, abstract_syntax):
        return next(context for context in self.both if context.abstract_syntax == abstract_syntax)


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
            return Contexts(both, link.contexts)

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
        judge(self.refused_in(contexts, ImplicitVRLittleEndian))

    @pytest.mark.requirement("006")
    def test_accepts_explicit_vr_little_endian(self, judge, contexts):
        judge(self.refused_in(contexts, ExplicitVRLittleEndian))

    @staticmethod
    def refused_in(contexts, syntax):
        accepted = {context.abstract_syntax for context in contexts.both if context.accepted}
        alone = [c for c in contexts.single if c.abstract_syntax in accepted and c.proposed == (syntax,)]
        nothing = [] if alone else [Finding("some presentation context accepted", "none")]
        return nothing + [finding for context in alone for finding in negotiation.accepted(context)]

    @pytest.mark.requirement("007")
    def test_refuses_unknown_abstract_syntax_alone(self, judge, associated, contexts):
        self.usually_accepted(contexts.both, contexts, needed=self.needed)
        with associated([generate_uid(), *self.needed]) as link:
            unknown, *others = link.contexts
        judge(negotiation.refused_alone(unknown, self.usually_accepted(others, contexts)))

    @pytest.mark.requirement("008")
    def test_refuses_unknown_transfer_syntax_alone(self, judge, associated, contexts):
        self.usually_accepted(contexts.both, contexts, needed=self.needed)
        with associated([(self.needed[0], [generate_uid()]), *self.needed]) as link:
            unknown, *others = link.contexts
        judge(negotiation.refused_alone(unknown, self.usually_accepted(others, contexts)))

    @staticmethod
    def usually_accepted(others, contexts, needed=()):
        """Those that are accepted without the unknown one; that one is not has a requirement of its own."""
        accepted = {context.abstract_syntax for context in contexts.both if context.accepted}
        if needed and not accepted.intersection(needed):
            pytest.skip("not judged: none of the contexts that go with it is accepted anyway (see 002)")
        return [context for context in others if context.abstract_syntax in accepted]

    @pytest.mark.requirement("009")
    def test_answers_a_proposal_of_unknown_contexts(self, judge, associate):
        try:
            with associate(self.role, [generate_uid(), generate_uid()]) as link:
                judge(
                    Finding("refusal of an abstract syntax that nobody knows", f"{context.abstract_syntax} accepted")
                    for context in link.contexts
                    if context.accepted
                )
        except (Rejected, NothingAccepted):
            pass  # as good an answer
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
