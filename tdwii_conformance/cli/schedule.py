"""``tdwii schedule``: a course from a real plan, into files or straight into a TMS and an OST."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTBeamsDeliveryInstructionStorage

from ..dcmdump import save_dicom
from ..dimse import Link, Peer, Proposal, check_ae_title, connect, declared
from ..profile.ups_service import UPS
from ..treatment.course import SESSIONS, Fraction, PlanError, PlanFacts, fraction_numbers, plan_facts, read_instance, schedule
from .answers import settle
from .failures import Usage
from .peers import named_peer
from .reading import assumed
from .screen import Spoken, note, plain, say, say_json, say_table
from .serve.options import OST_TITLE, TMS_TITLE, station_code
from .settings import Command, Settings, common

__all__ = ["schedule_course"]

RECORD_FAULTS = (*SESSIONS.values(), "ReferencedRTPlanSequence")  # attributes that only the treatment record is asked for
UNCOMPRESSED = [str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)]


@click.command(
    "schedule",
    cls=Command,
    examples=[
        "tdwii schedule --plan RTPLAN.dcm --station FX1 --fractions 1-5 --out course",
        "tdwii schedule --plan RTPLAN.dcm --station FX1 --fractions 1-5 --to-tms UPSSCP --to-ost OST",
        "tdwii schedule --plan RTPLAN.dcm --station FX1^99IHERO2008^FX1 --fractions 3 --start-date 2026-11-30 --out course",
        "tdwii schedule --plan RTPLAN.dcm --station FX1 --fractions 3,4-30 --continue RTRECORD.dcm --to-tms UPSSCP --to-ost OST",
    ],
)
@click.option("--plan", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The RT Plan or RT Ion Plan.")
@click.option("--station", required=True, metavar="VALUE^SCHEME^MEANING", help="Scheduled Station Name Code; VALUE alone will do.")
@click.option("--fractions", required=True, metavar="NUMBERS", help="For example 3, 1-5 or 1-3,7.")
@click.option(
    "--start-date", metavar="DATE", default="today", show_default=True, help="Day of the first fraction: today or YYYY-MM-DD."
)
@click.option("--time", "clock", metavar="HH:MM", default="08:00", show_default=True, help="When each begins.")
@click.option("--weekends", is_flag=True, help="Treat on Saturdays and Sundays as well.")
@click.option("--fraction-group", type=int, metavar="N", help="Fraction Group Number, where the plan has several.")
@click.option("--continue", "interrupted", type=click.Path(path_type=Path), metavar="FILE",
              help="Treatment record of an interrupted session: the first fraction is its continuation.")  # fmt: skip
@click.option("--edition", type=click.Choice(["ti", "2013"]), default="ti", show_default=True, help="Edition of TDW-II.")
@click.option("--to-tms", metavar="PEER", help="Send delivery instructions (C-STORE) and workitems (N-CREATE) there.")
@click.option("--to-ost", metavar="PEER", help="Send plan and record there (C-STORE).")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write everything there, for tdwii serve --folder.")
@click.option(
    "--tms", "tms_title", metavar="AE", help=f"What the workitems call the TMS  [default: that of --to-tms, else {TMS_TITLE}]"
)
@click.option(
    "--ost", "ost_title", metavar="AE", help=f"What the workitems call the OST  [default: that of --to-ost, else {OST_TITLE}]"
)
@click.option("--instructions-on", type=click.Choice(["tms", "ost"]), default="tms", show_default=True,
              help="Who keeps the delivery instructions, and is named as their source.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are in DIR.")
@common()
def schedule_course(
    settings: Settings,
    plan: Path,
    station: str,
    fractions: str,
    start_date: str,
    clock: str,
    weekends: bool,
    fraction_group: int | None,
    interrupted: Path | None,
    edition: str,
    to_tms: str | None,
    to_ost: str | None,
    out: Path | None,
    tms_title: str | None,
    ost_title: str | None,
    instructions_on: str,
    force: bool,
) -> None:
    """Schedule a course from an RT Plan or RT Ion Plan: delivery instructions and workitems.

    Fractions are on successive days. With --to-tms and --to-ost the systems are given everything that a TDD will ask for;
    with --out it is written to files: UPS_<uid>.dcm, RTBeamsDeliveryInstruction_<uid>.dcm, and the plan.
    """
    if out is None and to_tms is None:
        raise Usage("say where the course goes: --out DIR for files, or --to-tms PEER and --to-ost PEER for the systems")
    tms = named_peer(settings, to_tms) if to_tms else None
    ost = named_peer(settings, to_ost) if to_ost else None
    if tms is not None and ost is None and ost_title is None:
        raise Usage("--to-ost PEER is missing: who gets the plan; or --ost AE, who has it")
    source = check_ae_title(ost_title or (ost.ae_title if ost else OST_TITLE))
    on_ost = instructions_on == "ost"
    if on_ost and tms is not None and ost is None:
        raise Usage("--to-ost PEER is missing: with --instructions-on ost the delivery instructions go there")
    source_of_instructions = source if on_ost else check_ae_title(tms_title or (tms.ae_title if tms else TMS_TITLE))
    dataset = read_instance(plan, assume=assumed(), tell=note)
    static = [dataset]
    if interrupted is not None:
        what = "an RT (Ion) Beams Treatment Record"
        static.append(read_instance(interrupted, what=what, classes=SESSIONS, assume=assumed(), tell=note))
    try:
        facts = plan_facts(dataset, group=fraction_group)
        course = schedule(
            dataset,
            fraction_numbers(fractions),
            station=station_code(station),
            start=_start(start_date, clock),
            tms=source_of_instructions,
            ost=source,
            group=fraction_group,
            weekends=weekends,
            interrupted=static[1] if interrupted is not None else None,
            edition=edition,
        )
    except PlanError as error:
        of = interrupted if interrupted is not None and str(error).startswith(RECORD_FAULTS) else plan
        raise Usage(f"{of}: {error}") from error
    for remark in facts.remarks:
        note(f"{plan}: {remark}")
    if out is not None:
        _write(out, static, course, force)
    if tms is not None:
        _send(settings, tms, ost, static, course, on_ost=on_ost)
    _show(settings, facts, dataset, course, out)


def _start(date: str, clock: str) -> datetime:
    try:
        day = datetime.now() if date == "today" else datetime.strptime(date, "%Y-%m-%d")
    except ValueError:
        raise Usage(f"--start-date {date!r} is no date: give today or YYYY-MM-DD") from None
    try:
        at = datetime.strptime(clock, "%H:%M")
    except ValueError:
        raise Usage(f"--time {clock!r} is no time of day: give HH:MM") from None
    return day.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)


def _write(folder: Path, static: Sequence[Dataset], course: Sequence[Fraction], force: bool) -> None:
    files: dict[Path, Dataset] = {}
    for one in static:
        kind = "RTPlan" if one is static[0] else "RTRecord"
        files[folder / f"{kind}_{one.SOPInstanceUID}.dcm"] = one
    for fraction in course:
        instruction = fraction.instruction
        files[folder / f"RTBeamsDeliveryInstruction_{instruction.SOPInstanceUID}.dcm"] = declared(instruction)
        workitem = fraction.workitem.copy()
        workitem.SOPClassUID, workitem.SOPInstanceUID = UPS.PUSH, fraction.uid
        files[folder / f"UPS_{fraction.uid}.dcm"] = declared(workitem)
    if folder.exists() and not folder.is_dir():
        raise Usage(f"{folder}: is not a folder")
    if not force and (there := [path for path in files if path.exists()]):
        raise Usage(f"{there[0]}: is there already; --force replaces it")
    folder.mkdir(parents=True, exist_ok=True)
    # Workitems last: a TMS that watches the folder finds their inputs there.
    for path, dataset in files.items():
        save_dicom(dataset, path)


def _send(
    settings: Settings, tms: Peer, ost: Peer | None, static: Sequence[Dataset], course: Sequence[Fraction], *, on_ost: bool
) -> None:
    transcript = Spoken(settings.verbosity)
    how: dict[str, Any] = {**settings.association, "transcript": transcript}

    def instruct(link: Link, fraction: Fraction, whom: Peer) -> None:
        what = f"C-STORE of the delivery instruction of fraction {fraction.number}"
        settle(link.c_store(fraction.instruction), what, whom)

    if ost is not None:
        contexts: list[Proposal] = [(str(one.SOPClassUID), _syntaxes(one)) for one in static]
        contexts += [RTBeamsDeliveryInstructionStorage] if on_ost else []
        with connect(ost, settings.proposed(contexts), **how) as link:
            for one in static:
                settle(link.c_store(one), f"C-STORE of {one.SOPClassUID.name}", ost)
            for fraction in course if on_ost else ():
                instruct(link, fraction, ost)
    done = 0
    with connect(tms, settings.proposed([UPS.PUSH, *([] if on_ost else [RTBeamsDeliveryInstructionStorage])]), **how) as link:
        try:
            for fraction in course:
                what = f"fraction {fraction.number}"
                if not on_ost:
                    instruct(link, fraction, tms)
                settle(link.n_create(fraction.uid, fraction.workitem), f"N-CREATE of the workitem of {what}", tms)
                done += 1
        finally:
            if done < len(course):
                note(f"{done} of {len(course)} fractions were scheduled")


def _syntaxes(dataset: Dataset) -> list[str]:
    """Return the transfer syntaxes to propose: its own, and those that anything uncompressed can be converted to."""
    own = str(dataset.file_meta.TransferSyntaxUID)
    return UNCOMPRESSED if own in UNCOMPRESSED else [own]


def _show(settings: Settings, facts: PlanFacts, plan: Dataset, course: Sequence[Fraction], out: Path | None) -> None:
    if settings.as_json:
        say_json(
            {
                "plan": {
                    "sop_instance_uid": str(plan.SOPInstanceUID),
                    "label": facts.label,
                    "fractions_planned": facts.fractions_planned,
                    "metersets": {str(beam): meterset for beam, meterset in facts.metersets.items()},
                    "unit": facts.unit,
                },
                "fractions": [
                    {
                        "number": one.number,
                        "start": one.start.isoformat(timespec="minutes"),
                        "workitem": one.uid,
                        "instruction": str(one.instruction.SOPInstanceUID),
                    }
                    for one in course
                ],
                **({"folder": str(out)} if out else {}),
            }
        )
        return
    beams = ", ".join(f"beam {beam} {meterset:g} {facts.unit}" for beam, meterset in facts.metersets.items())
    left_out = f"; not treated: beam {', '.join(map(str, facts.left_out))}" if facts.left_out else ""
    say(f"{plain(facts.label)} of {plain(plan.PatientName)} ({plain(plan.PatientID)}): {facts.fractions_planned} fractions planned")
    say(f"{beams}{left_out}; machine {plain(facts.machine) or 'not named'}")
    rows = [
        (one.number, f"{one.start:%a %Y-%m-%d %H:%M}", one.instruction.BeamTaskSequence[0].TreatmentDeliveryType, one.uid)
        for one in course
    ]
    say_table(["Fraction", "Start", "Delivery", "Workitem"], rows, whole=["Workitem"])
    if out is not None:
        say(f"written to {out}; tdwii serve all --folder {out} serves it")
