"""Where what was fetched is."""

from __future__ import annotations

import os
from pathlib import Path

from codeit.public.catalogue import PUBLIC, PublicData

_CONTENT = "content"


def cache_folder() -> Path:
    """`CODEIT_CACHE`, else the folder `codeit` in the one that XDG's rules name.

    Raises:
        ValueError: it is no absolute path.
    """
    chosen = os.environ.get("CODEIT_CACHE")
    if chosen:
        if not os.path.isabs(chosen):
            raise ValueError(f"CODEIT_CACHE is {chosen!r}; allowed: an absolute path")
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    # By those rules, a relative path counts as none.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "codeit"


def folder_of(data: PublicData) -> Path:
    """The folder of a revision, whole or not there."""
    return cache_folder() / "data" / f"{data.name}-{data.commit[:12]}"


def content_of(folder: Path, data: PublicData) -> Path:
    """In the folder of a revision, the file or folder that a loader takes."""
    name = Path(data.path).name
    is_one_file = not data.is_folder and not name.endswith(".zip")
    return folder / _CONTENT / name if is_one_file else folder / _CONTENT


def is_here(data: PublicData) -> bool:
    """Whether it was fetched."""
    return content_of(folder_of(data), data).exists()


def fetched(name: str) -> Path:
    """The file or folder of public data.

    Raises:
        ValueError: it is not here.
    """
    data = PUBLIC[name]
    if not is_here(data):
        here = f"; ./{name} is what is in this folder" if os.path.lexists(name) else ""
        raise ValueError(
            f"{name} is not on this machine yet; `codeit data fetch {name}` brings it{here}"
        )
    return content_of(folder_of(data), data)
