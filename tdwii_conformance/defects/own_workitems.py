"""Variations of a TMS that makes its workitems itself, as TDW-II asks: UPS Pull without Push, and what else may be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..profile.ups_service import UPS
from ..profile.ups_tables import attribute_rows
from ..treatment.messages import code_item, item
from ..ups import Outcome
from .deviations import OwnWorkitems, Variation
from .hooks import Around, around, on_records

__all__ = ["variations", "without"]

NO_SUCH_ACTION = 0x0123


def _with_seconds(moment: datetime) -> datetime:
    return moment.replace(second=37)


def _with_fraction(moment: datetime) -> datetime:
    return moment.replace(second=37, microsecond=250000)


def _with_offset(moment: datetime) -> datetime:
    return moment.replace(second=37, tzinfo=datetime.now(UTC).astimezone().tzinfo or timezone(timedelta(0)))


def variations() -> Iterator[Variation]:
    """Yield them; each makes the embedded TMS one that takes no N-CREATE, with so many workitems on its list."""
    many = OwnWorkitems(36, 4)

    def one(
        name: str, sentence: str, own: OwnWorkitems, *lacking: str, also: Callable[[Any], None] = lambda tms: None
    ) -> Variation:
        def apply(tms: Any) -> None:
            without(tms, "push", *lacking)
            also(tms)

        unsupported = ("push", *lacking, *(("filtered-subscription",) if "subscription" in lacking else ()))
        return Variation(name, sentence, "TMS", apply, "TDW-II RO-58; CC.3.1", unsupported, own=own)

    yield one("own-workitems", "Takes no N-CREATE; has 40 workitems of its own", many)
    yield one("own-workitems-12", "Takes no N-CREATE; has 8 new workitems and 4 continuations", OwnWorkitems(8, 4))
    yield one("own-workitems-3", "Takes no N-CREATE; has 2 new workitems and a continuation", OwnWorkitems(2, 1))
    yield one(
        "own-workitems-in-other-words", "Own workitems that say the same as a TDD's examples in another legal way, and more",
        OwnWorkitems(8, 4), also=in_other_words,
    )  # fmt: skip
    yield one("own-workitem-alone", "Takes no N-CREATE; has one workitem", OwnWorkitems(1, 0))
    yield one("own-workitems-without-watch", "Own workitems; no UPS Watch, no Query", many, "watch", "query", "subscription")
    yield one("own-workitems-without-subscriptions", "Own workitems; no subscriptions", many, "subscription")
    yield one("own-workitems-without-cancel-requests", "Own workitems; no Request UPS Cancel", many, "request-cancel")
    yield one(
        "own-workitems-on-demand", "Takes no N-CREATE; a command has it make workitems, cancel and move them",
        OwnWorkitems(0, 0, on_demand=True),
    )  # fmt: skip
    yield one("own-workitems-seconds", "Own workitems, with seconds in their start", OwnWorkitems(36, 4, _with_seconds))
    yield one(
        "own-workitems-fractions", "Own workitems, with fractions of a second in their start", OwnWorkitems(36, 4, _with_fraction)
    )
    yield one("own-workitems-offsets", "Own workitems, with an offset from UTC in their start", OwnWorkitems(36, 4, _with_offset))

    def brief(tms: Any) -> None:
        without(tms, "push")
        optional = [keyword for keyword, row in attribute_rows().items() if row.create == "3"]
        on_records(tms, lambda attributes, earlier: _leave_out(attributes, optional) if earlier is None else None)

    yield Variation(
        "own-workitems-brief",
        "Own workitems, without optional attributes",
        "TMS",
        brief,
        "CC.2.5.1.3; CC.2.5.3",
        ("push",),
        own=many,
    )


def in_other_words(tms: Any) -> None:
    """Make workitems as a vendor may whose database has more than must be there, and another order of its own [CC.2.5-3]."""

    def make(original: Around, uid: str, attributes: Dataset) -> Outcome:
        for keyword in ("InputInformationSequence", "ScheduledProcessingParametersSequence"):
            setattr(attributes, keyword, list(reversed(attributes[keyword].value)))
        attributes.ScheduledProcedureStepStartDateTime = str(attributes.ScheduledProcedureStepStartDateTime)[:12]  # to the minute
        attributes.ScheduledStationNameCodeSequence = [
            code_item("ROOM2", "99VENDOR", "Room 2"), *attributes.ScheduledStationNameCodeSequence
        ]  # fmt: skip
        attributes.update(item(
            ScheduledProcedureStepPriority="HIGH", ProcedureStepLabel="LUNG RE, 3rd of 30", WorklistLabel="LINAC / today",
            CommentsOnTheScheduledProcedureStep="Patient is deaf", PatientBirthDate="19490102", PatientSex="O",
            ScheduledStationClassCodeSequence=code_item("LINAC", "99VENDOR", "Linear accelerator"),
            ScheduledStationGeographicLocationCodeSequence=code_item("B-U1", "99VENDOR", "Basement, 1"),
            ScheduledHumanPerformersSequence=item(
                HumanPerformerCodeSequence=code_item("RTT7", "99VENDOR", "Therapist 7"), HumanPerformerName="Seven^Therapist",
                HumanPerformerOrganization="Clinic",
            ),
            OtherPatientIDsSequence=item(PatientID="CARD-7", IssuerOfPatientID="STATE", TypeOfPatientID="TEXT", IssuerOfPatientIDQualifiersSequence=[]),
            AdmissionID="2026-77", AdmittingDiagnosesDescription="C34.1",
            AdmittingDiagnosesCodeSequence=code_item("C34.1", "I10", "Upper lobe"),
            ReferencedRequestSequence=item(
                StudyInstanceUID=attributes.StudyInstanceUID, AccessionNumber="A77", IssuerOfAccessionNumberSequence=[],
                OrderPlacerIdentifierSequence=[], OrderFillerIdentifierSequence=[], PlacerOrderNumberImagingServiceRequest="P77",
                FillerOrderNumberImagingServiceRequest="F77", ReferencedStudySequence=[], RequestedProcedureID="R77",
                RequestedProcedureDescription="RT", RequestedProcedureCodeSequence=[],
            ),
        ))  # fmt: skip
        private = attributes.private_block(0x3009, "VENDOR 1.0", create=True)
        private.add_new(0x01, "LO", "Machine energy 6X")
        outcome: Outcome = original(generate_uid(prefix=None), attributes)
        return outcome

    around(tms, "make", make)


def _leave_out(attributes: Dataset, keywords: list[str]) -> None:
    for keyword in keywords:
        if keyword in attributes:
            delattr(attributes, keyword)


def without(tms: Any, *options: str) -> None:
    """Take options away from a simulated TMS: SOP classes, subscriptions, Request UPS Cancel."""
    classes = {"push": UPS.PUSH, "watch": UPS.WATCH, "query": UPS.QUERY}
    refused = {classes[option] for option in options if option in classes}
    contexts = tms.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax not in refused]
    if "subscription" in options:
        for action in ("subscribe", "unsubscribe", "suspend"):
            around(tms.worklist, action, _no_such_action)
    if "request-cancel" in options:
        around(tms.worklist, "request_cancel", _no_such_action)


def _no_such_action(_original: Around, *_given: Any, **_named: Any) -> Outcome:
    return Outcome(NO_SUCH_ACTION)
