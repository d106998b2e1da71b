"""Pseudonyms for what identifies people and places in results, transcripts and texts: the same everywhere, by a forgotten key.

What is replaced follows the Basic Application Level Confidentiality Profile [PS3.15 E.2], with its options to retain longitudinal
temporal information (dates other than birth dates) and descriptions, by which messages are judged: see `IDENTIFYING`.

A character becomes another one of its kind (capital letter, digit, letter of the same script), chosen by all that stands before
it. So lengths, legal and illegal values, character sets, and what a key with a wildcard at its end matches stay as they were.
Names of actors as AE titles (TMS, TDD, ...) say nothing about anybody, and stay.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

__all__ = ["IDENTIFYING", "Pseudonyms"]

WELL_KNOWN = "1.2.840.10008"  # UIDs of the standard [PS3.5 9]
ACTORS = frozenset({"TMS", "OST", "TDD", "WATCHER", "ANY-SCP", "UPSSCP"})
DOTTED = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d+){2,}(?![\d.]*\d)")  # UIDs, addresses, sections, versions
COMPONENTS = 5  # what has less is a UID where a data set has it as one
LOCAL = ("127.", "0.0.0.0")
LINE = re.compile(
    r"^(?P<head> *\((?P<tag>[0-9a-f]{4},[0-9a-f]{4})\) (?P<vr>[A-Z]{2}) \[)(?P<value>.*?)(?P<end>\]\s+#.*|\])$", re.DOTALL
)
HEADING = re.compile(r"^(?P<head># [CN]-[A-Z-]+ .*?, )(?P<sender>.*?) -> (?P<receiver>.*?)(?P<end>, \d\d.*)$")  # of a message
# Bytes in hexadecimal: of an element, and of what is no message, in brackets.
HEXADECIMAL = re.compile(r"(?<=[ \[])[0-9a-f]{2}(?:[ \\][0-9a-f]{2}){2,}(?=\]|\.\.\.| +#|$)", re.MULTILINE)
READABLE = re.compile(rb"[\x20-\x7e\x80-\xff]{3,}")
SHORT = 3  # characters: what has less is replaced in text between quotes only
# Of table E.1-1, beside all PN, UI and AE: what can stand in the messages and objects of TDW-II.
IDENTIFYING = frozenset(
    [
        "AccessionNumber",
        "AdmissionID",
        "AdmittingDiagnosesDescription",
        "ContactDisplayName",
        "ContactURI",
        "CountryOfResidence",
        "CurrentPatientLocation",
        "DeviceSerialNumber",
        "DeviceUID",
        "EthnicGroup",
        "FillerOrderNumberImagingServiceRequest",
        "InstitutionAddress",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "InsurancePlanIdentification",
        "IssuerOfPatientID",
        "MedicalRecordLocator",
        "MilitaryRank",
        "Occupation",
        "OrderCallbackPhoneNumber",
        "OtherPatientIDs",
        "PatientAddress",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientComments",
        "PatientID",
        "PatientInstitutionResidence",
        "PatientTelephoneNumbers",
        "PatientTelecomInformation",
        "PerformedStationName",
        "PhysiciansOfRecord",
        "PlacerOrderNumberImagingServiceRequest",
        "RegionOfResidence",
        "RequestedProcedureID",
        "RequestingService",
        "ScheduledProcedureStepID",
        "ScheduledStationName",
        "ServiceEpisodeID",
        "StationName",
        "StudyID",
        "UniversalEntityID",
        "LocalNamespaceEntityID",
    ]
)
POOLS = {
    "HIRAGANA": "あいうえおかきくけこさしすせそ", "KATAKANA": "アイウエオカキクケコ", "HALFWIDTH KATAKANA": "ｱｲｳｴｵｶｷｸｹｺ",
    "CJK": "山田大小中人日月水火木金土", "HANGUL": "가나다라마바사아자차카타파하", "CYRILLIC": "абвгдежзиклмнопрст",
    "GREEK": "αβγδεζηθικλμνπρτυφχψω", "HEBREW": "אבגדהוזחטילמנסעפצקרשת", "ARABIC": "ابتجحدرسشصطعفقلمنهو",
    "THAI": "กขคงจฉชดตถทนบปพมยรลวส", "LATIN": "áâäéëíîôöúü",
}  # fmt: skip
LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"


class Pseudonyms:
    """Pseudonyms by one key; knows the originals that it has met.

    Parameters
    ----------
    key : bytes, optional
        Chosen at random, and forgotten, by default.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._known: dict[str, str] = {}
        self._uids: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    @property
    def known(self) -> dict[str, str]:
        """The originals met so far, with what stands for each."""
        return dict(self._known)

    def value(self, original: str, kind: str = "") -> str:
        """Return what stands for a value, and remember it for texts.

        Parameters
        ----------
        original : str
            As a data set has it.
        kind : {"", "UI", "DA", "AE"}
            What it is: text, a UID, a birth date, an AE title.
        """
        if not original.strip() or (kind == "AE" and original.strip().upper() in ACTORS):
            return original
        if kind == "UI":
            self._uids.add(original)
            return self._uid(original)
        new = self._date(original) if kind == "DA" else self._text(original)
        stripped = original.strip()
        if stripped not in self._known:
            self._known[stripped] = new.strip()
            self._pattern = None
            for part, other in zip(re.split(r"[\^=\\]", original), re.split(r"[\^=\\]", new), strict=True):
                if len(part.strip()) >= SHORT:
                    self._known.setdefault(part.strip(), other.strip())
        return new

    def hosts(self, names: Iterable[str]) -> None:
        """Have names of hosts replaced in texts."""
        for name in names:
            if not re.fullmatch(r"[\d.]*|localhost|::1?", name):  # addresses of four numbers are found without being known
                self.value(name)

    def dataset(self, dataset: Dataset) -> None:
        """Replace what identifies in a data set, in all its items."""
        for element in dataset:
            if element.VR == "SQ":
                for item in element.value or ():
                    self.dataset(item)
            elif (kind := kind_of(element.keyword, element.VR)) is not None and element.value not in (None, ""):
                _replace(element, lambda text, kind=kind: self.value(text, kind))

    def text(self, text: str) -> str:
        """Replace in a text what was met, every UID and address, and in lines of dcmdump what identifies."""
        lines = [self._line(line) for line in text.split("\n")]
        said = DOTTED.sub(self._dotted, "\n".join(lines))
        said = HEXADECIMAL.sub(_masked, said)
        if self._pattern is None:
            self._pattern = self._compiled()
        return self._pattern.sub(lambda match: self._known.get(match[0]) or self._quoted(match[0]), said)

    def octets(self, octets: bytes) -> bytes:
        """Return bytes without meaning to us, blanked if an original is in them."""
        found = any(
            original.encode(encoding, "ignore") in octets
            for original in self._known
            if len(original) >= SHORT
            for encoding in ("utf-8", "latin-1", "utf-16-le")
            if original.encode(encoding, "ignore")
        )
        return b"\0" * len(octets) if found else octets

    def collect(self, text: str) -> None:
        """Learn the originals of a text of dcmdump lines, so that they are replaced wherever they stand."""
        for line in text.split("\n"):
            self._line(line)

    def _line(self, line: str) -> str:
        if heading := HEADING.match(line):
            sender, receiver = (self.value(heading[side], "AE") for side in ("sender", "receiver"))
            return f"{heading['head']}{sender} -> {receiver}{heading['end']}"
        match = LINE.match(line)
        kind = kind_of(keyword_for_tag(int(match["tag"].replace(",", ""), 16)), match["vr"]) if match else None
        if match is None or kind is None:
            return line
        values = match["value"].split("\\")
        return f"{match['head']}{chr(92).join(self.value(value, kind) for value in values)}{match['end']}"

    def _compiled(self) -> re.Pattern[str]:
        done = set(self._known.values())
        words = sorted((word for word in self._known if word not in done), key=len, reverse=True)
        whole = "|".join(re.escape(word) for word in words if len(word) >= SHORT)
        quoted = "|".join(re.escape(f"'{word}'") for word in words if len(word) < SHORT)
        parts = [rf"(?<![^\W_])(?:{whole})(?![^\W_])"] * bool(whole) + [quoted] * bool(quoted)
        return re.compile("|".join(parts) if parts else r"(?!)")

    def _quoted(self, said: str) -> str:
        return f"'{self._known[said.strip(chr(39))]}'"

    def _number(self, *parts: str) -> int:
        return int.from_bytes(hmac.digest(self._key, "\0".join(parts).encode("utf-8", "surrogatepass"), sha256)[:8], "big")

    def _text(self, original: str) -> str:
        return re.sub(r"[^\^=\\]+", lambda match: self._component(match[0]), original)

    def _component(self, original: str) -> str:
        return "".join(self._character(original[:number], c) for number, c in enumerate(original))

    def _character(self, before: str, character: str) -> str:
        pool = _pool(character)
        if not pool:
            return character
        if character not in pool:
            return pool[self._number("c", before, character) % len(pool)]
        return self._turned(pool, character, "c", before)

    def _turned(self, pool: str, character: str, *before: str) -> str:
        """Return another one of a pool: no two characters behind the same beginning become one."""
        return pool[(pool.index(character) + 1 + self._number(*before) % (len(pool) - 1)) % len(pool)]

    def _uid(self, original: str) -> str:
        if original == WELL_KNOWN or original.startswith(f"{WELL_KNOWN}."):
            return original
        first, dot, rest = original.partition(".")
        out = f"{first}{dot}"
        begins = True
        for number, c in enumerate(rest):
            if not c.isdecimal() or (begins and c == "0"):  # a component without leading zero stays one
                out += c
            else:
                out += self._turned(DIGITS[1:] if begins else DIGITS, c, "u", first + rest[:number])
            begins = c == "."
        return out

    def _dotted(self, match: re.Match[str]) -> str:
        parts = match[0].split(".")
        if match[0] in self._uids or (len(parts) >= COMPONENTS and parts[0] in "012"):
            return self._uid(match[0])
        return self._address(match[0]) if len(parts) == 4 and len(match[0]) <= 15 else match[0]

    def _address(self, original: str) -> str:
        if original.startswith(LOCAL) or any(int(part) > 255 for part in original.split(".")):
            return original
        number = self._number("a", original)
        return f"192.0.2.{1 + number % 254}"  # for documentation [RFC 5737]

    def _date(self, original: str) -> str:
        if not re.fullmatch(r"\d{8}", original.strip()):
            return self._text(original)
        year, other = int(original[:4]), self._number("d", original)
        moved = date(min(max(year, 1901), 9998), 1, 1) + timedelta(days=other % 360)
        text = f"{moved:%Y%m%d}"
        return text if text != original else f"{moved + timedelta(days=1):%Y%m%d}"


def kind_of(keyword: str, vr: str) -> str | None:
    """Return how an element is replaced: ``UI``, ``AE``, ``DA`` or an empty text; ``None`` if it stays."""
    if vr in ("UI", "AE"):
        return vr
    if vr == "PN" or keyword in IDENTIFYING:
        return "DA" if vr == "DA" else ""
    return None


def _replace(element: DataElement, new: Any) -> None:
    values = element.value if element.VM > 1 else [element.value]
    changed = [new(str(value)) for value in values]
    element.value = changed if element.VM > 1 else changed[0]


def _masked(match: re.Match[str]) -> str:
    """Return bytes in hexadecimal with those masked that could be read as text."""
    parts = re.split(r"([ \\])", match[0])
    for run in READABLE.finditer(bytes.fromhex("".join(parts[::2]))):
        for number in range(run.start(), run.end()):
            parts[2 * number] = "xx"
    return "".join(parts)


def _pool(character: str) -> str:
    if character in DIGITS:
        return DIGITS
    if character.isascii():
        return (LETTERS.upper() if character.isupper() else LETTERS) if character.isalpha() else ""
    if not unicodedata.category(character).startswith("L"):
        return ""
    name = unicodedata.name(character, "")
    pool = next((pool for script, pool in POOLS.items() if name.startswith(script)), "")
    return pool.upper() if character.isupper() and pool.upper() != pool else pool
