"""--pseudonymise: no original in any file that a run writes, and the same pseudonyms in all of them."""

import re

from tdwii_conformance.transcript.observation import read_observation

ORIGINALS = ("PAT-4711", "Jérôme", "VENDORTDD", "CLINICTMS", "1.2.826.0.1.3680043.8.498.777.1", "10.1.2.3")
TESTS = """
from datetime import UTC, datetime
from pathlib import Path
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from tdwii_conformance.dcmdump import dump_exchange
from tdwii_conformance.plugin.hiding import note_transcripts
from tdwii_conformance.report.pseudonymise import _encoded
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.transcript.observation import Association, Observation, write_observation
from tdwii_conformance.transcript.sent import Sent, Wrong

def exchange():
    dataset = Dataset()
    dataset.SpecificCharacterSet, dataset.PatientName, dataset.PatientID = "ISO_IR 100", "Buc^Jérôme", "PAT-4711"
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.777.1"
    dataset.add_new(0x00091010, "UN", b"of PAT-4711 ")
    at = datetime(2026, 11, 29, tzinfo=UTC)
    command = Dataset()
    command.Status = 0
    answer = Message(command, at, _encoded(dataset, ExplicitVRLittleEndian), ExplicitVRLittleEndian)
    return Exchange("N-GET", "VENDORTDD", "CLINICTMS", "1.2.840.10008.5.1.4.34.6.3", Message(Dataset(), at), (answer,), "")

@SHALL
def test_shall(judge, note_evidence, request):
    sent = Sent((), (Wrong("pdu", "byte 9: no PDU [" + b"PAT-4711".hex(" ") + "]", "a PDU"),))
    association = Association("VENDORTDD", "CLINICTMS", exchange().request.time, ended="lost 10.1.2.3", sent=(sent,))
    write_observation(Path("kept/a.jsonl"), Observation({"actor": "TDD", "patient_id": "PAT-4711"}, (), (exchange(),), (association,), ""))
    note_transcripts(request.config, Path("kept"))
    note_evidence(dump_exchange(exchange()))
    judge([Finding("value 'PAT-4711'", "value 'Buc^Jérôme' of VENDORTDD at 10.1.2.3", path="PatientName")])
"""


def test_no_original_is_in_any_file(run, pytester):
    files = ("--results", "r.json", "--report", "r.html", "--evidence", "evidence", "--junitxml", "junit.xml")
    for hidden in (False, True):
        ran = run(TESTS, *files, *["--pseudonymise"] * hidden)
        assert ran.verdicts == {"test_shall": "failed"}, ran.out
        paths = [pytester.path / name for name in ("r.json", "r.html", "junit.xml", "kept/a.jsonl")]
        texts = [path.read_text("utf-8") for path in (*paths, *(pytester.path / "evidence").iterdir())]
        kept = read_observation(pytester.path / "kept" / "a.jsonl")
        (exchange,) = kept.exchanges
        texts.append(f"{kept.associations} {exchange.dataset} {exchange.dataset[0x00091010].value}")
        for original in ORIGINALS:
            assert [original in text for text in texts].count(True) == 0 or not hidden, original
        assert any(original in text for text in texts for original in ORIGINALS) is not hidden
        assert (b"PAT-4711".hex(" ") in texts[-1]) is not hidden and (b"PAT-4711" in exchange.responses[0].encoded) is not hidden
    name = str(exchange.dataset.PatientID)
    assert re.fullmatch(r"[A-Z]{3}-\d{4}", name) and kept.facts["patient_id"] == name and all(name in text for text in texts[:2])
    assert f"value '{name}'" in texts[2]
