"""Runs programs on grids and tells how the runs ended."""
