"""What do apps call? The data plane: reads requests, answers or relays them; never touches the store."""
