"""Data that is public and not in the package: what there is, and how it is fetched."""
