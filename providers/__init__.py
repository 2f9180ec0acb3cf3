"""Who can be asked? One module per provider: where its API is, how it takes a credential, its dialect.

A module contributes one constant, `PROVIDER` (built in) or `PRESET` (a template for custom providers), and is
found in this folder without being listed anywhere. It may not know another provider, do I/O or read the
environment.
"""
