"""Verifies the SavedModel of a classifier before publishing: a fresh process must give the Keras model's answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.export.classifier_signatures import NO_LABEL
from aag_tf.export.questions import Asker, Pixels
from aag_tf.export.verify import (
    TOLERANCE,
    VERIFY_IMAGES,
    Answers,
    Verification,
    ask_fresh_process,
    check_conduct,
    difference,
)
from aag_tf.runs.classifier_files import Classifier
from aag_tf.runs.exported import OUTPUT, SIGNATURE, VALID
from aag_tf.runs.exported_classifier import CLASSIFY_BYTES, LABEL, PROBABILITIES
from aag_tf.utils.errors import ExportError

SEED = 0
COARSEST = 8  # pixels of a made-up image's largest squares


class Expected(NamedTuple):
    """What the Keras model gives for a question.

    Args:
        probabilities: float32 [n, classes].
        embeddings: float32 [n, dim].
    """

    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]


def verify_classifier(
    directory: Path, classifier: Classifier, signatures: Sequence[str], max_pixels: int
) -> Verification:
    """Loads a SavedModel in a fresh process, on the CPU and without Keras, and compares every signature.

    The images are made up, so that a classifier can be exported where its labeled images are not.

    Args:
        directory: of the SavedModel.
        classifier: that was exported.
        signatures: those that it must have.
        max_pixels: of a picture that the model takes.

    Raises:
        ExportError: it does not load, differs by more than the tolerance, gives labels that are not those of the
            largest probability, gives rows for an empty batch, accepts images of a wrong size, or lets a damaged file
            affect the others of its batch.
    """
    images = made_up_images(classifier.record.image_shape)
    asker = Asker(images, classifier.record.reading, max_pixels)
    questions = {name: asker.ask(name) for name in signatures}
    expected = {
        name: [_expected(classifier, question.pixels) for question in asked] for name, asked in questions.items()
    }
    if not all(np.isfinite(part).all() for part in expected[SIGNATURE][0]):
        raise ExportError("the classifier gives numbers that are not finite; fine-tune again. Nothing was published.")
    differences = check_classes(ask_fresh_process(directory, questions), expected, classifier.record.class_names)
    return Verification(len(images), tuple(questions), (), max(differences), TOLERANCE, kind="made-up")


def made_up_images(shape: tuple[int, int, int], count: int = VERIFY_IMAGES) -> Pixels:
    """Returns images from noise in single pixels to squares of some pixels, dark and light: uint8 [n, *shape]."""
    generator = np.random.default_rng(SEED)
    height, width, channels = shape
    images = np.empty((count, *shape), np.uint8)
    for number in range(count):
        side = 1 + number % COARSEST
        low, high = sorted(generator.integers(0, 256, 2))
        squares = generator.integers(low, high + 1, (-(-height // side), -(-width // side), channels))
        images[number] = squares.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return images


def _expected(classifier: Classifier, images: Pixels) -> Expected:
    with tf.device("/CPU:0"):
        logits, embeddings = classifier.model(tf.constant(images, tf.float32), training=False)
    scaled = np.asarray(logits, np.float64) / classifier.record.temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    return Expected(probabilities.astype(np.float32), np.asarray(embeddings, np.float32))


def check_classes(
    answers: Answers, expected: Mapping[str, Sequence[Expected]], class_names: Sequence[str]
) -> list[float]:
    """Compares the answers of a fresh process with what the classifier gives.

    Args:
        answers: of `ask_fresh_process`.
        expected: for every question of every signature.
        class_names: of the probabilities.

    Returns:
        The differences, as `Verification.max_difference`.

    Raises:
        ExportError: as `verify_classifier`.
    """
    check_conduct(answers)
    differences = []
    for name, wanted in expected.items():
        for number, right in enumerate(wanted):
            if f"{name}/{number}/{PROBABILITIES}" not in answers:
                raise ExportError(f"the reloaded model has no signature {name}; nothing was published.")
            probabilities, embeddings, labels = (
                answers[f"{name}/{number}/{output}"] for output in (PROBABILITIES, OUTPUT, LABEL)
            )
            if name == CLASSIFY_BYTES:  # the first file was damaged
                _check_damaged(answers[f"{name}/{number}/{VALID}"], probabilities, embeddings, labels)
                probabilities, embeddings, labels = probabilities[1:], embeddings[1:], labels[1:]
            differences.append(difference(name, probabilities, right.probabilities, "classifier"))
            differences.append(difference(name, embeddings, right.embeddings, "classifier"))
            names = [class_names[best].encode() for best in probabilities.argmax(axis=1)]
            if labels.tolist() != names:
                raise ExportError(f"{name} of the reloaded model gives labels of other classes; nothing was published.")
        for output in (PROBABILITIES, OUTPUT, LABEL):
            empty = answers[f"{name}/empty/{output}"]
            if len(empty) > 0:
                raise ExportError(
                    f"{name} of the reloaded model gives {list(empty.shape)} for an empty batch; nothing was published."
                )
    return differences


def _check_damaged(valid: np.ndarray, probabilities: np.ndarray, embeddings: np.ndarray, labels: np.ndarray) -> None:
    nothing = not probabilities[0].any() and not embeddings[0].any() and labels[0] == NO_LABEL.encode()
    if valid.tolist() != [False] + [True] * (len(valid) - 1) or not nothing:
        raise ExportError("the reloaded model does not tell damaged files from good ones; nothing was published.")
