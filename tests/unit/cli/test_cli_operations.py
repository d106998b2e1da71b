"""The UPS operations one by one, each where the simulated TMS and OST grant it."""

from tdwii_conformance.scu.receiver import Receiver


def state(tdwii, uid):
    (value,) = tdwii("get", "UPSSCP", uid, "ProcedureStepState", "--json").json["00741000"]["Value"]
    return value


def test_retrieve_inputs_for_somebody_else(tdwii, environment, scheduled):
    """RO-59 and RO-61: the C-MOVEs are ours, the destination is a TDD that listens on its own."""
    there = environment.known["TDD"]
    with Receiver("TDD", host=there.host, port=there.port) as receiver:
        ran = tdwii("retrieve-inputs", "workitem.dcm", "--to", "TDD")
        came = {exchange.instance_uid for exchange in receiver.since(0)}
    assert (ran.code, ran.err) == (0, "2 of 2 inputs retrieved\n")
    assert came == {scheduled.treatment.plan.SOPInstanceUID, scheduled.treatment.instruction.SOPInstanceUID}
    assert "Received" not in ran.out  # what another received we cannot count


def test_retrieve_inputs_for_somebody_who_is_not_there(tdwii, scheduled):
    ran = tdwii("retrieve-inputs", "workitem.dcm", "--to", "TDD", "--json")
    assert ran.code == 1
    assert [one["received"] for one in ran.json] == [[], []]
    assert "workitem.dcm: input 1: " in ran.err and "workitem.dcm: input 2: " in ran.err


def test_create_from_a_template(tdwii, floor):
    values = {
        "PatientName": "Template^Made", "PatientID": "T1", "StationCode": "FX7", "StudyInstanceUID": "1.2.3",
        "StartDateTime": "20261125080000", "CompletionDateTime": "20261125081500", "Label": "Fraction 1", "PlanLabel": "P",
        "PlanSOPInstanceUID": "1.2.4", "PlanStudyInstanceUID": "1.2.5", "PlanSeriesInstanceUID": "1.2.6",
        "InstructionSOPInstanceUID": "1.2.7", "InstructionStudyInstanceUID": "1.2.8", "InstructionSeriesInstanceUID": "1.2.9",
        "FractionNumber": 1, "FractionsPlanned": 30,
    }  # fmt: skip
    settings = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    created = tdwii("create", "UPSSCP", "--template", "workitem-new", "--uid", "1.2.826.0.1.3680043.10.1", *settings)
    assert (created.code, created.out) == (0, "1.2.826.0.1.3680043.10.1\n"), created.err
    found = tdwii("find", "UPSSCP", "--station", "FX7", "--date", "any", "--json").json
    assert [(one["sop_instance_uid"], one["patient_name"], one["state"]) for one in found] == [
        ("1.2.826.0.1.3680043.10.1", "Template^Made", "SCHEDULED")
    ]


def test_set_what_is_scheduled(tdwii, scheduled):
    ran = tdwii("set", "UPSSCP", scheduled.uid, "WorklistLabel=Vault 2", "ProcedureStepLabel=Fraction 4")
    assert (ran.code, ran.out) == (0, f"UPSSCP: {scheduled.uid} is changed: 0000 (Success)\n"), ran.err
    stored = tdwii("get", "UPSSCP", scheduled.uid, "WorklistLabel", "ProcedureStepLabel", "--json").json
    assert (stored["00741202"]["Value"], stored["00741204"]["Value"]) == (["Vault 2"], ["Fraction 4"])


def test_set_in_a_sequence_of_what_we_claimed(tdwii, scheduled):
    assert tdwii("claim", "UPSSCP", scheduled.uid).code == 0
    path = "ProcedureStepProgressInformationSequence.ProcedureStepProgress"
    assert tdwii("set", "UPSSCP", scheduled.uid, f"{path}=10").code == 0
    stored = tdwii("get", "UPSSCP", scheduled.uid, "ProcedureStepProgressInformationSequence", "--json").json
    assert stored["00741002"]["Value"][0]["00741004"]["Value"] == [10.0]
    without = tdwii("set", "UPSSCP", scheduled.uid, f"{path}=20", "--no-transaction")
    assert without.code == 1 and "C301" in without.err  # CC.2.6.3: the Transaction UID is not provided


def test_progress_with_and_without_a_beam(tdwii, scheduled):
    """RO-62, [TI]: the beam in progress is 2018004, 99IHERO2018, in Procedure Step Progress Parameters; the first by default."""
    assert tdwii("claim", "UPSSCP", scheduled.uid).code == 0
    for arguments, percent, beam in (((25,), 25.0, 1), ((75, "--beam", 2, "--description", "beam on"), 75.0, 2)):
        ran = tdwii("progress", "UPSSCP", scheduled.uid, *arguments)
        assert (ran.code, ran.out) == (0, f"UPSSCP: {scheduled.uid} is at {percent:.0f} %, beam {beam}: 0000 (Success)\n")
        stored = tdwii("get", "UPSSCP", scheduled.uid, "ProcedureStepProgressInformationSequence", "--json").json
        information = stored["00741002"]["Value"][0]
        assert information["00741004"]["Value"] == [percent]
        (parameter,) = information["00741007"]["Value"]
        assert parameter["0040A043"]["Value"][0]["00080100"]["Value"] == ["2018004"]
        assert parameter["0040A30A"]["Value"] == [beam]
    assert information["00741006"]["Value"] == ["beam on"]


def test_request_cancel_of_what_nobody_performs(tdwii, scheduled):
    ran = tdwii("request-cancel", "UPSSCP", scheduled.uid, "--reason", "machine down", "--contact-name", "Dr. A")
    assert (ran.code, ran.out) == (0, f"UPSSCP took the cancel request for {scheduled.uid}: 0000 (Success)\n")
    assert state(tdwii, scheduled.uid) == "CANCELED"  # CC.2.2.2: the SCP performs the change itself


def test_request_cancel_of_what_is_performed(tdwii, scheduled):
    """CC.2.2.2: it is a request: the one who performs decides."""
    assert tdwii("claim", "UPSSCP", scheduled.uid).code == 0
    ran = tdwii("request-cancel", "UPSSCP", scheduled.uid)
    assert (ran.code, ran.err) == (0, "")
    assert state(tdwii, scheduled.uid) == "IN PROGRESS"
