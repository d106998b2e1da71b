"""dcmdump text read to data sets: what a line may be, and the line named in every error."""

import struct

import pytest
from pydicom.dataset import Dataset

from tdwii_conformance.dcmdump import DumpError, parse


def one(line, **options):
    """Return the only element of a text of one line."""
    (element,) = parse(line, **options)
    return element


@pytest.mark.parametrize(
    ("line", "vr", "value"),
    [
        ("(0008,0054) AE [TMS]", "AE", "TMS"),
        ("(0010,1010) AS [030Y]", "AS", "030Y"),
        ("(0028,0009) AT (3004,000c)", "AT", 0x3004000C),
        (r"(0028,0009) AT (3004,000c)\(0018,1063)  # 8, 2 FrameIncrementPointer", "AT", [0x3004000C, 0x00181063]),
        ("(0028,0009) AT ( 3004 , 000c )", "AT", 0x3004000C),
        (r"(0008,0008) CS [ORIGINAL\PRIMARY]", "CS", ["ORIGINAL", "PRIMARY"]),
        ("(0008,0020) DA [20240131]", "DA", "20240131"),
        (r"(0018,1530) DS [1.0\-2e5]", "DS", [1.0, -2e5]),
        ("(0040,4005) DT [20240101120000.000000+0100]", "DT", "20240101120000.000000+0100"),
        (r"(0018,9087) FD 0.1\-2.5e-07\3", "FD", [0.1, -2.5e-07, 3.0]),
        ("(0008,9459) FL 1.5", "FL", 1.5),
        ("(3008,0022) IS [3]", "IS", 3),
        (r"(0008,1080) LO [one\two\]", "LO", ["one", "two", ""]),
        ("(0010,4000) LT [a\\b]", "LT", "a\\b"),
        (r"(0042,0011) OB 01\02\ff\00", "OB", b"\x01\x02\xff\x00"),
        (r"(0070,150d) OD 0.5\-1", "OD", struct.pack("<dd", 0.5, -1)),
        (r"(0064,0009) OF 0.5", "OF", struct.pack("<f", 0.5)),
        (r"(0066,0129) OL 1\4294967295", "OL", struct.pack("<II", 1, 2**32 - 1)),
        (r"(0072,0082) OV 18446744073709551615", "OV", b"\xff" * 8),
        (r"(7fe0,0010) OW 0102\ff00\7", "OW", b"\x02\x01\x00\xff\x07\x00"),
        ("(0010,0010) PN [Müller^Jörg]", "PN", "Müller^Jörg"),
        ("(0008,0100) SH [121726]", "SH", "121726"),
        ("(0018,6020) SL -5", "SL", -5),
        (r"(0018,9219) SS -32768\32767", "SS", [-32768, 32767]),
        ("(0040,a170) ST [ lead]", "ST", " lead"),
        ("(0072,0083) SV -9223372036854775808", "SV", -(2**63)),
        ("(0008,0030) TM [120000]", "TM", "120000"),
        ("(0008,0119) UC [long code]", "UC", "long code"),
        ("(0008,0018) UI [1.2.3]", "UI", "1.2.3"),
        (r"(0008,001a) UI [1.2.3\1.2.4]", "UI", ["1.2.3", "1.2.4"]),
        ("(0008,0016) UI =UnifiedProcedureStepPushSOPClass", "UI", "1.2.840.10008.5.1.4.34.6.1"),
        ("(0018,6016) UL 4294967295", "UL", 2**32 - 1),
        (r"(0011,1002) UN 01\2", "UN", b"\x01\x02"),
        ("(0008,0120) UR [urn:oid:1.2.3]", "UR", "urn:oid:1.2.3"),
        ("(0028,0010) US 512", "US", 512),
        ("(0040,a160) UT [text]", "UT", "text"),
        ("(0008,040c) UV 18446744073709551615", "UV", 2**64 - 1),
    ],
)
def test_a_value_of_each_vr(line, vr, value):
    charset = "(0008,0005) CS [ISO_IR 192]\n"
    element = next(e for e in parse(charset + line) if e.tag != 0x00080005)
    assert (element.VR, element.value) == (vr, value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("(0010,0020) LO [P1]                                     #   2, 1 PatientID", "P1"),
        ("(0010,0020)LO[P1]", "P1"),
        ("  \t( 0010 , 0020 ) LO   [P1]  anything", "P1"),
        ("(10,20) LO [P1]", "P1"),
        ("(0010,0020) LO P1", "P1"),
        ("(0010,0020) LO two words  # 10, 1", "two words"),
        ("(0010,0020) LO [#1] # 2, 1", "#1"),
        ("(0010,0020) LO [[a]b]] # 6, 1", "[a]b]"),
        ("(0010,0020) LO [=P1]", "=P1"),
        ("(0010,0020) LO =P1", "=P1"),
        ("(0010,0020) LO [(no value available)]", "(no value available)"),
        ("(0010,0020) LO [<P1>]", "<P1>"),
        ("(0010,0020) [P1]", "P1"),
        ("(0010,0020) ?? [P1]", "P1"),
        ("(0010,0020) LO (no value available)   #   0, 0 PatientID", ""),
        ("(0010,0020) LO []", ""),
        ("(0010,0020) LO", ""),
        ("(0010,0020) LO  # nothing", ""),
        ("(0010,4000) LT [one\\ntwo]", "one\r\ntwo"),
        ("(0008,1080) LO [one\\no two]", ["one", "no two"]),
    ],
)
def test_ways_to_write_a_line(line, value):
    assert one(line).value == value


@pytest.mark.parametrize(
    ("line", "vr", "value"),
    [
        ("(0008,0005) [ISO_IR 100]", "CS", "ISO_IR 100"),
        ("(0008,0005) ISO_IR 100", "CS", "ISO_IR 100"),
        ("(0028,0010) 512", "US", 512),
        ("(0028,0106) xs -5", "SS", -5),
        ("(0028,0106) xs 5", "US", 5),
        (r"(0028,3006) lt 0102\0304", "OW", b"\x02\x01\x04\x03"),
        ("(0009,0010) [ACME 1]", "LO", "ACME 1"),
        (r"(0009,1001) ?? 01\02", "UN", b"\x01\x02"),
        ("(0011,0000) 8", "UL", 8),
    ],
)
def test_without_a_vr_the_dictionary_says_it(line, vr, value):
    element = one(line)
    assert (element.VR, element.value) == (vr, value)


def test_comments_empty_lines_and_line_ends_of_any_system():
    text = "# a comment\r\n\r\n   # another\r\n(0010,0020) LO [P1]\r\n\t\n(0010,0021) LO [HIS]"
    assert [e.value for e in parse(text)] == ["P1", "HIS"]
    assert parse(text.encode()) == parse(text)


def test_the_order_of_lines_means_nothing():
    assert parse("(0010,0020) LO [P1]\n(0008,0016) UI [1.2]") == parse("(0008,0016) UI [1.2]\n(0010,0020) LO [P1]")


NESTED = """\
(0040,4018) SQ (Sequence with undefined length #=2)     # u/l, 1 ScheduledWorkitemCodeSequence
  (fffe,e000) na (Item with undefined length #=1)         # u/l, 1 Item
    (0008,0100) SH [121726]                                 #   6, 1 CodeValue
    (0040,4021) SQ (Sequence with explicit length #=0)      #   0, 1 InputInformationSequence
    (fffe,e0dd) na (SequenceDelimitationItem for re-encod.) #   0, 0 SequenceDelimitationItem
  (fffe,e00d) na (ItemDelimitationItem)                   #   0, 0 ItemDelimitationItem
  (fffe,e000) na (Item with explicit length #=0)          #   0, 1 Item
  (fffe,e00d) na (ItemDelimitationItem for re-encoding)   #   0, 0 ItemDelimitationItem
(fffe,e0dd) na (SequenceDelimitationItem)               #   0, 0 SequenceDelimitationItem
(0010,0020) LO [P1]
"""


def test_sequences_and_items_of_defined_and_undefined_length():
    dataset = parse(NESTED)
    sequence = dataset["ScheduledWorkitemCodeSequence"]
    first, second = sequence.value
    assert sequence.is_undefined_length
    assert first.is_undefined_length_sequence_item
    assert not second.is_undefined_length_sequence_item
    assert not first["InputInformationSequence"].is_undefined_length
    assert first.CodeValue == "121726" and len(first.InputInformationSequence) == 0
    assert second == Dataset()
    assert dataset.PatientID == "P1"


def test_what_is_only_a_description_may_be_left_out():
    text = "(0040,4018)\n(fffe,e000)\n(0008,0100) [1]\n(fffe,e00d)\n(fffe,e0dd)"
    assert parse(text).ScheduledWorkitemCodeSequence[0].CodeValue == "1"


def test_group_2_is_the_file_meta_information():
    dataset = parse("(0002,0010) UI =LittleEndianImplicit\n(0010,0020) LO [P1]")
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert list(dataset.keys()) == [0x00100020]
    assert not hasattr(parse("(0010,0020) LO [P1]"), "file_meta")


def test_bytes_are_in_the_character_set_they_name_and_text_is_encoded_in_it():
    text = "(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [Müller]\n(0008,1110) SQ\n(fffe,e000)\n(0008,1030) LO [Größe]\n(0009,0010) LO [ACME]\n(0009,1001) LO [Höhe]\n(fffe,e00d)\n(fffe,e0dd)"
    for dataset in (parse(text), parse(text.encode("latin-1"))):
        assert dataset.PatientName == "Müller"
        (item,) = dataset.ReferencedStudySequence
        assert item.StudyDescription == "Größe"
        assert item[0x00091001].value == "Höhe"


def test_binary_values_of_a_file_are_looked_for_in_the_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.dat").write_bytes(b"\x01\x02\x03")
    for name in ("sub/x.dat", "sub\\x.dat"):
        assert one(f"(0042,0011) OB ={name}  # comment", folder=tmp_path).value == b"\x01\x02\x03\x00"


def test_pixel_data_in_fragments(tmp_path):
    (tmp_path / "frame").write_bytes(b"\x05\x06\x07")
    element = one(
        "(7fe0,0010) OB (PixelSequence #=3)\n"
        "  (fffe,e000) pi (no value available)\n"
        "  (fffe,e000) pi ff\\d8\\01\n"
        "  (fffe,e000) pi =frame\n"
        "(fffe,e0dd) na (SequenceDelimitationItem)",
        folder=tmp_path,
    )
    assert element.is_undefined_length
    assert element.value == bytes.fromhex("feff00e000000000 feff00e004000000ffd80100 feff00e00400000005060700")


def test_a_value_over_several_lines_as_dcmdump_prints_it():
    """DCMTK's dcmdump prints line ends as they are, and its dump2dcm cannot read that."""
    dataset = parse("(0010,4000) LT [one\r\n(two)\r\n  [three]]   #  21, 1 PatientComments\r\n(0010,0020) LO [P1]")
    assert dataset.PatientComments == "one\r\n(two)\r\n  [three]"
    assert dataset.PatientID == "P1"


def test_what_dump2dcm_takes_is_taken_wrong_or_not():
    """Faulty data sets are made on purpose, to see who notices."""
    assert parse("(3008,0022) IS [three]")["CurrentFractionNumber"].value == "three"


ITEM = "(0040,4018) SQ\n(fffe,e000)\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "there is no data element in it"),
        ("# nothing\n\n", 1, "there is no data element in it"),
        ("\n\nPatientID = P1", 3, "'PatientID = P1' does not begin with a tag, like (0010,0020)"),
        ("(0010 LO [P1]", 1, "does not begin with a tag"),
        ("(00100,0020) LO [P1]", 1, "(00100,0020) is no tag"),
        ("(0010,0020) LO [P1", 1, "a value that begins with [ has no ] at its end"),
        ("(0010,0020) ZZ [P1]", 1, "ZZ is no VR"),
        ("(0010,0020) LO (P1)", 1, "(0010,0020) LO: '(P1)' is no value; text that begins with ( stands in [ ]"),
        ("(0010,0020) LO <P1>", 1, "(0010,0020) LO: '<P1>' is no value; text that begins with < stands in [ ]"),
        ("(7fe0,0010) OW (not loaded)", 1, "(7fe0,0010) OW: dcmdump did not load the value; dcmdump +M does"),
        ("(0010,4000) LT [aaaa...   # 100, 1 PatientComments", 1, "the value is cut short; dcmdump +L prints whole values"),
        ("(7fe0,0010) OB 01\\02...  # 100, 1 PixelData", 1, "the value is cut short; dcmdump +L prints whole values"),
        ("(0042,0011) OB 01\\0g", 1, "(0042,0011) OB: '0g' is not a byte in hexadecimal digits; \\ stands between two"),
        ("(0042,0011) OB 0102", 1, "'0102' is not a byte in hexadecimal digits"),
        ("(7fe0,0010) OW 01\\00123", 1, "'00123' is not a word of 16 bits in hexadecimal digits"),
        ("(0042,0011) OB =x.dat", 1, "=x.dat names a file, and this text has no folder to look in"),
        ("(0028,0010) US 65536", 1, "(0028,0010) US: 65536 is out of the range of this VR"),
        ("(0028,0010) US -1", 1, "-1 is out of the range of this VR"),
        ("(0028,0010) US 1.5", 1, "'1.5' is no whole number"),
        ("(0028,0010) US 1_0", 1, "'1_0' is no whole number"),
        ("(0028,0010) US 1\\\\2", 1, "'' is no whole number"),
        ("(0008,9459) FL 1e40", 1, "1e40 is out of the range of this VR"),
        ("(0018,9087) FD x", 1, "'x' is no number"),
        ("(0028,0009) AT (3004,000c)\\x", 1, "'x' is no tag; one is written (0010,0020)"),
        ("(0008,0016) UI =NoSuchSOPClass", 1, "(0008,0016) UI: no UID has the name 'NoSuchSOPClass'; [1.2.3] gives"),
        ("\n(0040,a730) UN 01\\02\\03\\04", 2, "(0040,a730) UN: the bytes are none that (0040,a730) can have"),
        ("(0010,0020) LO [P1]\n(0010,0020) LO [P2]", 2, "(0010,0020) is given twice, first in line 1"),
        ("(0040,4018) SQ [x]", 1, "(0040,4018) is a sequence and has no value"),
        ("(0040,4018) SQ\n(0008,0100) SH [1]", 2, "(0008,0100) stands in the sequence of line 1 without an item"),
        ("(0010,0020) LO [P1]\n(fffe,e000) na", 2, "an item begins here, and no sequence is open"),
        ("(fffe,e00d) na", 1, "an item ends here, and none is open"),
        ("(fffe,e0dd) na", 1, "a sequence ends here, and none is open"),
        (ITEM + "(fffe,e000) na", 3, "an item begins here, and the item of line 2 is still open; (fffe,e00d) ends an item"),
        (ITEM + "(fffe,e0dd) na", 3, "a sequence ends here, and its item of line 2 is still open"),
        (ITEM + "(fffe,e00d) na", 1, "the sequence that begins here is not ended; (fffe,e0dd) na ends a sequence"),
        (ITEM + "(0008,0100) SH [1]", 2, "the item that begins here is not ended; (fffe,e00d) na ends an item"),
        (ITEM + "(0002,0010) UI [1.2]", 3, "(0002,0010) is file meta information, and stands in a sequence"),
        (ITEM + "(0040,a730) UN 01\\02\n(fffe,e00d)\n(fffe,e0dd)", 3, "(0040,a730) UN: the bytes are none"),
        (ITEM * 101, 201, "sequences are nested more than 100 deep"),
        ("(0010,0010) PN [Müller]", 1, "'Müller' is more than ASCII, and no Specific Character Set (0008,0005) says how"),
        ("(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [王]", 2, "'王' is in none of the character sets that Specific"),
        ("(0008,0005) CS [ISO_IR 192]\n(0008,0100) CS [王]", 2, "'王' is more than the ASCII that this VR allows"),
    ],
)
def test_every_error_names_the_text_and_the_line(text, line, problem):
    with pytest.raises(DumpError) as caught:
        parse(text, name="query.txt")
    assert str(caught.value).startswith(f"query.txt, line {line}: ")
    assert problem in str(caught.value)
    assert (caught.value.name, caught.value.line) == ("query.txt", line)
    assert "\n" not in str(caught.value)


def test_a_file_that_a_value_names_and_that_is_not_there(tmp_path):
    with pytest.raises(DumpError) as caught:
        parse("(0042,0011) OB =x.dat", folder=tmp_path)
    assert (
        str(caught.value) == f"<text>, line 1: (0042,0011) OB: =x.dat names a file: {tmp_path / 'x.dat'}: No such file or directory"
    )
