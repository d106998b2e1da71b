"""A requirement for several actors is one for each, and a status fits what was asked."""

import pytest

from tdwii_conformance.profile import CatalogueError, load_catalogue
from tdwii_conformance.profile.statuses import fits
from tdwii_conformance.profile.ups_tables import attribute_rows, state_table, subscription_table

HEAD = '[[requirement]]\ntransaction = "RO-60"\nlevel = "shall"\nsource = "CC.1.1"\nstatement = "Does."\n'


@pytest.fixture
def catalogue(tmp_path):
    for folder in ("requirements", "attributes", "cells"):
        (tmp_path / folder).mkdir()

    def load(text):
        (tmp_path / "requirements" / "some.toml").write_text(text, "utf-8")
        return load_catalogue(tmp_path)

    return load


def test_a_requirement_of_several_actors_has_an_id_of_each(catalogue):
    found = catalogue(f'{HEAD}id = "RO60-*-901"\nactor = ["TMS", "OST"]\n')
    assert {(one.id, one.actor, one.statement) for one in found.values()} == {
        ("RO60-TMS-901", "TMS", "Does."),
        ("RO60-OST-901", "OST", "Does."),
    }


def test_a_requirement_of_one_actor_has_its_id(catalogue):
    assert [(one.id, one.actor) for one in catalogue(f'{HEAD}id = "RO60-TMS-901"\nactor = "TMS"\n').values()] == [
        ("RO60-TMS-901", "TMS")
    ]


def test_a_requirement_of_several_actors_without_an_id_is_refused_as_one_without(catalogue):
    with pytest.raises(CatalogueError, match="requirement 1: id is missing or empty"):
        catalogue(f'{HEAD}actor = ["TMS", "OST"]\n')


@pytest.mark.parametrize("own", ['warnings = ["B303"]', 'statuses = ["C307"]'])
def test_what_has_a_situation_has_no_statuses_of_its_own(catalogue, own):
    with pytest.raises(CatalogueError, match="RO60-TMS-901: has a situation and statuses of its own"):
        catalogue(f'{HEAD}id = "RO60-TMS-901"\nactor = "TMS"\nsituation = "unknown UPS"\n{own}\n')


@pytest.mark.parametrize(
    ("status", "service", "request_", "fitting"),
    [
        # CC.2.1.4: B304 says that it is CANCELED already, B306 that it is COMPLETED.
        (0xB304, "N-ACTION", "CANCELED", True),
        (0xB304, "N-ACTION", "COMPLETED", False),
        (0xB306, "N-ACTION", "COMPLETED", True),
        (0xB306, "N-ACTION", "CANCELED", False),
        (0xB304, "N-ACTION", "", False),
        # They fit every request of the service.
        (0x0000, "N-ACTION", "SUBSCRIBE", True),
        (0xC307, "N-ACTION", "", True),
        # They are of other services: CC.2.5.4, C.4.1.1.4.
        (0xB300, "N-ACTION", "", False),
        (0xFF00, "N-SET", "", False),
        (0xFF00, "C-FIND", "", True),
        (0xABCD, "N-SET", "", False),
    ],
)
def test_a_status_fits_what_was_asked(status, service, request_, fitting):
    assert fits(status, service, request_) is fitting


@pytest.mark.parametrize("table", [state_table, subscription_table, attribute_rows])
def test_a_table_is_read_from_beside_the_loader(table):
    assert dict(table.__wrapped__()) == dict(table())
