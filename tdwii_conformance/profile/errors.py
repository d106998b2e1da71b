"""What is wrong with data that came with the package, or that a test gave in its place."""

from __future__ import annotations

__all__ = ["CatalogueError"]


class CatalogueError(ValueError):
    """The catalogue is malformed; the message names the file, the entry and what would be right."""
