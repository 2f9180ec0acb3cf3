"""Runs the soak; `scripts/soak` calls it."""

import sys

from .cli import main

sys.exit(main())
