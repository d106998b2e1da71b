"""The `tdwii` command: simulators, a TDD's and a watcher's steps one by one, conversions, and the suite."""

from .app import main, run

__all__ = ["main", "run"]
