"""The supply of workitems at work in a run of pytest: what is shared is given away last, and what a failed test had is left."""

SHARING = {"looks_at", "is_refused", "updates", "to_report", "nothing_else"}


class Watch:
    """Knows how far the run is, for the supply, once there is one.

    Parameters
    ----------
    items : list of pytest.Item
        The tests of the run.
    """

    def __init__(self, items):
        self._module = ""
        self._to_come = {item.nodeid for item in items if SHARING.intersection(getattr(item, "fixturenames", ()))}
        self._supply = None

    def over(self, supply):
        """Watch over a supply."""
        self._supply = supply
        supply.to_come = lambda: len(self._to_come)
        return supply

    def begins(self, item):
        """A test begins."""
        self._to_come.discard(item.nodeid)
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
