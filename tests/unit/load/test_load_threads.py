"""Requests of users run in native threads, and these are few: a run of hours makes millions of requests."""

import os
import subprocess
import sys

ASKED = """
import threading
from tdwii_conformance.load.users import in_thread
print(len({in_thread(threading.get_ident) for _ in range(50)}), in_thread(divmod, 7, 3))
"""


def test_one_after_the_other_takes_one_thread():
    # In a process of its own: Locust changes Python where it is imported, or is told not to.
    environment = os.environ | {"LOCUST_SKIP_MONKEY_PATCH": "1"}
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "1 (2, 1)\n", done.stderr
