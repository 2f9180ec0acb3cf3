"""Who may call what, in which order? Pure decisions over a snapshot; no I/O, no clock."""
