"""Text of the repertoires of PS3.3 C.12.1.1.2, generated; and as the bytes of a file that names its repertoire.

Python's codecs alone stand behind it, nothing of the package.
"""

from hypothesis import strategies as st

SINGLE_BYTE = {
    "": "ascii", "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3", "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5", "ISO_IR 127": "iso8859-6", "ISO_IR 126": "iso8859-7", "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9", "ISO_IR 203": "iso8859-15", "ISO_IR 166": "iso8859-11", "ISO_IR 13": "shift_jis",
}  # fmt: skip
MULTI_BYTE = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
CODECS = SINGLE_BYTE | MULTI_BYTE
# With code extensions: what is named, the escape sequence, and the codec of what follows it.
EXTENDED = {
    r"\ISO 2022 IR 87": (b"\x1b$B", "euc_jp", True), r"\ISO 2022 IR 149": (b"\x1b$)C", "euc_kr", False),
    r"\ISO 2022 IR 58": (b"\x1b$)A", "gb2312", False), r"ISO 2022 IR 100\ISO 2022 IR 144": (b"\x1b-L", "iso8859-5", False),
    r"ISO 2022 IR 100\ISO 2022 IR 126": (b"\x1b-F", "iso8859-7", False),
}  # fmt: skip
ASCII = "".join(map(chr, range(0x20, 0x7F)))
KANJI = "山田太郎治療室やまだタロウ"
WIDE = {
    "ISO_IR 192": "äß€ŁЖשع治療室김희중王😀𠀋﷽", "GB18030": "王小東治療室😀Жä", "GBK": "王小东治疗室",
    r"\ISO 2022 IR 87": KANJI, r"\ISO 2022 IR 149": "김희중길동", r"\ISO 2022 IR 58": "王小东治疗室",
    r"ISO 2022 IR 100\ISO 2022 IR 144": "ЛюкceмбургЖ", r"ISO 2022 IR 100\ISO 2022 IR 126": "Διονυσιος",
}  # fmt: skip


def _beyond_ascii(term):
    if term in WIDE:
        return WIDE[term]
    high = range(0xA1, 0xE0) if term == "ISO_IR 13" else range(0xA0, 0x100)
    return "".join(bytes([b]).decode(CODECS[term], "ignore") for b in high) or ASCII


CHARACTERS = {term: _beyond_ascii(term) for term in (*CODECS, *EXTENDED)}
NOT_IN_TEXT = "\\^=\N{NO-BREAK SPACE}"  # what separates values and parts of names; and what Python takes for a space


@st.composite
def texts(draw, terms=tuple(CHARACTERS), most=12):
    """Text of one or more repertoires, with ASCII between; neither leading nor trailing spaces, which do not count."""
    runs = draw(st.lists(st.sampled_from(terms), min_size=1, max_size=3))
    characters = [draw(st.text(st.sampled_from(CHARACTERS[term] + "aZ9 "), min_size=1, max_size=4)) for term in runs]
    text = "".join(c for c in "".join(characters)[:most] if c not in NOT_IN_TEXT).strip()
    return text or "Ä"


@st.composite
def named_texts(draw):
    """A Specific Character Set and a text that it has."""
    term = draw(st.sampled_from(tuple(CHARACTERS)))
    text = draw(st.text(st.sampled_from(CHARACTERS[term] + "aZ9"), min_size=1, max_size=10))
    return term, "".join(c for c in text if c not in NOT_IN_TEXT) or "x"


def encoded(term, text):
    """The bytes of a text in a character set."""
    if term in CODECS:
        return text.encode(CODECS[term])
    escape, codec, shifts = EXTENDED[term]
    whole = b""
    for character in text:
        one = character.encode(codec if not character.isascii() else "ascii")
        if character.isascii():
            whole += one
        elif shifts:  # into G0, seven bits, and back
            whole += escape + bytes(b & 0x7F for b in one) + b"\x1b(B"
        else:
            whole += escape + one
    return whole
