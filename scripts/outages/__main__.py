"""Runs the outages; `scripts/outage` calls it."""

import sys

from .cli import main

sys.exit(main())
