"""Runs the comparison; `scripts/hedging` calls it."""

import sys

from .cli import main

sys.exit(main())
