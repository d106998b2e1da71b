"""DCMTK's clients as a TDD: movescu, storescu and echoscu perform RO-59, RO-61 and RO-63 of a scenario, our driver the rest."""

from datetime import datetime

from pydicom import dcmread
from test_dcmtk import run, saved, tool

from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem, TreatmentSession
from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.session.scenarios import perform_treatment
from tdwii_conformance.sut.config import Caller, Listener, PartnerSettings
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tests.ports import free_port

STATION = Code("FX1", "99TDWII", "Treatment machine 1")
NEW_COMPLETED = SCENARIOS[0]


class WithDCMTK:
    """Performs a scenario: UPS requests by our driver, everything else by DCMTK's programs."""

    def __init__(self, partners, port, folder):
        self.partners, self.port, self.folder = partners, port, folder
        self.received = []

    def begin(self, session, facts):
        tms, ost = self.partners.tms.peer, self.partners.ost.peer
        with TDD(tms, ost, calling="TDD") as tdd:
            today = f"{datetime.now():%Y%m%d}"
            (found,) = tdd.query(ScheduledWorkitem.query_of(STATION, f"{today}000000-{today}235959")).identifiers
            workitem = ScheduledWorkitem.of_response(found, STATION, tms.ae_title, ost.ae_title, "ti")
            for peer in (tms, ost):
                self.succeed("echoscu", *self.addressed(peer))
            (plan,) = self.retrieve(ost, workitem.plans[0])
            course = TreatmentSession(tdd, workitem, ost.ae_title)
            course.claim()
            (instruction,) = self.retrieve(tms, workitem.instructions[0])
            treatment = objects.Treatment(plan, instruction, None, "TREATMENT")
            course.workitem = workitem.with_objects([treatment])  # what was retrieved says which beams there are
            for progress in NEW_COMPLETED.progress:
                course.update(progress)
            course.scenario = NEW_COMPLETED
            course.record = objects.record(treatment)
            self.succeed("storescu", *self.addressed(ost), str(saved(course.record, self.folder / "record.dcm")))
            course.final_update()
            course.finish()
        session.finish("")

    def end(self):
        pass

    def addressed(self, peer):
        return ["-aet", "TDD", "-aec", peer.ae_title, peer.host, str(peer.port)]

    def retrieve(self, peer, wanted):
        folder = self.folder / wanted.instance
        folder.mkdir()
        keys = {
            "QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": wanted.study, "SeriesInstanceUID": wanted.series,
            "SOPInstanceUID": wanted.instance,
        }  # fmt: skip
        named = [argument for key, value in keys.items() for argument in ("-k", f"{key}={value}")]
        self.succeed("movescu", "-S", *named, "-aem", "TDD", "+P", str(self.port), "-od", str(folder), *self.addressed(peer))
        return [dcmread(path) for path in folder.iterdir()]

    def succeed(self, name, *arguments):
        done = run(tool(name), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_dcmtk_as_a_tdd_meets_what_its_clients_are_judged_by(tmp_path):
    for name in ("movescu", "storescu", "echoscu"):
        tool(name)
    port = free_port()
    listening = Peer("TDD", "127.0.0.1", port)
    plan = PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0))
    with Partners(plan, {"TDD": listening}, tmp_path / "seen", station=STATION) as partners:
        trigger = WithDCMTK(partners, port, tmp_path)
        observation = perform_treatment(
            partners, Caller(listening, step_timeout=20), trigger, NEW_COMPLETED, lambda title: NoDisplay()
        )
    assert observation.why_early == ""
    judged = [(r, judge_scu(r, observation)) for r in load_catalogue().of(actor="TDD", edition="ti")]
    assert {r.id: j.findings for r, j in judged if any(finding.weight == "fault" for finding in j.findings)} == {}
    assert {"RO-59", "RO-61", "RO-63"} <= {r.transaction for r, j in judged if not j.findings and not j.not_judged}
    services = [(e.service, e.acceptor) for e in observation.exchanges if e.service in ("C-ECHO", "C-MOVE", "C-STORE")]
    assert sorted(services) == [
        ("C-ECHO", "OST"), ("C-ECHO", "TMS"), ("C-MOVE", "OST"), ("C-MOVE", "TMS"), ("C-STORE", "OST"),
        ("C-STORE", "TDD"), ("C-STORE", "TDD"),
    ]  # fmt: skip
