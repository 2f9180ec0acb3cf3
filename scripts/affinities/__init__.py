"""Which strategy keeps the providers' prompt caches warm? Conversations over keys with a cache each."""
