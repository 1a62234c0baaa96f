"""Imports scripts of `benchmarks/` and `examples/`, which are not packages."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def script(name: str, folder: str = "benchmarks") -> ModuleType:
    """Imports a script as a module; it can import the scripts beside it."""
    if str(ROOT / folder) not in sys.path:
        sys.path.append(str(ROOT / folder))
    return importlib.import_module(name)
