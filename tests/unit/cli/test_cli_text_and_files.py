"""Text of any script through the commands, on any console; files as others make them; what a bad value stands beside."""

import io
import json
import os
import struct
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom import evt

from tdwii_conformance.cli import watching
from tdwii_conformance.cli.screen import say_json_line
from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.dimse import Server
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import item

sys.path.insert(0, str(Path(__file__).parents[1] / "dimse"))
from strict_text import texts_in
from test_text_that_leaves import SENT

UPS = tuple(f"1.2.840.10008.5.1.4.34.6.{n}" for n in (1, 2, 3, 4, 5))
WORDS = "治療室 Gerät"
LABEL = 0x00741202


class Strict:
    """A TMS that refuses what is undeclared, and answers queries and N-GET with `answer` as it is."""

    def __init__(self):
        self.texts, self.answer = [], None
        self.server = Server(
            "STRICT", UPS,
            [(evt.EVT_N_CREATE, lambda event: self.take(event, event.request.AttributeList)),
             (evt.EVT_N_SET, lambda event: self.take(event, event.request.ModificationList)),
             (evt.EVT_N_ACTION, lambda event: self.take(event, event.request.ActionInformation)),
             (evt.EVT_N_GET, lambda event: (0x0000, self.answer)),
             (evt.EVT_C_FIND, self.find)],
        )  # fmt: skip

    def take(self, event, data):
        self.texts.append(texts_in(data.getvalue(), event.context.transfer_syntax.is_implicit_VR))
        return 0x0000, None

    def find(self, event):
        self.take(event, event.request.Identifier)
        yield 0xFF00, self.answer


@pytest.fixture
def strict():
    peer = Strict()
    with peer.server:
        yield peer


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=SENT.filter(lambda text: "${" not in text))
def test_set_create_find_and_cancel_send_any_text(tdwii, strict, tmp_path, text):
    peer = ("127.0.0.1", strict.server.port)
    assert tdwii("set", *peer, "1.2.3", f"WorklistLabel={text}", "--no-transaction").code == 0
    assert strict.texts.pop()[LABEL,] == text
    workitem = Dataset()
    workitem.SOPClassUID, workitem.WorklistLabel, workitem.SpecificCharacterSet = UPS[0], text, "ISO_IR 192"
    save_dicom(workitem, tmp_path / "workitem.dcm")
    assert tdwii("create", *peer, tmp_path / "workitem.dcm").code == 0
    assert strict.texts.pop()[LABEL,] == text
    ran = tdwii("request-cancel", *peer, "1.2.3", "--reason", text)
    assert ran.code == 0, ran.err
    assert text in strict.texts.pop().values()


@pytest.mark.parametrize("declaration", ["", "(0008,0005) CS [ISO_IR 192]\n"], ids=["undeclared", "declared"])
@pytest.mark.parametrize("options", [(), ("--set", f"LABEL={WORDS}")], ids=["whole", "filled"])
def test_dcmdump_text_in_utf_8_leaves_declared(tdwii, strict, tmp_path, options, declaration):
    label = "${LABEL}" if options else WORDS
    text = f"{declaration}(0008,0016) UI [1.2.840.10008.5.1.4.34.6.1]\n(0074,1202) LO [{label}]\n"
    (tmp_path / "workitem.txt").write_text(text, encoding="utf-8")
    ran = tdwii("create", "127.0.0.1", strict.server.port, tmp_path / "workitem.txt", *options)
    assert ran.code == 0, ran.err
    assert strict.texts.pop()[LABEL,] == WORDS


def test_dcmdump_text_of_another_encoding_keeps_its_bytes(tdwii, tmp_path):
    """dump2dcm invents no declaration: what dcm2dump shows of an undeclared file makes that file again."""
    (tmp_path / "a.txt").write_bytes("(0074,1202) LO [Gerät]\n".encode())
    assert tdwii("dump2dcm", tmp_path / "a.txt", tmp_path / "a.dcm").code == 0
    made = dcmread(tmp_path / "a.dcm")
    assert "SpecificCharacterSet" not in made
    assert made.get_item(LABEL).value.strip() == "Gerät".encode()


def test_set_of_what_takes_ascii_only(tdwii, strict):
    ran = tdwii("set", "127.0.0.1", strict.server.port, "1.2.3", "ProcedureStepState=治療", "--no-transaction")
    assert (ran.code, strict.texts) == (2, [])
    assert "ProcedureStepState has VR CS, which takes ASCII only" in ran.err


def test_what_is_no_text_is_not_sent(tdwii, strict):
    """Bytes that are not UTF-8 on the command line: Python keeps them as surrogates, and a question mark is not what was meant."""
    given = b"Ger\xe4t".decode("utf-8", "surrogateescape")
    peer = ("127.0.0.1", strict.server.port)
    for command in (("set", *peer, "1.2.3", f"WorklistLabel={given}"), ("find", *peer, "--station", given),
                    ("request-cancel", *peer, "1.2.3", "--reason", given)):  # fmt: skip
        ran = tdwii(*command)
        assert (ran.code, strict.texts) == (2, []) and "has bytes that are no text" in ran.err, ran


def test_set_and_backslashes(tdwii, strict):
    peer = ("127.0.0.1", strict.server.port, "1.2.3")
    ran = tdwii("set", *peer, "WorklistLabel=Vault\\2")
    assert (ran.code, strict.texts) == (2, []) and "WorklistLabel has one value" in ran.err
    assert tdwii("set", *peer, "MedicalAlerts=first\\second").code == 0
    assert strict.texts.pop()[0x00102000,] == "first\\second"
    assert tdwii("set", *peer, "CommentsOnTheScheduledProcedureStep=a\\b").code == 0  # LT: a character like any other
    assert strict.texts.pop()[0x00400400,] == "a\\b"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_every_console_shows_everything(strict, tmp_path, encoding):
    """A console of Windows, redirected: what it has not is escaped, and nothing ends with a codec error."""
    strict.answer = workitem = Dataset()
    workitem.SOPInstanceUID, workitem.WorklistLabel, workitem.PatientName = "1.2.3", WORDS, "Yamada^Tarou=山田^太郎"
    workitem.ProcedureStepLabel, workitem.SpecificCharacterSet, workitem.SOPClassUID = WORDS, "ISO_IR 192", UPS[0]
    save_dicom(workitem, tmp_path / "file.dcm")
    peer = ("127.0.0.1", str(strict.server.port))
    shown = WORDS.encode(encoding, "backslashreplace").decode(encoding)
    for command in (["find", *peer], ["get", *peer, "1.2.3"], ["dcm2dump", "file.dcm"], ["find", *peer, "-vv"],
                    ["find", *peer, "--json"], ["get", *peer, "1.2.3", "--json"], ["dcm2dump", "file.dcm", "--json"]):  # fmt: skip
        ran = subprocess.run(
            [sys.executable, "-m", "tdwii_conformance", *command], capture_output=True, cwd=tmp_path, timeout=60, check=False,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        )  # fmt: skip
        out = ran.stdout.decode(encoding)
        assert ran.returncode == 0, (command, ran.stderr)
        assert b"codec" not in ran.stderr
        if "--json" in command:
            assert WORDS in json.dumps(json.loads(out), ensure_ascii=False)
        else:
            assert shown in out, command


def encoded(dataset, implicit=True):
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def with_bad_values(path):
    """A file with a DS that is no number, an FD that is none, and good values around them."""
    good = Dataset()
    good.PatientID, good.PatientName = "P1", "Doe^J"
    bad = b"\x10\x00\x30\x10DS\x04\x00N/A " + b"\x18\x00\x73\x90FD\x08\x00" + struct.pack("<d", float("nan"))
    meta = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    content = encoded(good, implicit=False)
    path.write_bytes(b"\0" * 128 + b"DICM\2\0\0\0UL\4\0" + struct.pack("<L", len(meta)) + meta + content + bad)
    return path


def refuse_constants(name):
    raise AssertionError(f"{name} is no JSON")


def test_one_bad_value_hides_nothing_in_a_file(tdwii, tmp_path):
    path = with_bad_values(tmp_path / "bad.dcm")
    ran = tdwii("dcm2dump", path, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out, parse_constant=refuse_constants)
    assert told["00100020"]["Value"] == ["P1"]
    assert told["00101030"] == {"vr": "DS", "Value": ["N/A"]}
    assert told["00189073"] == {"vr": "FD", "Value": ["NaN"]}
    text = tdwii("dcm2dump", path).out
    assert "(0010,1030) DS [N/A]" in text and "(0010,0020) LO [P1]" in text


def test_one_bad_value_hides_nothing_in_an_answer(tdwii, strict, monkeypatch):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    import tdwii_conformance.dimse.server as serving

    assert serving
    strict.answer = Dataset()
    strict.answer.SOPInstanceUID, strict.answer.PatientID = "1.2.3", "P1"
    strict.answer[0x00101030] = RawDataElement(Tag(0x00101030), "DS", 4, b"N/A ", 0, True, True)
    strict.answer.set_original_encoding(True, True, "iso8859")
    peer = ("127.0.0.1", strict.server.port)
    got = tdwii("get", *peer, "1.2.3", "--json")
    assert got.code == 0, got.err
    assert json.loads(got.out, parse_constant=refuse_constants)["00101030"] == {"vr": "DS", "Value": ["N/A"]}
    strict.answer.set_original_encoding(True, True, "iso8859")
    (found,) = tdwii("find", *peer, "--json").json
    assert (found["patient_id"], found["dataset"]["00101030"]["Value"]) == ("P1", ["N/A"])


def plan_without_meta(path):
    plan = objects.new_treatment().plan
    path.write_bytes(encoded(plan))
    return plan


def test_a_plan_without_meta_information_in_every_command(tdwii, environment, tmp_path):
    path = tmp_path / "plan.dcm"
    plan = plan_without_meta(path)
    dumped = tdwii("dcm2dump", path)
    assert dumped.code == 0 and f"[{plan.SOPInstanceUID}]" in dumped.out
    assert dumped.err == f"{path}: has no file meta information; read as Implicit VR Little Endian\n"
    stored = tdwii("store", "127.0.0.1", environment.ost.peer.port, path)
    assert stored.code == 0, stored.err
    course = ("schedule", "--plan", path, "--station", "FX1", "--fractions", "1", "--out")
    scheduled = tdwii(*course, tmp_path / "course")
    assert scheduled.code == 0 and "read as Implicit VR Little Endian" in scheduled.err
    for command in (["dcm2dump", path], [*course, tmp_path / "another"]):
        wrong = tdwii(*command, "--read-as", "big-endian")
        assert wrong.code == 2 and "is no DICOM file" in wrong.err, command


def test_what_is_cut_off_is_refused_by_every_command(tdwii, environment, tmp_path):
    whole, cut = tmp_path / "whole.dcm", tmp_path / "cut.dcm"
    save_dicom(objects.new_treatment().plan, whole)
    cut.write_bytes(whole.read_bytes()[:-40])
    for command in (
        ["dcm2dump", cut],
        ["store", "127.0.0.1", environment.ost.peer.port, cut],
        ["create", "127.0.0.1", environment.tms.peer.port, cut],
    ):
        ran = tdwii(*command)
        assert ran.code == 2 and "was cut off" in ran.err, (command, ran)


def test_a_wrong_group_length_is_named_and_the_file_read(tdwii, tmp_path):
    path = tmp_path / "plan.dcm"
    save_dicom(objects.new_treatment().plan, path)
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<L", content, 140)
    for wrong, said in ((length - 14, "14 bytes too small"), (length + 9000, "9000 bytes too large")):
        struct.pack_into("<L", content, 140, wrong)
        path.write_bytes(content)
        ran = tdwii("dcm2dump", path)
        assert ran.code == 0 and said in ran.err


def test_store_sends_what_is_in_the_file(tdwii, tmp_path):
    """Also text that is wrongly encoded, and values that are none of their VR."""
    came = []

    def keep(event):
        came.append(event.request.DataSet.getvalue())
        return 0x0000

    path = tmp_path / "plan.dcm"
    plan = objects.new_treatment().plan
    plan.SpecificCharacterSet = "ISO_IR 192"
    save_dicom(plan, path, transfer_syntax="1.2.840.10008.1.2")
    content = path.read_bytes().replace(b"TDWII ", b"TD\xe4II ")
    path.write_bytes(content)
    with Server("X", [(str(plan.SOPClassUID), ["1.2.840.10008.1.2"])], [(evt.EVT_C_STORE, keep)]) as server:
        ran = tdwii("store", "127.0.0.1", server.port, path)
    assert ran.code == 0, ran.err
    assert b"TD\xe4II " in came[0] and content.endswith(came[0])
    assert dcmread(path).SOPInstanceUID == plan.SOPInstanceUID


def report_of(encoded):
    """An event report whose event information has these bytes, Implicit VR Little Endian."""
    command = Dataset()
    command.CommandField, command.EventTypeID, command.AffectedSOPInstanceUID = 0x0100, 3, "1.2.3"
    request = Message(command, datetime.now().astimezone(), encoded)
    return Exchange("N-EVENT-REPORT", "TMS", "WATCHER", UPS[3], request)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_one_bad_value_hides_nothing_in_an_event(monkeypatch, encoding):
    """A progress that is no number, beside a text that the console cannot show: a line of JSON, and one for people."""
    progress = encoded(item(ProcedureStepProgress="50")).replace(b"50", b"NA")
    text = WORDS.encode()
    described = b"\x74\x00\x06\x10" + struct.pack("<L", len(text) + len(text) % 2) + text + b" " * (len(text) % 2)
    items = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(progress + described)) + progress + described
    whole = encoded(item(SpecificCharacterSet="ISO_IR 192")) + b"\x74\x00\x02\x10" + struct.pack("<L", len(items)) + items
    for as_json in (True, False):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
        monkeypatch.setattr(sys, "stdout", out)
        watching._tell(report_of(whole), as_json)
        out.flush()
        (line,) = out.buffer.getvalue().decode(encoding).splitlines()
        monkeypatch.undo()
        if as_json:
            told = json.loads(line, parse_constant=refuse_constants)["information"]["00741002"]["Value"][0]
            assert told == {"00741004": {"vr": "DS", "Value": ["NA"]}, "00741006": {"vr": "ST", "Value": [WORDS]}}
        else:
            assert "NA %" in line and WORDS.encode(encoding, "backslashreplace").decode(encoding) in line


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_lines_of_json_are_json_on_every_console(monkeypatch, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", out)
    say_json_line({"text": "Gerät 治療 😀"})
    out.flush()
    assert json.loads(out.buffer.getvalue().decode(encoding)) == {"text": "Gerät 治療 😀"}
