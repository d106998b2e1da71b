"""Generated text of all repertoires through every way out: commands, drivers, simulators and their events, to a strict receiver.

`--hypothesis-profile thorough` tries many texts on each way; otherwise it is one beside an example.
"""

import contextlib
import io
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import generate_uid
from repertoires import encoded, named_texts, texts
from strict_peer import StrictPeer, StrictTranscript

from tdwii_conformance.checks.events import event_type
from tdwii_conformance.cli import main
from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.profile.ups_service import ASSIGNED, CANCEL_REQUESTED, PROGRESS_REPORT, UPS
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem, TreatmentSession
from tdwii_conformance.scu.watcher import Watcher
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.simulators.watcher import WatcherSimulator
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item, worklist_query
from tdwii_conformance.treatment.scenarios import SCENARIOS

THOROUGH = settings.get_current_profile_name() == "thorough"
generated = settings(
    max_examples=100 if THOROUGH else 1, phases=tuple(Phase) if THOROUGH else (Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
WORDS = "治療室 Gerät"
UID, LABEL, NAME, MEANING = "1.2.3.4", 0x00741202, 0x00100010, 0x00080104


# --- commands -----------------------------------------------------------------------------------------------------------


def dcmdump(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def stored(path, dataset):
    save_dicom(dataset, path)
    return path


def treatment_of(text):
    made = objects.new_treatment(patient_name=f"{text}^X={text}^Y")
    made.plan.RTPlanLabel, made.plan.SpecificCharacterSet = text, "ISO_IR 192"
    made.instruction.SpecificCharacterSet = "ISO_IR 192"
    return made


def results(folder, text):
    made = treatment_of(text)
    plan, instruction = stored(folder / "plan.dcm", made.plan), stored(folder / "rbdi.dcm", made.instruction)
    return "--plan", plan, "--instruction", instruction, "--save", folder / "record.dcm"


# The arguments of each command that sends text, after its peer; the text is in all of them that hold one.
COMMANDS = {
    "set": lambda folder, t: (UID, f"WorklistLabel={t}", f"ScheduledHumanPerformersSequence.HumanPerformerName={t}^{t}"),
    "set --station": lambda folder, t: (UID, "--station", f"S^99X^{t}"),
    "set --performer": lambda folder, t: (UID, "--performer", f"P^99X^{t}", "--organization", t, "--performer-name", f"{t}^{t}"),
    "set --file": lambda folder, t: (UID, "--file", dcmdump(folder / "set.txt", f"(0074,1202) LO [{t}]")),
    "create": lambda folder, t: (
        stored(folder / "ups.dcm", item(SOPClassUID=UPS.PUSH, WorklistLabel=t, SpecificCharacterSet="ISO_IR 192")),
    ),
    "create (text)": lambda folder, t: (
        dcmdump(folder / "ups.txt", f"(0008,0016) UI [{UPS.PUSH}]", f"(0074,1202) LO [{t}]", f"(0010,0010) PN [{t}^{t}]"),
    ),
    "find --station": lambda folder, t: ("--station", t),
    "find --query": lambda folder, t: ("--query", dcmdump(folder / "query.txt", f"(0010,0010) PN [{t}*]")),
    "progress": lambda folder, t: (UID, "50", "--description", t, "--transaction", "1.2"),
    "cancel": lambda folder, t: (UID, "--reason", f"110501^DCM^{t}", "--transaction", "1.2"),
    "complete": lambda folder, t: (
        UID, "--station", f"S^99X^{t}", "--transaction", "1.2", "--ost", "OST", "--record",
        stored(folder / "record.dcm", objects.record(objects.new_treatment())),
    ),
    "request-cancel": lambda folder, t: (UID, "--reason", t, "--contact-name", t, "--reason-code", f"110501^DCM^{t}"),
    "watch --station": lambda folder, t: ("--station", t, "--for", "0.01", "--port", "0"),
    "watch --filter": lambda folder, t: (
        "--filter", dcmdump(folder / "filter.txt", f"(0074,1202) LO [{t}]"), "--for", "0.01", "--port", "0",
    ),
    "notify --reason": lambda folder, t: ("--type", "cancel-requested", "--workitem", UID, "--reason", t),
    "notify --station": lambda folder, t: ("--type", "assigned", "--workitem", UID, "--station", f"S^99X^{t}"),
    "notify --file": lambda folder, t: (
        "--type", "progress", "--workitem", UID, "--file", dcmdump(folder / "event.txt", f"(0074,1202) LO [{t}]"),
    ),
    "store": lambda folder, t: (stored(folder / "plan.dcm", treatment_of(t).plan),),
    "results": results,
    "schedule": lambda folder, t: ("--plan", stored(folder / "plan.dcm", treatment_of(t).plan), "--station", f"S^99X^{t}"),
}  # fmt: skip
HELD = {"set": 3, "set --performer": 4, "create (text)": 3, "request-cancel": 3, "watch --station": 1, "schedule": 6}


@pytest.fixture(scope="module")
def strict():
    peer = StrictPeer()
    with peer.server:
        yield peer


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("TDWII_ENTITIES", "TDWII_CONFIG", "TDWII_STATE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments):
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        code = main([str(one) for one in arguments])
    assert code == 0, (arguments, err.getvalue())


@pytest.mark.parametrize("command", COMMANDS)
@generated
@example(text=WORDS)
@given(text=texts().filter(lambda text: "${" not in text and "]" not in text))
def test_commands(strict, folder, command, text):
    for path in [*folder.glob("*.dcm"), *folder.glob("*.txt")]:
        path.unlink()
    peer = f"127.0.0.1:{strict.server.port}"
    name = command.partition(" ")[0]
    arguments = COMMANDS[command](folder, text)
    if name == "schedule":
        run(name, *arguments, "--fractions", "1", "--to-tms", peer, "--to-ost", peer)
    else:
        run(name, peer, *arguments)
    came = strict.taken()
    assert sum(one.count(text) for one in came) >= HELD.get(command, 1), came


def file_in(term, text, path):
    """A workitem whose text is in a character set, written byte by byte."""
    made = item(SOPClassUID=UPS.PUSH, SOPInstanceUID=generate_uid(), PatientID="P")
    if term:
        made.SpecificCharacterSet = term.split("\\")
    value = encoded(term, text)
    for tag, vr in ((LABEL, "LO"), (NAME, "PN")):
        made[tag] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    made.set_original_encoding(False, True, None)
    made.is_decompressed = True
    return stored(path, made)


@generated
@given(named=named_texts())
def test_what_others_declared(strict, folder, named):
    """A workitem in any character set, created by command: as it was declared, or by another name, it is the same text."""
    term, text = named
    peer = f"127.0.0.1:{strict.server.port}"
    run("create", peer, file_in(term, text, folder / "ups.dcm"))
    assert strict.taken().count(text.rstrip(" ")) == 2


# --- drivers and simulators ---------------------------------------------------------------------------------------------

STATION = "FX1"


class Clinic(contextlib.ExitStack):
    """A TMS, an OST, a TDD and our drivers; all that they send is looked at by one transcript."""

    def __enter__(self):
        self.wire, self.known = StrictTranscript(), {}
        named = {"destinations": self.known, "transcript": self.wire}
        self.tms, self.ost = self.enter_context(TMS("TMS", **named)), self.enter_context(OST("OST", **named))
        self.receiver = self.enter_context(Receiver("DRIVER", host="127.0.0.1", port=0, transcript=self.wire))
        called = (self.tms.peer, self.ost.peer)
        self.tdd = self.enter_context(TDDSimulator(*called, station=STATION, transcript=self.wire))
        self.driver = self.enter_context(TDD(*called, calling="DRIVER", receiver=self.receiver, transcript=self.wire))
        self.known |= {"TDD": self.tdd.peer, "DRIVER": self.receiver.peer}
        self.watcher = Watcher(self.driver, self.receiver, "DRIVER", 60)
        return self

    def schedule(self, text):
        """Put a workitem with its inputs where they belong, by our driver; return it as the query finds it."""
        made, uid = treatment_of(text), str(generate_uid())
        workitem = objects.workitem(made, tms="TMS", ost="OST", station=self.tdd.station, start=datetime.now())
        workitem.WorklistLabel = text
        for answer in (self.driver.store("OST", made.plan), self.driver.store("TMS", made.instruction),
                       self.driver.create(uid, workitem)):  # fmt: skip
            assert answer.status == 0, answer
        (found,) = self.driver.query(worklist_query(station="FX1", start="", WorklistLabel=text)).identifiers
        assert (found.WorklistLabel, str(found.PatientName)) == (text, f"{text}^X={text}^Y")
        taken = ScheduledWorkitem.of_response(found, self.tdd.station, "TMS", "OST", "ti")
        return TreatmentSession(self.driver, taken.with_objects([made]), "OST")


STATION = Code("FX1", "99X", WORDS)
# What of a service has the text: requests of drivers and TDD, responses and reports of the TMS, and what the OST sends.
HOLDING = {"N-CREATE", "N-SET", "N-GET", "N-ACTION", "N-EVENT-REPORT", "C-FIND", "C-STORE"}


@pytest.fixture(scope="module")
def clinic():
    with Clinic() as there:
        yield there


@generated
@example(text=WORDS)
@given(text=texts())
def test_drivers_and_simulators(clinic, text):
    clinic.wire.texts.clear()
    clinic.tdd.station = Code("FX1", "99X", text)
    since, uids = clinic.watcher.mark(), []
    assert clinic.watcher.subscribe().status == 0
    with WatcherSimulator(clinic.tms.peer, "WATCHER", keys=item(WorklistLabel=text), transcript=clinic.wire) as watching:
        clinic.known["WATCHER"] = watching.peer
        watching.subscribe()
        uids.append(clinic.schedule(text).workitem.uid)
        clinic.tdd.perform()  # finds, retrieves, claims, reports, stores, ends
        watching.unsubscribe()
    session = clinic.schedule(text)
    uids.append(session.workitem.uid)
    assert session.claim().status == 0
    assert session.update(10, description=text).status == 0
    assert (
        clinic.watcher.request_cancel(session.workitem.uid, item(ReasonForCancellation=text, ContactDisplayName=text)).status == 0
    )
    session.deliver(next(one for one in SCENARIOS if one.delivered and one.state == "CANCELED" and one.start == "TREATMENT"))
    assert session.final_update().status == 0 and session.finish().status == 0
    shown = session.get().dataset
    assert shown.UnifiedProcedureStepPerformedProcedureSequence[0].PerformedStationNameCodeSequence[0].CodeMeaning == text
    assert clinic.watcher.wait_for_state(uids[1], "CANCELED", since=since)
    reports = [(event_type(report), report.request.dataset) for report in clinic.watcher.reports(since=since)]
    assert {text} == {one.ScheduledStationNameCodeSequence[0].CodeMeaning for kind, one in reports if kind == ASSIGNED}
    assert text in [one.get("ReasonForCancellation") for kind, one in reports if kind == CANCEL_REQUESTED]
    descriptions = [one.ProcedureStepProgressInformationSequence[0].get("ProcedureStepProgressDescription") for kind, one in reports
                    if kind == PROGRESS_REPORT]  # fmt: skip
    assert text in descriptions
    assert clinic.watcher.unsubscribe().status == 0
    assert clinic.wire.undeclared == []
    assert {service for service, texts in clinic.wire.texts if any(text in one for one in texts)} >= HOLDING
