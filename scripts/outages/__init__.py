"""What does an outage of its upstreams cost, and how soon is it over? See `scripts/outage`."""
