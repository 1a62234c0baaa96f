"""The signatures of an exported classifier: pixels or files to probabilities, a label and the embedding."""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from aag_tf.export.decoding.batch import decode_batch
from aag_tf.export.signatures import (
    FILES,
    PIXEL_RANGE,
    Outputs,
    Signature,
    describe_signature,
    pad_empty_batch,
    pixels_of,
)
from aag_tf.runs.classifier_record import ClassifierRecord
from aag_tf.runs.exported import CONTENTS, OUTPUT, SIGNATURE, VALID
from aag_tf.runs.exported_classifier import CLASSIFY, CLASSIFY_BYTES, LABEL, PROBABILITIES

NO_LABEL = ""  # of a file that cannot be decoded


@dataclasses.dataclass(frozen=True)
class ClassifierGraph:
    """What signatures compute with.

    Args:
        model: pixels from 0 to 255, float32 [b, *image_shape], to logits [b, classes] and embeddings [b, dim].
        record: what its numbers mean.
        dim: length of an embedding.
        max_pixels: limit for a picture that is decoded.
    """

    model: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    record: ClassifierRecord
    dim: int
    max_pixels: int

    @property
    def outputs(self) -> dict[str, Any]:
        """Their description for `model.json`."""
        return {
            PROBABILITIES: {"dtype": "float32", "shape": [None, len(self.record.class_names)], "range": [0.0, 1.0]},
            LABEL: {"dtype": "string", "shape": [None]},
            OUTPUT: {"dtype": "float32", "shape": [None, self.dim]},
        }

    def answer(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """uint8 images [b, *image_shape] to probabilities [b, classes], classes, int64 [b], and embeddings [b, dim]."""
        count, padded = pad_empty_batch(images)
        logits, embedding = self.model(tf.cast(padded, tf.float32))
        probabilities = tf.nn.softmax(tf.cast(logits, tf.float32)[:count] / self.record.temperature)
        embedding = tf.ensure_shape(tf.cast(embedding, tf.float32)[:count], [None, self.dim])
        probabilities = tf.ensure_shape(probabilities, [None, len(self.record.class_names)])
        return probabilities, tf.argmax(probabilities, axis=-1), embedding


def classifier_signatures(graph: ClassifierGraph) -> dict[str, Signature]:
    """Returns `serving_default` and `classify`, which are the same, and, for 1 or 3 channels, `classify_bytes`."""
    pixels = _classify(graph)
    found = {SIGNATURE: pixels, CLASSIFY: pixels}
    return found | ({CLASSIFY_BYTES: _classify_bytes(graph)} if takes_files(graph.record) else {})


def takes_files(record: ClassifierRecord) -> bool:
    """Whether picture files hold such images."""
    return record.image_shape[2] in (1, 3)


def _classify(graph: ClassifierGraph) -> Signature:
    """uint8 images of the classifier's size; others raise `InvalidArgumentError`, and an empty batch gives no rows."""
    shape = [None, *graph.record.image_shape]

    def classify(images: tf.Tensor) -> Outputs:
        probabilities, best, embedding = graph.answer(tf.ensure_shape(images, shape))
        return {
            PROBABILITIES: probabilities,
            LABEL: tf.gather(tf.constant(graph.record.class_names), best),
            OUTPUT: embedding,
        }

    return describe_signature(classify, pixels_of(shape), graph.outputs, range=PIXEL_RANGE)


def _classify_bytes(graph: ClassifierGraph) -> Signature:
    """Encoded pictures; one that cannot be decoded is `False` in `valid`, rows of zeros, and an empty label."""
    record = graph.record

    def classify_bytes(contents: tf.Tensor) -> Outputs:
        contents = tf.ensure_shape(contents, [None])
        rows, pictures = decode_batch(contents, record.image_shape, graph.max_pixels, record.reading)
        probabilities, best, embedding = graph.answer(pictures)
        count, places = tf.shape(contents)[0], rows[:, tf.newaxis]
        named = tf.scatter_nd(places, tf.cast(best, tf.int32) + 1, [count])  # 0 where nothing was decoded
        return {
            PROBABILITIES: tf.scatter_nd(places, probabilities, [count, len(record.class_names)]),
            LABEL: tf.gather(tf.constant([NO_LABEL, *record.class_names]), named),
            OUTPUT: tf.scatter_nd(places, embedding, [count, graph.dim]),
            VALID: named > 0,
        }

    return describe_signature(
        classify_bytes,
        tf.TensorSpec([None], tf.string, name=CONTENTS),
        graph.outputs | {VALID: {"dtype": "bool", "shape": [None]}},
        range=FILES.format(graph.max_pixels),
    )
