"""Files that are cut off, by hand: a file of N bytes is whole at N, and at no place within a value."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pydicom.data
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tdwii_conformance.dcmdump.dicom import FileFault, read_dicom

META = 132


def dataset(*, undefined):
    inner = Dataset()
    inner.CodeValue, inner.CodeMeaning = "121726", "meaning"
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.34.6.1", "1.2.3.4"
    made.PatientName = "Doe^Jane"
    made.ScheduledWorkitemCodeSequence = [inner]
    made.PatientID = "P1"
    made["ScheduledWorkitemCodeSequence"].is_undefined_length = undefined
    inner.is_undefined_length_sequence_item = undefined
    return made


def written(made, transfer_syntax):
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = transfer_syntax
    stream = BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(
    ("transfer_syntax", "undefined", "ends"),
    [
        # Patient ID and what comes before it are read without the sequence, which is the last of five elements.
        (ExplicitVRLittleEndian, True, 4),
        (ImplicitVRLittleEndian, True, 4),
        (ExplicitVRBigEndian, False, 4),
        # A deflated data set ends in one place only.
        (DeflatedExplicitVRLittleEndian, False, 0),
    ],
)
def test_a_file_is_read_whole_or_refused(transfer_syntax, undefined, ends, tmp_path):
    """A shorter file is one where a top-level element ends, which nobody can tell, and nowhere else."""
    content = written(dataset(undefined=undefined), transfer_syntax)
    path = tmp_path / "file.dcm"
    path.write_bytes(content)
    assert read_dicom(path).PatientID == "P1"
    taken = []
    for length in range(META, len(content) - 1):  # without the last byte, which may be padding
        path.write_bytes(content[:length])
        with suppress(FileFault):
            read_dicom(path)
            taken.append(length)
    assert len(taken) == ends


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "is empty"), (b"query: *", "is no DICOM file"), (b"\0" * 132, "is no DICOM file")]
)
def test_what_is_no_dicom_file_is_named(content, why, tmp_path):
    path = tmp_path / "file.dcm"
    path.write_bytes(content)
    with pytest.raises(FileFault, match=f"file.dcm: {why}"):
        read_dicom(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileFault, match=r"missing.dcm: cannot be read: No such file"):
        read_dicom(tmp_path / "missing.dcm")


def test_the_missing_bytes_are_counted(tmp_path):
    path = tmp_path / "cut.dcm"
    path.write_bytes(written(dataset(undefined=False), ExplicitVRLittleEndian)[:-4])
    # The last element is (0040,4018), whose last value is the meaning.
    with pytest.raises(FileFault, match=r"was cut off: 4 bytes are missing at the end of \(0040,4018\)"):
        read_dicom(path)


FOLDER = Path(pydicom.data.__file__).parent / "test_files"
SMALL = [p for p in sorted([*FOLDER.glob("*rt*.dcm"), *FOLDER.glob("*SR*.dcm")]) if p.name != "rtstruct.dcm"]  # no preamble


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_pydicoms_whole_files_are_whole(path):
    if "truncated" in path.name:
        with pytest.raises(FileFault):
            read_dicom(path)
    else:
        assert len(read_dicom(path))
