"""What does asking a second candidate do for the slowest answers of an upstream? See `scripts/hedging`."""
