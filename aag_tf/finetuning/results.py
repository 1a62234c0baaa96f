"""The metrics of the fine-tuned classifier beside those of what it is compared with, all on the same images."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix

from aag_tf.evaluation.results import FeatureResult
from aag_tf.finetuning.figures import (
    FINE_TUNED,
    Calibration,
    difference,
    measure_accuracy,
    measure_calibration,
    measure_classes,
    temperature_of,
)
from aag_tf.finetuning.labels import LabeledImages

BEFORE, AFTER = "before", "after"


class Logits(NamedTuple):
    """What a classifier gives: float [n, C] of the held-out images, and of those that metrics are of."""

    held_out: np.ndarray
    reported: np.ndarray


def measure(
    labels: LabeledImages, logits: dict[str, Logits], predictions: dict[str, np.ndarray], dim: int, seed: int
) -> dict[str, Any]:
    """Returns the metrics as fields of `Finetuning`: `results`, `differences`, `classes`, `confusion`, `calibration`.

    Args:
        labels: the images.
        logits: of each classifier by its name, the fine-tuned one among them.
        predictions: class index of each reported image by classifiers without held-out images, int [n].
        dim: length of the embedding.
        seed: of the bootstrap.
    """
    owners = labels.reported.owners
    truth = labels.reported.images.labels
    assert truth is not None
    predicted = {name: np.argmax(each.reported, axis=1) for name, each in logits.items()} | predictions
    right = {name: each == owners for name, each in predicted.items()}
    results: list[FeatureResult] = [measure_accuracy(name, dim, each, truth, seed) for name, each in right.items()]
    own = predicted[FINE_TUNED]
    known = owners >= 0
    confusion = confusion_matrix(owners[known], own[known], labels=np.arange(labels.num_classes))
    return {
        "results": results,
        "differences": [
            difference(name, right[FINE_TUNED], each, seed) for name, each in right.items() if name != FINE_TUNED
        ],
        "classes": measure_classes(labels.class_names, labels.counts(), own, owners, seed),
        "confusion": confusion.tolist(),
        "calibration": {name: _calibration(labels, each, seed) for name, each in logits.items()},
    }


def _calibration(labels: LabeledImages, logits: Logits, seed: int) -> dict[str, Calibration]:
    owners = labels.reported.owners
    temperature = temperature_of(logits.held_out, labels.held_out.owners)
    return {
        BEFORE: measure_calibration(logits.reported, owners, 1.0, seed),
        AFTER: measure_calibration(logits.reported, owners, temperature, seed),
    }


def describe_data(labels: LabeledImages, *, refit: bool) -> dict[str, Any]:
    """Returns what the record says of the images; with `refit`, held-out ones were learned from in the end."""
    return {
        "dataset": labels.source.name,
        "reported_split": labels.reported_split,
        "train": len(labels.train),
        "held_out": len(labels.held_out),
        "reported": len(labels.reported),
        "num_classes": labels.num_classes,
        "class_names": labels.class_names,
        "image_shape": list(labels.image_shape),
        "conversion": labels.conversion,
        "own_validation": labels.own_validation,
        "refit": refit,
    }
