"""Versions of the software that made a result; recorded with all results and exported models."""

import platform
from importlib import metadata

__version__ = metadata.version("aag-tf")  # which setup.py sets
DISTRIBUTIONS = ("aag-tf", "tensorflow", "keras", "keras-cv", "numpy", "scipy", "scikit-learn", "tensorflow-datasets")


def versions() -> dict[str, str]:
    """Returns `{distribution: version}` of Python, this package and the dependencies that affect results."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in DISTRIBUTIONS}
