"""dcmdump text judged by DCMTK: over files, what one writes the other reads, and both read the same.

The files are those inside the installed pydicom, without or with short pixel data, and the samples beside this
repository (``TDWII_SHARED_DATA``, else ``../shared/data``); how many of each is in the names of the tests. What the two
do differently is DCMTK's limit, and listed here with its reason: a limit that is gone makes its test fail.
"""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from dcmtk_programs import dcmdump, differences, dump2dcm, elements, nearly, needs_dcmtk
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from tdwii_conformance.dcmdump import dump, dump_encoded, parse

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


def same_but_for_dump2dcm(one, other):
    """Allow what dump2dcm changes: the last digit of long numbers; a backslash and n, which it takes for a line end."""
    (vr, value), (other_vr, other_value) = one, other
    if vr == other_vr in ("FD", "OD"):
        return nearly(value, other_value)
    if vr == other_vr and vr in TEXT:
        texts = ["\\".join(map(str, v)) if isinstance(v, (list, MultiValue)) else str(v) for v in (value, other_value)]
        return texts[0].replace("\\n", "\r\n") == texts[1]
    return same(one, other)


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
            self.by_dcmdump = differences(expected, ours, same=same)
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
