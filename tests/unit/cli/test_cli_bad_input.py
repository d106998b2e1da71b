"""Files that are not what they should be: one line that names the file, exit code 2, and nothing sent."""

import io

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage, generate_uid

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import item

NOWHERE = ["127.0.0.1", "1"]  # should anything be sent, the exit code is 3

# Command lines with FILE for the file, and what it should be.
COMMANDS = {
    "find": ["find", *NOWHERE, "--query", "FILE"],
    "create": ["create", *NOWHERE, "FILE"],
    "set": ["set", *NOWHERE, "1.2.3", "--file", "FILE"],
    "complete --record": ["complete", *NOWHERE, "1.2.3", "--record", "FILE", "--transaction", "1.2", "--ost", "OST"],
    "complete --update": ["complete", *NOWHERE, "1.2.3", "--update", "FILE", "--transaction", "1.2"],
    "cancel --record": ["cancel", *NOWHERE, "1.2.3", "--record", "FILE", "--transaction", "1.2", "--ost", "OST"],
    "watch --filter": ["watch", *NOWHERE, "--filter", "FILE"],
    "notify --file": ["notify", *NOWHERE, "--workitem", "1.2.3", "--file", "FILE"],
    "store": ["store", *NOWHERE, "FILE"],
    "results": ["results", *NOWHERE, "FILE"],
    "results --plan": ["results", *NOWHERE, "--plan", "FILE", "--instruction", "FILE", "--save", "out.dcm"],
    "retrieve-inputs": ["retrieve-inputs", "FILE", "--to", "TDD"],
    "dump2dcm": ["dump2dcm", "FILE", "out.dcm"],
    "dcm2dump": ["dcm2dump", "FILE"],
    "rename-workitems": ["rename-workitems", "FILE"],
}
FOLDERS = {"store", "create"}  # take those as well
TAKES_TEXT = {"find", "create", "set", "complete --update", "watch --filter", "notify --file", "retrieve-inputs", "dump2dcm"}
commands = pytest.mark.parametrize("command", COMMANDS)


def line(command, path):
    return [str(path) if word == "FILE" else word for word in COMMANDS[command]]


def refused(ran, path):
    """The one line of a refusal, without the command's name."""
    assert ran.code == 2, ran.err
    assert ran.out == ""
    (said,) = ran.err.splitlines()
    who, _, message = said.partition(": ")
    assert who.startswith("tdwii ")
    assert str(path) in message
    return message


@commands
def test_missing(tdwii, command):
    assert refused(tdwii(*line(command, "none.dcm")), "none.dcm") == "none.dcm: no such file"


@commands
def test_empty(tdwii, tmp_path, command):
    (tmp_path / "empty").touch()
    assert refused(tdwii(*line(command, "empty")), "empty") == "empty: is empty"


@commands
def test_a_folder(tdwii, tmp_path, command):
    (tmp_path / "folder").mkdir()
    complaint = (
        "has no file, here or in the folders below, that can be sent" if command in FOLDERS else "is a folder; a file is needed"
    )
    assert refused(tdwii(*line(command, "folder")), "folder") == f"folder: {complaint}"


@commands
def test_enormous(tdwii, tmp_path, command):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(5 << 30)  # a hole: it needs no room
    assert "has 5120 MB, more than the " in refused(tdwii(*line(command, "huge")), "huge")


@commands
def test_text_that_is_no_dump(tdwii, tmp_path, command):
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,\n")
    message = refused(tdwii(*line(command, "letter.txt")), "letter.txt")
    assert ("line 1" in message) if command in TAKES_TEXT else (message == "letter.txt: is no DICOM file")


@commands
def test_bytes_that_are_nothing(tdwii, tmp_path, command):
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 8)
    refused(tdwii(*line(command, "noise")), "noise")


@commands
def test_a_dicom_file_that_was_cut_off(tdwii, tmp_path, command):
    whole = io.BytesIO()
    dataset = objects.new_treatment().plan
    dataset.SOPClassUID = {"results": "1.2.840.10008.5.1.4.1.1.481.4"}.get(command, dataset.SOPClassUID)
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dcmwrite(whole, dataset, enforce_file_format=True)
    for kept in (200, 600, len(whole.getvalue()) - 3):
        (tmp_path / "cut.dcm").write_bytes(whole.getvalue()[:kept])
        message = refused(tdwii(*line(command, "cut.dcm")), "cut.dcm")
        if command != "dump2dcm":
            assert "cut.dcm: was cut off: " in message


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("create", "a UPS"), ("complete --record", "a treatment record"), ("cancel --record", "a treatment record"),
        ("results", "a treatment record"), ("retrieve-inputs", "a response of the worklist, or a workitem,"),
        ("rename-workitems", "a worklist response"),
    ],
)  # fmt: skip
def test_wrong_sop_class(tdwii, tmp_path, command, needed):
    save_dicom(objects.new_treatment().plan, tmp_path / "plan.dcm")
    message = refused(tdwii(*line(command, "plan.dcm")), "plan.dcm")
    assert message == f"plan.dcm: is of SOP class RT Plan Storage; {needed} is needed"


def test_no_instruction_where_one_is_needed(tdwii, tmp_path):
    save_dicom(objects.new_treatment().plan, tmp_path / "plan.dcm")
    ran = tdwii("results", *NOWHERE, "--plan", "plan.dcm", "--instruction", "plan.dcm", "--save", "out.dcm")
    assert refused(ran, "plan.dcm") == "plan.dcm: is of SOP class RT Plan Storage; an RT Beams Delivery Instruction is needed"


def test_a_fault_in_dcmdump_text_has_its_line(tdwii, tmp_path):
    (tmp_path / "query.txt").write_text("(0010,0010) PN [A]\n(0010,0020) XX [B]\n")
    ran = tdwii("find", *NOWHERE, "--query", "query.txt")
    assert refused(ran, "query.txt") == "query.txt, line 2: XX is no VR"


def workitem(path, **attributes):
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.34.6.1"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    save_dicom(made, path)


def reference(**changes):
    return item(
        **{
            "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4",
            "ReferencedSOPSequence": item(ReferencedSOPClassUID=RTPlanStorage, ReferencedSOPInstanceUID="1.2.5"),
            "DICOMRetrievalSequence": item(RetrieveAETitle="OST"), **changes,
        }
    )  # fmt: skip


def test_a_response_without_inputs(tdwii, tmp_path):
    workitem(tmp_path / "rsp.dcm", SOPInstanceUID="1.2.3")
    ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD")
    assert refused(ran, "rsp.dcm") == "rsp.dcm: has no inputs: its InputInformationSequence is missing or empty"


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_input_that_does_not_say_all(tdwii, tmp_path, keyword):
    workitem(tmp_path / "rsp.dcm", InputInformationSequence=[reference(), reference(**{keyword: ""})])
    ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD")
    assert refused(ran, "rsp.dcm") == (f"rsp.dcm: InputInformationSequence[1]: {keyword} is missing: it cannot be retrieved")


def test_an_input_at_somebody_nobody_knows(tdwii, tmp_path):
    workitem(tmp_path / "rsp.dcm", InputInformationSequence=[reference()])
    (tmp_path / "book.json").write_text('[{"AETitle": "QRSCP", "IPAddr": "127.0.0.1", "Port": 11112}]')
    ran = tdwii("retrieve-inputs", "rsp.dcm", "--to", "TDD", "--entities", "book.json")
    assert refused(ran, "rsp.dcm") == (
        "rsp.dcm: input 1 is to be retrieved from 'OST': no AE title 'OST' in book.json; known are QRSCP"
    )


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/3", "1..2", "1.2.", "1" * 65, "..", "1.2.3 x"])
def test_a_uid_that_is_no_file_name(tdwii, tmp_path, uid):
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.34.6.1"
    made.SOPInstanceUID = "1.2.3"
    save_dicom(made, tmp_path / "x.dcm")
    content = (tmp_path / "x.dcm").read_bytes()
    value = uid.encode() + b"\0" * (len(uid) % 2)
    end = content.index(b"\x08\x00\x18\x00UI")
    (tmp_path / "rsp.dcm").write_bytes(content[:end] + b"\x08\x00\x18\x00UI" + len(value).to_bytes(2, "little") + value)
    ran = tdwii("rename-workitems", "rsp.dcm")
    assert "is no UID: digits and dots, at most 64 characters" in refused(ran, "rsp.dcm")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rsp.dcm", "x.dcm"]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("Nonsense=1", "'Nonsense' is not a keyword"),
        ("ProcedureStepState", "is not KEYWORD=VALUE"),
        ("PatientName.PatientID=1", "PatientName is no sequence"),
        ("InputInformationSequence=1", "InputInformationSequence is a sequence: give a path into it"),
        ("Rows=x", "'x' is no value of VR US"),
    ],
)
def test_set_what_cannot_be_set(tdwii, assignment, message):
    ran = tdwii("set", *NOWHERE, "1.2.3", assignment)
    assert message in refused(ran, assignment.partition("=")[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find", *NOWHERE, "--date", "yesterday"], "--date 'yesterday' is not a date: give today, YYYY-MM-DD, "
         "YYYY-MM-DD..YYYY-MM-DD or any"),
        (["find", *NOWHERE, "--date", "2026-02-02..2026-02-01"], "--date '2026-02-02..2026-02-01' ends before it begins"),
        (["find", *NOWHERE, "--template", "x"], "no template 'x': tdwii templates lists those there are"),
        (["find", *NOWHERE, "--set", "x=1"], "--set fills the placeholders of a text: give one, or --template NAME"),
        (["find", *NOWHERE, "--template", "query-any", "--set", "X=1"], "query-any, line 1: there is no placeholder X in it"),
        (["progress", *NOWHERE, "1.2", "101"], "PERCENT '101' is not 0 to 100"),
        (["progress", *NOWHERE, "1.2"], "PERCENT is missing"),
        (["claim", *NOWHERE], "WORKITEM is missing"),
        (["complete", *NOWHERE, "1.2"], "what was delivered is missing: give --record FILE, --update FILE or --no-update"),
        (["progress", *NOWHERE, "1.2", "50"], "no claim of 1.2 at 127.0.0.1:1 is kept in "),
        (["request-cancel", *NOWHERE, "1.2", "--reason-code", "^"], "--reason-code '^' is not a coded entry"),
        (["notify", *NOWHERE, "--type", "state"], "--workitem UID is missing: state is about one"),
        (["watch", *NOWHERE, "--workitem", "1.2", "--filter", "x"], "--workitem, --station and --filter exclude each other"),
        (["get", *NOWHERE, "1.2", "State"], "'State' is not a keyword of the DICOM data dictionary"),
        (["retrieve-inputs", "x", "--to", "TDD", "--into", "y"], "--into and --port are for --receive"),
        (["dump2dcm", "x"], "give TEXT and OUT, or --template NAME and OUT"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense(tdwii, arguments, message):
    ran = tdwii(*arguments)
    assert (ran.code, ran.out) == (2, "")
    (said,) = ran.err.splitlines()
    assert said.startswith(f"tdwii {arguments[0]}: {message}")


def test_a_state_file_of_somebody_else(tdwii, tmp_path):
    (tmp_path / "state" / "tdwii").mkdir(parents=True)
    (tmp_path / "state" / "tdwii" / "claims.json").write_text('{"claims": [{"what": 1}]}')
    ran = tdwii("progress", *NOWHERE, generate_uid(), "50")
    assert "claims.json: is not a file of claims as tdwii writes it" in refused(ran, "claims.json")
