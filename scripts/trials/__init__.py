"""What scripts that put a gateway of their own under load share: its processes, its numbers, callers like SDKs."""
