"""The file of Transaction UIDs: private, whole at any time, right with many commands at once; and what commands keep in it."""

import json
import multiprocessing
import stat
import threading

import pytest
from pynetdicom import evt, sop_class

from tdwii_conformance.cli.claims import Claim, Claims
from tdwii_conformance.dimse import Server

PULL = sop_class.UnifiedProcedureStepPull


def test_only_the_owner_can_read_it(tmp_path):
    claims = Claims(tmp_path / "deep" / "claims.json")
    claims.keep(Claim("h:1", "1.2", "1.3", ""))
    assert stat.S_IMODE(claims.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(claims.path.parent.stat().st_mode) == 0o700


def test_by_scp_and_workitem(tmp_path):
    claims = Claims(tmp_path / "claims.json")
    for scp, workitem, uid in (("a:1", "1.2", "9.1"), ("a:1", "1.3", "9.2"), ("b:1", "1.2", "9.3")):
        claims.keep(Claim(scp, workitem, uid, ""))
    assert claims.find("b:1", "1.2").transaction_uid == "9.3"
    assert claims.find("b:1", "1.3") is None
    assert claims.elsewhere("1.2") == ["a:1", "b:1"]
    claims.forget("a:1", "1.2")
    assert claims.elsewhere("1.2") == ["b:1"]


def keep_many(path, first):
    for number in range(first, first + 25):
        Claims(path).keep(Claim("h:1", f"1.{number}", "1.3", ""))


def test_many_commands_at_once_lose_nothing(tmp_path):
    path = tmp_path / "claims.json"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=keep_many, args=(path, 25 * n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert {claim["workitem"] for claim in json.loads(path.read_text())["claims"]} == {f"1.{n}" for n in range(100)}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["claims.json", "claims.json.lock"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    claims = Claims(tmp_path / "claims.json")
    claims.keep(Claim("h:1", "1.2", "1.3", ""))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        claims.keep(Claim("h:1", "1.4", "1.5", ""))
    assert claims.find("h:1", "1.2").transaction_uid == "1.3"
    assert claims.find("h:1", "1.4") is None


def kept(tmp_path):
    path = tmp_path / "state" / "tdwii" / "claims.json"
    return json.loads(path.read_text())["claims"] if path.exists() else []


def test_a_refused_claim_is_not_kept(tdwii, floor, tmp_path):
    ran = tdwii("claim", "UPSSCP", "1.2.3")
    assert ran.code == 1
    assert ran.err.startswith("tdwii claim: UPSSCP refused the claim of 1.2.3: C307 ")
    assert kept(tmp_path) == []


def test_a_second_claim_does_not_lose_the_first(tdwii, scheduled, tmp_path):
    first = tdwii("claim", "UPSSCP", scheduled.uid, "--json").json
    assert (first["status"], first["sop_instance_uid"]) == ("0000", scheduled.uid)
    second = tdwii("claim", "UPSSCP", scheduled.uid)
    assert second.code == 1
    third = tdwii("claim", "UPSSCP", scheduled.uid, "--transaction", "1.2.3")
    assert third.code == 1
    assert [claim["transaction_uid"] for claim in kept(tmp_path)] == [first["transaction_uid"]]
    assert tdwii("cancel", "UPSSCP", scheduled.uid).code == 0
    assert kept(tmp_path) == []


def test_a_claim_without_an_answer_is_kept(tdwii, tmp_path):
    """The TMS may have granted it: then only this Transaction UID can end the workitem."""
    hold = threading.Event()
    asked = []

    def mute(event):
        asked.append(event.action_information.TransactionUID)
        hold.wait(30)
        return 0x0000, None

    with Server("X", [PULL], [(evt.EVT_N_ACTION, mute)]) as server:
        ran = tdwii("claim", "127.0.0.1", server.port, "1.2.3", "--timeout", "3")  # the association, too, has to be there in time
        hold.set()
        scp = f"127.0.0.1:{server.port}"
    assert ran.code == 3
    (claim,) = kept(tmp_path)
    assert claim["transaction_uid"] == asked[0]
    assert claim["scp"] == scp


def test_state_file_elsewhere(tdwii, scheduled, tmp_path, monkeypatch):
    monkeypatch.setenv("TDWII_STATE", str(tmp_path / "mine.json"))
    assert tdwii("claim", "UPSSCP", scheduled.uid).code == 0
    assert (tmp_path / "mine.json").exists()
    assert tdwii("cancel", "UPSSCP", scheduled.uid).code == 0
