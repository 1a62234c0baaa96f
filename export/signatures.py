"""The signatures of an exported encoder: each a graph, with the shapes, dtypes and ranges that `model.json` states."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from aag_tf.data.files.reading import Reading
from aag_tf.data.files.resizing import fit, rounded
from aag_tf.data.images.color import WHITE, shares
from aag_tf.export.decoding.batch import EIGHT_BITS, decode_batch
from aag_tf.export.decoding.resize import fit_levels
from aag_tf.export.decoding.strings import require
from aag_tf.runs.exported import (
    CONTENTS,
    EMBED_BYTES,
    EMBED_IMAGES,
    EMBED_VALUES,
    INPUT,
    NORMALIZED,
    OUTPUT,
    PROJECT,
    PROJECTION,
    SIGNATURE,
    VALID,
    VALUES,
)

ImageShape = tuple[int, int, int]
Outputs = dict[str, tf.Tensor]
Network = Callable[[tf.Tensor], tf.Tensor]

LARGEST_SIDE = 65_535  # pixels, as in a JPEG file
PIXEL_RANGE = [0, 255]
FILES = "JPEG, PNG, GIF or WebP files of at most {} pixels"


@dataclasses.dataclass(frozen=True)
class Networks:
    """The networks that signatures call.

    Args:
        encoder: uint8 images [b, *image_shape] to embeddings [b, dim].
        projector: embeddings to projections [b, projection_dim].
        image_shape: (height, width, channels).
        dim: length of an embedding.
        projection_dim: length of a projection.
        max_pixels: limit for a picture that is decoded or resized.
        reading: how training reads images.
    """

    encoder: Network
    projector: Network
    image_shape: ImageShape
    dim: int
    projection_dim: int
    max_pixels: int
    reading: Reading = EIGHT_BITS


@dataclasses.dataclass(frozen=True)
class Signature:
    """One way to call an exported encoder.

    Args:
        function: one tensor to named tensors.
        inputs: name, shape and dtype of that tensor.
        description: shapes, dtypes and ranges for `model.json`; `None` in a shape is the batch, or any size.
    """

    function: Callable[[tf.Tensor], Outputs]
    inputs: tf.TensorSpec
    description: dict[str, Any]


def build_signatures(names: Sequence[str], networks: Networks) -> dict[str, Signature]:
    """Returns the signatures of these names, in this order."""
    return {name: BUILDERS[name](networks) for name in names}


def _serving_default(networks: Networks) -> Signature:
    """uint8 images of the encoder's size to embeddings.

    The graph checks what TensorFlow does not: images of another shape raise `InvalidArgumentError` instead of giving
    some vector, and an empty batch gives [0, dim] instead of an error inside the convolution kernels.
    """
    shape = [None, *networks.image_shape]

    def serve(images: tf.Tensor) -> Outputs:
        return _with_normalized(OUTPUT, _embed(networks, tf.ensure_shape(images, shape)))

    return describe_signature(serve, pixels_of(shape), _vectors(OUTPUT, networks.dim), range=PIXEL_RANGE)


def _embed_bytes(networks: Networks) -> Signature:
    """Encoded pictures to embeddings; one that cannot be decoded is `False` in `valid` and a row of zeros."""

    def embed_bytes(contents: tf.Tensor) -> Outputs:
        contents = tf.ensure_shape(contents, [None])
        rows, pictures = decode_batch(contents, networks.image_shape, networks.max_pixels, networks.reading)
        count, places = tf.shape(contents)[0], rows[:, tf.newaxis]
        embedding = tf.scatter_nd(places, _embed(networks, pictures), [count, networks.dim])
        valid = tf.scatter_nd(places, tf.ones_like(rows), [count]) > 0
        return _with_normalized(OUTPUT, embedding) | {VALID: valid}

    return describe_signature(
        embed_bytes,
        tf.TensorSpec([None], tf.string, name=CONTENTS),
        _vectors(OUTPUT, networks.dim) | {VALID: {"dtype": "bool", "shape": [None]}},
        range=FILES.format(networks.max_pixels),
    )


def _embed_images(networks: Networks) -> Signature:
    """uint8 images of any one size to embeddings, resized as training resizes arrays."""
    shape = [None, None, None, networks.image_shape[2]]

    def embed_images(images: tf.Tensor) -> Outputs:
        count, padded = _any_size(networks, tf.ensure_shape(images, shape))
        fitted = fit(padded, networks.image_shape[:2], networks.reading.fit)
        return _with_normalized(OUTPUT, _embed(networks, fitted)[:count])

    return describe_signature(
        embed_images,
        pixels_of(shape),
        _vectors(OUTPUT, networks.dim),
        range=PIXEL_RANGE,
        max_pixels=networks.max_pixels,
    )


def _embed_values(networks: Networks) -> Signature:
    """Images of any one size in the values of the data to embeddings: range, then size, then one rounding."""
    shape = [None, None, None, networks.image_shape[2]]
    low, high = networks.reading.value_range or PIXEL_RANGE

    def embed_values(values: tf.Tensor) -> Outputs:
        count, padded = _any_size(networks, tf.ensure_shape(values, shape))
        levels = fit_levels(WHITE * shares(padded, (low, high)), networks.image_shape[:2], networks.reading.fit)
        pixels = tf.ensure_shape(rounded(levels), [None, *networks.image_shape])
        return _with_normalized(OUTPUT, _embed(networks, pixels)[:count])

    return describe_signature(
        embed_values,
        tf.TensorSpec(shape, tf.float32, name=VALUES),
        _vectors(OUTPUT, networks.dim),
        range=[low, high],
        max_pixels=networks.max_pixels,
    )


def _project(networks: Networks) -> Signature:
    """uint8 images of the encoder's size to projections, which the loss compares in training."""
    shape = [None, *networks.image_shape]

    def project(images: tf.Tensor) -> Outputs:
        count, padded = pad_empty_batch(tf.ensure_shape(images, shape))
        projection = tf.cast(networks.projector(_embed(networks, padded)), tf.float32)[:count]
        return _with_normalized(PROJECTION, tf.ensure_shape(projection, [None, networks.projection_dim]))

    return describe_signature(
        project, pixels_of(shape), _vectors(PROJECTION, networks.projection_dim), range=PIXEL_RANGE
    )


BUILDERS: dict[str, Callable[[Networks], Signature]] = {
    SIGNATURE: _serving_default,
    EMBED_BYTES: _embed_bytes,
    EMBED_IMAGES: _embed_images,
    EMBED_VALUES: _embed_values,
    PROJECT: _project,
}


def describe_signature(
    function: Callable[[tf.Tensor], Outputs], inputs: tf.TensorSpec, outputs: dict[str, Any], **limits: Any
) -> Signature:
    """Returns a signature with its description: dtypes and shapes of input and outputs, and limits of the input."""
    described = {"dtype": inputs.dtype.name, "shape": inputs.shape.as_list()} | limits
    return Signature(function, inputs, {"inputs": {inputs.name: described}, "outputs": outputs})


def _embed(networks: Networks, images: tf.Tensor) -> tf.Tensor:
    count, padded = pad_empty_batch(images)
    embedding = tf.cast(networks.encoder(padded), tf.float32)[:count]
    return tf.ensure_shape(embedding, [None, networks.dim])


def _any_size(networks: Networks, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Checks the size of images inside the graph; returns batch size and batch as `pad_empty_batch`."""
    sides = tf.shape(images, out_type=tf.int64)[1:3]
    checks = [
        require(tf.reduce_all(sides > 0), "images without pixels"),
        require(tf.reduce_all(sides <= LARGEST_SIDE), "a side is too long"),
        require(tf.reduce_prod(sides) <= networks.max_pixels, f"images of more than {networks.max_pixels} pixels"),
    ]
    with tf.control_dependencies(checks):
        return pad_empty_batch(tf.identity(images))


def pad_empty_batch(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns batch size and batch; pads an empty batch with one black image.

    Concatenation survives every converter; a branch and `tf.pad` do not.
    """
    count, *sides = tf.unstack(tf.shape(images))
    black = tf.zeros([1, *(known or side for known, side in zip(images.shape[1:], sides, strict=True))], images.dtype)
    missing = tf.cast(tf.equal(count, 0), tf.int32)
    return count, tf.concat([images, black[:missing]], axis=0)


def _with_normalized(name: str, vectors: tf.Tensor) -> Outputs:
    return {name: vectors, NORMALIZED: tf.math.l2_normalize(vectors, axis=-1)}


def pixels_of(shape: Sequence[int | None]) -> tf.TensorSpec:
    """Returns the input for uint8 images of a shape."""
    return tf.TensorSpec(shape, tf.uint8, name=INPUT)


def _vectors(name: str, dim: int) -> dict[str, Any]:
    vectors = {"dtype": "float32", "shape": [None, dim]}
    return {name: vectors, NORMALIZED: vectors | {"range": [-1.0, 1.0], "length": 1.0}}
