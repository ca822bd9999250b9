"""Primitives of one's own: functions of Python, compiled by Numba, that the language has from then
on (docs/primitives.md)."""
