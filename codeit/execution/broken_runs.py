"""Keeps what ran when the machine met a state that it should not be in (Outcome.internal_error).

One JSON file for each such run, in the folder that CODEIT_REPORTS names, or in one of this user in
the system's folder for temporary files. A debug build of the machine (CODEIT_DEBUG=1, see setup.py)
says where a saved run breaks.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import warnings
from pathlib import Path
from typing import Any

from codeit.terminal import visible
from codeit.version import __version__

MAX_SAVED = 8
"""How many runs of one batch are saved at most."""


def save(runs: list[dict[str, Any]]) -> None:
    """Save the first MAX_SAVED of some runs, and warn.

    Args:
        runs: all that broke in one batch: what it takes to repeat each, as JSON takes it.
    """
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for run in runs[:MAX_SAVED]:
            _save(folder, run)
        fate = f"please report what is in {folder}"
    except OSError as error:
        fate = f"they could not be saved: {error}"
    message = f"runs that met a broken invariant of the machine: {len(runs)}; {fate}"
    warnings.warn(visible(message), RuntimeWarning, stacklevel=2)


def _folder() -> Path:
    named = os.environ.get("CODEIT_REPORTS")
    return Path(named) if named else Path(tempfile.gettempdir()) / f"codeit-reports-{os.getuid()}"


def _save(folder: Path, run: dict[str, Any]) -> None:
    where = {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    text = json.dumps({**run, **where}, indent=1)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="ascii")
    fresh.replace(path)
