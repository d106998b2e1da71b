"""Pseudonymises whole results and recorded scenarios: data sets are encoded anew, texts go through the same pseudonyms."""

from __future__ import annotations

import copy
import hashlib
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from ..transcript.exchange import Exchange, Message
from ..transcript.observation import Observation, read_observation, write_observation
from ..transcript.sent import Sent
from .messages import messages_of
from .pseudonyms import SHORT, Pseudonyms
from .results import Results

__all__ = [
    "learn_exchange", "learn_observation", "learn_results", "pseudonymise_transcripts", "pseudonymised_observation",
    "pseudonymised_results",
]  # fmt: skip

TEXT_VRS = frozenset({"LO", "LT", "SH", "ST", "UC", "UT", "UR"})
NAMES = {"patient_name": "", "patient_id": ""}  # facts of a scenario that identify, beside AE titles and UIDs
TEXTS = ("plan_label", "station_value", "station_scheme")  # facts in which an original may be, as in a text of a data set
UIDS = ("workitem", "study", "plan", "instruction", "known_transaction_uids")
# Of results: what is ours, or the vendor's own name.
KEPT = frozenset({
    "format", "system", "edition", "software", "id", "actor", "transaction", "level", "source", "statement", "verdict", "weight",
    "kind", "name", "sentence", "requirements_of",
})  # fmt: skip


def learn_results(results: Results, names: Pseudonyms) -> None:
    """Have pseudonyms know what identifies in results, before anything is replaced."""
    for text in results.exchanges.values():
        for message in messages_of([text]):
            for title in (message.sender, message.receiver):
                names.value(title, "AE")
        names.collect(text)


def pseudonymised_results(results: Results, names: Pseudonyms) -> Results:
    """Return results in which nobody can be recognised.

    Parameters
    ----------
    results : Results
        Of a run.
    names : Pseudonyms
        Which know the originals: see `learn_results`.
    """
    content = results.model_dump(mode="json")
    keys: dict[str, str] = {}
    exchanges: dict[str, str] = {}
    for key, text in content.pop("exchanges").items():
        new = names.text(text)
        keys[key] = hashlib.sha256(new.encode()).hexdigest()[:12]
        exchanges[keys[key]] = new
    for one in content["requirements"]:
        for test in one["tests"]:
            test["exchanges"] = [keys.get(key, key) for key in test["exchanges"]]
            title, gap, rest = test["test"].partition(" ")  # of what was recorded: AE title, scenario, workitem
            if "::" not in title and len(title) < SHORT:
                test["test"] = f"{names.value(title, 'AE')}{gap}{rest}"
    changed = _texts(content, names.text)
    return Results.model_validate({**changed, "exchanges": exchanges})


def _texts(content: Any, new: Callable[[str], str], key: str = "") -> Any:
    if isinstance(content, dict):
        return {name: value if _kept(name, value) else _texts(value, new, name) for name, value in content.items()}
    if isinstance(content, list):
        return [_texts(value, new, key) for value in content]
    return new(content) if isinstance(content, str) and key not in ("ended",) else content


def _kept(name: str, value: Any) -> bool:
    # The name of a test of the suite says nothing; that of a session which was recorded has AE title and workitem.
    return name in KEPT or name == "exchanges" or (name == "test" and "::" in str(value))


def pseudonymise_transcripts(paths: Iterable[Path], names: Pseudonyms) -> None:
    """Replace recorded scenarios by pseudonymised ones.

    Parameters
    ----------
    paths : iterable of Path
        Files of `transcript.observation`.
    names : Pseudonyms
        Which learn the originals of all files before the first is written.

    Raises
    ------
    TranscriptError
        If one cannot be read; then none has been changed.
    """
    recorded = {path: read_observation(path) for path in paths}
    for one in recorded.values():
        learn_observation(one, names)
    for path, one in recorded.items():
        write_observation(path, pseudonymised_observation(one, names))


def learn_observation(observation: Observation, names: Pseudonyms) -> None:
    """Have pseudonyms know what identifies in a recorded scenario, before anything is replaced."""
    _facts(observation, names)
    for exchange in observation.exchanges:
        learn_exchange(exchange, names)
    for association in observation.associations:
        names.value(association.requestor, "AE")
        names.value(association.acceptor, "AE")


def learn_exchange(exchange: Exchange, names: Pseudonyms) -> None:
    """Have pseudonyms know what identifies in an exchange, before anything is replaced."""
    names.value(exchange.requestor, "AE")
    names.value(exchange.acceptor, "AE")
    for message in (exchange.request, *exchange.responses):
        for dataset in filter(None, (message.command, message.dataset)):
            names.dataset(copy.deepcopy(dataset))


def pseudonymised_observation(observation: Observation, names: Pseudonyms) -> Observation:
    """Return a recorded scenario in which nobody can be recognised, and of which every verdict is the same.

    Parameters
    ----------
    observation : Observation
        As it was recorded. A data set that cannot be decoded is replaced by as many bytes that cannot be decoded either.
    names : Pseudonyms
        Which know the originals: see `learn_observation`.
    """
    return replace(
        observation,
        facts=_facts(observation, names),
        inputs=tuple(
            replace(
                one,
                instance=names.value(one.instance, "UI"),
                study=names.value(one.study, "UI"),
                series=names.value(one.series, "UI"),
                ae_title=names.value(one.ae_title, "AE"),
            )
            for one in observation.inputs
        ),
        exchanges=tuple(_exchange(one, names) for one in observation.exchanges),
        associations=tuple(
            replace(
                one,
                requestor=names.value(one.requestor, "AE"),
                acceptor=names.value(one.acceptor, "AE"),
                ended=names.text(one.ended),
                sent=tuple(_sent(side, names) for side in one.sent),
            )
            for one in observation.associations
        ),
        why_early=names.text(observation.why_early),
        awaited=names.text(observation.awaited),
    )


def _facts(observation: Observation, names: Pseudonyms) -> dict[str, str]:
    facts = dict(observation.facts)
    for name, value in observation.facts.items():
        if name in NAMES:
            facts[name] = names.value(value, NAMES[name])
        elif name.endswith("ae_title"):
            facts[name] = names.value(value, "AE")
        elif name in UIDS:
            facts[name] = "|".join(names.value(one, "UI") for one in value.split("|"))
        elif name in TEXTS:
            facts[name] = names.text(value)
    return facts


def _sent(one: Sent, names: Pseudonyms) -> Sent:
    return replace(one, wrong=tuple(replace(wrong, received=names.text(wrong.received)) for wrong in one.wrong))


def _exchange(one: Exchange, names: Pseudonyms) -> Exchange:
    return replace(
        one,
        requestor=names.value(one.requestor, "AE"),
        acceptor=names.value(one.acceptor, "AE"),
        request=_message(one.request, names),
        responses=tuple(_message(response, names) for response in one.responses),
        failure=names.text(one.failure),
    )


def _message(message: Message, names: Pseudonyms) -> Message:
    command = _changed(message.command, names)
    if message.encoded is None:
        return replace(message, command=command)
    dataset = message.dataset
    encoded = b"\xff" * len(message.encoded) if dataset is None else _encoded(_changed(dataset, names), message.transfer_syntax)
    return Message(command, message.time, encoded, message.transfer_syntax)


def _changed(dataset: Dataset, names: Pseudonyms) -> Dataset:
    new = copy.deepcopy(dataset)
    names.dataset(new)
    for element in new.iterall():
        if isinstance(element.value, bytes):
            element.value = names.octets(element.value)
        elif element.VR in TEXT_VRS and element.value:
            values = element.value if element.VM > 1 else [element.value]
            changed = [names.text(str(value)) for value in values]
            if changed != [str(value) for value in values]:
                element.value = changed if element.VM > 1 else changed[0]
    return new


def _encoded(dataset: Dataset, transfer_syntax: str) -> bytes:
    uid = UID(transfer_syntax)
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = uid.is_little_endian, uid.is_implicit_VR
    write_dataset(stream, dataset)
    encoded = stream.getvalue()
    if uid == DeflatedExplicitVRLittleEndian:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        encoded = packer.compress(encoded) + packer.flush()
        encoded += b"\0" * (len(encoded) % 2)
    return encoded
