"""``tdwii claim``, ``progress``, ``set``, ``complete``, ``cancel``: the performance of a workitem, from RO-60 to RO-65."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage, generate_uid
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from ..dimse import Peer
from ..scu.tdd import TDD
from ..treatment import objects
from ..treatment.messages import Code
from .answers import settle
from .claims import Claim, Claims
from .failures import Refused, Usage
from .files import LARGE, read_dataset, read_or_fill
from .query_keys import moment
from .screen import note, say, say_json
from .settings import Command, Settings, common, templated, words
from .worklist import answered_dataset, code
from .worklist import performer as speaking

__all__ = ["cancel", "claim", "complete", "progress", "set_"]

RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
STATION = "ScheduledStationNameCodeSequence"
ONE_VALUE = ("LT", "ST", "UT", "UR")  # in which a backslash is a character like any other [PS3.5 6.2]

TRANSACTION = click.option("--transaction", metavar="UID", help="Transaction UID, instead of the one kept of the claim.")
EDITION = click.option(
    "--edition", type=click.Choice(["ti", "2013"]), default="ti", show_default=True, help="Edition of TDW-II: where the beam goes."
)


def _scp(peer: Peer) -> str:
    return f"{peer.host}:{peer.port}"


def _transaction(peer: Peer, workitem: str, given: str | None) -> str:
    """Return the Transaction UID of our claim.

    Raises
    ------
    Usage
        If we have none.
    """
    if given is not None:
        return given
    claims = Claims()
    known = claims.find(_scp(peer), workitem)
    if known is not None:
        return known.transaction_uid
    others = claims.elsewhere(workitem)
    hint = f" (there is one at {', '.join(others)})" if others else ""
    raise Usage(
        f"no claim of {workitem} at {_scp(peer)} is kept in {claims.path}{hint}: tdwii claim makes one, --transaction UID gives one"
    )


def _report(settings: Settings, peer: Peer, workitem: str, did: str, answer: dict[str, str], **more: str) -> None:
    if settings.as_json:
        say_json({"sop_instance_uid": workitem, **more, **answer})
    else:
        say(f"{peer}: {workitem} {did}: {answer['status']} ({answer['meaning']})")


@click.command(cls=Command, examples=["tdwii claim TMS 1.2.3.4", "tdwii claim localhost 11114 1.2.3.4 --calling TDD2"])
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM")
@click.option("--transaction", metavar="UID", help="Transaction UID, instead of a new one.")
@common()
def claim(settings: Settings, words_: tuple[str, ...], transaction: str | None) -> None:
    """Claim a workitem: IN PROGRESS (RO-60, N-ACTION).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID. The Transaction UID of
    the claim is kept in a file below ~/.local/state/tdwii that only you can read ($TDWII_STATE names another), where
    progress, set, complete and cancel find it.
    """
    whom, (workitem,) = words(settings, words_, "WORKITEM")
    claims, scp = Claims(), _scp(whom)
    before = claims.find(scp, workitem)
    uid = transaction or (before.transaction_uid if before else generate_uid())
    # Kept before it is sent: if we are interrupted, or no answer comes, the TMS may have it all the same.
    claims.keep(Claim(scp, workitem, uid, f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}"))
    try:
        with speaking(settings, whom) as tdd:
            exchange = tdd.claim(workitem, uid)
        answer = settle(exchange, f"the claim of {workitem}", whom)
    except Refused:
        if before is None:
            claims.forget(scp, workitem)
        else:
            claims.keep(before)
        raise
    if not settings.as_json:
        note(f"the Transaction UID is kept in {claims.path}")
    _report(settings, whom, workitem, "is IN PROGRESS", answer, transaction_uid=uid, kept_in=str(claims.path))


@click.command(
    cls=Command,
    examples=["tdwii progress TMS 1.2.3.4 50 --beam 2", "tdwii progress TMS 1.2.3.4 0 --beam 1 --description 'beam on'"],
)
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM PERCENT")
@click.option("--beam", type=click.IntRange(0), default=1, show_default=True, metavar="NUMBER", help="Referenced Beam Number.")
@click.option("--description", metavar="TEXT", help="Procedure Step Progress Description.")
@EDITION
@TRANSACTION
@common()
def progress(
    settings: Settings, words_: tuple[str, ...], beam: int, description: str | None, edition: str, transaction: str | None
) -> None:
    """Report the progress of a claimed workitem (RO-62, N-SET).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID.
    """
    whom, (workitem, percent) = words(settings, words_, "WORKITEM", "PERCENT")
    update = objects.progress_update(_percent(percent), beam, edition=edition)
    if description is not None:
        update.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressDescription = description
    update.TransactionUID = _transaction(whom, workitem, transaction)
    with speaking(settings, whom) as tdd:
        exchange = tdd.set(workitem, update)
    answer = settle(exchange, f"the progress of {workitem}", whom)
    _report(settings, whom, workitem, f"is at {percent} %, beam {beam}", answer)


def _percent(text: str) -> int:
    number = text.removesuffix("%")
    if not number.isdecimal() or int(number) > 100:
        raise Usage(f"PERCENT {text!r} is not 0 to 100")
    return int(number)


@click.command(
    "set",
    cls=Command,
    examples=["tdwii set TMS 1.2.3.4 WorklistLabel=Vault-2",
              "tdwii set TMS 1.2.3.4 --start 2026-11-30T09:20 --station FX2^99MY^FX2",
              "tdwii set TMS 1.2.3.4 --file update.dcmdump.txt",
              "tdwii set TMS 1.2.3.4 ProcedureStepProgressInformationSequence.ProcedureStepProgress=10"],
)  # fmt: skip
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM [KEYWORD=VALUE]...")
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="The modification list: DICOM file or dcmdump text.")
@templated
@click.option("--start", metavar="TIME", help="Scheduled start: YYYY-MM-DDTHH:MM[:SS].")
@click.option("--end", metavar="TIME", help="Expected completion, as --start.")
@click.option("--station", metavar="VALUE^SCHEME^MEANING", help="Scheduled station.")
@click.option("--performer", metavar="VALUE^SCHEME^MEANING", help="Scheduled human performer; needs --organization.")
@click.option("--performer-name", metavar="NAME", help="The performer's name, as Family^Given  [default: MEANING]")
@click.option("--organization", metavar="TEXT", help="The performer's organization.")
@click.option("--no-transaction", is_flag=True, help="Without Transaction UID, as for a workitem that is SCHEDULED.")
@TRANSACTION
@common()
def set_(
    settings: Settings,
    words_: tuple[str, ...],
    file: Path | None,
    template: str | None,
    values: tuple[str, ...],
    start: str | None,
    end: str | None,
    station: str | None,
    performer: str | None,
    performer_name: str | None,
    organization: str | None,
    no_transaction: bool,
    transaction: str | None,
) -> None:
    """Set attributes of a workitem (N-SET).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID. A path through
    sequences is KEYWORD.KEYWORD=VALUE, in the first item of each; several values are separated by backslashes. The
    Transaction UID of our claim goes with it if there is one.
    """
    whom, (workitem, *assignments) = words(settings, words_, "WORKITEM", many="KEYWORD=VALUE")
    chosen = _scheduling(start, end, station, performer, performer_name, organization)
    if file is None and template is None and not assignments and not chosen:
        raise Usage("nothing to set: give KEYWORD=VALUE, --start, --end, --station, --performer, --file FILE or --template NAME")
    modification = read_or_fill(file, template, values, "a modification list") or Dataset()
    modification.update(chosen)
    for assignment in assignments:
        assign(modification, assignment)
    known = Claims().find(_scp(whom), workitem)
    uid = None if no_transaction else transaction or (known.transaction_uid if known else None)
    if uid is not None:
        modification.TransactionUID = uid
    with speaking(settings, whom) as tdd:
        exchange = tdd.set(workitem, modification)
    answer = settle(exchange, f"the change of {workitem}", whom)
    _report(settings, whom, workitem, "is changed", answer)


def _scheduling(
    start: str | None, end: str | None, station: str | None, performer: str | None, name: str | None, organization: str | None
) -> Dataset:
    """Return what the options of ``set`` say: when a workitem is to be performed, where, and its performer."""
    chosen = Dataset()
    if start is not None:
        chosen.ScheduledProcedureStepStartDateTime = moment(start, "--start")
    if end is not None:
        chosen.ExpectedCompletionDateTime = moment(end, "--end")
    if station is not None:
        chosen.ScheduledStationNameCodeSequence = [code(station, "--station").item]
    if performer is None:
        if name is not None or organization is not None:
            raise Usage("--performer-name and --organization are of --performer VALUE^SCHEME^MEANING")
        return chosen
    if not organization:
        raise Usage("--organization TEXT is missing: a human performer has code, name and organization")
    who = code(performer, "--performer")
    human = Dataset()
    human.HumanPerformerCodeSequence = [who.item]
    human.HumanPerformerName, human.HumanPerformerOrganization = name or who.meaning, organization
    chosen.ScheduledHumanPerformersSequence = [human]
    return chosen


def assign(dataset: Dataset, assignment: str) -> None:
    """Set an attribute as ``KEYWORD.KEYWORD=VALUE`` says; sequences on the way get an item if they have none.

    Raises
    ------
    Usage
        If a keyword is none, a step is no sequence, or the value does not suit its VR.
    """
    path, equals, value = assignment.partition("=")
    *steps, last = path.split(".")
    if not equals:
        raise Usage(f"{assignment!r} is not KEYWORD=VALUE")
    for keyword in (*steps, last):
        if tag_for_keyword(keyword) is None:
            raise Usage(f"{assignment!r}: {keyword!r} is not a keyword of the DICOM data dictionary, such as ProcedureStepState")
    for keyword in steps:
        if dictionary_VR(keyword) != "SQ":
            raise Usage(f"{assignment!r}: {keyword} is no sequence")
        if not dataset.get(keyword):
            setattr(dataset, keyword, [Dataset()])
        dataset = dataset[keyword].value[0]
    vr = dictionary_VR(last)
    if vr == "SQ" and value:
        raise Usage(f"{assignment!r}: {last} is a sequence: give a path into it, or no value for one without items")
    if vr not in CUSTOMIZABLE_CHARSET_VR and not value.isascii():
        raise Usage(f"{assignment!r}: {last} has VR {vr}, which takes ASCII only")
    convert = {"US": int, "SS": int, "UL": int, "SL": int, "UV": int, "SV": int, "FL": float, "FD": float}.get(vr, str)
    parts = [value] if vr in ONE_VALUE else value.split("\\")
    if len(parts) > 1 and dictionary_VM(last) == "1":
        raise Usage(f"{assignment!r}: {last} has one value, and a backslash separates values")
    try:
        values = [convert(part) for part in parts] if value else []
        setattr(dataset, last, values if len(values) > 1 or vr == "SQ" else values[0] if values else None)
    except (ValueError, TypeError, OverflowError):
        raise Usage(f"{assignment!r}: {value!r} is no value of VR {vr}") from None


def _final(
    settings: Settings,
    tdd: TDD,
    peer: Peer,
    workitem: str,
    *,
    records: Sequence[Dataset],
    retrieve_from: str,
    station: str | None,
    start: str | None,
    percent: int,
    canceled: bool,
) -> Dataset:
    """Return the data set of RO-64; the scheduled station is asked for where it is not given."""
    performed = Code("", "", "")
    if records:
        if station is not None:
            performed = code(station, "--station")
        else:
            got = tdd.get(workitem, [STATION])
            settle(got, f"N-GET of {workitem}", peer)
            entry = next(iter(answered_dataset(got, peer).get(STATION) or ()), None)
            if entry is None:
                raise Usage(f"{workitem} has no scheduled station at {peer}: give --station VALUE^SCHEME^MEANING")
            performed = Code(*(str(entry.get(k) or "") for k in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")))
    began = _moment(start, peer, workitem)
    return objects.final_update(
        progress=percent,
        station=performed,
        start=began,
        end=datetime.now(began.tzinfo),  # with an offset if that has one
        records=records,
        ost=retrieve_from,
        canceled=canceled,
    )


def _moment(given: str | None, peer: Peer, workitem: str) -> datetime:
    """Return when the performance began: as given, or when we claimed."""
    if given is None:
        known = Claims().find(_scp(peer), workitem)
        return datetime.fromisoformat(known.claimed).replace(tzinfo=None) if known and known.claimed else datetime.now()
    moment(given, "--start")  # raises if it is none that DICOM can write
    return datetime.fromisoformat(given)


def _retrieve_from(settings: Settings, ost: str | None, records: Sequence[Dataset]) -> str:
    if ost is not None:
        return Peer(ost, "", 0).ae_title
    if settings.system is not None and settings.system.ost is not None:
        return settings.system.ost.ae_title
    if not records or "OST" in settings.book:
        return "OST"
    raise Usage("--ost AE is missing: the final update names the AE from which the treatment record can be retrieved")


def _finish(
    settings: Settings,
    words_: tuple[str, ...],
    state: str,
    *,
    record: tuple[Path, ...],
    update: Path | None,
    no_update: bool,
    transaction: str | None,
    ost: str | None,
    reason: str | None = None,
    **more: Any,
) -> None:
    """RO-64, unless there is nothing to update, and RO-65."""
    whom, (workitem,) = words(settings, words_, "WORKITEM")
    if reason is not None and (no_update or update is not None):
        raise Usage("--reason goes into the final update that tdwii makes: not with --update or --no-update")
    records = [read_dataset(path, classes=RECORDS, what="a treatment record", most=LARGE) for path in record]
    for path, one in zip(record, records, strict=True):
        missing = [k for k in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID") if not one.get(k)]
        if missing:
            raise Usage(f"{path}: is no treatment record: {missing[0]} is missing")
    modification = read_dataset(update, text=True, what="a modification list") if update is not None else None
    retrieve_from = _retrieve_from(settings, ost, records)
    uid = _transaction(whom, workitem, transaction)
    with speaking(settings, whom) as tdd:
        if not no_update:
            if modification is None:
                modification = _final(
                    settings, tdd, whom, workitem, records=records, retrieve_from=retrieve_from,
                    canceled=state == "CANCELED", **more,
                )  # fmt: skip
            if reason is not None:  # instead of "unspecified"
                information = modification.ProcedureStepProgressInformationSequence[0]
                information.ProcedureStepDiscontinuationReasonCodeSequence = [code(reason, "--reason").item]
            modification.TransactionUID = uid
            settle(tdd.set(workitem, modification), f"the final update of {workitem}", whom)
            if not settings.as_json:
                say(f"{whom}: {workitem} has its final update (RO-64)")
        answer = settle(tdd.change_state(workitem, state, uid), f"{state} for {workitem}", whom)
    Claims().forget(_scp(whom), workitem)
    _report(settings, whom, workitem, f"is {state}", answer)


def _ending(function: Any) -> Any:
    """Add the options that `complete` and `cancel` share."""
    for option in reversed(
        (
            click.option("--record", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
                         help="A treatment record that was stored (RO-63); repeat."),
            click.option("--ost", metavar="AE", help="AE from which the records are retrieved  [default: of --config, or OST]"),
            click.option("--station", metavar="VALUE^SCHEME^MEANING", help="Performed station  [default: the scheduled one]"),
            click.option("--start", metavar="TIME", help="When it began  [default: when it was claimed]"),
            click.option("--update", type=click.Path(path_type=Path), metavar="FILE",
                         help="The final update itself: DICOM file or dcmdump text."),
            click.option("--no-update", is_flag=True, help="Change the state only (RO-65)."),
            TRANSACTION,
        )
    ):  # fmt: skip
        function = option(function)
    return function


@click.command(
    cls=Command,
    examples=["tdwii complete TMS 1.2.3.4 --record record.dcm --ost OST", "tdwii complete TMS 1.2.3.4 --no-update"],
)
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM")
@click.option("--progress", "percent", type=click.IntRange(0, 100), default=100, show_default=True, help="Procedure Step Progress.")
@_ending
@common()
def complete(settings: Settings, words_: tuple[str, ...], percent: int, **given: Any) -> None:
    """Finish a claimed workitem: final update (RO-64, N-SET) and COMPLETED (RO-65, N-ACTION).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID. The record is not
    sent: tdwii results does that before.
    """
    if not (given["record"] or given["update"] or given["no_update"]):
        raise Usage("what was delivered is missing: give --record FILE, --update FILE or --no-update")
    _finish(settings, words_, "COMPLETED", percent=percent, **given)


@click.command(
    cls=Command,
    examples=["tdwii cancel TMS 1.2.3.4", "tdwii cancel TMS 1.2.3.4 --progress 40 --record partial.dcm --ost OST",
              "tdwii cancel TMS 1.2.3.4 --reason '110501^DCM^Equipment failure'"],
)  # fmt: skip
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM")
@click.option("--progress", "percent", type=click.IntRange(0, 100), default=0, show_default=True, help="Procedure Step Progress.")
@click.option("--reason", metavar="VALUE^SCHEME^MEANING", help="Discontinuation reason  [default: 110513, unspecified]")
@_ending
@common()
def cancel(settings: Settings, words_: tuple[str, ...], percent: int, **given: Any) -> None:
    """End a claimed workitem unfinished: final update (RO-64, N-SET) and CANCELED (RO-65, N-ACTION).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID. Other systems than
    the performer use tdwii request-cancel.
    """
    _finish(settings, words_, "CANCELED", percent=percent, **given)
