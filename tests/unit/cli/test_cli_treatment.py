"""A treatment, command by command, from the worklist to its end: RO-58 to RO-65."""

from pathlib import Path

from pydicom import dcmread


def test_from_the_worklist_to_the_end(tdwii, floor, scheduled, tmp_path):
    uid, treatment = scheduled.uid, scheduled.treatment
    found = tdwii("find", "UPSSCP", "--station", "FX1", "--save", "responses")
    assert found.code == 0
    assert "SCHEDULED" in found.out and uid in found.out
    (response,) = [p for p in Path("responses").iterdir() if dcmread(p).SOPInstanceUID == uid]

    retrieved = tdwii("retrieve-inputs", response, "--to", "TDD", "--receive", "--into", "inputs")
    assert (retrieved.code, retrieved.err) == (0, "2 of 2 inputs retrieved\n")
    for instance in (treatment.plan, treatment.instruction):
        came = dcmread(f"inputs/{instance.SOPInstanceUID}.dcm")
        assert came == instance

    claimed = tdwii("claim", "UPSSCP", uid)
    assert (claimed.code, claimed.out) == (0, f"UPSSCP: {uid} is IN PROGRESS: 0000 (Success)\n")
    progress = tdwii("progress", "UPSSCP", uid, 50, "--beam", 2)
    assert (progress.code, progress.err) == (0, "")
    state = tdwii("get", "UPSSCP", uid, "ProcedureStepState", "ProcedureStepProgressInformationSequence", "--json").json
    assert state["00741000"]["Value"] == ["IN PROGRESS"]
    assert state["00741002"]["Value"][0]["00741004"]["Value"] == [50.0]

    stored = tdwii(
        "results", "OST", "--plan", f"inputs/{treatment.plan.SOPInstanceUID}.dcm",
        "--instruction", f"inputs/{treatment.instruction.SOPInstanceUID}.dcm", "--save", "record.dcm",
    )  # fmt: skip
    assert (stored.code, stored.err) == (0, "")
    completed = tdwii("complete", "UPSSCP", uid, "--record", "record.dcm")
    assert (completed.code, completed.err) == (0, "")
    assert completed.out.splitlines()[-1] == f"UPSSCP: {uid} is COMPLETED: 0000 (Success)"
    performed = tdwii("get", "UPSSCP", uid, "UnifiedProcedureStepPerformedProcedureSequence", "--json").json
    output = performed["00741216"]["Value"][0]["00404033"]["Value"][0]
    assert output["00081199"]["Value"][0]["00081155"]["Value"] == [dcmread("record.dcm").SOPInstanceUID]
    assert output["0040E021"]["Value"][0]["00080054"]["Value"] == ["OST"]
    assert performed["00741216"]["Value"][0]["00404028"]["Value"][0]["00080100"]["Value"] == ["FX1"]

    again = tdwii("complete", "UPSSCP", uid, "--no-update")
    assert again.code == 2
    assert f"no claim of {uid} at 127.0.0.1:{floor.tms.peer.port} is kept in" in again.err
