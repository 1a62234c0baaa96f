"""The notebooks run, for fewer steps, in a fresh kernel, and are stored with outputs that their code still gives."""

from pathlib import Path

import nbformat
import pytest
from run_notebooks import code_cells, execute

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = ("quick_start", "search_your_images", "few_labels")
# In place of hundreds of steps, XLA, and a process that verifies an export: a minute for the same kinds of output.
SHORTER = (
    (r"\btrain_steps=\d+", 'train_steps=10, jit_compile="off"'),
    (r"\bexport_dir=(\S+?)\)", r"export_dir=\1, verify=False)"),
)
LARGEST = 300_000  # bytes: pictures are kept in the file
PICTURE = "image/png"
WIDGET = "application/vnd.jupyter.widget-view+json"  # a bar, where ipywidgets is installed


def place(name):
    return NOTEBOOKS / f"{name}.ipynb"


def read(name):
    return nbformat.read(place(name), as_version=4)


def results(cell):
    """What a cell shows beside text and bars: the kinds of data of each output."""
    return [
        sorted(output.data) for output in cell.outputs if output.output_type != "stream" and WIDGET not in output.data
    ]


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_every_notebook_is_listed():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_stored_as_it_ran_from_top_to_bottom(name):
    notebook = read(name)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert place(name).stat().st_size < LARGEST
    assert any(PICTURE in kinds for cell in cells for kinds in results(cell))
    assert any("100%" in printed(cell) for cell in cells)  # the bar of training
    assert "pip install" in cells[0].source
    assert cells[0].outputs == []  # nothing happens where the package is installed


@pytest.mark.filterwarnings("default")  # of Jupyter
def test_notebooks_run_and_show_what_they_are_stored_with(tmp_path):
    # In one kernel: most of a notebook's time is the import of TensorFlow.
    for name, executed in zip(NAMES, execute(map(place, NAMES), tmp_path, SHORTER), strict=True):
        assert any("train_steps=10" in cell.source for cell in code_cells(executed))
        for before, after in zip(code_cells(read(name)), code_cells(executed), strict=True):
            assert results(after) == results(before), after.source
            assert printed(after) or not printed(before) or WIDGET in str(after.outputs), after.source
