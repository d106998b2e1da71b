"""CC.2.5 and CC.2.7: any legal UPS that N-CREATE brings is what N-GET shows, values, items and text."""

import copy
import re
import string
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VM
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, RTBeamsDeliveryInstructionStorage, RTPlanStorage, generate_uid

from tdwii_conformance.checks import Finding, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.creation import APART, PERFORMED, PROGRESS, ROWS, differences, kept, nothing, supported
from tdwii_conformance.dimse import DimseError
from tdwii_conformance.profile.statuses import is_failure, status_text
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.treatment.creation import SHOWN, SINGLE, all_supported
from tdwii_conformance.treatment.messages import item

# pydicom counts what pads a value of full length to an even number of bytes, and escape sequences in names.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:The (value|PN component) length")]

# --- character sets ---------------------------------------------------------------------------------------------------


ASCII = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "\\")
NAME_ASCII = ASCII.replace("^", "").replace("=", "")
LATIN = "".join(chr(code) for code in range(0xC0, 0x100)) + "¡§°µ¿"
KANJI = "山田太郎東京放射線治療計画装置測定済照射室表予構能十噂"
KANA = "あいうえおかきくけこさしすせそやまだたろうヤマダタロウソーポ"
HANGUL = "김희중홍길동방사선치료계획환자가각갂힝"
HANJA = "金喜中洪吉洞放射線治療"
CHINESE = "王小东张伟放射治疗计划患者十三号机房丂丄乗俓镕"


@dataclass(frozen=True)
class Repertoire:
    """A character set, and what is written in it.

    Parameters
    ----------
    declared : list of str
        Specific Character Set; empty for the default repertoire.
    letters : str
        What text may have besides ASCII.
    names : tuple of str
        What the component groups of a person name are made of: alphabetic, ideographic, phonetic. Where multi-byte
        characters need code extensions the alphabetic group has none of them [PS3.5 6.2.1].
    lines : bool
        Whether text may have lines. pydicom leaves out the escape sequence that ISO 2022 IR 149 needs in every line.
    """

    declared: tuple[str, ...]
    letters: str
    names: tuple[str, ...]
    lines: bool = True

    @property
    def text(self):
        return ASCII + self.letters * (1 + len(ASCII) // max(len(self.letters), 1)) if self.letters else ASCII


DEFAULT = Repertoire((), "", (NAME_ASCII,))
CHARACTER_SETS = {
    "ISO_IR 100": Repertoire(("ISO_IR 100",), LATIN, (NAME_ASCII + LATIN,)),
    "ISO_IR 192": Repertoire(
        ("ISO_IR 192",),
        LATIN + "ΩЖש€" + KANJI + KANA + HANGUL + "𠮷😀",
        (NAME_ASCII + LATIN, KANJI + CHINESE + "𠮷", KANA + HANGUL),
    ),
    "ISO 2022 IR 87": Repertoire(("", "ISO 2022 IR 87"), KANJI + KANA, (NAME_ASCII, KANJI, KANA)),
    "ISO 2022 IR 149": Repertoire(("", "ISO 2022 IR 149"), HANGUL + HANJA, (NAME_ASCII, HANJA, HANGUL), lines=False),
    "GB18030": Repertoire(("GB18030",), CHINESE, (NAME_ASCII, CHINESE)),
}


# --- values -----------------------------------------------------------------------------------------------------------


LONGEST = {"SH": 16, "LO": 64, "ST": 1024, "LT": 10240, "UC": 2000, "UT": 20000}
RARELY = st.sampled_from([False] * 7 + [True])
ITEMS = st.sampled_from([1, 1, 1, 2, 3])
SOMETIMES = st.sampled_from([False, False, True])
CODE = string.ascii_uppercase + string.digits + "-_."
# Universal Entity ID, and the type that goes with it.
ENTITIES = {
    "clinic.example.org": "DNS", "1.2.840.99999.1": "ISO", "6ba7b810-9dad-11d1-80b4-00c04fd430c8": "UUID",
    "https://clinic.example.org/ids": "URI",
}  # fmt: skip
RETRIEVALS = (
    "DICOMRetrievalSequence", "DICOMMediaRetrievalSequence", "WADORetrievalSequence", "XDSRetrievalSequence",
    "WADORSRetrievalSequence",
)  # fmt: skip
STORAGES = ("DICOMStorageSequence", "STOWRSStorageSequence", "XDSStorageSequence")


def texts(characters, longest, lines=False):
    """Text of up to `longest` characters, now and then of exactly so many; nothing that would be padding at its ends."""
    short = st.text(st.sampled_from(characters + "\r\n" * lines), min_size=1, max_size=min(longest, 12))
    fitting = short.map(lambda text: re.sub(r"\r\n?|\n", "\r\n", text).strip()[:longest].strip()).filter(bool)
    return st.builds(lambda text, long: _stretched(text, longest) if long else text, fitting, RARELY)


def _stretched(text, longest):
    return (text * (longest // len(text) + 1))[: longest - 1].rstrip() + "x"


@st.composite
def person_names(draw, repertoire):
    groups = []
    for number, characters in enumerate(repertoire.names):
        # A group of the name may be missing, the last ones with their delimiters.
        groups.append(draw(_component_group(characters)) if number == 0 or draw(st.booleans()) else "")
    return "=".join(groups).rstrip("=")


def _component_group(characters):
    component = st.text(st.sampled_from(characters), min_size=1, max_size=10).map(str.strip).filter(bool)
    return (
        st.lists(st.one_of(component, st.just("")), min_size=1, max_size=5)
        .map("^".join)
        .filter(lambda group: group.strip("^") and not group.endswith("^") and len(group) <= 64)
    )


def dates(first, last):
    return st.builds(
        lambda year, day: f"{year:04d}{day}", st.integers(first, last), st.sampled_from(["0101", "0228", "0630", "1231"])
    )


TIMES = st.one_of(
    st.builds(lambda h, m, s: f"{h:02d}{m:02d}{s:02d}", st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
    st.builds(lambda h, m: f"{h:02d}{m:02d}", st.integers(0, 23), st.integers(0, 59)),
    st.builds(lambda h, digits: f"{h:02d}3015.{digits}", st.integers(0, 23), st.text(string.digits, min_size=1, max_size=6)),
    st.just("07"),
)
# To come: what has expired an SCP may put away.
DATE_TIMES = st.builds(
    lambda date, time, zone: date + time + zone,
    dates(2040, 2099),
    st.one_of(TIMES, st.just("")),
    st.sampled_from(["", "", "+0000", "+0100", "-0330", "+1400"]),
)
UIDS = st.integers(0, 2**120).map(lambda number: f"2.25.{number}")
DECIMALS = st.one_of(
    st.integers(-(10**14), 10**14).map(str),
    st.decimals(-1000, 1000, places=3).map(str),
    st.sampled_from(["0", "-0.0", "+1.50", "1E5", "-1.5e-10", "000.1", ".5", "1234567890.12345", "-9.99999999E+307"]),
)
PLAIN = {
    "DA": dates(1900, 2020), "TM": TIMES, "DT": DATE_TIMES, "DS": DECIMALS, "IS": st.integers(1, 2**31 - 1).map(str),
    "US": st.integers(1, 65535), "UI": UIDS, "AE": st.text(CODE + " ", min_size=1, max_size=16).map(str.strip).filter(bool),
    "UR": st.text(CODE + "/~?&=%", max_size=60).map(lambda path: f"https://tdwii.example/{path}"),
}  # fmt: skip
CODES = st.text(CODE, min_size=1, max_size=16)
# Where the value representation allows more than the attribute means.
SPECIAL = {
    "PregnancyStatus": st.integers(1, 4),
    "PatientSex": st.sampled_from("OMF"),
    "CodeValue": CODES,
    "CodingSchemeDesignator": st.text(CODE, max_size=14).map(lambda text: f"99{text}"),
    "CodingSchemeVersion": CODES,
    "LongCodeValue": st.text(CODE, min_size=17, max_size=80),
    "URNCodeValue": st.integers(0, 2**100).map(lambda number: f"urn:oid:2.25.{number}"),
    "UniversalEntityID": st.sampled_from(list(ENTITIES)),
    "IdentifierTypeCode": st.sampled_from(["MR", "PI", "SS"]),
    "MappingResource": st.sampled_from(["DCMR", "99TDWII"]),
    "ContextGroupExtensionFlag": st.sampled_from(["N", "Y"]),
    "TypeOfPatientID": st.sampled_from(["TEXT", "RFID", "BARCODE"]),
    "HL7InstanceIdentifier": st.integers(0, 2**100).map(lambda number: f"2.25.{number}^document"),
    "ReferencedSOPClassUID": st.sampled_from([RTPlanStorage, RTBeamsDeliveryInstructionStorage, CTImageStorage]),
}


@cache  # of all strategies: Hypothesis takes longer to make one than to draw from it
def values(keyword, vr, defined, repertoire):
    """Return a strategy for the value, or values, of an attribute that is no sequence."""
    if keyword in SPECIAL:
        one = SPECIAL[keyword]
    elif defined:
        one = st.sampled_from(defined)
    elif vr == "PN":
        one = person_names(repertoire)
    elif vr in LONGEST:
        one = texts(repertoire.text, LONGEST[vr], lines=vr in ("ST", "LT", "UT") and repertoire.lines)
    else:
        one = PLAIN[vr]
    if dictionary_VM(keyword) == "1":
        return one
    return st.lists(one, min_size=1, max_size=3).map(lambda several: several if len(several) > 1 else several[0])


# --- items ------------------------------------------------------------------------------------------------------------


STRATEGIES = {}


def _strategy(number, repertoire, make):
    """Keep the strategy for the items of a row. Rows are kept for good, so their numbers are, too."""
    if (number, repertoire) not in STRATEGIES:
        STRATEGIES[number, repertoire] = make()
    return STRATEGIES[number, repertoire]


@st.composite
def items(draw, rows, repertoire):
    """A legal item: required attributes always, optional ones now and then, alternatives by the conditions of the table."""
    made = Dataset()
    chosen = draw(_choices(rows))
    # What is chosen comes first: it decides which conditions hold.
    for keyword in sorted(rows, key=lambda keyword: keyword not in chosen):
        row = rows[keyword]
        if row.create == "1C":
            wanted = keyword in chosen or (row.need is not None and row.need.holds(made))
        else:
            wanted = row.create in ("1", "2") or keyword in chosen
        if wanted:
            _put(draw, made, row, repertoire)
    return made


@st.composite
def _choices(draw, rows):
    """Choose among the optional attributes of an item, and among its alternatives."""
    optional = sorted(keyword for keyword, row in rows.items() if row.create == "3")
    chosen = draw(st.sets(st.sampled_from(optional), max_size=3)) if optional and draw(st.booleans()) else set()
    if "CodeMeaning" in rows:
        form = draw(st.sampled_from(["CodeValue", "CodeValue", "LongCodeValue", "URNCodeValue"]))
        chosen.add(form)
        if form != "URNCodeValue" and draw(RARELY):
            chosen.add("CodingSchemeVersion")
        if "ContextGroupExtensionFlag" in chosen:
            chosen |= {"ContextGroupLocalVersion", "ContextGroupExtensionCreatorUID"}
    if "ValueType" in rows or "TypeOfInstances" in rows:
        chosen |= {"ValueType", "TypeOfInstances"} & rows.keys()
    for alternatives in (RETRIEVALS, STORAGES, ("LocalNamespaceEntityID", "UniversalEntityID")):
        if alternatives[0] in rows:
            chosen |= draw(st.sets(st.sampled_from(alternatives), min_size=1, max_size=2))
    if alternatives := [k for k in ("ReferencedFrameNumber", "ReferencedSegmentNumber") if k in rows]:
        chosen |= {draw(st.sampled_from(alternatives))} if draw(SOMETIMES) else set()
    if "DICOMStorageSequence" in rows and draw(SOMETIMES):
        chosen.add("ReferencedSOPClassUID")
    return chosen


def _put(draw, made, row, repertoire):
    if row.vr == "SQ":
        least = 1 if row.create in ("1", "1C") else 0
        most = 1 if row.keyword in SINGLE else draw(ITEMS)
        of_row = _strategy(id(row), repertoire, lambda: items(row.items, repertoire))
        setattr(made, row.keyword, [draw(of_row) for _ in range(draw(st.integers(least, most)))])
    elif row.keyword == "UniversalEntityIDType":
        made.UniversalEntityIDType = ENTITIES[made.UniversalEntityID]
    elif row.create in ("2", "2C") and draw(SOMETIMES):
        setattr(made, row.keyword, None)
    else:
        setattr(made, row.keyword, draw(values(row.keyword, row.vr, row.values, repertoire)))
    if row.keyword == "ReferencedSOPSequence" and made.get("TypeOfInstances") == "CDA":
        for document in made.ReferencedSOPSequence:
            document.HL7InstanceIdentifier = draw(SPECIAL["HL7InstanceIdentifier"])
    if row.keyword == "TypeOfInstances" and made.TypeOfInstances == "DICOM":
        made.StudyInstanceUID, made.SeriesInstanceUID = draw(UIDS), draw(UIDS)


OPTIONAL = sorted(k for k, row in ROWS.items() if row.create == "3")
CONDITIONAL = sorted(k for k, row in ROWS.items() if row.create in ("1C", "2C") and k not in (*APART, "PatientID"))


def bare():
    """What is alike in every N-CREATE."""
    return item(TransactionUID=None, ProcedureStepState="SCHEDULED", **{PROGRESS: [], PERFORMED: []})


@st.composite
def workitems(draw, repertoire):
    """A legal attribute list of N-CREATE."""
    attributes = bare()
    if repertoire.declared:
        attributes.SpecificCharacterSet = list(repertoire.declared)
    more = draw(st.sets(st.sampled_from([*OPTIONAL, *CONDITIONAL]), max_size=4))
    for keyword, row in ROWS.items():
        if keyword not in APART and (row.create in ("1", "2") or keyword in more):
            _put(draw, attributes, row, repertoire)
    attributes.PatientID = draw(values("PatientID", "LO", (), repertoire))
    for replaced in attributes.get("ReplacedProcedureStepSequence") or ():
        replaced.ReferencedSOPClassUID = UPS.PUSH
    return attributes


# --- the property -----------------------------------------------------------------------------------------------------


# A finding names the place; to look for a smaller UPS would cost the system hundreds more than `bounds` allows.
NO_SHRINKING = {"phases": (Phase.explicit, Phase.generate), "report_multiple_bugs": False}


@pytest.fixture
def created(system, tdd):
    """Makes N-CREATEs; on a system that is not ours, cancels in the end what was created."""
    uids = []

    def n_create(attributes):
        uids.append(generate_uid())
        return uids[-1], tdd.create(uids[-1], attributes)

    try:
        yield n_create
    finally:
        if not system.embedded and "request-cancel" in system.tms_supports:
            for uid in uids:
                with suppress(DimseError):
                    tdd.action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)


class RoundTrip:
    """Judges the round trip of one UPS after the other; `remarks` are what is worth a warning, once for each attribute."""

    def __init__(self, tdd, created, judge):
        self.tdd, self.created, self.judge = tdd, created, judge
        self.remarks = {}

    def __call__(self, attributes):
        __tracebackhide__ = True
        sent, uid, exchange = self._create(attributes)
        shown = self.tdd.get(uid, SHOWN)
        self.judge(ups.got(shown))
        found = [*differences(sent, shown.dataset), *unsent(sent, shown.dataset)]
        if optional := [k for k in OPTIONAL if k in sent and ROWS[k].get == "3"]:
            # An SCP that does not have them may fail or leave them out [PS3.4 5.4.2.2].
            more = self.tdd.get(uid, optional)
            if more.dataset is not None and not is_failure(more.status):
                found += differences(item(**{k: sent[k].value for k in optional}), more.dataset)
        found = kept(exchange, found)
        self.judge(finding for finding in found if finding.weight == "fault")
        for finding in found:
            self.remarks.setdefault(re.sub(r"\[\d+\]", "", finding.path), finding)

    def _create(self, attributes):
        """Create the UPS; when it is refused, without what the SCP need not support (CC25-TMS-005)."""
        __tracebackhide__ = True
        sent = copy.deepcopy(attributes)
        uid, exchange = self.created(attributes)
        if is_failure(exchange.status):
            sent = without_options(copy.deepcopy(sent), ROWS)
            refusal, (uid, exchange) = exchange, self.created(copy.deepcopy(sent))
            if not is_failure(exchange.status):
                received = f"status {status_text(refusal.status)}; without them it is created"
                expected = "a UPS created although optional attributes come along"
                self.remarks["refused"] = Finding(expected, received, weight="warning")
        self.judge(status.accepted(exchange, "the N-CREATE of a legal UPS"))
        return sent, uid, exchange


def without_options(dataset, rows):
    """Take out of a data set what the SCP need not support."""
    for element in list(dataset):
        row = rows.get(element.keyword)
        if row is not None and row.create == "3" and not supported(row):
            del dataset[element.tag]
        elif element.VR == "SQ":
            for one in element.value:
                without_options(one, row.items)
    return dataset


@pytest.fixture
def comes_back(tdd, created, judge):
    return RoundTrip(tdd, created, judge)


def unsent(sent, came):
    """Yield attributes with a value that nobody sent, other than those the SCP sets."""
    for element in came:
        row = ROWS.get(element.keyword)
        filled_in = row is None or row.get == "1" or element.keyword in APART
        if not filled_in and element.tag not in sent and not nothing(element):
            yield Finding("no value, as none was sent", f"value {element.value!r}", element.keyword, weight="warning")


@pytest.mark.requirement("CC25-TMS-033")
def test_round_trip(comes_back, judge, bounds, new_example):
    @settings(bounds, **NO_SHRINKING)
    @given(attributes=workitems(DEFAULT))
    def hold(attributes):
        new_example()
        comes_back(attributes)

    hold()
    judge(comes_back.remarks.values())


@pytest.mark.requirement("CC25-TMS-034")
@pytest.mark.parametrize("character_set", CHARACTER_SETS)
def test_round_trip_of_text(created, comes_back, judge, bounds, new_example, character_set):
    repertoire = CHARACTER_SETS[character_set]
    probe = all_supported(bare())
    probe.SpecificCharacterSet = list(repertoire.declared)
    probe.ProcedureStepLabel = repertoire.letters[:4]
    _, exchange = created(probe)
    if is_failure(exchange.status):
        pytest.skip(f"not judged: text in {character_set} is refused, status {status_text(exchange.status)}")

    @settings(bounds, **NO_SHRINKING)
    @given(attributes=workitems(repertoire))
    def hold(attributes):
        new_example()
        comes_back(attributes)

    hold()
    judge(comes_back.remarks.values())
