"""The folder of a TMS: what is taken, what is named and left, and that no file is taken half."""

import os
import threading
from datetime import datetime

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tdwii_conformance.dcmdump import dump, save_dicom
from tdwii_conformance.simulators.folder import WorkitemFolder, completed, read_workitem
from tdwii_conformance.simulators.instances import InstanceStore
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.ups import SQLiteStore, Worklist

UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
DEADLINE = 20
STATION = Code("FX1", "99IHERO2008", "FX1")


def workitem(**changes):
    """A workitem as a file has it: SOP Class and Instance UID in the data set."""
    treatment = objects.new_treatment()
    made = objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=datetime(2026, 1, 8, 8, 30))
    made.update(item(SOPClassUID=UPS_PUSH, SOPInstanceUID=generate_uid()))
    made.update(item(**changes))
    return made


def put(folder, dataset, name=None, *, old=True):
    path = folder / (name or f"UPS_{dataset.SOPInstanceUID}.dcm")
    save_dicom(dataset, path)
    if old:
        rest(path)
    return path


def rest(path):
    """Make a file look as if nobody had written it for an hour."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


class Told:
    def __init__(self, folder, worklist=None, **keywords):
        self.news, self.arrived = [], threading.Condition()
        self.worklist, self.instructions = worklist or Worklist(), InstanceStore()
        self.folder = WorkitemFolder(folder, self.worklist, self.instructions, tell=self._tell, **keywords)

    def _tell(self, news):
        with self.arrived:
            self.news.append(news)
            self.arrived.notify_all()

    def await_news(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.news) >= count, DEADLINE), self.news
            return self.news[count - 1]

    def state(self, uid):
        record = self.worklist.store.get(uid)
        return record.state if record else None


def looked(folder, **keywords):
    told = Told(folder, **keywords)
    assert told.folder.look()
    return told


def test_workitems_are_served_from_dicom_files_and_dcmdump_text(tmp_path):
    binary, text = workitem(), workitem()
    put(tmp_path, binary)
    (tmp_path / f"UPS_{text.SOPInstanceUID}.txt").write_text(dump(text))
    rest(tmp_path / f"UPS_{text.SOPInstanceUID}.txt")
    told = looked(tmp_path)
    assert [news.kind for news in told.news] == ["taken", "taken"]
    assert told.state(binary.SOPInstanceUID) == told.state(text.SOPInstanceUID) == "SCHEDULED"
    kept = told.worklist.store.get(text.SOPInstanceUID).attributes
    assert kept.InputInformationSequence == text.InputInformationSequence


def test_files_that_come_later_are_taken_while_it_runs(tmp_path):
    told = Told(tmp_path, interval=0.05)
    with told.folder:
        assert told.news == []
        late = workitem()
        put(tmp_path, late, old=False)
        assert told.await_news(1).kind == "taken"
        assert told.state(late.SOPInstanceUID) == "SCHEDULED"
    assert not any(thread.name == f"watches {tmp_path}" for thread in threading.enumerate())


def test_a_file_that_is_still_being_written_is_not_taken_half(tmp_path):
    late = workitem()
    content = put(tmp_path, late).read_bytes()
    path = tmp_path / f"UPS_{late.SOPInstanceUID}.dcm"
    told = Told(tmp_path, interval=3600)
    # Two looks at a file that grows: it is not opened, whatever is in it.
    for length in (200, len(content) - 100):
        path.write_bytes(content[:length])
        assert not told.folder.look()
    assert told.news == []
    path.write_bytes(content)
    assert not told.folder.look()
    assert told.folder.look()  # unchanged since the last one
    assert [news.kind for news in told.news] == ["taken"]


def test_a_file_whose_writer_pauses_is_named_and_taken_when_it_is_whole(tmp_path):
    late = workitem()
    path = put(tmp_path, late)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    told = Told(tmp_path, interval=3600)
    told.folder.look()
    told.folder.look()
    (cut,) = told.news
    assert cut.kind == "left out" and "was cut off" in cut.text
    path.write_bytes(content)
    told.folder.look()
    told.folder.look()
    assert told.news[1].kind == "taken"
    assert told.state(late.SOPInstanceUID) == "SCHEDULED"


MALFORMED = [
    ("UPS_1.2.3.dcm", b"", "is empty"),
    ("UPS_1.2.3.dcm", b"not DICOM at all", "is no DICOM file"),
    ("UPS_1.2.3.txt", b"(0010,0010) PN [Doe\n", "line 1: "),
    ("UPS_1.2.3.txt", b"#" * (17 << 20), "has more than the 16 MB"),
]


@pytest.mark.parametrize(("name", "content", "why"), MALFORMED, ids=["empty", "no DICOM", "no dcmdump", "enormous"])
def test_a_malformed_file_is_named_and_left_and_the_others_are_served(name, content, why, tmp_path):
    (tmp_path / name).write_bytes(content)
    rest(tmp_path / name)
    good = workitem()
    put(tmp_path, good)
    told = looked(tmp_path)
    (bad,) = [news for news in told.news if news.kind == "left out"]
    assert bad.path.name == name and why in bad.text
    assert str(tmp_path) not in bad.text and "\n" not in str(bad)
    assert told.state(good.SOPInstanceUID) == "SCHEDULED"
    assert (tmp_path / name).read_bytes() == content


def test_a_value_that_no_ups_has_is_named_with_its_attribute(tmp_path):
    put(tmp_path, workitem(ScheduledProcedureStepPriority="SOON"))
    told = looked(tmp_path)
    assert told.news[0].kind == "left out"
    assert "ScheduledProcedureStepPriority" in told.news[0].text


def test_a_query_is_no_workitem(tmp_path):
    put(tmp_path, item(PatientID="", ProcedureStepState="SCHEDULED"), "query.dcm")
    assert looked(tmp_path).news[0].text.startswith("is no workitem")


def test_a_response_of_c_find_is_completed_and_what_was_made_up_is_said(tmp_path):
    response = item(
        SOPClassUID=UPS_PUSH, SOPInstanceUID="1.2.3.4", PatientName="Doe^Jane", PatientID="P1", ProcedureStepState="SCHEDULED",
        ScheduledWorkitemCodeSequence=item(CodeValue="121726", CodingSchemeDesignator="DCM", CodeMeaning="RT Treatment"),
        ScheduledProcedureStepStartDateTime="20260108083000", InputReadinessState="READY",
    )  # fmt: skip
    put(tmp_path, response, "rsp000001.dcm")
    told = looked(tmp_path)
    assert told.news[0].kind == "taken"
    assert "ProcedureStepLabel was missing and is 'RT Treatment' now" in told.news[0].text
    assert "StartDateTime" not in told.news[0].text
    kept = told.worklist.get("1.2.3.4").dataset
    assert (kept.ProcedureStepLabel, kept.ScheduledProcedureStepPriority) == ("RT Treatment", "MEDIUM")
    assert "PatientBirthDate" in kept and not kept.PatientBirthDate


def test_a_workitem_in_progress_keeps_its_lock(tmp_path):
    running = workitem(ProcedureStepState="IN PROGRESS", TransactionUID="1.2.3.4.5")
    running.ProcedureStepProgressInformationSequence = [item(ProcedureStepProgress="40")]
    put(tmp_path, running)
    told = looked(tmp_path)
    uid = running.SOPInstanceUID
    assert told.state(uid) == "IN PROGRESS"
    assert told.worklist.set(uid, item(TransactionUID="1.2.3.4.6", ProcedureStepLabel="x")).status == 0xC301
    assert told.worklist.set(uid, item(TransactionUID="1.2.3.4.5", ProcedureStepLabel="x")).status == 0
    progress = told.worklist.get(uid).dataset.ProcedureStepProgressInformationSequence[0]
    assert progress.ProcedureStepProgress == 40
    assert "TransactionUID" not in told.worklist.get(uid).dataset


def test_a_workitem_in_progress_without_lock_is_said_to_be_stuck(tmp_path):
    running = workitem(ProcedureStepState="IN PROGRESS")
    put(tmp_path, running)
    told = looked(tmp_path)
    assert "has no Transaction UID" in told.news[0].text
    uid = running.SOPInstanceUID
    assert told.worklist.change_state(uid, "IN PROGRESS", "1.2.3").status == 0xC301
    assert told.worklist.set(uid, item(TransactionUID="1.2.3", ProcedureStepLabel="x")).status == 0xC301


def test_a_completed_workitem_needs_what_completed_needs(tmp_path):
    put(tmp_path, workitem(ProcedureStepState="COMPLETED"))
    told = looked(tmp_path)
    assert told.news[0].kind == "left out"
    assert "COMPLETED without UnifiedProcedureStepPerformedProcedureSequence" in told.news[0].text


def test_a_state_that_there_is_not_is_named(tmp_path):
    put(tmp_path, workitem(ProcedureStepState="STARTED"))
    assert "'STARTED', not one of SCHEDULED, IN PROGRESS" in looked(tmp_path).news[0].text


def test_delivery_instructions_are_handed_out_and_plans_are_not_a_tms_s(tmp_path):
    treatment = objects.new_treatment()
    put(tmp_path, treatment.instruction, "instruction.dcm")
    put(tmp_path, treatment.plan, "plan.dcm")
    told = looked(tmp_path)
    assert [instance.uid for instance in told.instructions] == [treatment.instruction.SOPInstanceUID]
    assert [(news.path.name, news.kind) for news in told.news] == [("instruction.dcm", "taken"), ("plan.dcm", "left out")]
    others = InstanceStore()
    told = Told(tmp_path)
    told.folder = WorkitemFolder(tmp_path, told.worklist, told.instructions, others)
    told.folder.look()
    assert [instance.uid for instance in others] == [treatment.plan.SOPInstanceUID]


def test_what_is_on_the_worklist_stays_as_it_is_there(tmp_path):
    """After a restart with an SQLite file the state of before counts, not the folder's."""
    one = workitem()
    put(tmp_path, one)
    store = tmp_path / "worklist.sqlite"
    told = looked(tmp_path, worklist=Worklist(SQLiteStore(store)))
    assert told.worklist.change_state(one.SOPInstanceUID, "IN PROGRESS", "1.2.3").status == 0
    told.worklist.close()
    told = looked(tmp_path, worklist=Worklist(SQLiteStore(store)))
    assert [news.kind for news in told.news] == ["known"]
    assert told.state(one.SOPInstanceUID) == "IN PROGRESS"
    told.worklist.close()


def test_what_is_not_read_is_named_once(tmp_path):
    one = workitem()
    for name in (f"UPS_{one.SOPInstanceUID}.dcm", "twice.dcm", "IM0001", "plan.dcm.bak", ".hidden.dcm"):
        put(tmp_path, one, name)
    put(tmp_path, one, "UPS_1.2.dcm.part", old=False)  # is being written
    for name in ("folder.dcm", "instances"):
        (tmp_path / name / "below").mkdir(parents=True)
        put(tmp_path / name / "below", one)
        rest(tmp_path / name)
    (tmp_path / "worklist.sqlite").write_bytes(b"x")
    told = Told(tmp_path, beside=("worklist.sqlite", "instances"), interval=3600)
    told.folder.look()
    told.folder.look()
    assert sorted((news.path.name, news.kind) for news in told.news) == [
        ("IM0001", "left out"), (f"UPS_{one.SOPInstanceUID}.dcm", "taken"), ("folder.dcm", "left out"),
        ("plan.dcm.bak", "left out"), ("twice.dcm", "left out"),
    ]  # fmt: skip
    said = {news.path.name: news.text for news in told.news}
    assert said["IM0001"] == "is not read: its name ends neither in .dcm nor in .txt"
    assert said["folder.dcm"] == f"is a folder, and folders are not read (1 files): put into {tmp_path} what is to be served"
    assert said["twice.dcm"] == f"its workitem {one.SOPInstanceUID} is that of UPS_{one.SOPInstanceUID}.dcm, which is served"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere: there is no such folder"):
        Told(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file: is not a folder"):
        Told(tmp_path / "file")


def test_the_uid_may_be_in_the_name_alone(tmp_path):
    made = workitem()
    del made.SOPInstanceUID, made.SOPClassUID
    assert read_workitem(tmp_path / "UPS_1.2.3.dcmdump.txt", made)[0] == "1.2.3"
    assert read_workitem(tmp_path / "UPS_1.2.3.dcm", made)[0] == "1.2.3"
    with pytest.raises(ValueError, match="is no workitem"):
        read_workitem(tmp_path / "UPS_one.dcm", made)


def test_nothing_is_made_up_for_a_workitem_that_has_everything():
    made, filled = completed(workitem())
    assert filled == {}
    assert isinstance(made, Dataset)
