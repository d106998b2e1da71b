"""dcmdump text judged by DCMTK: over files, what one writes the other reads, and both read the same.

The files are those inside the installed pydicom, without or with short pixel data, and the samples beside this
repository (``TDWII_SHARED_DATA``, else ``../shared/data``); how many of each is in the names of the tests. What the two
do differently is DCMTK's limit, and listed here with its reason: a limit that is gone makes its test fail.
"""

import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from dcmtk_programs import dcmdump, differences, dump2dcm, elements, nearly, needs_dcmtk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from tdwii_conformance.dcmdump import dump, dump_encoded, parse, save_dicom

SHORT = 65536  # bytes of pixel data

# Files that dcmdump does not read, and why.
NOT_DUMPED = {
    "MR_truncated.dcm": "is cut off, which pydicom allows",
    "rtplan_truncated.dcm": "is cut off, which pydicom allows",
    "SC_rgb_jpeg.dcm": "is not in the transfer syntax it names",
    "no_meta.dcm": "has neither header nor transfer syntax",
}
# Files whose dump by dcmdump is not read by dump2dcm, and why.
NOT_READ_BACK = {
    "test-SR.dcm": "has values with line ends, which dcmdump prints as they are",
    "no_meta_group_length.dcm": "has a value with a zero byte, at which dump2dcm ends the line",
}
TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC"}
TRAILING_PADDING = "(FFFC,FFFC)"


def corpus():
    """Return the files: of pydicom, and of the folder beside the repository."""
    files = []
    for path in sorted((Path(pydicom.__file__).parent / "data").rglob("*")):
        if path.is_file() and (path.suffix == ".dcm" or path.read_bytes()[128:132] == b"DICM"):
            dataset = dcmread(path, force=True)
            if len(dataset) and len(getattr(dataset.get_item("PixelData"), "value", None) or b"") <= SHORT:
                files.append(path)
    shared = Path(os.environ.get("TDWII_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
    return files, sorted(shared.rglob("*.dcm"))


OF_PYDICOM, OF_SAMPLES = corpus()
COUNT = f"{len(OF_PYDICOM)} files of pydicom, {len(OF_SAMPLES)} samples"


def same(one, other):
    """Allow what no dump can keep: a missing pad byte [PS3.5 7.1], the VR of fragments, which is OB [PS3.5 A.4]."""
    (vr, value), (other_vr, other_value) = one, other
    if vr == "OW" and other_vr == "OB":
        return value == other_value and value.startswith(b"\xfe\xff\x00\xe0")
    return vr == other_vr and isinstance(value, bytes) and len(value) % 2 == 1 and value + b"\0" == other_value


def same_but_for_digits(one, other):
    """Allow what DCMTK changes both ways: the last digit of numbers of 64 bits."""
    (vr, value), (other_vr, other_value) = one, other
    return nearly(vr, value, other_value) if vr == other_vr and vr in ("FD", "OD") else same(one, other)


def same_but_for_dump2dcm(one, other):
    """Allow what dump2dcm changes: digits; a backslash and n, which it takes for a line end where there can be none."""
    (vr, value), (other_vr, other_value) = one, other
    if vr == other_vr and vr in TEXT:
        texts = ["\\".join(map(str, v)) if isinstance(v, (list, MultiValue)) else str(v) for v in (value, other_value)]
        return texts[0].replace("\\n", "\r\n") == texts[1]
    return same_but_for_digits(one, other)


class Compared:
    """One file, and how it came through."""

    def __init__(self, path, folder):
        self.path = path
        file = dcmread(path, force=True)
        expected, meta = elements(file), elements(getattr(file, "file_meta", Dataset()))
        # dump2dcm is to write as the file is where only that can hold the pixel data, and with VRs elsewhere
        syntax = getattr(file, "file_meta", Dataset()).get("TransferSyntaxUID")
        option = "+t=" if syntax is not None and syntax.is_compressed else "+te"
        text = dcmdump(path)
        self.dumped = text is not None
        self.by_dcmdump, self.both_read, self.read_back = [], [], True
        if text is not None:
            read = parse(text, name=path.name)
            ours = elements(read)
            self.by_dcmdump = differences(expected, ours, same=same_but_for_digits)
            self.by_dcmdump += differences(meta, elements(getattr(read, "file_meta", Dataset())), same=same)
            self.read_back = dump2dcm(text, folder / "theirs.dcm", option)
            if self.read_back:
                theirs = elements(dcmread(folder / "theirs.dcm", force=True))
                self.both_read = self._but_padding(differences(ours, theirs, same=same_but_for_dump2dcm))
        encoded = dump_encoded(file)
        assert dump2dcm(encoded, folder / "ours.dcm", option), f"{path}: dump2dcm refuses our dump"
        theirs = elements(dcmread(folder / "ours.dcm", force=True))
        self.by_dump2dcm = self._but_padding(differences(expected, theirs, same=same_but_for_dump2dcm))
        self.by_ourselves = [
            *differences(expected, elements(parse(encoded, name=path.name)), same=same),
            *differences(expected, elements(parse(dump(file), name=path.name)), same=same),
        ]

    @staticmethod
    def _but_padding(found):
        # dump2dcm leaves Data Set Trailing Padding out (--padding-off is what it does without being told)
        return [line for line in found if not line.startswith(TRAILING_PADDING)]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    def compare(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pydicom, on what its test files do wrong on purpose
            return Compared(path, tmp_path_factory.mktemp(path.stem))

    files = [*OF_PYDICOM, *OF_SAMPLES]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(compare, files))


def counted(compared, record_property):
    record_property("files", len(compared))
    record_property("files of pydicom", len(OF_PYDICOM))
    record_property("samples", len(OF_SAMPLES))
    assert len(compared) > 100, "pydicom brings more than a hundred files"


over_the_corpus = pytest.mark.parametrize("files", [pytest.param(None, id=COUNT)])


@needs_dcmtk
@over_the_corpus
def test_what_dcmdump_prints_is_read_to_an_equal_data_set(compared, files, record_property):
    counted(compared, record_property)
    assert {one.path.name: one.by_dcmdump for one in compared if one.by_dcmdump} == {}
    assert {one.path.name for one in compared if not one.dumped} == NOT_DUMPED.keys()


@needs_dcmtk
@over_the_corpus
def test_what_we_dump_dump2dcm_reads_to_an_equal_data_set(compared, files, record_property):
    counted(compared, record_property)
    assert {one.path.name: one.by_dump2dcm for one in compared if one.by_dump2dcm} == {}


@needs_dcmtk
@over_the_corpus
def test_we_and_dump2dcm_read_a_text_alike(compared, files, record_property):
    counted(compared, record_property)
    assert {one.path.name: one.both_read for one in compared if one.both_read} == {}
    assert {one.path.name for one in compared if not one.read_back} == NOT_READ_BACK.keys()


@needs_dcmtk
@over_the_corpus
def test_we_read_our_own_dump_to_an_equal_data_set(compared, files, record_property):
    counted(compared, record_property)
    assert {one.path.name: one.by_ourselves for one in compared if one.by_ourselves} == {}


# --- generated data sets ----------------------------------------------------------------------------------------------

# dcmdump prints line ends and zero bytes as they are, so no control characters; that a text in brackets may end in a
# backslash, begin with a bracket or look like a comment is what is tried here.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("[]()<>#=\\n ")
# Trailing spaces are padding, in names and most others leading ones as well [PS3.5 6.2].
LINES_OF_TEXT = st.text(CHARACTERS, max_size=20).map(str.rstrip).filter(lambda text: "\\n" not in text)
WORDS_OF_TEXT = st.text(CHARACTERS, max_size=12).map(lambda text: text.replace("\\", "").strip())
CODES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ", max_size=16).map(str.strip)


def several(strategy):
    return st.lists(strategy, min_size=1, max_size=3)


def whole_numbers(bits, *, signed=False):
    low = -(2 ** (bits - 1)) if signed else 0
    return several(st.integers(low, low + 2**bits - 1))


def real_numbers(width):
    # The further the exponent is from 0, the more digits DCMTK loses of numbers of 64 bits, both ways; the largest become infinite.
    most = 2.0**100 if width == 64 else 2.0**127
    numbers = st.floats(-most, most, width=width, allow_subnormal=False)
    return several(numbers.filter(lambda number: number == 0 or abs(number) > 1 / most))


def bytes_of(size):
    return st.binary(max_size=5 * size).map(lambda value: value[: len(value) // size * size])


def floats_of(kind):
    width = {"f": 32, "d": 64}[kind]
    return real_numbers(width).map(lambda values: struct.pack(f"<{len(values)}{kind}", *values))


VALUES = {
    0x00080054: ("AE", several(CODES)),
    0x00101010: ("AS", st.sampled_from(["030Y", "", "006M"])),
    0x00280009: ("AT", several(st.integers(0, 2**32 - 1))),
    0x00080008: ("CS", several(CODES)),
    0x00080020: ("DA", st.sampled_from(["20240131", "20240101-20240131", ""])),
    0x00181530: ("DS", several(st.sampled_from(["1.5", "-2e-5", "0", "  7"]))),
    0x00404005: ("DT", st.sampled_from(["20240101120000.000000+0100", "2024", ""])),
    0x00189087: ("FD", real_numbers(64)),
    0x00089459: ("FL", real_numbers(32)),
    0x30080022: ("IS", several(st.integers(-(2**31), 2**31 - 1))),
    0x00081080: ("LO", several(WORDS_OF_TEXT)),
    0x00104000: ("LT", LINES_OF_TEXT),
    0x00420011: ("OB", bytes_of(2)),
    0x0070150D: ("OD", floats_of("d")),
    0x00640009: ("OF", floats_of("f")),
    0x00660129: ("OL", bytes_of(4)),
    0x00720082: ("OV", bytes_of(8)),
    0x00281201: ("OW", bytes_of(2)),
    0x00100010: ("PN", WORDS_OF_TEXT),
    0x00081060: ("PN", several(WORDS_OF_TEXT)),
    0x00080100: ("SH", several(WORDS_OF_TEXT)),
    0x00186020: ("SL", whole_numbers(32, signed=True)),
    0x00189219: ("SS", whole_numbers(16, signed=True)),
    0x0040A170: ("ST", LINES_OF_TEXT),
    0x00720083: ("SV", whole_numbers(64, signed=True)),
    0x00080030: ("TM", st.sampled_from(["120000", "1200-1300", ""])),
    0x00080119: ("UC", several(WORDS_OF_TEXT)),
    0x00080018: ("UI", several(st.sampled_from(["1.2.3", "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.34.6.1", ""]))),
    0x00186016: ("UL", whole_numbers(32)),
    0x00111002: ("UN", bytes_of(2)),
    0x00080120: ("UR", st.sampled_from(["urn:oid:1.2.3", "https://a/?b=[c]#d"])),
    0x00280010: ("US", whole_numbers(16)),
    0x0040A160: ("UT", LINES_OF_TEXT),
    0x0008040C: ("UV", whole_numbers(64)),
    0x00091001: ("LO", WORDS_OF_TEXT),
}
SEQUENCES = [0x00404018, 0x00404021, 0x00741210, 0x00091002]


@st.composite
def datasets(draw, deep=3):
    dataset = Dataset()
    for tag in sorted(draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=8))):
        vr, strategy = VALUES[tag]
        dataset.add_new(tag, vr, draw(strategy))
    for tag in sorted(draw(st.sets(st.sampled_from(SEQUENCES), max_size=2))) if deep else ():
        items = draw(st.lists(datasets(deep - 1), max_size=2))
        dataset.add_new(tag, "SQ", items)
        dataset[tag].is_undefined_length = draw(st.booleans())
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
    if any(tag.is_private for tag in dataset):
        dataset.add_new(0x00090010, "LO", "ACME 1")
        dataset.add_new(0x00110010, "LO", "ACME 2")
    return dataset


@needs_dcmtk
@given(datasets())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_data_set_comes_through(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("generated")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    save_dicom(dataset, folder / "x.dcm")
    one = Compared(folder / "x.dcm", folder)
    assert one.dumped and one.read_back
    assert (one.by_dcmdump, one.both_read, one.by_dump2dcm, one.by_ourselves) == ([], [], [], [])
