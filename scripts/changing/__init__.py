"""Is a change of keys everywhere when it is said to be, and what does it cost the requests? See `scripts/changes`."""
