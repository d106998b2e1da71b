"""Character sets of PS3.3 C.12.1.1.2 that pydicom does not know, or not right: importing this module makes them known to it.

Without them, text of others would be read as that of the default repertoire, and changed when it is handed on.
"""

from __future__ import annotations

from pydicom import charset

__all__ = ["LATIN_9"]

LATIN_9 = "iso8859_15"  # ISO-IR 203: Latin 1 with the euro sign and six letters more [PS3.3 table C.12-2]
ESCAPE = b"\x1b-b"  # [PS3.3 table C.12-3]

for _term in ("ISO_IR 203", "ISO 2022 IR 203"):
    charset.python_encoding.setdefault(_term, LATIN_9)
charset.CODES_TO_ENCODINGS.setdefault(ESCAPE, LATIN_9)
charset.ENCODINGS_TO_CODES.setdefault(LATIN_9, ESCAPE)
# pydicom takes it that Python's codec removes the escape sequences of ISO-IR 58. It does not: they stay in text that is read, and
# are missing in text that is written.
setattr(charset, "handled_encodings", tuple(one for one in charset.handled_encodings if one != "iso_ir_58"))  # noqa: B010
