"""Sequences of requests, made of a system and of the model of a UPS at once; what differs is a finding."""

from .environment import Environment, Subject
from .performed import VERBS
from .watched import WatchedSequence

__all__ = ["VERBS", "Environment", "Subject", "WatchedSequence"]
