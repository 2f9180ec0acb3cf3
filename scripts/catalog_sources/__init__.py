"""Where do the figures of catalog.json come from? The working parts of `scripts/update_catalog`."""
