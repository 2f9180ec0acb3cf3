"""What is kept, and where? Accounts, keys, configurations, providers, settings: in SQLite or PostgreSQL.

`contract` says what a store does; `opening.open_store` gives one. The data path never touches this room: it lives
on snapshots. Nothing here is imported before a store is used: SQLAlchemy and cryptography are large.
"""
