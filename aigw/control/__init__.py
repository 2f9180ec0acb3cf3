"""What do operators and automation call? Health, metrics and the control API, on a listener of their own."""
