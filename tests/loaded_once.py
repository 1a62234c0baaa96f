"""Loads an export once for many tests of what is done with its answers: to load it takes most of a small job."""

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aag_tf.runs.export_directory import METADATA_FILE, version_directory
from aag_tf.runs.exported import SavedEncoder, digest, load_saved_model
from aag_tf.runs.exported_classifier import SavedClassifier, load_saved_classifier

# What loads exports, and the modules that do so to evaluate, to embed and to predict.
MODULES = {
    load_saved_model: (
        "aag_tf.evaluation.subjects.subject",
        "aag_tf.export.embedding.embed",
        "aag_tf.export.embedding.updating",
    ),
    load_saved_classifier: ("aag_tf.export.prediction.predict",),
}


@contextlib.contextmanager
def loading_once() -> Iterator[None]:
    """Lets these modules load an export of the same files once in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for load, modules in MODULES.items():
            for name in modules:
                patch.setattr(importlib.import_module(name), load.__name__, functools.partial(load_once, load=load))
        yield


def load_once(
    path: str | Path, *, trust_model: bool = False, load: Callable[..., Any] = load_saved_model
) -> SavedEncoder | SavedClassifier:
    """As `load`, but gives back what it loaded from the same files before."""
    directory = version_directory(path)
    try:
        content = digest(directory), (directory / METADATA_FILE).read_bytes()
    except OSError:
        return load(directory, trust_model=trust_model)
    return _loaded(load, directory, trust_model, *content)


@functools.cache
def _loaded(
    load: Callable[..., Any], directory: Path, trust_model: bool, graph_and_weights: str, metadata: bytes
) -> Any:
    return load(directory, trust_model=trust_model)
