"""``python -m tests.proof``, apart from what it runs: processes that are not forked look in vain in a package's main module."""

import sys

from .whole import main

if __name__ == "__main__":
    sys.exit(main())
