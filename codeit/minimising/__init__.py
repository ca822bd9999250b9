"""Shorter programs that do the same: `codeit.minimise`. How is said in csrc/search/minimise.h."""
