"""Shorter programs that do the same: `codeit.minimise` (`minimiser.py`) and the command
(`command.py`). How it is done is said in csrc/search/minimise.h."""
