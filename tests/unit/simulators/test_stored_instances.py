"""What a simulated OST keeps: under its own name and nothing else, deflated or not, and no file that is not whole."""

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTPlanStorage

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.dimse import connect
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.simulators.instances import InstanceStore, instance_of_dataset
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import item

NO_UIDS = [
    "../../evil", "CON", "nul", "COM1", "aux.dcm", "1.2.3/../x", "unnamed", ".", "..", "1..2", "1.2.", ".1.2", "1 2",
    "1.2.3:x", "C:1", "1.2*", "~",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("folder", [True, False], ids=["folder", "memory"])
def test_an_instance_whose_uid_is_none_is_refused(tmp_path, folder):
    kept = tmp_path / "kept"
    with OST(folder=kept if folder else None) as ost, connect(ost.peer, [RTPlanStorage], calling="WE") as link:
        good = {"1.2.3", "1.2.3.4", "0", "1." + "2" * 62}
        for uid in (*sorted(good), *NO_UIDS, *sorted(good)):
            made = objects.new_treatment().plan
            made.SOPInstanceUID = uid
            exchange = link.c_store(made)
            assert exchange.status == (0x0000 if uid in good else 0x0117), uid
        assert {instance.uid for instance in ost.instances} == good
    if folder:
        assert {path.name for path in kept.iterdir()} == {f"{uid}.dcm" for uid in good}
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]
        assert {dcmread(path).SOPInstanceUID for path in kept.iterdir()} == good


@pytest.mark.parametrize("folder", [True, False], ids=["folder", "memory"])
def test_deflated_instances_are_kept_found_and_moved(tmp_path, folder):
    made = objects.new_treatment().plan
    save_dicom(made, tmp_path / "plan.dcm", transfer_syntax=DeflatedExplicitVRLittleEndian)
    sent = dcmread(tmp_path / "plan.dcm")
    kept = tmp_path / "kept" if folder else None
    find, move = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
    contexts = [(RTPlanStorage, [DeflatedExplicitVRLittleEndian]), find, move]
    with Receiver("WE") as receiver:
        known = {"WE": receiver.peer}
        with OST(folder=kept, destinations=known) as ost, connect(ost.peer, contexts, calling="WE") as link:
            assert link.c_store(sent).status == 0x0000
            keys = item(QueryRetrieveLevel="IMAGE", SOPInstanceUID=made.SOPInstanceUID, PatientID=None)
            keys.StudyInstanceUID, keys.SeriesInstanceUID = made.StudyInstanceUID, made.SeriesInstanceUID
            (found,) = link.c_find(find, keys).identifiers
            assert found.PatientID == made.PatientID
            del keys.PatientID
            moved = link.c_move(move, keys, "WE")
            assert (moved.status, moved.response.command.NumberOfCompletedSuboperations) == (0x0000, 1)
        (came,) = receiver.since(0)
        assert came.request.dataset.RTPlanLabel == made.RTPlanLabel
    if folder:
        (instance,) = InstanceStore(kept)
        assert (instance.transfer_syntax, instance.attributes.RTPlanLabel) == (DeflatedExplicitVRLittleEndian, made.RTPlanLabel)


def test_what_is_no_whole_instance_is_left_out_and_named(tmp_path):
    made = objects.new_treatment().plan
    save_dicom(made, tmp_path / "plan.dcm", transfer_syntax=ExplicitVRLittleEndian)
    content = (tmp_path / "plan.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(
        content[:-30].replace(made.SOPInstanceUID.encode(), made.SOPInstanceUID[:-1].encode() + b"9")
    )
    (tmp_path / "notes.txt").write_text("no DICOM at all", encoding="utf-8")
    (tmp_path / "empty.dcm").touch()
    store = InstanceStore(tmp_path)
    assert [instance.uid for instance in store] == [made.SOPInstanceUID]
    named = {reason.removeprefix(f"{tmp_path}/").partition(":")[0]: reason for reason in store.left_out}
    assert sorted(named) == ["cut.dcm", "empty.dcm", "notes.txt"]
    assert "was cut off" in named["cut.dcm"] and "is no DICOM file" in named["notes.txt"] and "is empty" in named["empty.dcm"]


def test_a_folder_of_files_as_others_write_them(tmp_path):
    """Without meta information: read as what is said, or as what they look like; one of two that are the same instance is named."""
    made = objects.new_treatment().plan
    save_dicom(made, tmp_path / "a.dcm", transfer_syntax=ExplicitVRLittleEndian)
    encoded = instance_of_dataset(made, ExplicitVRLittleEndian).encoded
    for name in ("b.dcm", "IM0001"):
        (tmp_path / name).write_bytes(encoded)
    (tmp_path / "cut.dcm").write_bytes(encoded[:-40])
    store = InstanceStore(tmp_path)
    assert len(store) == 1 and store.notes == [
        f"{tmp_path / 'IM0001'}: has no file meta information; read as Explicit VR Little Endian"
    ]
    twice = f"its SOP Instance UID {made.SOPInstanceUID} is that of a file before it"
    assert store.left_out[:2] == [f"{tmp_path / 'a.dcm'}: {twice}", f"{tmp_path / 'b.dcm'}: {twice}"]
    assert "was cut off" in store.left_out[2]
    wrong = InstanceStore(tmp_path, assume=ImplicitVRLittleEndian)
    assert [reason.split(": is no DICOM file")[0] for reason in wrong.left_out] == [
        str(tmp_path / name) for name in ("IM0001", "b.dcm", "cut.dcm")
    ]
    assert [one.transfer_syntax for one in wrong] == [ExplicitVRLittleEndian]
