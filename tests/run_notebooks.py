"""Executes notebooks; as a program it stores their outputs: `python tests/run_notebooks.py notebooks/*.ipynb`."""

import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

PATIENCE = 600  # seconds for a cell


def execute(path, folder):
    """Returns the notebook with new outputs, run in a folder by a fresh kernel.

    What TensorFlow says on stderr is left out, since it depends on the machine.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    nbclient.NotebookClient(
        notebook,
        timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,  # a bar as it looks in the end
        record_timing=False,
    ).execute()
    for cell in code_cells(notebook):
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def code_cells(notebook):
    """Returns the cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as empty:
            nbformat.write(execute(name, empty), name)
