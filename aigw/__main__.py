"""`python -m aigw` and the `aigw` command."""

from __future__ import annotations

import sys

from aigw.cli import main

if __name__ == "__main__":
    sys.exit(main())
