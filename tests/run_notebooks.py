"""Executes notebooks; as a program it stores their outputs: `python tests/run_notebooks.py notebooks/*.ipynb`."""

import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

PATIENCE = 600  # seconds for a cell


def execute(paths, folder, shorter=()):
    """Returns notebooks with new outputs, run in a folder by a fresh kernel, which forgets all names after each.

    What TensorFlow says on stderr is left out, since it depends on the machine. `shorter` has pairs of a pattern and
    what replaces it in the code.
    """
    notebooks = [nbformat.read(path, as_version=4) for path in paths]
    joined = nbformat.v4.new_notebook(metadata=notebooks[0].metadata)
    for notebook in notebooks:
        for cell in code_cells(notebook):
            cell.outputs, cell.execution_count = [], None
            for pattern, replacement in shorter:
                cell.source = re.sub(pattern, replacement, cell.source)
        joined.cells += [*notebook.cells, nbformat.v4.new_code_cell("%reset -f")]
    nbclient.NotebookClient(
        joined,
        timeout=PATIENCE,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,  # a bar as it looks in the end
        record_timing=False,
    ).execute()
    for cell in code_cells(joined):
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebooks


def code_cells(notebook):
    """Returns the cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as empty:
            nbformat.write(execute([name], empty)[0], name)
