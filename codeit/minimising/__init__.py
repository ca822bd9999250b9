"""Shorter programs that do the same: `codeit.minimise` (`minimiser.py`), what is kept as a solution
(`solutions.py`) and the command (`command.py`). csrc/search/minimise.h says how it is done."""
