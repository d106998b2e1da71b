"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC: who, presentation contexts, user information [PS3.8 9.3.2, 9.3.3, annex D]."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .malformation import SHOWN, Malformation, Topic

__all__ = ["Associate", "Context", "RoleSelection", "read_associate", "recognized"]

HEADER = 6
FIXED = 68  # bytes before the variable items, without the PDU's own header
APPLICATION_CONTEXT, PROPOSED, ANSWERED, ABSTRACT, TRANSFER, USER = 0x10, 0x20, 0x21, 0x30, 0x40, 0x50
MAXIMUM_LENGTH, IMPLEMENTATION_CLASS, ASYNCHRONOUS, ROLE, IMPLEMENTATION_VERSION, EXTENDED = 0x51, 0x52, 0x53, 0x54, 0x55, 0x56
OTHERS = (0x57, 0x58, 0x59)  # common extended negotiation, user identity both ways
KNOWN_USER = (MAXIMUM_LENGTH, IMPLEMENTATION_CLASS, ASYNCHRONOUS, ROLE, IMPLEMENTATION_VERSION, EXTENDED, *OTHERS)
KNOWN = (APPLICATION_CONTEXT, PROPOSED, ANSWERED, USER)
DICOM_CONTEXT = "1.2.840.10008.3.1.1.1"  # the one application context of DICOM [PS3.7 A.2.1]
LEGAL_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
LONGEST_UID = 64


@dataclass(frozen=True)
class Context:
    """A presentation context, proposed or answered.

    Parameters
    ----------
    id : int
        Presentation Context ID; odd.
    abstract_syntax : str
        UID; empty in an answer, which has none.
    transfer_syntaxes : tuple of str
        UIDs; what was chosen in an answer.
    result : int or None
        0 acceptance, 1 to 4 a rejection; ``None`` in a proposal.
    """

    id: int
    abstract_syntax: str = ""
    transfer_syntaxes: tuple[str, ...] = ()
    result: int | None = None


@dataclass(frozen=True)
class RoleSelection:
    """SCP/SCU Role Selection for a SOP class [PS3.7 D.3.3.4].

    Parameters
    ----------
    scu, scp : bool
        Whether the requestor may be SCU, SCP.
    """

    scu: bool
    scp: bool


@dataclass(frozen=True)
class Associate:
    """What an A-ASSOCIATE-RQ or -AC says.

    Parameters
    ----------
    called, calling : str
        AE titles, without the spaces around them.
    contexts : tuple of Context
        In the order in which they came.
    maximum_length : int or None
        Of the P-DATA-TF PDUs that its sender receives, in bytes; 0: no limit; ``None``: not said.
    application_context, implementation_class, implementation_version : str
        As sent; empty if not.
    roles : mapping of str to RoleSelection
        By SOP Class UID.
    extended : mapping of str to bytes
        Service class application information by SOP Class UID.
    asynchronous : bool
        Whether an Asynchronous Operations Window was negotiated.
    titles : bytes
        The fields of both AE titles, as they came.
    """

    called: str
    calling: str
    contexts: tuple[Context, ...] = ()
    maximum_length: int | None = None
    application_context: str = ""
    implementation_class: str = ""
    implementation_version: str = ""
    roles: Mapping[str, RoleSelection] = field(default_factory=dict)
    extended: Mapping[str, bytes] = field(default_factory=dict)
    asynchronous: bool = False
    titles: bytes = b""


def read_associate(body: bytes, start: int, wrong: list[Malformation], *, request: bool) -> Associate:
    """Read the body of an A-ASSOCIATE-RQ or -AC; what cannot be read is left out.

    Parameters
    ----------
    body : bytes
        What follows the PDU's header of six bytes.
    start : int
        Where it begins on the connection, for what is wrong.
    wrong : list of Malformation
        Gets what is wrong.
    request : bool
        Whether it is the RQ.
    """
    return _Reader(body, start, wrong, request).read()


def recognized(pdu: bytes) -> bytes:
    """Return an A-ASSOCIATE-RQ or -AC without the items that are not recognized: they shall be ignored [PS3.8 9.3.1].

    Parameters
    ----------
    pdu : bytes
        All of it; returned as it is where its lengths do not fit.
    """
    head, items = pdu[: HEADER + FIXED], _whole_items(pdu[HEADER + FIXED :])
    if items is None or len(head) < HEADER + FIXED:
        return pdu
    kept = b""
    for kind, reserved, value in items:
        if kind == USER and (subs := _whole_items(value)) is not None:
            value = b"".join(_written(*sub) for sub in subs if sub[0] in KNOWN_USER)
        if kind in KNOWN:
            kept += _written(kind, reserved, value)
    return head[:2] + (FIXED + len(kept)).to_bytes(4, "big") + head[6:] + kept


def _whole_items(octets: bytes) -> list[tuple[int, int, bytes]] | None:
    found, at = [], 0
    while at < len(octets):
        length = int.from_bytes(octets[at + 2 : at + 4], "big")
        if len(octets) - at < 4 or at + 4 + length > len(octets):
            return None
        found.append((octets[at], octets[at + 1], octets[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def _written(kind: int, reserved: int, value: bytes) -> bytes:
    return bytes([kind, reserved]) + len(value).to_bytes(2, "big") + value


@dataclass
class _Item:
    kind: int
    value: bytes
    at: int  # of the value, on the connection


class _Reader:
    def __init__(self, body: bytes, start: int, wrong: list[Malformation], request: bool) -> None:
        self.body, self.start, self.wrong, self.request = body, start, wrong, request
        self.name = "A-ASSOCIATE-RQ" if request else "A-ASSOCIATE-AC"
        self.section = "PS3.8 9.3.2" if request else "PS3.8 9.3.3"

    def read(self) -> Associate:
        if len(self.body) < FIXED:
            what = f"an {self.name} of {len(self.body)} bytes"
            self._wrong(self.start, what, f"at least {FIXED}", self.section, self.body, "lengths")
            return Associate("", "")
        if not int.from_bytes(self.body[0:2], "big") & 1:
            what, expected = "a protocol version without bit 0", "bit 0 set: version 1"
            self._wrong(self.start, what, expected, self.section, self.body[0:2], "associate")
        called, calling = (self._title(offset, which) for offset, which in ((4, "Called"), (20, "Calling")))
        values = dict(vars(Associate(called, calling, titles=self.body[4:36])))
        contexts: list[Context] = []
        names: list[str] = []
        users = 0
        for item in self._items(self.body[FIXED:], self.start + FIXED):
            if item.kind == APPLICATION_CONTEXT:
                names.append(self._uid(item))
            elif item.kind == (PROPOSED if self.request else ANSWERED):
                contexts += self._context(item)
            elif item.kind == USER:
                values |= self._user(item)
                users += 1
            else:  # PS3.8 9.3.1: unrecognized items are ignored by who receives them
                what, expected = f"an item of type {item.kind:02X}H", "one of 10H, 20H/21H, 50H"
                self._wrong(item.at - 4, what, expected, self.section, item.value, "associate", tolerable=True)
        for count, what in ((len(names), "Application Context item"), (users, "User Information item")):
            if count != 1:
                self._wrong(self.start, f"{count} of the {what}", "exactly one", self.section, b"", "associate")
        for name in names:
            if name != DICOM_CONTEXT:
                self._wrong(
                    self.start, f"application context {name}", DICOM_CONTEXT, "PS3.8 7.1.1.2; PS3.7 A.2.1", b"", "associate"
                )
        if self.request and not contexts:
            self._wrong(self.start, "no Presentation Context item", "one or more", self.section, b"", "associate")
        return Associate(**{**values, "application_context": names[0] if names else "", "contexts": tuple(contexts)})

    def _title(self, offset: int, which: str) -> str:
        raw = self.body[offset : offset + 16]
        if not self.request:
            pass  # reserved in an answer [PS3.8 9.3.3]: that it is what was asked is judged where that is known
        elif any(not 0x20 <= octet < 0x7F or octet == 0x5C for octet in raw):
            what, expected = f"a {which} AE title of other characters", "ISO 646 without control characters and backslash"
            self._wrong(self.start + offset, what, expected, "PS3.8 9.3.2", raw, "titles")
        elif not raw.strip():
            self._wrong(self.start + offset, f"a {which} AE title of spaces only", "an AE title", "PS3.8 9.3.2", raw, "titles")
        return raw.decode("ascii", "replace").strip(" \0")

    def _items(self, octets: bytes, start: int) -> Iterator[_Item]:
        at = 0
        while at < len(octets):
            length = int.from_bytes(octets[at + 2 : at + 4], "big")
            if len(octets) - at < 4 or at + 4 + length > len(octets):
                what, expected = f"an item that ends before its length of {length} bytes does", "lengths that fit into the PDU"
                self._wrong(start + at, what, expected, self.section, octets[at:], "lengths")
                return
            yield _Item(octets[at], octets[at + 4 : at + 4 + length], start + at + 4)
            at += 4 + length

    def _uid(self, item: _Item) -> str:
        return self._legal(item.value, item.at)

    def _legal(self, raw: bytes, at: int) -> str:
        # PS3.8 annex F: a UID on this layer is not padded. Widely done all the same, and read.
        if raw.endswith((b"\0", b" ")):
            self._wrong(at, "a padded UID", "a UID without padding", "PS3.8 F.1", raw, "uids")
        text = raw.decode("ascii", "replace").strip(" \0")
        if not LEGAL_UID.fullmatch(text) or len(text) > LONGEST_UID:
            expected = "digits and periods, no component with a leading zero, at most 64 characters"
            self._wrong(at, f"{text!r}, which is no UID", expected, "PS3.8 F.1", raw, "uids")
        return text

    def _context(self, item: _Item) -> list[Context]:
        section = "PS3.8 9.3.2.2" if self.request else "PS3.8 9.3.3.2"
        if len(item.value) < 4:
            what, expected = "a presentation context of less than four bytes", "an id, and its syntaxes"
            self._wrong(item.at, what, expected, section, item.value, "lengths")
            return []
        number, result = item.value[0], item.value[2]
        if not number & 1:
            self._wrong(item.at, f"presentation context id {number}", "an odd one", section, item.value, "contexts")
        abstract, transfer = [], []
        for sub in self._items(item.value[4:], item.at + 4):
            if sub.kind == ABSTRACT and self.request:
                abstract.append(self._uid(sub))
            elif sub.kind == TRANSFER:
                # The transfer syntax of a context that is not accepted is not significant [PS3.8 9.3.3.2].
                transfer.append(self._uid(sub) if self.request or not result else sub.value.decode("ascii", "replace"))
            else:
                what, expected = f"a sub-item of type {sub.kind:02X}H", "an abstract or transfer syntax"
                self._wrong(sub.at - 4, what, expected, section, sub.value, "contexts", tolerable=True)
        if self.request and len(abstract) != 1:
            what = f"{len(abstract)} abstract syntaxes in context {number}"
            self._wrong(item.at, what, "exactly one", section, item.value, "contexts")
        if self.request and not transfer:
            self._wrong(item.at, f"no transfer syntax in context {number}", "one or more", section, item.value, "contexts")
        if not self.request and not result and len(transfer) != 1:
            what = f"{len(transfer)} transfer syntaxes in accepted context {number}"
            self._wrong(item.at, what, "exactly one", section, item.value, "transfer-syntax")
        if not self.request and result > 4:
            self._wrong(item.at, f"result {result} of context {number}", "0 to 4", section, item.value, "contexts")
        return [Context(number, abstract[0] if abstract else "", tuple(transfer), None if self.request else result)]

    def _user(self, item: _Item) -> dict[str, object]:
        values: dict[str, object] = {}
        roles: dict[str, RoleSelection] = {}
        extended: dict[str, bytes] = {}
        for sub in self._items(item.value, item.at):
            if sub.kind == MAXIMUM_LENGTH and len(sub.value) == 4:
                if "maximum_length" in values:
                    self._wrong(sub.at, "a second Maximum Length", "one", "PS3.8 D.1", sub.value, "associate")
                values["maximum_length"] = int.from_bytes(sub.value, "big")
            elif sub.kind == IMPLEMENTATION_CLASS:
                values["implementation_class"] = self._uid(sub)
            elif sub.kind == IMPLEMENTATION_VERSION and 1 <= len(sub.value) <= 16:
                values["implementation_version"] = sub.value.decode("ascii", "replace")
            elif sub.kind == ASYNCHRONOUS:
                values["asynchronous"] = True
            elif sub.kind in (ROLE, EXTENDED) and (split := self._of_a_class(sub)) is not None:
                uid, rest = split
                if sub.kind == EXTENDED:
                    extended[uid] = rest
                elif len(rest) == 2:
                    self._role(uid, rest, sub, roles)
                else:
                    what, expected = "roles of another length than two bytes", "an SCU and an SCP role"
                    self._wrong(sub.at, what, expected, "PS3.7 D.3.3.4", sub.value, "lengths")
            elif sub.kind in (MAXIMUM_LENGTH, IMPLEMENTATION_VERSION):
                what = "Maximum Length" if sub.kind == MAXIMUM_LENGTH else "Implementation Version Name"
                right, section = ("4 bytes", "PS3.8 D.1") if sub.kind == MAXIMUM_LENGTH else ("1 to 16 bytes", "PS3.7 D.3.3.2.3")
                self._wrong(sub.at, f"a {what} of {len(sub.value)} bytes", right, section, sub.value, "lengths")
            # other kinds: new ones may come at any time, and are ignored [PS3.8 9.3.1]
        if "maximum_length" not in values:  # an acceptor can, a requestor shall say it [PS3.8 D.1]
            what, expected = "no Maximum Length", "a Maximum Length sub-item"
            self._wrong(item.at, what, expected, "PS3.8 D.1", item.value, "associate", tolerable=not self.request)
        if "implementation_class" not in values:
            what, expected = "no Implementation Class UID", "an Implementation Class UID sub-item"
            self._wrong(item.at, what, expected, "PS3.7 D.3.3.2", item.value, "associate")
        return {**values, "roles": roles, "extended": extended}

    def _role(self, uid: str, rest: bytes, sub: _Item, roles: dict[str, RoleSelection]) -> None:
        if uid in roles:
            self._wrong(sub.at, f"roles for {uid} twice", "once for each SOP class", "PS3.7 D.3.3.4", sub.value, "roles")
        if max(rest) > 1:
            self._wrong(sub.at, f"roles {rest[0]} and {rest[1]} for {uid}", "0 or 1", "PS3.7 D.3.3.4", sub.value, "roles")
        roles[uid] = RoleSelection(bool(rest[0]), bool(rest[1]))

    def _of_a_class(self, sub: _Item) -> tuple[str, bytes] | None:
        length = int.from_bytes(sub.value[0:2], "big")
        if len(sub.value) < 2 + length or not length:
            what, expected = "a sub-item whose SOP Class UID is longer than it", "lengths that fit"
            self._wrong(sub.at, what, expected, "PS3.7 D.3.3", sub.value, "lengths")
            return None
        return self._legal(sub.value[2 : 2 + length], sub.at + 2), sub.value[2 + length :]

    def _wrong(
        self, offset: int, what: str, expected: str, source: str, octets: bytes, topic: Topic, *, tolerable: bool = False
    ) -> None:
        self.wrong.append(Malformation(offset, what, expected, source, bytes(octets[:SHOWN]), topic, tolerable))
