"""Many at once: users of a clinic, on Locust, and a history of what they saw that is checked.

`clinic` says who is there and how fast they work, `facts` what is kept of an exchange, `history` judges it, `users` are the users
of Locust (an extra: ``pip install tdwii_conformance[load]``), `setting` is what the processes of a run share.
"""

from pathlib import Path

__all__ = ["SHIPPED", "locustfile_path"]

SHIPPED = ("small", "large", "rush")  # the clinics that come with the package


def locustfile_path() -> Path:
    """Return the file that Locust is started with; it is not imported here, as Locust is an extra."""
    return Path(__file__).with_name("locustfile.py")
