"""Runs the simulation; `scripts/affinity` calls it."""

import sys

from .cli import main

sys.exit(main())
