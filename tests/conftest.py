"""What several test files share."""

import os
from pathlib import Path

import pytest

# Tests never reach for the hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# As in the loop; the threads inside a product would only wait for each other here.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with golden files and other data; tests that need it are skipped without it."""
    default = Path(__file__).parent.parent.parent / "shared"
    folder = Path(os.environ.get("CODEIT_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"the shared data is not at {folder} (CODEIT_SHARED)")
    return folder
