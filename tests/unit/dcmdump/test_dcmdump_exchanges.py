"""An exchange as text: who, when, what, how it ended."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from tdwii_conformance.dcmdump import dump_exchange
from tdwii_conformance.transcript.exchange import Exchange, Message

START = datetime(2025, 3, 31, 12, 0, 0, 123456, tzinfo=UTC)
PULL = "1.2.840.10008.5.1.4.34.6.3"


def encode(dataset):
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_dataset(stream, dataset)
    return stream.getvalue()


def patient(identifier):
    dataset = Dataset()
    dataset.PatientID = identifier
    return dataset


def message(field, status=None, encoded=None, after=0, transfer_syntax=ImplicitVRLittleEndian):
    command = Dataset()
    command.CommandField = field
    if status is not None:
        command.Status = status
    return Message(command, START + timedelta(milliseconds=after), encoded, transfer_syntax)


def find(*responses, failure="", request=None):
    request = request or message(0x0020, encoded=encode(patient("P*")))
    return Exchange("C-FIND", "TDD", "TMS", PULL, request, responses, failure)


def test_the_whole_of_a_short_exchange():
    exchange = find(message(0x8020, 0xFF00, encode(patient("P1")), 2), message(0x8020, 0x0000, after=5))
    assert (
        dump_exchange(exchange)
        == """\
# C-FIND request, TDD -> TMS, 2025-03-31 12:00:00.123, Unified Procedure Step - Pull

# Dicom-Command-Set
(0000,0100) US 32                                       #   2, 1 CommandField

# Dicom-Data-Set
# Used TransferSyntax: Little Endian Implicit
(0010,0020) LO [P*]                                     #   2, 1 PatientID

# C-FIND response 1 of 2, TMS -> TDD, 12:00:00.125, 2 ms after the request, status FF00 (pending)

# Dicom-Command-Set
(0000,0100) US 32800                                    #   2, 1 CommandField
(0000,0900) US 65280                                    #   2, 1 Status

# Dicom-Data-Set
# Used TransferSyntax: Little Endian Implicit
(0010,0020) LO [P1]                                     #   2, 1 PatientID

# C-FIND response 2 of 2, TMS -> TDD, 12:00:00.128, 5 ms after the request, status 0000 (Success)

# Dicom-Command-Set
(0000,0100) US 32800                                    #   2, 1 CommandField
(0000,0900) US 0                                        #   2, 1 Status
"""
    )


def test_no_response_and_why():
    text = dump_exchange(find(failure="no response within 30 s"))
    assert text.endswith("\n# no response\n\n# no response within 30 s\n")


@pytest.mark.parametrize(("count", "shown"), [(20, 20), (21, 20), (500, 20)])
def test_many_responses_are_abbreviated_in_the_middle(count, shown):
    responses = [message(0x8020, 0xFF00, encode(patient(f"P{n}")), n) for n in range(1, count)]
    text = dump_exchange(find(*responses, message(0x8020, 0x0000, after=count)))
    assert text.count("# C-FIND response ") == shown
    assert "response 1 of" in text and f"response {count} of {count}" in text
    if count > shown:
        assert text.count("\n\n# ... ") == 1
        assert f"# ... {count - shown} responses of {count} are left out here\n" in text
        assert f"response 10 of {count}" in text and f"response 11 of {count}" not in text
        assert f"response {count - 9} of {count}" in text and f"response {count - 10} of {count}" not in text


def test_bytes_that_are_no_data_set_are_shown_as_such():
    text = dump_exchange(find(message(0x8020, 0xFF00, b"\x01\x02\x03", transfer_syntax=DeflatedExplicitVRLittleEndian)))
    assert "# 3 bytes that are no data set in Deflated Explicit VR Little Endian:\n#   01 02 03\n" in text


def test_many_such_bytes_are_cut():
    text = dump_exchange(find(message(0x8020, 0xFF00, b"\xfe" * 5001, transfer_syntax=DeflatedExplicitVRLittleEndian)))
    assert "# 5001 bytes" in text and text.count(" fe") == 1024 and text.endswith("#   ...\n")


def test_an_exchange_without_responses_keeps_everything_but_data_in_comments():
    for line in dump_exchange(find(failure="aborted")).splitlines():
        assert not line or line.startswith(("#", "("))


@pytest.mark.skipif(not shutil.which("dump2dcm"), reason="DCMTK (dump2dcm) is not installed")
def test_dump2dcm_takes_the_data_set_out_of_the_middle(tmp_path):
    lines = dump_exchange(find(message(0x8020, 0x0000))).split("\n# C-FIND response")[0].splitlines()
    text = "\n".join(line for line in lines if not line.startswith("(0000,"))
    (tmp_path / "x.txt").write_text(text)
    subprocess.run(["dump2dcm", "-q", "-F", "+te", tmp_path / "x.txt", tmp_path / "x.dcm"], check=True)
    assert dcmread(tmp_path / "x.dcm", force=True).PatientID == "P*"
