"""dcm2dump, then dump2dcm: every text element comes back byte for byte, whatever its character set, right or wrongly encoded."""

import contextlib
import io
import struct
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.filereader import read_dataset

from tdwii_conformance.cli import main
from tdwii_conformance.dcmdump import DumpError, dump_text, load_text, save_dicom
from tdwii_conformance.dcmdump.dicom import FileFault, encoding_of, inflated, read_content, read_dicom

BYTES = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
IMPLICIT, EXPLICIT, BIG, DEFLATED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
CONSOLES = ("utf-8", "cp1252", "ascii")


def values(dataset, path=()):
    """Return the values as the bytes that they are, by path; group lengths, which are retired, are left out."""
    found = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0:
            continue
        raw = dataset.get_item(tag)
        known = dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
        vr = known if raw.VR in (None, "UN") else raw.VR
        if vr == "SQ":
            for number, item in enumerate(dataset[tag].value or ()):
                found |= values(item, (*path, str(tag), number))
        elif not isinstance(raw.value or b"", bytes):  # pydicom looks at some itself
            found[(*path, str(tag))] = str(raw.value)
        else:
            value = raw.value or b""
            pad = b"\0" if vr in BYTES | {"UI"} or not dictionary_has_tag(tag) else b" "
            found[(*path, str(tag))] = value + pad * (len(value) % 2)
    return found


def of_file(path):
    content = read_content(path)
    implicit, little = encoding_of(content.transfer_syntax)
    return values(read_dataset(BytesIO(inflated(content.encoded, content.transfer_syntax)), implicit, little))


def returned(path, folder, encoding="utf-8"):
    """Return the file that comes back from the text of a file."""
    text, back = folder / "dump.txt", folder / "back.dcm"
    text.write_bytes(dump_text(read_dicom(path), encoding=encoding).encode(encoding))
    save_dicom(load_text(text), back)
    return back


def element(tag, value, implicit=False, vr=b"LO"):
    value += b" " * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return head + (struct.pack("<L", len(value)) if implicit else vr + struct.pack("<H", len(value))) + value


def file_of(path, *elements, syntax=EXPLICIT):
    meta = element(0x00020010, syntax.encode() + b"\0" * (len(syntax) % 2), vr=b"UI")
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0" + struct.pack("<L", len(meta)) + meta + b"".join(elements))
    return path


# PS3.3 C.12.1.1.2, and annexes H to K of PS3.5: names as they are there, in their own bytes.
NAMES = {
    "none": (b"", b"Doe^Jane"),
    "ISO_IR 100": (b"ISO_IR 100", "Äneas^Rüdiger".encode("latin-1")),
    "ISO_IR 101": (b"ISO_IR 101", "Wałęsa".encode("iso8859-2")),
    "ISO_IR 109": (b"ISO_IR 109", "Ĉapelo".encode("iso8859-3")),
    "ISO_IR 110": (b"ISO_IR 110", "Ēriks".encode("iso8859-4")),
    "ISO_IR 144": (b"ISO_IR 144", "Люкceмбypг".encode("iso8859-5")),
    "ISO_IR 127": (b"ISO_IR 127", "قباني^لنزار".encode("iso8859-6")),
    "ISO_IR 126": (b"ISO_IR 126", "Διονυσιος".encode("iso8859-7")),
    "ISO_IR 138": (b"ISO_IR 138", "שרון^דבורה".encode("iso8859-8")),
    "ISO_IR 148": (b"ISO_IR 148", "Çavuşoğlu".encode("iso8859-9")),
    "ISO 2022 IR 203": (b"\\ISO 2022 IR 203", b"C\x1b-b\xbdur^D"),
    "ISO_IR 203": (b"ISO_IR 203", "Œuvre€".encode("iso8859-15")),
    "ISO_IR 166": (b"ISO_IR 166", "นามสกุล".encode("tis-620")),
    "ISO_IR 13": (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
    "ISO_IR 192": (b"ISO_IR 192", "Wang^XiaoDong=王^小东=".encode()),
    "GB18030": (b"GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030")),
    "GBK": (b"GBK", "Wang^XiaoDong=王^小东=".encode("gbk")),
    "ISO 2022 IR 87": (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"),
    "ISO 2022 IR 13, 87": (b"ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"),
    "ISO 2022 IR 159": (b"\\ISO 2022 IR 87\\ISO 2022 IR 159", b"A=\x1b$B;3\x1b$(D0!\x1b(B"),
    "ISO 2022 IR 149": (b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"),
    "ISO 2022 IR 58": (b"\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="),
    "ISO 2022 IR 100, 144": (b"ISO 2022 IR 100\\ISO 2022 IR 144", b"Dionysios=\x1b-L\xbb\xee"),
    "ISO 2022 IR 6, 126": (b"ISO 2022 IR 6\\ISO 2022 IR 126", b"Dionysios=\x1b-F\xc4\xe9"),
}  # fmt: skip
WRONG = {
    "UTF-8 that ends": (b"ISO_IR 192", b"Ger\xc3"),
    "Latin 1 called UTF-8": (b"ISO_IR 192", b"Ger\xe4t^\xfc"),
    "UTF-8 called Latin 1": (b"ISO_IR 100", "Gerät".encode()),
    "UTF-8 called nothing": (b"", "治療室 Gerät".encode()),
    "Latin 1 called nothing": (b"", b"M\xfcller"),
    "C1 controls in Latin 1": (b"ISO_IR 100", b"a\x80b\x9f"),
    "no character set at all": (b"ISO_IR 999", b"M\xfcller"),
    "escapes without need": (b"\\ISO 2022 IR 87", b"A\x1b(BB"),
    "unknown escapes": (b"\\ISO 2022 IR 87", b"A\x1b$ZB"),
    "a line feed, an escape and a zero": (b"", b"a\nb\x1b[31mc\0d"),
    "what looks like a comment": (b"ISO_IR 192", "ä] # 2, 1 x".encode()),
    "backslash n": (b"ISO_IR 100", b"\xe4\\no"),
}


@pytest.mark.parametrize("encoding", CONSOLES)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("kind", [*NAMES, *WRONG])
def test_every_character_set(tmp_path, kind, syntax, encoding):
    named, name = (NAMES | WRONG)[kind]
    implicit = syntax == IMPLICIT
    charset = element(0x00080005, named, implicit, b"CS")
    item = element(0x00080104, name, implicit)
    items = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item
    sequence = struct.pack("<HH", 0x0040, 0x4025) + (b"" if implicit else b"SQ\0\0") + struct.pack("<L", len(items)) + items
    elements = (charset, element(0x00100010, name, implicit, b"PN"), element(0x00104000, name, implicit, b"LT"), sequence)
    path = file_of(tmp_path / "file.dcm", *elements, syntax=syntax)
    back = returned(path, tmp_path, encoding)
    assert of_file(back) == of_file(path)
    assert read_content(back).encoded == b"".join(elements)  # VRs and lengths as well
    text = (tmp_path / "dump.txt").read_bytes().decode(encoding)
    assert all(c == "\n" or c.isprintable() for c in text)


@settings(max_examples=200, deadline=None)
@given(named=st.sampled_from([named for named, _ in NAMES.values()]), value=st.binary(min_size=1, max_size=12))
def test_any_bytes_under_any_character_set(tmp_path_factory, named, value):
    folder = tmp_path_factory.mktemp("any")
    path = file_of(folder / "file.dcm", element(0x00080005, named, vr=b"CS"), element(0x00100010, value, vr=b"PN"))
    assert read_content(returned(path, folder)).encoded == read_content(path).encoded


def small(pattern):
    files = sorted((Path(pydicom.__file__).parent / "data").glob(pattern))
    return [path for path in files if path.stat().st_size < 400_000]


@pytest.mark.parametrize("path", [*small("charset_files/*.dcm"), *small("test_files/*.dcm")], ids=lambda path: path.name)
def test_files_of_pydicom(tmp_path, path):
    if path.name in ("MR_truncated.dcm", "rtplan_truncated.dcm", "no_meta.dcm"):
        with pytest.raises(FileFault):
            read_dicom(path)
        return
    assert of_file(returned(path, tmp_path)) == of_file(path)


@pytest.mark.parametrize("path", small("charset_files/*.dcm"), ids=lambda path: path.name)
def test_files_of_pydicom_by_command(tmp_path, path):
    """The commands themselves: neither reads the text and writes it in another of the many ways that code extensions allow."""
    text, back = tmp_path / "dump.txt", tmp_path / "back.dcm"
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        assert main(["dcm2dump", str(path)]) == 0
        out.flush()
    text.write_bytes(out.buffer.getvalue())
    assert main(["dump2dcm", str(text), str(back)]) == 0
    assert of_file(back) == of_file(path)


def test_a_name_is_shown_as_text(tmp_path):
    path = file_of(tmp_path / "file.dcm", element(0x00080005, b"ISO_IR 203", vr=b"CS"), element(0x00100010, b"\xa4\xbd", vr=b"PN"))
    assert "[€œ]" in dump_text(read_dicom(path))
    path = file_of(tmp_path / "file.dcm", element(0x00080005, b"ISO_IR 100", vr=b"CS"), element(0x00100010, b"M\xfcller", vr=b"PN"))
    assert "[Müller]" in dump_text(read_dicom(path))
    assert "PN is 'M\\xfcller', which can be said in hexadecimal only" in dump_text(read_dicom(path), encoding="ascii")


def test_a_text_in_another_encoding_than_it_says(tmp_path):
    text = tmp_path / "dump.txt"
    text.write_bytes("# Text encoding: utf-8\n(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [Müller]\n".encode("latin-1"))
    with pytest.raises(DumpError, match="line 3: is not in utf-8, as line 1 says"):
        load_text(text)
    text.write_bytes(b"# Text encoding: klingon\n(0010,0010) PN [A]\n")
    with pytest.raises(DumpError, match="there is no encoding 'klingon'"):
        load_text(text)
