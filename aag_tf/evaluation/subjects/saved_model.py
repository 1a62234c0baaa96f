"""Loads any SavedModel that maps a batch of images to a batch of vectors, whoever wrote it."""

import dataclasses
from pathlib import Path
from typing import Any

import tensorflow as tf

from aag_tf.evaluation.subjects.input_range import convert, require_range
from aag_tf.runs.exported import OUTPUT, SIGNATURE
from aag_tf.runs.model_loading import load_graph
from aag_tf.utils.errors import EvaluationError

Sizes = tuple[int | None, int | None, int | None]


@dataclasses.dataclass(frozen=True, eq=False)
class ForeignEncoder:
    """A signature of a SavedModel: call it with uint8 images [b, height, width, channels], get float [b, dim].

    Args:
        name: of the signature.
        function: the signature.
        input_name, input_spec: its one input.
        output_name: its one vector output.
        input_range: range of its pixel values.
        owner: keeps the variables alive.
    """

    name: str
    function: Any
    input_name: str
    input_spec: tf.TensorSpec
    output_name: str
    input_range: str
    owner: Any

    @property
    def channels_first(self) -> bool:
        """Whether images are [b, channels, height, width]."""
        return _channels_first(self.input_spec)

    @property
    def image_shape(self) -> Sizes:
        """(height, width, channels) of its images, `None` for any size."""
        return _image_shape(self.input_spec)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Embeds uint8 images; for a signature with a fixed batch size, batches are padded to it."""
        fixed = self.input_spec.shape[0]
        if fixed is None:
            return self._call(images)
        parts = []
        for start in range(0, len(images), fixed):
            part = images[start : start + fixed]
            padding = [[0, fixed - len(part)], [0, 0], [0, 0], [0, 0]]
            parts.append(self._call(tf.pad(part, padding))[: len(part)])
        return tf.concat(parts, axis=0)

    def _call(self, images: tf.Tensor) -> tf.Tensor:
        pixels = convert(images, self.input_range, self.input_spec.dtype.name)
        if self.channels_first:
            pixels = tf.transpose(pixels, [0, 3, 1, 2])
        return self.function(**{self.input_name: pixels})[self.output_name]


def load_foreign_saved_model(
    directory: Path, signature: str | None, input_range: str | None, *, trust_model: bool = False
) -> ForeignEncoder:
    """Loads a signature with one image input, and one of its vector outputs.

    Args:
        directory: holds `saved_model.pb`.
        signature: its name, or `name:output` where it gives several vectors; `None` takes `serving_default` if that
            fits, or the only one that fits.
        input_range: range of its pixel values; required where it takes floats.
        trust_model: whether to load it even if its graph can do more than compute.

    Raises:
        EvaluationError: the SavedModel is damaged, no signature fits, several do, or the range is unknown.
        ExportError: it can do more than compute, such as read and write files.
    """
    loaded = load_graph(
        directory,
        damaged=lambda raised: EvaluationError(f"{directory} cannot be loaded as a SavedModel ({raised})."),
        trust_model=trust_model,
    )
    signatures = dict(loaded.signatures)
    name, _, output = (signature or "").partition(":")
    fitting = {key: ends for key, function in signatures.items() if (ends := _ends(function, output)) is not None}
    chosen = _choose(str(directory), name, signatures, list(fitting))
    input_name, input_spec, output_name = fitting[chosen]
    channels = _image_shape(input_spec)[2]
    known = require_range(input_range, input_spec.dtype.name, channels, f"signature {chosen} of {directory}")
    return ForeignEncoder(chosen, signatures[chosen], input_name, input_spec, output_name, known, loaded)


def _choose(directory: str, wanted: str, signatures: dict[str, Any], fitting: list[str]) -> str:
    listing = "; ".join(f"{name}: {_description(function)}" for name, function in signatures.items()) or "none"
    if wanted:
        if wanted in fitting:
            return wanted
        reason = (
            "has no such signature" if wanted not in signatures else "maps no batch of images to one of vectors there"
        )
        raise EvaluationError(
            f"--signature={wanted}: {directory} {reason} (name:output chooses among outputs); it has {listing}."
        )
    if SIGNATURE in fitting:
        return SIGNATURE
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise EvaluationError(
            f"several signatures of {directory} map images to vectors ({', '.join(fitting)}); choose one with "
            "--signature."
        )
    raise EvaluationError(
        f"no signature of {directory} maps one batch of images [b, height, width, channels] to one batch of vectors "
        f"[b, dim]; it has {listing}."
    )


def _ends(function: Any, output: str = "") -> tuple[str, tf.TensorSpec, str] | None:
    """Returns name and spec of the image input and name of the vector output; `None` unless there is one of each."""
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    images = [(name, spec) for name, spec in inputs.items() if _takes_images(spec)]
    vectors = [name for name, spec in outputs.items() if spec.dtype.is_floating and spec.shape.rank in (None, 2)]
    if output or len(vectors) > 1:
        vectors = [name for name in vectors if name == (output or OUTPUT)]  # the name in our exports
    if len(inputs) != 1 or len(images) != 1 or len(vectors) != 1:
        return None
    return (*images[0], vectors[0])


def _takes_images(spec: tf.TensorSpec) -> bool:
    return (
        spec.shape.rank == 4 and (spec.dtype.is_floating or spec.dtype.is_integer) and _channels(spec) in (None, 1, 3)
    )


def _channels(spec: tf.TensorSpec) -> int | None:
    return spec.shape[1] if _channels_first(spec) else spec.shape[3]


def _channels_first(spec: tf.TensorSpec) -> bool:
    return spec.shape[1] in (1, 3) and spec.shape[3] not in (1, 3)


def _image_shape(spec: tf.TensorSpec) -> Sizes:
    _, *sizes = spec.shape.as_list()
    if _channels_first(spec):
        channels, height, width = sizes
    else:
        height, width, channels = sizes
    return height, width, channels


def _description(function: Any) -> str:
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs

    def shapes(specs: dict[str, tf.TensorSpec]) -> str:
        return ", ".join(f"{name} {spec.dtype.name} {_shape_text(spec)}" for name, spec in sorted(specs.items()))

    return f"{shapes(inputs)} -> {shapes(outputs)}"


def _shape_text(spec: tf.TensorSpec) -> str:
    return "of any shape" if spec.shape.rank is None else str(spec.shape.as_list())
