"""Character sets of PS3.3 C.12.1.1.2 that pydicom does not know yet: importing this module makes them known to it.

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
