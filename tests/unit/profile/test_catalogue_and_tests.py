"""Catalogue and conformance tests are held to each other, both ways."""

import pytest

from tdwii_conformance.profile import load_catalogue

pytestmark = pytest.mark.slow


class Seen:
    """Collects the requirement that each collected conformance test names."""

    def __init__(self):
        self.named = set()
        self.without = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        from tdwii_conformance.plugin import requirement_key

        for item in items:
            requirement = item.stash.get(requirement_key, None)
            if requirement is None:
                self.without.append(item.nodeid)
            else:
                self.named.add(requirement.id)


@pytest.fixture(scope="module")
def seen(pytestconfig):
    found = Seen()
    folder = str(pytestconfig.rootpath / "tests" / "conformance")
    for edition in ("ti", "2013"):
        arguments = ["--collect-only", "-q", "-p", "no:cacheprovider", "--inject", "--edition", edition, folder]
        assert pytest.main(arguments, plugins=[found]) == 0
    return found


@pytest.mark.parametrize("actor", ["TMS", "OST", "TDD", "watcher"])
def test_every_requirement_has_a_test(seen, actor):
    needed = {r.id for r in load_catalogue().values() if r.actor == actor}
    assert needed
    assert sorted(needed - seen.named) == []


def test_every_conformance_test_names_a_requirement(seen):
    assert seen.without == []
    assert seen.named <= set(load_catalogue())
