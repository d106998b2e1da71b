"""A strict reader of text: what is sent has the characters that its Specific Character Set names, or is refused.

It stands on Python's codecs alone, and on the bytes as they came: it shares nothing with what declares text in the package.
"""

from io import BytesIO

from pydicom.datadict import dictionary_VR
from pydicom.filereader import read_dataset

CODED = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
ASCII_ONLY = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
# PS3.3 C.12.1.1.2, those that this program may choose. What a peer declares otherwise is not for this reader.
CODECS = {"": "ascii", "ISO_IR 6": "ascii", "ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8"}


class Undeclared(AssertionError):
    pass


def _vr(raw):
    if raw.VR:
        return raw.VR
    try:
        return dictionary_VR(raw.tag)
    except KeyError:
        return "UN"


def texts_of(dataset, character_set=""):
    """Return {path of tags: text} of all coded text in a data set as it was read; `Undeclared` for what cannot be read."""
    if 0x00080005 in dataset:
        value = dataset[0x00080005].value
        assert isinstance(value or "", str), f"Specific Character Set {value!r}"
        character_set = str(value or "")
    assert character_set in CODECS, f"Specific Character Set {character_set!r}"
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
            codec = CODECS[character_set] if vr in CODED else "ascii"
            try:
                text = value.decode(codec)
            except UnicodeDecodeError as error:
                raise Undeclared(f"{tag} {vr}: {value!r} is not {character_set or 'the default repertoire'}") from error
            if codec == "latin-1" and any("\x80" <= c < "\xa0" for c in text):
                raise Undeclared(f"{tag} {vr}: {value!r} has what ISO 8859-1 has not")
            found[(tag,)] = text.rstrip("\0") if vr == "UI" else text.rstrip(" ")
    return found


def texts_in(encoded, implicit=True):
    """Return the texts of an encoded data set, little endian."""
    return texts_of(read_dataset(BytesIO(encoded), implicit, True))
