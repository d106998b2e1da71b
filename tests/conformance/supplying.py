"""The supply of workitems at work in a run of pytest: what tests say that they do to a workitem, and in which order they come."""

from tdwii_conformance.plugin import requirement_key, system_key
from tdwii_conformance.plugin.under_test import takes_own_workitems, unsupported_by_deviations
from tdwii_conformance.workitems.plan import Consumer, Planned, table
from tdwii_conformance.workitems.supply import Use

# What a test, or a fixture of it, asks for tells what it does.
USES = {
    "looks_at": Use.LOOKS, "is_refused": Use.IS_REFUSED, "updates": Use.UPDATES, "claims": Use.CLAIMS, "ends": Use.ENDS,
    "to_report": Use.UPDATES, "nothing_else": Use.UPDATES, "treated": Use.ENDS,
}  # fmt: skip
SHARED = {"updates": "updates", "to_report": "told of", "nothing_else": "marker"}
LATER = {"IN PROGRESS", "COMPLETED", "CANCELED"}
LOOKING = {Use.LOOKS, Use.IS_REFUSED}
FIRST = ("test_negotiation", "test_ro")  # the transactions of TDW-II before the corners of Annex CC
FILLING = ("test_cc_2_5", "test_cc_2_8_random", "test_cc_random")  # what creates workitems by the hundred


def asking(item):
    """Yield each use of a workitem that a test asks for: the fixture of ours, and who asks, with its scope."""
    definitions = item._fixtureinfo.name2fixturedefs
    for name in item.fixturenames:
        if name in USES or not definitions.get(name):
            continue
        fixture = definitions[name][-1]
        for asked in set(fixture.argnames) & set(USES):
            yield asked, name, fixture.scope
    for asked in set(item._fixtureinfo.argnames) & set(USES):
        yield asked, item.nodeid, "function"
    if marker := item.get_closest_marker("workitem"):
        yield marker.args[0], item.nodeid, "function"


def start_of(item):
    """The Treatment Delivery Type that a test is about, by its parameters; empty: any."""
    values = getattr(getattr(item, "callspec", None), "params", {}).values()
    found = [value if isinstance(value, str) else getattr(value, "start", "") for value in values]
    return next((start for start in found if start in ("TREATMENT", "CONTINUATION")), "")


def consumers_of(item):
    """What a test takes."""
    module, start = item.nodeid.split("::", 1)[0], start_of(item)
    scenario = next((str(v) for v in getattr(getattr(item, "callspec", None), "params", {}).values() if hasattr(v, "progress")), "")
    found = []
    for asked, by, scope in asking(item):
        use = USES[asked]
        if use in LOOKING:
            key = f"looks {start}"
        elif asked in SHARED:
            key = SHARED[asked]
        elif asked == "treated":
            key = f"treated {scenario}"
        else:
            key = item.nodeid if scope == "function" else f"{module} {by}"
        found.append(Consumer(use, key, start if asked in ("looks_at", "is_refused", "treated") else ""))
    return tuple(dict.fromkeys(found))


def planned_of(item, makes_now):
    """What the plan has to know of a test."""
    creates = bool({"creates", "created"} & set(item.fixturenames))
    new = (Consumer(Use.CLAIMS, f"created for {item.nodeid}", "TREATMENT"),) if creates and makes_now else ()
    return Planned(item.stash[requirement_key].id, consumers_of(item) + new, creates and not makes_now)


def applies(item):
    """Whether a test will judge something, as far as the description of the system tells."""
    requirement, config = item.stash.get(requirement_key, None), item.config
    if requirement is None or requirement.actor not in ("TMS", "OST"):
        return False
    if system_key not in config.stash:
        return requirement.capability not in unsupported_by_deviations(config)
    system = config.stash[system_key]
    supported = not requirement.capability or requirement.capability in system.supports(requirement.actor)
    return system.describes(requirement.actor) and supported


def plan_lines(config, items):
    """Say how many workitems the run needs, and how many requirements that many, or fewer, will judge."""
    if not takes_own_workitems(config):
        asked = bool(config.getoption("tdwii_plan"))
        return ["workitems: created by N-CREATE, as many as the tests need"] if asked else []
    sources = config.stash[system_key].workitems.sources if system_key in config.stash else ("existing",)
    makes_now = bool({"person", "command"} & set(sources))
    tests = [planned_of(item, makes_now) for item in items if applies(item)]
    if not any(test.consumers for test in tests):
        return ["workitems: none is needed"] if tests else []
    *fewer, most = table(tests)
    return [
        f"workitems ({', '.join(sources)}): {most.new} new and {most.continuations} continuations are needed, to judge"
        f" {len(most.judged)} of {len(most.all)} requirements",
        *(f"  with {plan}" for plan in fewer),
    ]


def rank(item):
    """Which tests come first where there are few workitems.

    Those who only look; then those of TDW-II whose workitem serves many tests, and those of TDW-II that take one for
    themselves; then the corners of Annex CC, in the same order.
    """
    if requirement_key not in item.stash:
        return (0, 0, 0)
    asked = list(asking(item))
    uses = {USES[name] for name, _, _ in asked}
    module = item.nodeid.split("::", 1)[0].rsplit("/", 1)[-1]
    corner = bool(asked) and all(scope == "function" and name != "treated" for name, _, scope in asked)
    phase = 0 if uses <= LOOKING else 2 if corner else 1
    last = {Use.CLAIMS: 1, Use.ENDS: 2}
    within = max((last.get(use, 0) for use in uses), default=0) if phase == 2 else 0
    tdwii = module.startswith(FIRST)
    if phase == 0 and not tdwii and LATER & set(map(str, getattr(getattr(item, "callspec", None), "params", {}).values())):
        phase = 1  # the six scenarios leave workitems in these states
    return (int(phase > 0 and not tdwii), phase, within) if phase else (0, 0, int(not tdwii))


def fills(item):
    """Which modules come first where the tests fill the worklist: the transactions of TDW-II; those last that create the most."""
    module = item.nodeid.split("::", 1)[0].rsplit("/", 1)[-1]
    return 0 if module.startswith(FIRST) else 2 if module.startswith(FILLING) else 1


class Watch:
    """Knows how far the run is, for the supply, once there is one.

    Parameters
    ----------
    items : list of pytest.Item
        The tests of the run.
    """

    def __init__(self, items):
        self._module, self._running = "", ""
        self._to_come = {"SCHEDULED": set(), "IN PROGRESS": set()}
        for item in items:
            names = set(getattr(item, "fixturenames", ()))
            if names & {"looks_at", "is_refused"}:
                self._to_come["SCHEDULED"].add(item.nodeid)
            if names & {"is_refused", *SHARED}:
                self._to_come["IN PROGRESS"].add(item.nodeid)
        self._supply = None

    def over(self, supply):
        """Watch over a supply."""
        self._supply = supply
        supply.to_come = lambda state: len(self._to_come[state])
        return supply

    def begins(self, item):
        """A test begins. It still shares what it has got: nothing of that is given to it again as another one."""
        for waiting in self._to_come.values():
            waiting.discard(self._running)
        self._running = item.nodeid
        module, before = item.nodeid.split("::", 1)[0], self._module
        self._module = module
        if self._supply is not None:
            self._supply.test_begins()
            if module != before:
                self._supply.module_ends()

    def failed(self):
        """The test failed."""
        if self._supply is not None:
            self._supply.test_failed()
