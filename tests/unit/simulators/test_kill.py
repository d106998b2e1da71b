"""The TMS with its SQLite store is killed in the middle of its work: what it had answered with success is there."""

import pytest

from tests.killing import killed


@pytest.mark.parametrize("some", [3, 20, 47])
def test_killed_in_the_middle_of_traffic(tmp_path, some):
    assert killed(tmp_path / "worklist.sqlite", some) >= 2 * some
