"""What happened to a request? One record per request and small sinks that read it; nothing here decides.

The room may import `errors`, `records` and `wire`, and knows neither the callers' side (`front`) nor the
upstreams' (`relay`): those fill the record in. A sink may be wrong; it may not be slow, block the loop,
raise or show a secret.
"""
