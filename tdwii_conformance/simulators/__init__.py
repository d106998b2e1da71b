"""Simulated TMS and OST, usable with and without pytest."""
