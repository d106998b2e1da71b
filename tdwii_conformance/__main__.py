"""``python -m tdwii_conformance``: the same as ``tdwii``."""

from .cli import run

if __name__ == "__main__":
    run()
