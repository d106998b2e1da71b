"""Data sets as they are made here."""

from tdwii_conformance.treatment.messages import copied, item


def test_a_copy_is_equal_and_shares_nothing_that_can_change():
    inside = item(StudyInstanceUID="1.2")
    made = item(PatientName="Müller^Jürgen", OtherPatientNames=["a", "b"], InputInformationSequence=inside)
    same = copied(made)
    assert same == made
    same.PatientName, same["OtherPatientNames"].value[0] = "Other", "c"
    same.InputInformationSequence[0].StudyInstanceUID = "1.3"
    same.InputInformationSequence.append(item(StudyInstanceUID="1.4"))
    assert (str(made.PatientName), [str(one) for one in made.OtherPatientNames]) == ("Müller^Jürgen", ["a", "b"])
    assert [one.StudyInstanceUID for one in made.InputInformationSequence] == ["1.2"]
