"""What do operators and automation call? Health and metrics, on a listener of their own."""
