"""The direction of imports, held on a copy of the code in the shape in which it is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture
def installed_shape(tmp_path):
    package = tmp_path / "aag_tf"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "aag_tf", package, ignore=ignored)
    for folder in ("flags", "export"):
        shutil.copytree(ROOT / folder, package / folder, ignore=ignored)
    return tmp_path


def lint(folder):
    return subprocess.run(
        [sys.executable, "-c", LINT, "--config", ROOT / "pyproject.toml", "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "NO_COLOR": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_imports_go_one_way(installed_shape):
    done = lint(installed_shape)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 3 kept, 0 broken." in done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("losses/statistics.py", "import aag_tf.training.model"),  # downwards
        ("losses/statistics.py", "import aag_tf.augment"),  # sideways
        ("flags/recipe.py", "import tensorflow"),  # slow
        ("new_room.py", "import json"),  # nowhere
    ],
)
def test_a_wrong_import_is_found(installed_shape, file, line):
    with (installed_shape / "aag_tf" / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = lint(installed_shape)
    assert done.returncode == 1, done.stdout + done.stderr
