"""The scenarios step by step: what the operator does, and which exchange shows that it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..defects import chosen
from ..profile.ups_service import CHANGE_STATE, SUBSCRIBE, UNSUBSCRIBE
from ..sut.config import Caller
from ..transcript.exchange import Exchange
from ..transcript.observation import Observation
from ..treatment.messages import references
from ..treatment.scenarios import SCENARIOS, Scenario
from .conduct import Display, Step, conduct
from .partners import Partners, Session, Workitem
from .triggers import SimulatorTrigger, Trigger

__all__ = ["perform_treatment", "perform_watch", "simulator_options", "simulator_trigger", "treatment_steps", "watch_steps"]

SUCCESS = 0x0000


def _answered(exchange: Exchange, service: str) -> bool:
    """Whether an exchange is of a service, and was answered well: success or a warning."""
    status = exchange.status
    return exchange.service == service and status is not None and (status < 0x0110 or status >> 12 == 0xB)


def _any(test: Callable[[Exchange], bool]) -> Callable[[Sequence[Exchange]], bool]:
    return lambda exchanges: any(test(exchange) for exchange in exchanges)


def _found(exchange: Exchange, uid: str) -> bool:
    return _answered(exchange, "C-FIND") and uid in exchange.matches


def _state(exchange: Exchange, uid: str, *states: str) -> bool:
    asked = exchange.request.dataset
    return (
        _answered(exchange, "N-ACTION")
        and exchange.instance_uid == uid
        and exchange.request.command.get("ActionTypeID") == CHANGE_STATE
        and asked is not None
        and asked.get("ProcedureStepState") in states
    )


def _is_final(exchange: Exchange) -> bool:
    """Whether an N-SET has what only a final update has: a time of the end, outputs, or a reason of the discontinuation."""
    asked = exchange.request.dataset
    if asked is None:
        return False
    performed = asked.get("UnifiedProcedureStepPerformedProcedureSequence") or ()
    progress = asked.get("ProcedureStepProgressInformationSequence") or ()
    return any(
        entry.get("PerformedProcedureStepEndDateTime") or references(entry.get("OutputInformationSequence")) for entry in performed
    ) or any("ProcedureStepDiscontinuationReasonCodeSequence" in entry for entry in progress)


def treatment_steps(scenario: Scenario, facts: Mapping[str, str]) -> list[Step]:
    """Return the steps of a TDD through a scenario.

    Parameters
    ----------
    scenario : Scenario
        Its start and end.
    facts : mapping of str to str
        Of the observation: workitem, patient, station, AE titles.
    """
    uid, tms, ost = facts["workitem"], facts["tms_ae_title"], facts["ost_ae_title"]
    what = "plan" if scenario.start == "TREATMENT" else "plan and the record of the interrupted session"
    steps = [
        Step(
            "RO-58 Worklist query",
            f"Query the worklist for station {facts['station_value']} and open patient {facts['patient_name']}",
            _any(lambda e: _found(e, uid)),
        ),
        Step(
            "RO-59 Retrieve static inputs",
            f"Load the {what} from {ost}",
            _any(lambda e: _answered(e, "C-MOVE") and e.acceptor == ost and facts["plan"] in _asked(e)),
        ),
        Step("RO-60 In progress", "Claim the workitem (begin the session)", _any(lambda e: _state(e, uid, "IN PROGRESS"))),
        Step(
            "RO-61 Retrieve dynamic inputs",
            f"Load the delivery instruction from {tms}",
            _any(lambda e: _answered(e, "C-MOVE") and e.acceptor == tms and facts["instruction"] in _asked(e)),
        ),
    ]
    if scenario.delivered:
        until = "deliver all beams" if scenario.state == "COMPLETED" else "interrupt it at about 40 % of the dose"
        steps += [
            Step(
                "RO-62 Progress update",
                f"Begin the treatment, and {until}",
                _any(lambda e: _answered(e, "N-SET") and e.instance_uid == uid),
            ),
            Step(
                "RO-63 Store results",
                f"{until.capitalize()}, so that the treatment record is stored",
                _any(lambda e: _answered(e, "C-STORE") and e.acceptor == ost),
            ),
        ]
    end = "Finish the session" if scenario.state == "COMPLETED" else "Cancel the session"
    if scenario.state == "CANCELED" and not scenario.delivered:
        end = "Cancel the session before any radiation"
    return [
        *steps,
        Step("RO-64 Final update", end, _any(lambda e: _answered(e, "N-SET") and e.instance_uid == uid and _is_final(e))),
        Step(f"RO-65 {scenario.state.capitalize()}", f"{end} to the end", _any(lambda e: _state(e, uid, "COMPLETED", "CANCELED"))),
    ]


def _asked(exchange: Exchange) -> list[str]:
    """Return the SOP Instance UIDs of a C-MOVE."""
    identifier = exchange.request.dataset
    value = identifier.get("SOPInstanceUID") if identifier is not None else None
    return [] if not value else [str(value)] if isinstance(value, str) else [str(uid) for uid in value]


def perform_treatment(
    partners: Partners,
    caller: Caller,
    trigger: Trigger,
    scenario: Scenario,
    show: Callable[[str], Display],
    *,
    inject: str = "",
) -> Observation:
    """Let a TDD perform a scenario; return what was observed.

    Parameters
    ----------
    partners : Partners
        Whom it calls.
    caller : Caller
        The TDD.
    trigger : Trigger
        Makes it perform.
    scenario : Scenario
        The scenario.
    show : callable
        Returns who shows it, for a title.
    inject : str
        The injection, of `checks.scu.INJECTIONS`; empty: none.
    """
    number = SCENARIOS.index(scenario) + 1
    workitems: list[Workitem] = []
    patient = f"TDWII^SCENARIO{number}"
    if inject != "empty-worklist":
        workitems = [partners.worklist.schedule(scenario.start, patient_name=patient, injection=inject)]
    if inject == "two-workitems":
        workitems.append(partners.worklist.twin(workitems[0]))
    facts = {
        "scenario": str(scenario),
        "inject": inject,
        "start": scenario.start,
        "end": str(scenario).split("-", 1)[1],
        "deadline": f"{caller.step_timeout:g}",
    }
    ae_title = caller.peer.ae_title
    receiver = caller.receiver.ae_title
    session = partners.session("TDD", ae_title, facts, workitems, receiver=receiver)
    steps = treatment_steps(scenario, session.facts) if not inject else _injected_steps(scenario, session, inject)
    partners.forget(receiver, forgotten=inject == "move-fails")
    title = f"{ae_title}: scenario {number} of {len(SCENARIOS)}, {scenario}{f', {inject}' if inject else ''}"
    try:
        return _conducted(session, steps, caller, trigger, show(title))
    finally:
        partners.forget(receiver, forgotten=False)


def watch_steps(partners: Partners, seen: Workitem, assigned: Workitem, *, fetches: bool) -> list[Step]:
    """Return the steps of a watcher.

    Parameters
    ----------
    partners : Partners
        Whom it calls.
    seen : Workitem
        A workitem that is there before the watcher subscribes; it is performed.
    assigned : Workitem
        One that is put on the worklist once it has.
    fetches : bool
        Whether the watcher fetches what is scheduled, with its inputs.
    """
    patient = seen.facts["patient_name"]

    def put() -> None:
        partners.worklist.put(assigned)
        if not fetches:
            partners.worklist.perform(seen)

    subscribe = Step(
        "CC.2.3 Subscribe",
        f"Let the watcher subscribe to {partners.plan.tms.ae_title}: to all workitems, or to that of patient {patient}",
        _any(lambda e: _answered(e, "N-ACTION") and e.request.command.get("ActionTypeID") == SUBSCRIBE),
        put,
    )
    fetch = Step(
        "CC.2.7, RO-59, RO-61 Fetch",
        f"Nothing is to be done: {assigned.facts['patient_name']} is scheduled, and the workitem is fetched with its inputs",
        lambda exchanges: _fetched(exchanges, assigned),
        lambda: partners.worklist.perform(seen),
    )
    reports = Step(
        "CC.2.4 Event reports",
        f"Nothing is to be done: {patient} is treated, and the events are reported to the watcher",
        _any(lambda e: _reported_end(e, seen.uid)),
    )
    unsubscribe = Step(
        "CC.2.3 Unsubscribe",
        "Let the watcher unsubscribe",
        _any(lambda e: _answered(e, "N-ACTION") and e.request.command.get("ActionTypeID") == UNSUBSCRIBE),
    )
    return [subscribe, *([fetch] if fetches else []), reports, unsubscribe]


def _fetched(exchanges: Sequence[Exchange], workitem: Workitem) -> bool:
    got = any(_answered(e, "N-GET") and e.instance_uid == workitem.uid for e in exchanges)
    moved = {uid for e in exchanges if _answered(e, "C-MOVE") for uid in _asked(e)}
    return got and moved >= {one.instance for one in workitem.inputs}


def _reported_end(exchange: Exchange, uid: str) -> bool:
    reported = exchange.request.dataset
    return (
        exchange.service == "N-EVENT-REPORT"
        and exchange.instance_uid == uid
        and reported is not None
        and reported.get("ProcedureStepState") in ("COMPLETED", "CANCELED")
    )


def perform_watch(partners: Partners, caller: Caller, trigger: Trigger, show: Callable[[str], Display]) -> Observation:
    """Let a watcher watch while every event occurs that can be reported to it; return what was observed.

    Parameters
    ----------
    partners : Partners
        Whom it calls.
    caller : Caller
        The watcher.
    trigger : Trigger
        Makes it subscribe.
    show : callable
        Returns who shows it, for a title.
    """
    seen = partners.worklist.schedule(patient_name="TDWII^WATCHED")
    assigned = partners.worklist.prepare(patient_name="TDWII^ASSIGNED")
    ae_title = caller.peer.ae_title
    facts = {"scenario": "watch", "deadline": f"{caller.step_timeout:g}"}
    session = partners.session("watcher", ae_title, facts, [seen, assigned], receiver=caller.receiver.ae_title)
    steps = watch_steps(partners, seen, assigned, fetches="fetch-inputs" in caller.supports)
    return _conducted(session, steps, caller, trigger, show(f"{ae_title}: events reported to a watcher"))


def _conducted(session: Session, steps: Sequence[Step], caller: Caller, trigger: Trigger, show: Display) -> Observation:
    def begin() -> None:
        trigger.begin(session, {**session.facts, **_addresses(session.partners)})

    try:
        return conduct(session, steps, step_timeout=caller.step_timeout, settle=caller.settle, show=show, begin=begin)
    finally:
        trigger.end()


def simulator_trigger(partners: Partners, actor: str, caller: Caller, defects: Sequence[str] = ()) -> SimulatorTrigger:
    """Return our simulated ``"TDD"`` or ``"watcher"``, to be entered, as the system under test with test partners.

    Parameters
    ----------
    partners : Partners
        Whom it calls.
    actor : {"TDD", "watcher"}
        Which one.
    caller : Caller
        Its description.
    defects : sequence of str
        Names of defects and variations; it has those of its actor.
    """
    own = [word for deviation in chosen(defects, actor) for word in ("--defect", deviation.name)]
    return SimulatorTrigger(actor.lower(), [*simulator_options(partners, actor, caller), *own])


def simulator_options(partners: Partners, actor: str, caller: Caller) -> list[str]:
    """Return the options with which a simulator of ours is the ``"TDD"`` or the ``"watcher"`` under test with test partners."""
    found = _addresses(partners)
    options = ["--tms", found["tms"], "--ost", found["ost"], "--ae-title", caller.peer.ae_title, "--port", "0"]
    if actor == "TDD":
        options += ["--station", found["station"], "--edition", partners.edition]
        options += ["--pace", "0.1"]
    else:
        options += ["--lock", "--fetch"]
    return options


def _addresses(partners: Partners) -> dict[str, str]:
    """Return where a command finds us, and the station, as the simulators' options spell them."""
    named = {}
    for role, peer in (("tms", partners.tms.peer), ("ost", partners.ost.peer)):
        host = "127.0.0.1" if peer.host in ("", "0.0.0.0") else peer.host
        named[role] = f"{peer.ae_title}={host}:{peer.port}"
    station = partners.station
    return {**named, "station": "^".join((station.value, station.scheme, station.meaning))}


def _injected_steps(scenario: Scenario, session: Session, inject: str) -> list[Step]:
    """Return the steps of a scenario with an injection: those that the TDD has to reach at least."""
    facts, ost = session.facts, session.facts["ost_ae_title"]
    if inject == "empty-worklist":
        query = f"Query the worklist for station {facts['station_value']}; it is empty"
        return [Step("RO-58 Worklist query", query, _any(lambda e: _answered(e, "C-FIND")))]
    steps = treatment_steps(scenario, facts)
    if inject == "two-workitems":
        uids = [workitem.uid for workitem in session.workitems]
        first = Step(
            steps[0].name,
            f"{steps[0].instruction}; there are two workitems for it, take one",
            _any(lambda e: any(_found(e, uid) for uid in uids)),
        )
        last = Step(
            steps[-1].name,
            f"{steps[-1].instruction}, or leave it",
            _any(lambda e: any(_state(e, uid, "COMPLETED", "CANCELED") for uid in uids)),
        )
        return [first, last]
    if inject == "claim-refused":
        refused = Step(
            "RO-60 In progress",
            "Claim the workitem; another AE has claimed it before",
            _any(lambda e: e.service == "N-ACTION" and e.instance_uid == facts["workitem"] and e.status is not None),
        )
        return [*steps[:2], refused]
    if inject == "move-fails":
        failing = Step(
            steps[1].name, f"{steps[1].instruction}; it fails", _any(lambda e: e.service == "C-MOVE" and e.acceptor == ost)
        )
        return [steps[0], failing]
    if inject == "cancel-request":
        steps[-1] = Step(steps[-1].name, "A cancellation is requested while it is in progress: cancel", steps[-1].reached)
        return [*steps[:3], steps[-1]]
    if inject == "set-refused":
        refused = Step(
            "RO-62 Progress update",
            f"{steps[4].instruction}; the first update is refused",
            _any(lambda e: e.service == "N-SET" and e.instance_uid == facts["workitem"] and e.status != SUCCESS),
        )
        return [*steps[:3], refused, steps[-1]]
    raise ValueError(f"{inject!r} is nothing that can get in the way")
