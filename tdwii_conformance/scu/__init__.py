"""Acts as the peer of an SCP under test: the TDD's steps, the watcher's steps, the receiver, the probe."""
