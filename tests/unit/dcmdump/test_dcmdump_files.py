"""dcmdump files read, DICOM files written."""

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from tdwii_conformance.dcmdump import DumpError, load_text, parse, save_dicom

QUERY = "(0008,0005) CS [ISO_IR 192]\n(0010,0010) PN [Müller]\n(0074,1000) CS [SCHEDULED]\n"


def test_a_text_is_read_from_a_file_and_files_beside_it(tmp_path):
    (tmp_path / "x.dat").write_bytes(b"\x01\x02")
    (tmp_path / "x.txt").write_text(QUERY + "(0042,0011) OB =x.dat\n", encoding="utf-8")
    dataset = load_text(tmp_path / "x.txt")
    assert dataset.PatientName == "Müller"
    assert dataset.EncapsulatedDocument == b"\x01\x02"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_makes_of_a_text(tmp_path, encoding):
    (tmp_path / "x.txt").write_text(QUERY.replace("\n", "\r\n"), encoding=encoding)
    assert load_text(tmp_path / "x.txt") == parse(QUERY)


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"", 1, "there is no data element in it"),
        (b"(0010,0020) LO [P1]\nnothing", 2, "'nothing' does not begin with a tag"),
        (b"\0" * 128 + b"DICM", 1, "this is a DICOM file, and dcmdump text is needed"),
        (b"\x08\x00\x05\x00CS\n\0", 1, "is not text: there is a zero byte before the first tag"),
        (b"\xff\xfex\0y", 1, "is not text: it begins as UTF-16 and does not go on so"),
    ],
)
def test_what_is_no_dcmdump_file(tmp_path, content, line, problem):
    path = tmp_path / "query.txt"
    path.write_bytes(content)
    with pytest.raises(DumpError) as caught:
        load_text(path)
    assert str(caught.value).startswith(f"{path}, line {line}: {problem}")


def test_the_file_meta_information_is_made(tmp_path):
    save_dicom(parse("(0008,0016) UI [1.2.3]\n(0008,0018) UI [1.2.3.4]"), tmp_path / "x.dcm")
    file = dcmread(tmp_path / "x.dcm")
    assert file.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert file.file_meta.MediaStorageSOPClassUID == "1.2.3"
    assert file.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"


def test_a_query_has_no_sop_class_and_becomes_a_file_nevertheless(tmp_path):
    save_dicom(parse(QUERY), tmp_path / "x.dcm")
    file = dcmread(tmp_path / "x.dcm")
    assert Dataset(file) == parse(QUERY)
    assert file.file_meta.MediaStorageSOPClassUID.startswith("2.25.")
    assert file.file_meta.MediaStorageSOPInstanceUID.startswith("2.25.")


def test_the_file_meta_information_of_the_text_is_kept(tmp_path):
    meta = (
        "(0002,0002) UI [1.2.5]\n(0002,0003) UI [1.2.6]\n(0002,0010) UI =LittleEndianImplicit\n"
        "(0002,0012) UI [1.2.7]\n(0002,0013) SH [US]\n(0002,0016) AE [TDD]\n"
    )
    save_dicom(parse(meta + QUERY), tmp_path / "x.dcm")
    file = dcmread(tmp_path / "x.dcm")
    assert [file.file_meta[tag].value for tag in (0x00020002, 0x00020003, 0x00020010)] == ["1.2.5", "1.2.6", ImplicitVRLittleEndian]
    assert [file.file_meta[tag].value for tag in (0x00020012, 0x00020013, 0x00020016)] == ["1.2.7", "US", "TDD"]
    assert Dataset(file) == parse(QUERY)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_transfer_syntax_asked_for_is_written(tmp_path, syntax):
    dataset = parse(QUERY)
    save_dicom(dataset, tmp_path / "x.dcm", transfer_syntax=syntax)
    file = dcmread(tmp_path / "x.dcm")
    assert file.file_meta.TransferSyntaxUID == syntax
    assert Dataset(file) == dataset
    assert not hasattr(dataset, "file_meta"), "what was given is left as it was"


FRAGMENTS = "(7fe0,0010) OB (PixelSequence #=2)\n(fffe,e000) pi\n(fffe,e000) pi ff\\d8\n(fffe,e0dd)\n"


def test_pixel_data_in_fragments_needs_a_transfer_syntax_that_has_them(tmp_path):
    dataset = parse(FRAGMENTS)
    with pytest.raises(ValueError, match=r"Pixel Data in fragments cannot be written in Explicit VR Little Endian"):
        save_dicom(dataset, tmp_path / "x.dcm")
    assert list(tmp_path.iterdir()) == []
    save_dicom(dataset, tmp_path / "x.dcm", transfer_syntax=JPEGBaseline8Bit)
    assert dcmread(tmp_path / "x.dcm").PixelData == dataset.PixelData


def test_pixel_data_not_in_fragments_cannot_be_written_compressed(tmp_path):
    with pytest.raises(ValueError, match=r"Pixel Data that is not in fragments cannot be written in JPEG Baseline"):
        save_dicom(parse("(7fe0,0010) OB 01\\02"), tmp_path / "x.dcm", transfer_syntax=JPEGBaseline8Bit)


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "x.dcm").write_bytes(b"old")
    save_dicom(parse(QUERY), tmp_path / "x.dcm")
    assert [path.name for path in tmp_path.iterdir()] == ["x.dcm"]
    assert Dataset(dcmread(tmp_path / "x.dcm")) == parse(QUERY)
    with pytest.raises(OSError, match="No such file"):
        save_dicom(parse(QUERY), tmp_path / "no" / "x.dcm")
