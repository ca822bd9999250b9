"""What several test files share."""

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests never reach for the hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# As in the loop; the threads inside a product would only wait for each other here.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Without a GPU, Triton's kernels are interpreted; Triton reads this when it is imported.
if importlib.util.find_spec("torch") is not None:
    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with golden files and other data; tests that need it are skipped without it."""
    default = Path(__file__).parent.parent.parent / "shared"
    folder = Path(os.environ.get("CODEIT_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"the shared data is not at {folder} (CODEIT_SHARED)")
    return folder


@pytest.fixture
def quick_path(tmp_path) -> Iterator[Path]:
    """A folder in memory where the system has that, for tests that write thousands of files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """The folder with the tasks of a small run."""
    import small_run

    folder = tmp_path_factory.mktemp("data")
    small_run.write_data(folder)
    return folder


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory) -> tuple[Path, str]:
    """A finished run, and what it printed."""
    import small_run

    from codeit.runs.running import train

    out = tmp_path_factory.mktemp("runs") / "run"
    console = small_run.quiet()
    train(small_run.settings_for(data), out, console)
    return out, console.file.getvalue()
