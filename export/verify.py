"""Proves a SavedModel before it is published: a fresh process must give the encoder's own embeddings."""

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aag_tf.export.runtimes import RUNTIMES, load_runtime
from aag_tf.runs.exported import EMBED_BYTES, PROJECT
from aag_tf.utils.errors import ExportError, one_line

CHILD = Path(__file__).with_name("fresh_process.py")
TOLERANCE = 1e-5  # of the largest number in the embeddings, or of 1: float32 rounding through a deep network
VERIFY_IMAGES = 64


@dataclasses.dataclass(frozen=True)
class Verification:
    """How close a reloaded model came to its encoder.

    Args:
        images: real images that were compared.
        signatures: through which of them.
        formats: and in which other runtimes.
        max_difference: the largest difference of two numbers, as a share of the largest number, or of 1.
        tolerance: the largest that is allowed.
    """

    images: int
    signatures: tuple[str, ...]
    formats: tuple[str, ...]
    max_difference: float
    tolerance: float

    def __str__(self) -> str:
        """One line for people."""
        others = f", and in {', '.join(self.formats)}" if self.formats else ""
        return (
            f"{self.images} real images through {len(self.signatures)} signatures in a fresh process without Keras"
            f"{others}: largest difference {self.max_difference:.1e}, allowed {self.tolerance:.1e}"
        )


def verify(
    directory: Path,
    encoder: keras.Model,
    projector: keras.Model,
    images: np.ndarray,
    *,
    signatures: Sequence[str],
    formats: Sequence[str] = (),
) -> Verification:
    """Loads a SavedModel in a fresh process, on the CPU and without Keras, and compares every signature and format.

    Both run on the CPU, where this process may hold the GPU's memory, and where float32 is full float32. Picture files
    are PNG, which loses nothing, so that `embed_bytes` must give the same embeddings.

    Args:
        directory: of the SavedModel.
        encoder: what it was written from.
        projector: embeddings to projections.
        images: uint8 [n, h, w, c].
        signatures: that it must have.
        formats: other runtimes that it was converted for.

    Raises:
        ExportError: it does not load, differs by more than the tolerance, gives no [0, dim] for an empty batch,
            accepts images of a wrong size, or lets a damaged file cost the others of its batch.
    """
    with tf.device("/CPU:0"):
        embedding = encoder(tf.constant(images), training=False)
        projection = np.asarray(projector(embedding, training=False), np.float32)
    expected = np.asarray(embedding, np.float32)
    answers = _ask_fresh_process(directory, images)
    if answers["keras_used"]:
        raise ExportError("the SavedModel made TensorFlow import Keras; it would not load where Keras is missing.")
    if not answers["refused"]:
        raise ExportError("the reloaded model accepts images of a wrong size; nothing was published.")
    differences = [_compare(name, answers, projection if name == PROJECT else expected) for name in signatures]
    if EMBED_BYTES in signatures and answers["valid"].tolist() != [False] + [True] * len(images):
        raise ExportError("the reloaded model does not tell damaged files from good ones; nothing was published.")
    for name in formats:
        try:
            converted = load_runtime(name, directory / RUNTIMES[name].file)(images)
        except Exception as error:  # each runtime has classes of its own
            raise ExportError(
                f"{name} cannot run what it was converted to ({one_line(error, 200)}); nothing was published."
            ) from error
        differences.append(_difference(name, converted, expected))
    return Verification(len(images), tuple(signatures), tuple(formats), max(differences), TOLERANCE)


def _compare(name: str, answers: dict[str, np.ndarray], expected: np.ndarray) -> float:
    if name not in answers:
        raise ExportError(f"the reloaded model has no signature {name}; nothing was published.")
    empty = answers[f"{name}/empty"]
    if empty.shape != (0, expected.shape[1]):
        raise ExportError(
            f"{name} of the reloaded model gives {list(empty.shape)} for an empty batch; nothing was published."
        )
    return _difference(name, answers[name], expected)


def _difference(name: str, got: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a share of the largest number (or of 1) of what is expected."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise ExportError(
            f"{name} of the reloaded model gives {got.dtype} {list(got.shape)} where the encoder gives "
            f"{expected.dtype} {list(expected.shape)}; nothing was published."
        )
    difference = float(np.abs(got - expected).max()) / max(1.0, float(np.abs(expected).max()))
    if not difference <= TOLERANCE:  # so that NaN is refused too
        raise ExportError(
            f"{name} of the reloaded model differs from the encoder by {difference:.1e} where {TOLERANCE:.1e} is "
            "allowed; nothing was published."
        )
    return difference


def _ask_fresh_process(directory: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        questions, answers = Path(folder, "images.npy"), Path(folder, "answers.npz")
        np.save(questions, images)
        # -P: the child's own folder must not hide modules of the same name.
        command = [sys.executable, "-P", str(CHILD), str(directory), str(questions), str(answers)]
        quiet_cpu = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        child = subprocess.run(command, env=quiet_cpu, capture_output=True, text=True, check=False)
        if child.returncode != 0:
            last_line = (child.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExportError(f"the SavedModel does not work in a fresh process ({last_line}); nothing was published.")
        with np.load(answers) as content:
            return dict(content)
