"""What leaves says which characters it has: requests and answers, from the default repertoire to all of Unicode."""

import copy
import struct
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pynetdicom import evt, sop_class
from repertoires import CHARACTERS, NOT_IN_TEXT, encoded
from strict_text import Undeclared, texts_in

from tdwii_conformance.dimse import Server, connect, declared, left_undeclared
from tdwii_conformance.treatment.messages import item

UPS = (sop_class.UnifiedProcedureStepPush, sop_class.UnifiedProcedureStepPull, sop_class.UnifiedProcedureStepEvent)
WATCH = sop_class.UnifiedProcedureStepWatch
PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
LABEL, MEANING = 0x00741202, 0x00080104
STATION = 0x00404025

# A few of each repertoire of PS3.3 C.12.1.1.2, and some that are in none but Unicode's.
LETTERS = (
    "abc XYZ019", "äöüßéÑ", "ąćęłńőű", "ĦĥşĞ", "ĀģķŅ", "Люкceмбург", "قباني", "Διονυσιος", "שרון", "ğİşı", "นามสกุล", "ﾔﾏﾀﾞ",
    "山田太郎", "やまだ", "김희중", "길동", "王小东", "王小東", "𠀋😀", "€Žœ", "ﬁ‐–",
)  # fmt: skip
TEXT = st.lists(st.sampled_from("".join(LETTERS)), min_size=1, max_size=12).map("".join)
# Leading and trailing spaces do not matter in DICOM; that a text keeps its inner ones does.
SENT = TEXT.map(str.strip).filter(bool)


def written(dataset, implicit=True):
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom warns of what it replaces
        write_dataset(buffer, dataset)
    return buffer.getvalue()


def read(dataset):
    return read_dataset(written_file := DicomBytesIO(written(dataset)), True, True, bytelength=len(written_file.getvalue()))


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("Geraet", None), ("Gerät", "ISO_IR 100"), ("治療室 Gerät", "ISO_IR 192"), ("Łódź", "ISO_IR 192"), ("10 €", "ISO_IR 192"),
        ("\x85", "ISO_IR 192"),
    ],
)  # fmt: skip
def test_named_as_needed(text, needed):
    dataset = item(WorklistLabel=text, PatientID="1")
    sent = declared(dataset)
    assert sent.get("SpecificCharacterSet") == needed
    assert texts_in(written(sent))[LABEL,] == text
    assert "SpecificCharacterSet" not in dataset  # what was given is left alone


def test_named_for_an_item():
    sent = declared(item(**{"ScheduledStationNameCodeSequence": [item(CodeValue="1", CodeMeaning="Linac Süd")]}))
    assert sent.SpecificCharacterSet == "ISO_IR 100"
    assert texts_in(written(sent))[STATION, 0, MEANING] == "Linac Süd"


@pytest.mark.parametrize("named", ["ISO_IR 192", "ISO_IR 100", "ISO_IR 109", "ISO_IR 101", ["", "ISO 2022 IR 100"]])
def test_what_is_named_and_right_is_kept(named):
    dataset = item(SpecificCharacterSet=named, WorklistLabel="Gerät")
    assert declared(dataset) is dataset


@pytest.mark.parametrize("named", ["ISO_IR 100", "ISO_IR 6", "ISO_IR 13", "ISO_IR 144", None])
def test_what_is_named_and_cannot_be_is_named_anew(named):
    sent = declared(item(SpecificCharacterSet=named, WorklistLabel="治療室 Gerät", PatientName="Yamada^Tarou=山田^太郎"))
    assert sent.SpecificCharacterSet == "ISO_IR 192"
    texts = texts_in(written(sent))
    assert (texts[LABEL,], texts[0x00100010,]) == ("治療室 Gerät", "Yamada^Tarou=山田^太郎")


def test_what_was_read_goes_out_byte_for_byte():
    """Also what is wrongly encoded: it is somebody else's, and we do not know better."""
    raw = b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 192" + b"\x10\x00\x20\x00\x04\x00\x00\x00Ger\xe4"
    for theirs in (raw, raw[18:]):
        dataset = read_dataset(DicomBytesIO(theirs), True, True)
        assert written(declared(dataset)) == theirs


def test_items_of_others_in_a_data_set_of_ours():
    """An item that came in UTF-8 stands in a data set that says nothing: it is named, and the text stays what it was."""
    theirs = read(item(SpecificCharacterSet="ISO_IR 192", ScheduledStationNameCodeSequence=[item(CodeMeaning="Süd")]))
    ours = Dataset()
    ours.ScheduledStationNameCodeSequence = theirs.ScheduledStationNameCodeSequence
    sent = declared(ours)
    assert sent.SpecificCharacterSet == "ISO_IR 100"
    assert texts_in(written(sent))[STATION, 0, MEANING] == "Süd"


def test_text_added_to_what_was_read():
    theirs = read(item(SpecificCharacterSet="ISO_IR 100", WorklistLabel="Süd", PatientName="Müller^J"))
    theirs.ProcedureStepLabel = "治療"
    texts = texts_in(written(declared(theirs)))
    assert (texts[LABEL,], texts[0x00741204,], texts[0x00100010,]) == ("Süd", "治療", "Müller^J")


def test_a_bad_value_beside_text_stays_as_it_is():
    theirs = read(item(PatientID="x"))
    theirs.update(read_dataset(DicomBytesIO(b"\x10\x00\x30\x10\x04\x00\x00\x00N/A "), True, True))
    theirs.WorklistLabel = "Süd"
    assert b"\x10\x00\x30\x10\x04\x00\x00\x00N/A " in written(declared(theirs))


@pytest.mark.parametrize("term", CHARACTERS)
def test_every_repertoire_is_read(term):
    """Each character of each repertoire, among ASCII, in a name of two parts: the text that a peer meant."""
    characters = [c for c in CHARACTERS[term] if c not in NOT_IN_TEXT + " "]
    for text in ("".join(characters), *(f"a{c}b{c}" for c in characters)):
        value = encoded(term, text)
        named = term.encode() + b" " * (len(term) % 2)
        parts = ((b"\x08\x00\x05\x00", named), (b"\x10\x00\x10\x00", value + b"^" + value + b" " * ((2 * len(value) + 1) % 2)))
        data = b"".join(tag + struct.pack("<L", len(one)) + one for tag, one in parts)
        came = read_dataset(DicomBytesIO(data), True, True, bytelength=len(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all characters at once are more than a name has
            assert str(came.PatientName) == f"{text}^{text}"


def test_left_undeclared_for_those_who_do_it_wrong():
    dataset = left_undeclared(item(WorklistLabel="Gerät"))
    assert declared(dataset) is dataset
    with pytest.raises(Undeclared):
        texts_in(written(dataset))


@settings(max_examples=200, deadline=None)
@given(label=SENT, name=SENT, meaning=SENT, named=st.sampled_from([None, "ISO_IR 100", "ISO_IR 192", "ISO_IR 13", "GB18030"]))
def test_any_text(label, name, meaning, named):
    dataset = item(WorklistLabel=label, PatientName=f"{name}^{label}", ScheduledStationNameCodeSequence=[item(CodeMeaning=meaning)])
    if named is not None:
        dataset.SpecificCharacterSet = named
    before = copy.deepcopy(dataset)
    sent = declared(dataset)
    assert dataset == before
    came = read(sent)
    assert (came.WorklistLabel, came.PatientName) == (label, f"{name}^{label}")
    assert came.ScheduledStationNameCodeSequence[0].CodeMeaning == meaning
    if named is None or sent is not dataset:
        texts_in(written(sent))


class Strict:
    """A peer that refuses what is undeclared, and keeps the texts of the rest; what it answers is as undeclared as can be."""

    def __init__(self):
        self.texts, self.answer = [], None
        handlers = [
            (evt.EVT_N_CREATE, lambda event: self.take(event, event.request.AttributeList)),
            (evt.EVT_N_SET, lambda event: self.take(event, event.request.ModificationList)),
            (evt.EVT_N_ACTION, lambda event: self.take(event, event.request.ActionInformation)),
            (evt.EVT_N_EVENT_REPORT, lambda event: self.take(event, event.request.EventInformation)),
            (evt.EVT_C_STORE, lambda event: self.take(event, event.request.DataSet)[0]),
            (evt.EVT_C_FIND, self.find),
        ]
        self.server = Server("STRICT", [*UPS, WATCH, PLAN], handlers, scp_roles=[UPS[2]])

    def take(self, event, data):
        try:
            self.texts.append(texts_in(data.getvalue(), event.context.transfer_syntax.is_implicit_VR))
        except Undeclared:
            return 0x0110, None
        return 0x0000, self.answer

    def find(self, event):
        status, _ = self.take(event, event.request.Identifier)
        if status == 0:
            yield 0xFF00, self.answer
        yield status, None


@pytest.fixture(scope="module")
def strict():
    peer = Strict()
    with peer.server, connect(peer.server.peer, [*UPS, WATCH, PLAN], calling="WE") as link:
        yield peer, link


OPERATIONS = {
    "N-CREATE": lambda link, data: link.n_create("1.2", data),
    "N-SET": lambda link, data: link.n_set("1.2", data),
    "N-ACTION": lambda link, data: link.n_action("1.2", 1, data),
    "C-FIND": lambda link, data: link.c_find(UPS[1], data),
    "N-EVENT-REPORT": lambda link, data: link.n_event_report("1.2", 1, data),
    "C-STORE": lambda link, data: link.c_store(data),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=SENT, meaning=SENT)
def test_every_way_out(strict, operation, label, meaning):
    """Requests of ours to a strict peer, and answers of a server of ours with the same text."""
    peer, link = strict
    data = item(SOPClassUID=PLAN, SOPInstanceUID="1.2.3", WorklistLabel=label)
    data.ScheduledStationNameCodeSequence = [item(CodeMeaning=meaning)]
    peer.answer = item(WorklistLabel=label, ScheduledStationNameCodeSequence=[item(CodeMeaning=meaning)])
    exchange = OPERATIONS[operation](link, data)
    assert exchange.status == 0x0000, exchange
    texts = peer.texts.pop()
    assert (texts[LABEL,], texts[STATION, 0, MEANING]) == (label, meaning)
    if operation != "C-STORE":  # which has no data set in its response
        answer = exchange.responses[0]
        texts = texts_in(answer.encoded, answer.transfer_syntax == "1.2.840.10008.1.2")
        assert (texts[LABEL,], texts[STATION, 0, MEANING]) == (label, meaning)
