"""Peers that refuse, are mute, abort, or send nonsense: one line, and the exit code that says which."""

import socket
import threading
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt, sop_class
from pynetdicom.dimse_primitives import C_FIND

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.dimse import Server
from tdwii_conformance.treatment import objects

REFUSED, NO_ANSWER = 1, 3
UPS = (
    sop_class.UnifiedProcedureStepPull, sop_class.UnifiedProcedureStepPush, sop_class.UnifiedProcedureStepWatch,
    sop_class.UnifiedProcedureStepQuery,
)  # fmt: skip
EVENT = sop_class.UnifiedProcedureStepEvent
ALL = (*UPS, EVENT, sop_class.Verification, "1.2.840.10008.5.1.4.1.1.481.5")

COMMANDS = {
    "echo": ["echo", "PEER"],
    "find": ["find", "PEER"],
    "get": ["get", "PEER", "1.2.3"],
    "create": ["create", "PEER", "workitem.dcm"],
    "claim": ["claim", "PEER", "1.2.3"],
    "progress": ["progress", "PEER", "1.2.3", "50", "--transaction", "1.2"],
    "set": ["set", "PEER", "1.2.3", "WorklistLabel=X"],
    "complete": ["complete", "PEER", "1.2.3", "--no-update", "--transaction", "1.2"],
    "cancel": ["cancel", "PEER", "1.2.3", "--transaction", "1.2"],
    "request-cancel": ["request-cancel", "PEER", "1.2.3"],
    "watch": ["watch", "PEER", "--port", "0", "--count", "1"],
    "notify": ["notify", "PEER", "--workitem", "1.2.3"],
    "store": ["store", "PEER", "plan.dcm"],
}
commands = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def run(tdwii, tmp_path):
    """Run a command against a port, with files that it may send; return exit code and the one line."""
    save_dicom(objects.new_treatment().plan, tmp_path / "plan.dcm")
    upside = Dataset()
    upside.ProcedureStepState = "SCHEDULED"
    save_dicom(upside, tmp_path / "workitem.dcm")

    def run(command, port, *more):
        arguments = [f"127.0.0.1:{port}" if word == "PEER" else word for word in COMMANDS[command]]
        ran = tdwii(*arguments, *more)
        assert ran.out == ""
        (said,) = ran.err.splitlines()
        assert said.startswith(f"tdwii {command}: ")
        return ran.code, said

    return run


@contextmanager
def listening(answer):
    """A TCP server that does one thing with every connection."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for connection in kept:
                connection.close()
    assert not thread.is_alive()


def sends(content):
    def answer(connection):
        connection.recv(65536)
        connection.sendall(content)
        connection.close()

    return answer


@commands
def test_mute(run, command):
    with listening(lambda connection: None) as port:
        code, said = run(command, port, "--timeout", "0.3")
    assert code == NO_ANSWER
    assert "takes connections but did not answer the association request within 0.3 s" in said


@commands
def test_closes_the_connection(run, command):
    with listening(lambda connection: connection.close()) as port:
        code, said = run(command, port, "--timeout", "5")
    assert code == NO_ANSWER
    assert "aborted the association request or closed the connection" in said


@pytest.mark.parametrize(
    "content",
    [bytes.fromhex("07000000000400000000"), b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x02\x00" + b"\xff" * 4, bytes(100)],
    ids=["A-ABORT", "HTTP", "an A-ASSOCIATE-AC cut off", "zero bytes"],
)
def test_answers_with_something_else(run, content):
    with listening(sends(content)) as port:
        code, _ = run("find", port, "--timeout", "5")
    assert code == NO_ANSWER


@pytest.mark.parametrize("command", ["echo", "find", "claim", "notify"])
def test_rejects_the_association(run, command):
    with Server("X", ALL, [], calling=["NOBODY"]) as server:
        code, said = run(command, server.port)
    assert code == REFUSED
    assert "rejected the association (calling AE title not recognized" in said


@commands
def test_accepts_nothing_of_it(run, command):
    with Server("X", ["1.2.840.10008.5.1.1.1"], []) as server:
        code, said = run(command, server.port)
    assert code == REFUSED
    assert "but none of the presentation contexts proposed" in said


def answering(answer):
    """Handlers that do one thing with every request."""
    return [
        (kind, answer)
        for kind in (evt.EVT_N_GET, evt.EVT_N_SET, evt.EVT_N_ACTION, evt.EVT_N_CREATE, evt.EVT_N_EVENT_REPORT)
    ]  # fmt: skip


def refuse(event):
    status = Dataset()
    status.Status, status.ErrorComment = 0x0110, "not today\x1b[31m"
    return status, None


def refuse_c(event):
    return refuse(event)[0]


def refuse_find(event):
    yield refuse(event)[0], None


@commands
def test_refuses_the_request(run, command):
    handlers = [*answering(refuse), (evt.EVT_C_ECHO, refuse_c), (evt.EVT_C_STORE, refuse_c), (evt.EVT_C_FIND, refuse_find)]
    with Server("X", ALL, handlers, scp_roles=[EVENT]) as server:
        code, said = run(command, server.port, *(["--json"] if command not in ("find", "create", "store") else []))
    assert code == REFUSED
    assert "ANY-SCP refused " in said
    # The comment is whole, and cannot turn the terminal red.
    assert said.endswith(': 0110 (processing failure), "not today\N{REPLACEMENT CHARACTER}[31m"')


def answer_all(status):
    def find(event):
        yield status, None

    return [
        *answering(lambda event: (status, None)), (evt.EVT_C_ECHO, lambda event: status),
        (evt.EVT_C_STORE, lambda event: status), (evt.EVT_C_FIND, find),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "status", "said_of_it"),
    [
        ("claim", 0xB306, "B306 (warning: already COMPLETED), which contradicts N-ACTION (IN PROGRESS): that is not success"),
        ("claim", 0xB304, "B304 (warning: already CANCELED), which contradicts N-ACTION (IN PROGRESS): that is not success"),
        ("complete", 0xB304, "B304 (warning: already CANCELED), which contradicts N-ACTION (COMPLETED): that is not success"),
        ("request-cancel", 0xB306, "which contradicts N-ACTION (REQUEST-CANCEL): that is not success"),
        ("watch", 0xB306, "which contradicts N-ACTION (SUBSCRIBE): that is not success"),
        ("claim", 0xFE00, "FE00 (no status of N-ACTION): that is not success"),
        ("claim", 0xFF00, "FF00 (no status of N-ACTION): that is not success"),
        ("set", 0xFF00, "FF00 (no status of N-SET): that is not success"),
        ("set", 0xB300, "B300 (no status of N-SET): that is not success"),
        ("get", 0xFF01, "FF01 (no status of N-GET): that is not success"),
        ("create", 0xFF00, "FF00 (no status of N-CREATE): that is not success"),
        ("notify", 0xFF00, "FF00 (no status of N-EVENT-REPORT): that is not success"),
        ("echo", 0xFF00, "FF00 (no status of C-ECHO): that is not success"),
        ("find", 0xFE00, "FE00 (canceled), though nobody canceled it: that is not success"),
        ("find", 0xC311, "refused the query: C311 (unable to process)"),
        ("get", 0xC311, "refused N-GET of 1.2.3: C311 (no status of N-GET)"),
    ],
)
def test_answers_what_is_no_answer_to_it(tdwii, run, command, status, said_of_it):
    with Server("X", ALL, answer_all(status), scp_roles=[EVENT]) as server:
        code, said = run(command, server.port)
    assert code == REFUSED
    assert said_of_it in said


@pytest.mark.parametrize(("command", "status"), [("request-cancel", 0xB304), ("complete", 0xB306), ("set", 0xB305)])
def test_answers_with_a_warning_that_fits(tdwii, command, status):
    with Server("X", ALL, answer_all(status)) as server:
        arguments = [f"127.0.0.1:{server.port}" if word == "PEER" else word for word in COMMANDS[command]]
        more = ["--transaction", "1.2"] if command == "set" else []
        ran = tdwii(*arguments, *more)
    assert ran.code == 0, ran.err
    assert f"with a warning: {status:04X}" in ran.err


def test_watch_is_not_answered(run):
    hold = threading.Event()

    def wait(event):
        hold.wait(30)
        return 0xC000, None

    with Server("X", ALL, answering(wait)) as server:
        code, said = run("watch", server.port, "--timeout", "0.4")
        hold.set()
    assert code == NO_ANSWER
    assert said.endswith(": the subscription of WATCHER: no response within 0.4 s")


@pytest.mark.parametrize("command", ["find", "get", "claim", "watch", "notify", "store", "echo"])
def test_never_answers_the_request(run, command):
    hold = threading.Event()

    def wait(event):
        hold.wait(30)
        return 0xC000, None

    def wait_c(event):
        hold.wait(30)
        return 0xC000

    def wait_find(event):
        hold.wait(30)
        yield 0xC000, None

    handlers = [*answering(wait), (evt.EVT_C_ECHO, wait_c), (evt.EVT_C_STORE, wait_c), (evt.EVT_C_FIND, wait_find)]
    with Server("X", ALL, handlers, scp_roles=[EVENT]) as server:
        code, said = run(command, server.port, "--timeout", "0.4")
        hold.set()
    assert code == NO_ANSWER
    assert "no response within 0.4 s" in said


@pytest.mark.parametrize("command", ["find", "get", "claim", "notify", "store", "echo"])
def test_aborts_in_the_middle(run, command):
    def abort(event):
        event.assoc.abort()
        return 0xC000, None

    def abort_c(event):
        event.assoc.abort()
        return 0xC000

    def abort_find(event):
        event.assoc.abort()
        yield 0xC000, None

    handlers = [*answering(abort), (evt.EVT_C_ECHO, abort_c), (evt.EVT_C_STORE, abort_c), (evt.EVT_C_FIND, abort_find)]
    with Server("X", ALL, handlers, scp_roles=[EVENT]) as server:
        code, said = run(command, server.port, "--timeout", "20")
    assert code == NO_ANSWER
    assert "aborted the association" in said


def test_a_response_that_is_no_data_set(tdwii):
    def nonsense(event):
        response = C_FIND()
        response.MessageIDBeingRespondedTo = event.request.MessageID
        response.AffectedSOPClassUID = event.request.AffectedSOPClassUID
        response.Status = 0xFF00
        response.Identifier = BytesIO(b"this is no data set")
        event.assoc.dimse.send_msg(response, event.context.context_id)
        good = Dataset()
        good.SOPInstanceUID, good.ProcedureStepState = "1.2.3", "SCHEDULED"
        yield 0xFF00, good

    with Server("X", ALL, [(evt.EVT_C_FIND, nonsense)]) as server:
        ran = tdwii("find", "127.0.0.1", server.port)
    # What can be read is shown.
    assert ran.code == NO_ANSWER
    assert "1.2.3" in ran.out
    assert ran.err.splitlines() == [
        "1 workitem",
        "tdwii find: ANY-SCP: 1 of 2 responses are no data set that can be read",
    ]


def worklist_of(*starts):
    def find(event):
        for number, start in enumerate(starts, 1):
            one = Dataset()
            one.SOPInstanceUID, one.ProcedureStepState = f"1.2.{number}", "SCHEDULED"
            one.ScheduledProcedureStepStartDateTime = start
            yield 0xFF00, one

    return [(evt.EVT_C_FIND, find)]


def test_find_sorts_by_start(tdwii):
    # 10:00+0200 is 08:00 UTC; a day is before its hours; what is no date-time, or is empty, comes last.
    starts = ["20261129090000+0000", "", "20261129100000+0200", "nonsense", "20261129085959+0000", "20261128"]
    with Server("X", ALL, worklist_of(*starts)) as server:
        ran = tdwii("find", "127.0.0.1", server.port, "--json", "--save", "responses")
    assert [one["sop_instance_uid"] for one in ran.json] == ["1.2.6", "1.2.3", "1.2.5", "1.2.1", "1.2.2", "1.2.4"]
    assert [one["file"][-5] for one in ran.json] == ["6", "3", "5", "1", "2", "4"]


def test_find_says_what_it_asked_for_beyond_yours(tdwii):
    def nothing(event):
        yield from ()

    with Server("X", ALL, [(evt.EVT_C_FIND, nothing)]) as server:
        usual = tdwii("find", "127.0.0.1", server.port, "--station", "FX1")
        some = tdwii("find", "127.0.0.1", server.port, "--state", "any", "--date", "2026-11-29")
        none = tdwii("find", "127.0.0.1", server.port, "--state", "any", "--date", "any", "--workitem-code", "")
    ways = "as nothing else was said: --state any, --date any, --workitem-code '' ask for all"
    today = f"{datetime.now():%Y-%m-%d}"
    assert usual.err.splitlines() == ["0 workitems", f"asked for SCHEDULED, today ({today}), workitem code 121726, {ways}"]
    assert some.err.splitlines() == ["0 workitems", f"asked for workitem code 121726, {ways}"]
    assert none.err.splitlines() == ["0 workitems"]


def test_notify_alone_sends_a_report_of_each_type(tdwii):
    types = []

    def take(event):
        types.append(event.event_type)
        return 0x0000, None

    with Server("X", ALL, answering(take), scp_roles=[EVENT]) as server:
        ran = tdwii("notify", "127.0.0.1", server.port)
    assert (ran.code, types) == (0, [1, 2, 3, 4, 5])
    assert ran.err.startswith("a report of each type, of a workitem that does not exist: ")
