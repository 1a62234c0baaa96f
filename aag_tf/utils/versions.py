"""Which software made a result: kept beside every figure and every exported model."""

import platform
from importlib import metadata

__version__ = metadata.version("aag-tf")  # setup.py is the one place that says which it is
DISTRIBUTIONS = ("aag-tf", "tensorflow", "keras", "keras-cv", "numpy", "scipy", "scikit-learn", "tensorflow-datasets")


def versions() -> dict[str, str]:
    """`{distribution: version}` of this package, of Python and of what decides its results."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in DISTRIBUTIONS}
