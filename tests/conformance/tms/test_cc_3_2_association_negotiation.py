"""CC.3.2 Association negotiation: SOP Class Extended Negotiation of a worklist [PS3.4 K.5.1]."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, negotiation, status
from tdwii_conformance.dimse import Aborted, Mute, NothingAccepted, Rejected
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import item

START = "ScheduledProcedureStepStartDateTime"
MODELS = {"Pull": UPS.PULL, "Watch": UPS.WATCH, "Query": UPS.QUERY}
# Reserved, reserved, fuzzy semantic matching of person names, and, if there is a fourth, timezone query adjustment.
PROPOSED = {
    "fuzzy": b"\1\1\1",
    "literal": b"\1\1\0",
    "fuzzy-timezone": b"\1\1\1\1",
    "timezone": b"\1\1\0\1",
    "neither": b"\1\1\0\0",
}
NOTHING = "nothing"


@dataclass(frozen=True)
class Association:
    """An association with a proposal of extended negotiation: what was answered, and two queries on it."""

    contexts: tuple
    extended: negotiation.Extended
    refused: str = ""
    exact: Exchange | None = None
    alike: Exchange | None = None

    @property
    def exchanges(self):
        return [exchange for exchange in (self.exact, self.alike) if exchange is not None]


@pytest.fixture(scope="module")
def named(looks_at, tdd):
    """A workitem, and its patient's name as the TMS shows it."""
    workitem = looks_at().workitem
    shown = tdd.get(workitem.uid, ["PatientName", "SpecificCharacterSet"]).dataset
    name = str(shown.get("PatientName") or "") if shown is not None else ""
    if not name:
        pytest.skip("not judged: the workitem has no Patient's Name")
    return workitem.uid, name, shown.get("SpecificCharacterSet")


def alike(name):
    """A name that sounds alike, but differs in more than case, position and accents: with a letter doubled."""
    family, *others = name.split("^")
    if not family[-1:].isalpha():
        return None
    return "^".join([family + family[-1].lower(), *others])


@pytest.fixture(scope="module")
def negotiate(associate, named):
    """A function that proposes extended negotiation for a SOP class and queries by name; once for each proposal."""
    uid, name, character_set = named
    made = {}

    def query(link, model, wanted):
        identifier = item(SOPInstanceUID=uid, PatientName=wanted)
        if character_set:
            identifier.SpecificCharacterSet = character_set
        return link.c_find(model, identifier)

    def of(model, proposal):
        proposed = {} if proposal == NOTHING else {model: PROPOSED[proposal]}
        try:
            with associate("TMS", [model], extended=proposed) as link:
                answered = negotiation.Extended(proposed, link.extended)
                other = query(link, model, alike(name)) if alike(name) else None
                return Association(link.contexts, answered, "", query(link, model, name), other)
        except (NothingAccepted, Rejected, Aborted, Mute) as error:
            return Association((), negotiation.Extended(proposed, ()), error.advice)

    def once(model, proposal):
        if (model, proposal) not in made:
            made[model, proposal] = of(model, proposal)
        return made[model, proposal]

    return once


@pytest.fixture(params=MODELS)
def model(request, supported):
    if request.param != "Pull":
        supported("TMS", request.param.lower())
    return MODELS[request.param]


@pytest.fixture
def negotiated(model, proposal, negotiate, note_evidence):
    """The association with a proposal; its negotiation is in the evidence."""
    association = negotiate(model, proposal)
    note_evidence(str(association.extended))
    return association


@pytest.fixture
def answered(negotiated):
    """The extended negotiation that was answered."""
    if not negotiated.extended.answered:
        pytest.skip("not judged: the extended negotiation is not answered, as it need not be (CC32-TMS-007)")
    return negotiated.extended


@pytest.fixture
def on_the_association(negotiated):
    """The association; skips what is asked on it if there is none."""
    if negotiated.refused:
        pytest.skip("not judged: there is no association with extended negotiation (CC32-TMS-001)")
    return negotiated


proposals = pytest.mark.parametrize("proposal", PROPOSED)


@pytest.mark.requirement("CC32-TMS-001")
@proposals
def test_accepts_as_without(negotiated, model, negotiate, judge):
    without = negotiate(model, NOTHING)
    if without.refused:
        pytest.skip("not judged: there is no association without extended negotiation either (NEG-TMS-002, 012, 013)")
    if negotiated.refused:
        judge([Finding("an association with extended negotiation, which is optional, as without", negotiated.refused)])
    judge(finding for context in negotiated.contexts for finding in negotiation.accepted(context))


@pytest.mark.requirement("CC32-TMS-002")
@proposals
def test_name_as_it_stands_finds(on_the_association, named, judge):
    judge(find.includes(on_the_association.exact, named[0]))


@pytest.mark.requirement("CC32-TMS-003")
@pytest.mark.parametrize("proposal", [*PROPOSED, NOTHING])
def test_answers_what_was_proposed(on_the_association, judge):
    judge(negotiation.answered_as_proposed(on_the_association.extended))


@pytest.mark.requirement("CC32-TMS-004")
@proposals
def test_length_of_the_answer(answered, judge):
    judge(negotiation.length_fits(answered))


@pytest.mark.requirement("CC32-TMS-005")
@proposals
def test_accepted_or_turned_down(answered, judge):
    judge(negotiation.choices_fit(answered))


@pytest.mark.requirement("CC32-TMS-006")
@proposals
def test_reserved_bytes(answered, judge):
    judge(negotiation.reserved_are_1(answered))


@pytest.mark.requirement("CC32-TMS-007")
@pytest.mark.parametrize("proposal", ["fuzzy", "fuzzy-timezone"])
def test_fuzzy_semantic_matching(on_the_association, judge, follows):
    follows(on_the_association.extended.choice(negotiation.FUZZY))
    judge(status.answered(on_the_association.exact))


@pytest.mark.requirement("CC32-TMS-008")
@pytest.mark.parametrize("proposal", ["fuzzy-timezone", "timezone"])
def test_timezone_query_adjustment(on_the_association, judge, follows):
    follows(on_the_association.extended.choice(negotiation.TIMEZONE))
    judge(status.answered(on_the_association.exact))


@pytest.mark.requirement("CC32-TMS-009")
@pytest.mark.parametrize("proposal", [NOTHING, *PROPOSED])
def test_names_are_matched_literally(on_the_association, named, judge):
    if on_the_association.extended.choice(negotiation.FUZZY) == "performed":
        pytest.skip("not judged: fuzzy semantic matching was negotiated (CC32-TMS-007)")
    if on_the_association.alike is None:
        pytest.skip("not judged: no letter to double in the family name of the workitem's patient")
    uid, name, _ = named
    judge(find.excludes(on_the_association.alike, uid, f"its patient is {name}, and the match is literal"))


# --- timezone query adjustment ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noon():
    # Tomorrow: what has expired an SCP may put away. Asked once: a run may go on over midnight.
    return datetime.combine(datetime.now().date() + timedelta(days=1), time(12))


@pytest.fixture(scope="module")
def elsewhere(source, tdd, system, noon):
    """A UPS that starts at noon, one hour east of Greenwich: at 11:00 UTC."""
    if source.own:
        pytest.skip("not judged: a UPS whose start has an offset is needed, which is created (UPS Push)")
    known = source.described("TREATMENT")
    start = f"{noon:%Y%m%d%H%M%S}+0100"
    tms, ost, station = system.tms.ae_title, system.ost.ae_title if system.ost else "OST", system.workitems.station
    attributes = objects.workitem(known.treatment, tms=tms, ost=ost, station=station, start=noon, edition=system.edition)
    attributes.update(item(**{START: start}))
    uid = generate_uid()
    if status.accepted(tdd.create(uid, attributes), "an N-CREATE"):
        pytest.skip("not judged: a UPS that starts in another zone was not created (CC25-TMS-033)")
    shown = tdd.get(uid, [START]).dataset
    if shown is None or str(shown.get(START)) != start:
        pytest.skip(f"not judged: the SCP does not show {START} with its offset as it was sent")
    return uid


@pytest.fixture
def find_at(negotiated, model, elsewhere, noon, associate):
    """A function that searches by a time of day, in the zone of the query; skips where no adjustment was negotiated."""
    if negotiated.extended.choice(negotiation.TIMEZONE) != "performed":
        pytest.skip("not judged: timezone query adjustment was not negotiated, as it need not be (CC32-TMS-008)")

    def search(hour, offset):
        moment = f"{noon.replace(hour=hour):%Y%m%d%H%M%S}"
        query = item(SOPInstanceUID=elsewhere, TimezoneOffsetFromUTC=offset, **{START: f"{moment}-{moment}"})
        with associate("TMS", [model], extended=negotiated.extended.proposed) as link:
            return link.c_find(model, query)

    return search


@pytest.mark.requirement("CC32-TMS-010")
@pytest.mark.parametrize(("hour", "offset"), [(11, "+0000"), (13, "+0200"), (6, "-0500")])
@pytest.mark.parametrize("proposal", ["fuzzy-timezone", "timezone"])
def test_adjusted_query_finds_by_the_moment(find_at, elsewhere, judge, hour, offset):
    judge(find.includes(find_at(hour, offset), elsewhere))


@pytest.mark.requirement("CC32-TMS-011")
@pytest.mark.parametrize(("hour", "offset"), [(12, "+0000"), (12, "+0200"), (11, "+0200"), (11, "-0500")])
@pytest.mark.parametrize("proposal", ["fuzzy-timezone", "timezone"])
def test_adjusted_query_does_not_find_by_the_digits(find_at, elsewhere, judge, hour, offset):
    why = f"{hour:02}:00 in the zone {offset} is another moment than 12:00 in +0100"
    judge(find.excludes(find_at(hour, offset), elsewhere, why))
