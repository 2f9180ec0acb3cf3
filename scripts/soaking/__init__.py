"""What becomes of a gateway under mixed load, half of it cancelled, with upstreams that fail? See `scripts/soak`."""
