"""What an exported encoder promises its clients, as graphs and as metadata."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from aag_tf.data.resizing import fit
from aag_tf.export.decoding import decode_batch
from aag_tf.runs.exported import (
    CONTENTS,
    EMBED_BYTES,
    EMBED_IMAGES,
    INPUT,
    NORMALIZED,
    OUTPUT,
    PROJECT,
    PROJECTION,
    SIGNATURE,
    VALID,
)

ImageShape = tuple[int, int, int]
Outputs = dict[str, tf.Tensor]
Network = Callable[[tf.Tensor], tf.Tensor]

LARGEST_SIDE = 65_535  # pixels, as in a JPEG file


@dataclasses.dataclass(frozen=True)
class Exported:
    """What signatures are made of.

    Args:
        encoder: uint8 images [b, *image_shape] to embeddings [b, dim].
        projector: embeddings to projections [b, projection_dim].
        image_shape: (height, width, channels).
        dim: numbers in an embedding.
        projection_dim: numbers in a projection.
        max_pixels: of a picture that is decoded or resized.
    """

    encoder: Network
    projector: Network
    image_shape: ImageShape
    dim: int
    projection_dim: int
    max_pixels: int


@dataclasses.dataclass(frozen=True)
class Signature:
    """One way in.

    Args:
        function: takes one tensor, gives named ones.
        inputs: what it takes.
        description: shapes, dtypes and ranges for `model.json`; `None` in a shape is the batch, or any size.
    """

    function: Callable[[tf.Tensor], Outputs]
    inputs: tf.TensorSpec
    description: dict[str, Any]


def build_signatures(names: Sequence[str], exported: Exported) -> dict[str, Signature]:
    """The signatures of these names, in this order."""
    return {name: BUILDERS[name](exported) for name in names}


def _serving_default(exported: Exported) -> Signature:
    """uint8 images of the encoder's size to embeddings.

    The graph itself checks what TensorFlow does not: images of another shape raise `InvalidArgumentError` instead of
    giving some vector, and an empty batch gives [0, dim] instead of dying inside the convolution kernels.
    """

    def serve(images: tf.Tensor) -> Outputs:
        images = tf.ensure_shape(images, [None, *exported.image_shape])
        return _vectors(OUTPUT, _embed(exported, images))

    shape = [None, *exported.image_shape]
    return Signature(
        serve,
        tf.TensorSpec(shape, tf.uint8, name=INPUT),
        {"inputs": {INPUT: _pixels(shape)}, "outputs": _described(OUTPUT, exported.dim)},
    )


def _embed_bytes(exported: Exported) -> Signature:
    """Encoded pictures to embeddings; what cannot be decoded is `False` in `valid`, and zeros."""

    def embed_bytes(contents: tf.Tensor) -> Outputs:
        contents = tf.ensure_shape(contents, [None])
        rows, pictures = decode_batch(contents, exported.image_shape, exported.max_pixels)
        count, places = tf.shape(contents)[0], rows[:, tf.newaxis]
        embedding = tf.scatter_nd(places, _embed(exported, pictures), [count, exported.dim])
        valid = tf.scatter_nd(places, tf.ones_like(rows), [count]) > 0
        return _vectors(OUTPUT, embedding) | {VALID: valid}

    contents = {
        "dtype": "string",
        "shape": [None],
        "range": f"JPEG, PNG, GIF or WebP files of at most {exported.max_pixels} pixels",
    }
    outputs = _described(OUTPUT, exported.dim) | {VALID: {"dtype": "bool", "shape": [None]}}
    return Signature(
        embed_bytes,
        tf.TensorSpec([None], tf.string, name=CONTENTS),
        {"inputs": {CONTENTS: contents}, "outputs": outputs},
    )


def _embed_images(exported: Exported) -> Signature:
    """uint8 images of any one size, resized as training resizes arrays, to embeddings."""
    channels = exported.image_shape[2]
    shape = [None, None, None, channels]

    def embed_images(images: tf.Tensor) -> Outputs:
        images = tf.ensure_shape(images, shape)
        sides = tf.shape(images, out_type=tf.int64)[1:3]
        checks = [
            tf.debugging.assert_greater(sides, tf.constant(0, tf.int64), "images without pixels"),
            tf.debugging.assert_less_equal(sides, tf.constant(LARGEST_SIDE, tf.int64), "a side is too long"),
            tf.debugging.assert_less_equal(
                sides[0] * sides[1],
                tf.constant(exported.max_pixels, tf.int64),
                f"images of more than {exported.max_pixels} pixels",
            ),
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            count, padded = _without_emptiness(images)
        return _vectors(OUTPUT, _embed(exported, fit(padded, exported.image_shape[:2]))[:count])

    pixels = _pixels(shape) | {"max_pixels": exported.max_pixels}
    return Signature(
        embed_images,
        tf.TensorSpec(shape, tf.uint8, name=INPUT),
        {"inputs": {INPUT: pixels}, "outputs": _described(OUTPUT, exported.dim)},
    )


def _project(exported: Exported) -> Signature:
    """uint8 images of the encoder's size to projections: what the loss compared in training."""

    def project(images: tf.Tensor) -> Outputs:
        count, padded = _without_emptiness(tf.ensure_shape(images, [None, *exported.image_shape]))
        projection = tf.cast(exported.projector(_embed(exported, padded)), tf.float32)[:count]
        return _vectors(PROJECTION, tf.ensure_shape(projection, [None, exported.projection_dim]))

    shape = [None, *exported.image_shape]
    return Signature(
        project,
        tf.TensorSpec(shape, tf.uint8, name=INPUT),
        {"inputs": {INPUT: _pixels(shape)}, "outputs": _described(PROJECTION, exported.projection_dim)},
    )


BUILDERS: dict[str, Callable[[Exported], Signature]] = {
    SIGNATURE: _serving_default,
    EMBED_BYTES: _embed_bytes,
    EMBED_IMAGES: _embed_images,
    PROJECT: _project,
}


def _embed(exported: Exported, images: tf.Tensor) -> tf.Tensor:
    count, padded = _without_emptiness(images)
    embedding = tf.cast(exported.encoder(padded), tf.float32)[:count]
    return tf.ensure_shape(embedding, [None, exported.dim])


def _without_emptiness(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How many images there are, and the images, where there are none a black one: it has to be cut off again.

    Unlike a branch, and unlike padding, joining survives every converter.
    """
    count, *sides = tf.unstack(tf.shape(images))
    black = tf.zeros([1, *(known or side for known, side in zip(images.shape[1:], sides, strict=True))], images.dtype)
    missing = tf.cast(tf.equal(count, 0), tf.int32)
    return count, tf.concat([images, black[:missing]], axis=0)


def _vectors(name: str, vectors: tf.Tensor) -> Outputs:
    return {name: vectors, NORMALIZED: tf.math.l2_normalize(vectors, axis=-1)}


def _pixels(shape: Sequence[int | None]) -> dict[str, Any]:
    return {"dtype": "uint8", "shape": list(shape), "range": [0, 255]}


def _described(name: str, dim: int) -> dict[str, Any]:
    vectors = {"dtype": "float32", "shape": [None, dim]}
    return {name: vectors, NORMALIZED: vectors | {"range": [-1.0, 1.0], "length": 1.0}}
