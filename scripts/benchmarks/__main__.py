"""Runs the measurement; `scripts/bench` calls it."""

import sys

from .cli import main

sys.exit(main())
