"""What do the commands of keys, providers and the like do? They ask the control API; they know no store."""
