"""What do the bytes mean? Pure functions and push parsers; nothing here awaits, knows a URL or a provider."""
