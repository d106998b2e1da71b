"""What the attribute tables write as ``$fact``, in the words of a statement.

A fact is what a scenario says of a message in advance: whose treatment it is, which plan, how it ends. The tables compare with
it; reports name it in words.
"""

from __future__ import annotations

import re

__all__ = ["condition_in_words", "value_in_words"]

FACTS = {
    "beam_numbers": "the number of a beam of the plan",
    "contact_name": "the contact's name of the request",
    "contact_uri": "the contact's URI of the request",
    "description": "the progress description last set",
    "final_state": "the final state of the scenario",
    "fraction": "the number of this fraction",
    "fractions_planned": "the number of planned fractions",
    "instruction": "the SOP Instance UID of the delivery instruction",
    "ost_ae_title": "the AE title of the OST",
    "patient_id": "the Patient ID of this treatment",
    "patient_name": "the Patient's Name of this treatment",
    "performed_end": "the end that the final update gave",
    "performed_start": "the start that the final update gave",
    "plan": "the SOP Instance UID of the plan",
    "plan_class": "the SOP Class UID of the plan",
    "plan_label": "the label of the plan",
    "progress": "the progress last set",
    "readiness": "the Input Readiness State of the UPS",
    "reason": "the reason for the cancellation",
    "reason_code": "the code of the reason that the request gave",
    "record": "the SOP Instance UID of the record",
    "record_class": "the SOP Class UID of the record",
    "record_series": "the Series Instance UID of the record",
    "record_study": "the Study Instance UID of the record",
    "requesting_ae": "the AE title of who requested the cancellation",
    "start": "TREATMENT or CONTINUATION, as this treatment begins",
    "state": "the state of the UPS",
    "station_scheme": "the coding scheme of the scheduled station",
    "station_value": "the code of the scheduled station",
    "study": "the Study Instance UID of this treatment",
    "tms_ae_title": "the AE title of the TMS",
    "transaction_uid": "the Transaction UID of the claim",
}
CONDITIONS = {
    "$canceled = yes": "the treatment is canceled",
    "$delivered = yes": "radiation was delivered",
    "$start = CONTINUATION": "the treatment continues an interrupted one",
}


def value_in_words(value: str) -> str:
    """Return a value of an attribute table as a statement says it: a literal as it is, a fact in words.

    Raises
    ------
    KeyError
        If a fact has no words yet; they are added here.
    """
    return FACTS[value[1:]] if value.startswith("$") else value


def condition_in_words(text: str) -> str:
    """Return a condition of an attribute table as a statement says it.

    Raises
    ------
    KeyError
        If it is about a fact that has no words yet; they are added here.
    """
    spaced = re.sub(r"\s+", " ", text).strip()
    if not spaced.startswith("$") or spaced in CONDITIONS:
        return CONDITIONS.get(spaced, spaced)
    fact, operator, value = spaced[1:].split(" ", 2)
    return f"{FACTS[fact]} {'is' if operator == '=' else 'is not'} {value.replace('|', ' or ')}"
