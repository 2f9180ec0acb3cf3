"""A provider on a real socket that answers by script and fails on demand; never imported by the data path."""
