"""Imports scripts of `benchmarks/` and `examples/`, which are no packages."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def script(name: str, folder: str = "benchmarks") -> ModuleType:
    """A script as a module; scripts that it imports are found beside it."""
    if str(ROOT / folder) not in sys.path:
        sys.path.append(str(ROOT / folder))
    return importlib.import_module(name)
