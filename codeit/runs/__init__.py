"""A run: its settings, its directory, its loop and its report."""
