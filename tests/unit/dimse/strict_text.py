"""A strict reader of text: what is sent has the characters that its Specific Character Set names, or is refused.

It stands on Python's codecs alone, and on the bytes as they came: it shares nothing with what declares text in the package.
"""

from io import BytesIO

from pydicom.datadict import dictionary_VR
from pydicom.filereader import read_dataset

CODED = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
ASCII_ONLY = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
# PS3.3 C.12.1.1.2, those that this program may choose.
CODECS = {"": "ascii", "ISO_IR 6": "ascii", "ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8"}
# Those that others may have chosen, whose text is handed on: alone, and with code extensions [PS3.5 6.1.2.5].
OTHERS = {
    "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3", "ISO_IR 110": "iso8859-4", "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6", "ISO_IR 126": "iso8859-7", "ISO_IR 138": "iso8859-8", "ISO_IR 148": "iso8859-9",
    "ISO_IR 203": "iso8859-15", "ISO_IR 166": "iso8859-11", "ISO_IR 13": "shift_jis", "GB18030": "gb18030", "GBK": "gbk",
}  # fmt: skip
NUMBERS = {100: b"-A", 101: b"-B", 109: b"-C", 110: b"-D", 144: b"-L", 127: b"-G", 126: b"-F", 138: b"-H", 148: b"-M", 203: b"-b",
           166: b"-T"}  # fmt: skip
ESCAPES = {
    b"(B": (0, "ascii"), b"(J": (0, "ascii"), b")I": (1, "shift_jis"), b"$B": (0, b"$B"), b"$(D": (0, b"$(D"),
    b"$)C": (1, "euc_kr"), b"$)A": (1, "gb2312"),
} | {escape: (1, OTHERS.get(f"ISO_IR {number}", "latin-1")) for number, escape in NUMBERS.items()}  # fmt: skip


class Undeclared(AssertionError):
    pass


def _vr(raw):
    if raw.VR:
        return raw.VR
    try:
        return dictionary_VR(raw.tag)
    except KeyError:
        return "UN"


def extended(value, first):
    """Decode text with code extensions; a delimiter ends what an escape sequence began [PS3.5 6.1.2.5.3]."""
    number = int(first.rpartition(" ")[2]) if first else 0
    initial = ("ascii", ESCAPES[NUMBERS[number]][1] if number in NUMBERS else "shift_jis" if number == 13 else "ascii")
    sets, text, at = list(initial), "", 0
    while at < len(value):
        if value[at] == 0x1B:
            escape = next(one for one in sorted(ESCAPES, key=len, reverse=True) if value[at + 1 :].startswith(one))
            place, codec = ESCAPES[escape]
            sets[place] = codec
            at += 1 + len(escape)
        elif value[at] < 0x80 and isinstance(sets[0], bytes):  # two bytes, in G0
            text += (b"\x1b" + sets[0] + value[at : at + 2] + b"\x1b(B").decode("iso2022_jp_2")
            at += 2
        elif value[at] < 0x80:
            if value[at : at + 1] in b"\\^=\r\n\f\t":
                sets = list(initial)
            text += chr(value[at])
            at += 1
        else:
            wide = 2 if sets[1] in ("euc_kr", "gb2312") else 1
            text += value[at : at + wide].decode(sets[1])
            at += wide
    return text


def texts_of(dataset, character_set=""):
    """Return {path of tags: text} of all coded text in a data set as it was read; `Undeclared` for what cannot be read."""
    if 0x00080005 in dataset:
        value = dataset[0x00080005].value
        character_set = str(value or "") if isinstance(value or "", str) else "\\".join(map(str, value))
    assert character_set in CODECS | OTHERS or "ISO 2022" in character_set, f"Specific Character Set {character_set!r}"
    found = {}
    for tag in sorted(dataset.keys()):
        raw = dataset.get_item(tag)
        vr = _vr(raw)
        if vr == "SQ":
            for number, item in enumerate(dataset[tag].value or ()):
                for path, text in texts_of(item, character_set).items():
                    found[(tag, number, *path)] = text
        elif vr in CODED | ASCII_ONLY and raw.value is not None and tag != 0x00080005:
            value = raw.value if isinstance(raw.value, bytes) else str(raw.value).encode()
            codec = (CODECS | OTHERS).get(character_set, "") if vr in CODED else "ascii"
            try:
                text = value.decode(codec) if codec else extended(value, character_set.partition("\\")[0])
            except (UnicodeDecodeError, StopIteration) as error:
                raise Undeclared(f"{tag} {vr}: {value!r} is not {character_set or 'the default repertoire'}") from error
            if codec == "latin-1" and any("\x80" <= c < "\xa0" for c in text):
                raise Undeclared(f"{tag} {vr}: {value!r} has what ISO 8859-1 has not")
            found[(tag,)] = text.rstrip("\0") if vr == "UI" else text.rstrip(" ")
    return found


def texts_in(encoded, implicit=True):
    """Return the texts of an encoded data set, little endian."""
    return texts_of(read_dataset(BytesIO(encoded), implicit, True))
