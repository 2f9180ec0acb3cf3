"""Runs the matrix; `scripts/faults` calls it."""

import sys

from .cli import main

sys.exit(main())
