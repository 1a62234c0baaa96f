"""What exported encoders and classifiers share when they are read back: their fields, and the checks of loading."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import tensorflow as tf

from aag_tf.runs.export_directory import METADATA_FILE
from aag_tf.runs.model_loading import load_graph
from aag_tf.utils.errors import ExportError
from aag_tf.utils.stores import named


class OfImages(Protocol):
    """A record that says which images its network takes."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""


class Described(Protocol):
    """The content of a `model.json`."""

    @property
    def record(self) -> OfImages:
        """Of what was exported."""


Metadata = TypeVar("Metadata", bound=Described)
Parts = Mapping[str, tuple[tf.DType, tuple[int, ...]]]


@dataclasses.dataclass(frozen=True, eq=False)
class SavedExport(Generic[Metadata]):
    """An export that was loaded.

    Args:
        path: the version directory.
        metadata: content of its `model.json`.
        loaded: the SavedModel; it owns the variables of the signatures.
    """

    path: Path
    metadata: Metadata
    loaded: Any

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the input."""
        return self.metadata.record.image_shape


@dataclasses.dataclass(frozen=True)
class ExpectedSignature:
    """A signature that an export must have.

    Args:
        name: of the signature.
        inputs: dtype of some of its inputs, and shape without the first axis, which has any length.
        outputs: likewise of some of its outputs.
    """

    name: str
    inputs: Parts
    outputs: Parts

    def is_of(self, loaded: Any) -> bool:
        """Whether a SavedModel has it."""
        found = loaded.signatures.get(self.name)
        if found is None:
            return False
        (_, inputs), outputs = found.structured_input_signature, found.structured_outputs
        return _contains(inputs, self.inputs) and _contains(outputs, self.outputs)


def _contains(parts: Mapping[str, Any], wanted: Parts) -> bool:
    return all(
        name in parts
        and parts[name].dtype == dtype
        and parts[name].shape.rank == len(shape) + 1
        and parts[name].shape[1:].as_list() == list(shape)
        for name, (dtype, shape) in wanted.items()
    )


def load_described(directory: Path, signature: ExpectedSignature, *, again: str, trust_model: bool) -> Any:
    """Loads the SavedModel of a version directory.

    Args:
        directory: the version directory.
        signature: that its `model.json` describes.
        again: what to do with a damaged one, such as `export the run again`.
        trust_model: whether to load it even if its graph can do more than compute.

    Raises:
        ExportError: it is damaged, is not what is described, or can do more than compute.
    """
    loaded = load_graph(
        directory,
        damaged=lambda raised: ExportError(f"{named(directory)} is damaged ({raised}); {again}."),
        trust_model=trust_model,
    )
    if not signature.is_of(loaded):
        raise ExportError(f"{named(directory)} is not the model that its {METADATA_FILE} describes; {again}.")
    return loaded
