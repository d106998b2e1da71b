"""What we dump is what DCMTK dumps, and DCMTK's dump2dcm reads it back to an equal data set."""

import shutil
import struct
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from tdwii_conformance.dcmdump import dump, dump_encoded

needs_dcmtk = pytest.mark.skipif(
    not shutil.which("dcmdump") or not shutil.which("dump2dcm"), reason="DCMTK (dcmdump, dump2dcm) is not installed"
)


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def workitem():
    """Most of what a workitem has: nested sequences, empty values, empty items, an empty sequence."""
    parameter = Dataset()
    parameter.ValueType = "NUMERIC"
    parameter.ConceptNameCodeSequence = [code("2018002", "99IHERO2018", "Current Fraction Number")]
    parameter.NumericValue = "3"
    parameter.MeasurementUnitsCodeSequence = [code("1", "UCUM", "")]
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.34.6.1"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientName = "Müller^Jörg"
    dataset.PatientID = ""
    dataset.ScheduledProcedureStepStartDateTime = "20240101120000.000000+0100"
    dataset.ScheduledProcessingParametersSequence = [parameter, Dataset()]
    dataset.InputInformationSequence = []
    return dataset


def every_vr():
    """One element or more of each VR, values in whatever tag has that VR."""
    dataset = Dataset()
    dataset.add_new(0x00080008, "CS", ["ORIGINAL", "PRIMARY"])
    dataset.add_new(0x00080119, "UC", "long code")
    dataset.add_new(0x00080120, "UR", "urn:oid:1.2.3")
    dataset.add_new(0x00089459, "FL", struct.unpack("<f", struct.pack("<f", 1.1))[0])
    dataset.add_new(0x00181530, "DS", ["1.0", "-2e5"])
    dataset.add_new(0x00189087, "FD", [0.1, -2.5e-07, 3.0])
    dataset.add_new(0x00280009, "AT", [0x00100010, 0x00404021])
    dataset.add_new(0x00280010, "US", 512)
    dataset.add_new(0x00420011, "OB", b"\x01\x02\xff\x00")
    dataset.add_new(0x00660016, "OF", struct.pack("<2f", 1.0, 0.25))
    dataset.add_new(0x00660129, "OL", struct.pack("<2I", 1, 2**31))
    dataset.add_new(0x00720073, "OD", struct.pack("<d", 2.5))
    dataset.add_new(0x00720074, "FD", 1e-3)
    dataset.add_new(0x0072007C, "SL", [-1, 2])
    dataset.add_new(0x0072007E, "SS", -7)
    dataset.add_new(0x00720078, "UL", [1, 2**32 - 1])
    dataset.add_new(0x00720082, "SV", -5)
    dataset.add_new(0x00720083, "UV", 2**60)
    dataset.add_new(0x300A0078, "IS", 30)
    dataset.add_new(0x7FE00010, "OW", b"\x01\x02\xff\x03")
    return dataset


def private():
    dataset = Dataset()
    block = dataset.private_block(0x0011, "ACME 1", create=True)
    block.add_new(0x01, "LO", "x")
    block.add_new(0x02, "UN", b"\x01\x02")
    block.add_new(0x03, "SQ", [Dataset()])
    return dataset


def awkward_text():
    dataset = Dataset()
    dataset.PatientName = "[A]^b^[c"
    dataset.PatientComments = "first\r\nsecond # no comment\r\n  third"
    dataset.PatientID = " lead"
    dataset.InstitutionName = "#1 (St. James') <b>"
    dataset.AdmittingDiagnosesDescription = ["one", "two", ""]
    return dataset


def unsayable_text():
    """Values that dump2dcm has no way to read between brackets."""
    dataset = Dataset()
    dataset.PatientComments = "C:\\new\\records"
    dataset.AdmittingDiagnosesDescription = ["a", "nb"]
    dataset.VisitComments = "line feed\nalone"
    return dataset


def undefined_lengths():
    dataset = workitem()
    element = dataset["ScheduledProcessingParametersSequence"]
    element.is_undefined_length = True
    for item in element.value:
        item.is_undefined_length_sequence_item = True
    return dataset


DATASETS = [workitem, every_vr, private, awkward_text, unsayable_text, undefined_lengths]


def encoded(dataset, transfer_syntax=ExplicitVRLittleEndian):
    stream = DicomBytesIO()
    stream.is_little_endian = True
    stream.is_implicit_VR = transfer_syntax == ImplicitVRLittleEndian
    write_dataset(stream, dataset)
    return stream.getvalue()


def dcmtk_dump(path, *options):
    out = subprocess.run(["dcmdump", "-f", "+L", "-Un", *options, path], capture_output=True, check=True).stdout
    lines = out.decode("utf-8").splitlines()
    return "\n".join(lines[lines.index("# Dicom-Data-Set") :]) + "\n"


def read_back(tmp_path, dataset):
    dump_file, dicom_file = tmp_path / "x.txt", tmp_path / "x.dcm"
    dump_file.write_bytes(dump_encoded(dataset))
    subprocess.run(["dump2dcm", "-q", "-F", "+te", "+l", "100000", dump_file, dicom_file], check=True)
    back = dcmread(dicom_file, force=True)
    return Dataset(back)


@needs_dcmtk
@pytest.mark.parametrize(
    ("make", "syntax"),
    [
        *((make, ExplicitVRLittleEndian) for make in (workitem, every_vr, private, undefined_lengths)),
        # not private: its VRs are not in an implicit VR data set
        *((make, ImplicitVRLittleEndian) for make in (workitem, every_vr, undefined_lengths)),
    ],
)
def test_is_line_for_line_what_dcmdump_prints(tmp_path, make, syntax):
    path = tmp_path / "x.dcm"
    path.write_bytes(encoded(make(), syntax))
    option = "-ti" if syntax == ImplicitVRLittleEndian else "-te"
    assert dump_encoded(make(), transfer_syntax=syntax).decode() == dcmtk_dump(path, option)


@needs_dcmtk
@pytest.mark.parametrize("make", DATASETS)
def test_dump2dcm_reads_it_back_equal(tmp_path, make):
    assert read_back(tmp_path, make()) == make()


@needs_dcmtk
@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
    ],
    ids=str,
)
def test_text_keeps_the_character_set_of_the_data_set(tmp_path, charset, name):
    dataset = Dataset()
    dataset.SpecificCharacterSet = charset
    dataset.PatientName = name
    assert read_back(tmp_path, dataset) == dataset
    assert name in dump(dataset), "for people, text is text"


ANY_CHARACTER = st.characters(codec="latin-1", exclude_categories=["Cc"]) | st.sampled_from("\\\r\n[]#()n")


@needs_dcmtk
@given(
    texts=st.lists(
        st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]) | st.sampled_from("\\\r\n[]#()n"), max_size=30),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_back_as_it_was(tmp_path, texts):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    items = [Dataset() for _ in texts]
    for item, text in zip(items, texts, strict=True):
        item.PatientComments = text.rstrip(" ")  # trailing spaces mean nothing in LT, leading ones do [PS3.5 6.2]
    dataset.ContentSequence = items
    assert read_back(tmp_path, dataset) == dataset


def test_without_a_transfer_syntax_there_is_no_heading():
    dataset = Dataset()
    dataset.PatientID = "P1"
    assert dump(dataset) == "(0010,0020) LO [P1]                                     #   2, 1 PatientID\n"


def test_a_file_shows_its_meta_information():
    dataset = Dataset()
    dataset.PatientID = "P1"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    assert dump(dataset).splitlines() == [
        "# Dicom-File-Format",
        "",
        "# Dicom-Meta-Information-Header",
        "# Used TransferSyntax: Little Endian Explicit",
        "(0002,0010) UI [1.2.840.10008.1.2.1]                    #  20, 1 TransferSyntaxUID",
        "",
        "# Dicom-Data-Set",
        "# Used TransferSyntax: Little Endian Explicit",
        "(0010,0020) LO [P1]                                     #   2, 1 PatientID",
    ]


def test_a_long_value_is_cut_only_when_asked():
    dataset = Dataset()
    dataset.PatientComments = "x" * 100
    assert "x" * 100 in dump(dataset)
    assert dump(dataset, longest=10).startswith("(0010,4000) LT [xxxxxxxxx...  ")
    assert "# 100, 1" in dump(dataset, longest=10), "the length is that of the whole value"


def test_what_brackets_cannot_say_is_shown_as_text_beside_its_bytes():
    dataset = Dataset()
    dataset.VisitComments = "a\nb"
    comment, line = dump(dataset).splitlines()
    assert comment == r"# (0038,4000) LT is 'a\nb', which can be said in hexadecimal only"
    assert line.startswith(r"(0038,4000) UN 61\0a\62\20 ")


def test_a_vr_the_dictionary_leaves_open_is_settled_by_the_data_set():
    dataset = Dataset()
    dataset.PixelRepresentation = 1
    dataset.add_new(0x00280106, "US or SS", -5)
    assert "(0028,0106) SS -5 " in dump(dataset)
    del dataset["PixelRepresentation"]
    dataset.add_new(0x00280106, "US or SS", 5)
    assert "(0028,0106) US 5 " in dump(dataset)


def test_encapsulated_pixel_data_is_a_pixel_sequence():
    dataset = Dataset()
    dataset.add_new(0x7FE00010, "OB", encapsulate([b"\x01\x02"], has_bot=False))
    dataset["PixelData"].is_undefined_length = True
    lines = dump(dataset, transfer_syntax=JPEGBaseline8Bit).splitlines()[2:]
    assert [line[:28].rstrip() for line in lines] == [
        "(7fe0,0010) OB (PixelSequenc",
        "  (fffe,e000) pi (no value a",
        "  (fffe,e000) pi 01\\02",
        "(fffe,e0dd) na (SequenceDeli",
    ]
