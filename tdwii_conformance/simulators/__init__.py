"""Simulated TMS, OST, TDD and watcher, usable with and without pytest."""
