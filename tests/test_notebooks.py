"""Every notebook of the documents runs from top to bottom and prints what it shows."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def printed(cell):
    """What a cell prints; pictures are not kept."""
    return "".join(
        text
        for output in cell.get("outputs", ())
        if output.get("name") == "stdout"
        for text in output["text"]
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_prints_what_it_shows(path, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources
    ).execute()
    shown = json.loads(path.read_text())["cells"]
    for cell, expected in zip(notebook.cells, shown, strict=True):
        assert printed(cell) == printed(expected), cell.source
    assert any(printed(cell) for cell in shown)


def test_a_notebook_is_kept_without_pictures_and_counts():
    """Which would change with every run."""
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text())["cells"]:
            assert cell.get("execution_count") is None
            assert {output["output_type"] for output in cell.get("outputs", ())} <= {"stream"}
