"""How do bytes get there and back? Attempts, connections, time limits; knows no provider's name and no format."""
