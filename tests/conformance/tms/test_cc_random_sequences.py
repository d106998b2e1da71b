"""Random sequences of requests, of performers and watchers, against the model of a UPS [CC.1.1, CC.2]."""

import itertools
from datetime import datetime, timedelta

import pytest

from tdwii_conformance.sequences import Environment
from tdwii_conformance.treatment import objects

from .ups_machine import drive

pytestmark = pytest.mark.long

RESET_AFTER = 10  # examples


@pytest.fixture
def environment(tdd, other_tdd, system, supply, creates, judge, new_example, supported):
    supported("TMS", "push")
    treatment = objects.new_treatment()
    station, start = system.workitems.station, datetime.now()
    ost = system.ost.ae_title if system.ost else "OST"
    names = {"tms": system.tms.ae_title, "ost": ost, "station": station, "start": start}
    final = objects.final_update(
        progress=100,
        station=station,
        start=start,
        end=start + timedelta(minutes=12),
        records=[objects.record(treatment)],
        ost=ost,
        canceled=False,
    )
    examples = itertools.count()
    markers = []

    def new_marker():
        markers.append(creates().workitem.uid)
        return markers[-1]

    def begin():
        new_example()
        if next(examples) % RESET_AFTER == 0 and system.reset is not None:
            environment.marker = ""
            system.reset()
            supply.count()
        environment.marker = environment.marker or new_marker()

    environment = Environment(
        performers=[tdd, other_tdd],
        watchers=[],
        attributes=objects.workitem(treatment, **names, edition=system.edition),
        final=final,
        new_marker=new_marker,
        judge=judge,
        begin=begin,
        cancels="request-cancel" in system.tms_supports,
    )
    yield environment
    if system.reset is None:
        for uid in markers:
            environment.end(uid, "SCHEDULED")


@pytest.mark.requirement("CC11-TMS-101")
def test_performers(environment, bounds):
    drive(environment, bounds)


@pytest.mark.requirement("CC11-TMS-102")
def test_performers_and_watchers(environment, bounds, watchers):
    environment.watchers = watchers
    drive(environment, bounds)
