"""Does a gateway tell its callers the truth when its upstream fails? Asked with the official SDKs, of any gateway."""
