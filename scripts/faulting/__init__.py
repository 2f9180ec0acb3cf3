"""Does the gateway tell the truth under every fault, in every format, to every SDK? See `scripts/faults`."""
