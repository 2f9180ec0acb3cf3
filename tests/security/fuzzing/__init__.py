"""Broken bytes for every parser: what may come out of each, seeds that reach far into it, and ways to break them."""
