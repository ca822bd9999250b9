"""The version of the package; pyproject.toml reads the number here."""

import functools
import subprocess
from pathlib import Path

__version__ = "0.1.0"


@functools.cache
def commit() -> str | None:
    """The commit of the checkout that this package is in, and whether files have changed since;
    None where it is in none, or there is no git."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    git = ("git", "-C", str(root))
    try:
        head = _said([*git, "rev-parse", "HEAD"])
        changes = _said([*git, "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head} with changes" if changes else head


def check_same(version: str, of_commit: str | None, what: str) -> None:
    """Raise ValueError unless this is the version and commit with which something was begun."""
    then, now = _named(version, of_commit), _named(__version__, commit())
    if then != now:
        raise ValueError(
            f"{what} was begun by codeit {then}, and this is {now}, which may give something else; "
            "only a new one can have it"
        )


def _named(version: str, of_commit: str | None) -> str:
    return version if of_commit is None else f"{version}, commit {of_commit}"


def _said(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return ended.stdout.strip()
