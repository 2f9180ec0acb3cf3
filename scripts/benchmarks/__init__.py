"""How fast, light and even is a gateway beside nginx doing the same, on this machine? See `scripts/bench`."""
