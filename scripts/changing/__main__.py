"""Runs the trials of changes; `scripts/changes` calls it."""

import sys

from .cli import main

sys.exit(main())
