"""What people name, of which several may stand in one text: `A,B`."""

from __future__ import annotations

from pathlib import Path


def split_source(source: str, folder: Path = Path()) -> list[str]:
    """The parts of a source, of which there are several where commas stand between them.

    Args:
        folder: where relative paths are looked for: a path may have commas, too.
    Raises:
        ValueError: a part is empty.
    """
    if "," not in source or (folder / source).exists():
        return [source]
    parts = [part.strip() for part in source.split(",")]
    if not all(parts):
        raise ValueError(f"{source!r}: a source is missing beside a comma; allowed: A,B")
    return parts
