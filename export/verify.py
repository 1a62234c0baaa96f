"""Proves a SavedModel before it is published: a fresh process must give the encoder's own embeddings."""

import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aag_tf.errors import ExportError

CHILD = Path(__file__).with_name("fresh_process.py")
TOLERANCE = 1e-5  # of the largest number in the embeddings, or of 1: float32 rounding through a deep network
VERIFY_IMAGES = 64


@dataclasses.dataclass(frozen=True)
class Verification:
    """How close a reloaded model came to its encoder.

    Args:
        images: real images that were compared.
        max_difference: the largest absolute difference of two numbers.
        tolerance: the largest that is allowed.
    """

    images: int
    max_difference: float
    tolerance: float

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.images} real images in a fresh process without Keras: largest difference "
            f"{self.max_difference:.1e}, allowed {self.tolerance:.1e}"
        )


def verify(directory: Path, encoder: keras.Model, images: np.ndarray) -> Verification:
    """Loads a SavedModel in a fresh process, on the CPU and without Keras, and compares it with the encoder.

    Both run on the CPU, where this process may hold the GPU's memory, and where float32 is full float32.

    Args:
        directory: of the SavedModel.
        encoder: what it was written from.
        images: uint8 [n, h, w, c].

    Raises:
        ExportError: it does not load, differs by more than the tolerance, gives no [0, dim] for an empty batch, or
            accepts images of a wrong size.
    """
    with tf.device("/CPU:0"):
        expected = np.asarray(encoder(tf.constant(images), training=False), np.float32)
    answers = _ask_fresh_process(directory, images)
    got, empty = answers["embedding"], answers["empty"]
    if answers["keras_used"]:
        raise ExportError("the SavedModel made TensorFlow import Keras; it would not load where Keras is missing.")
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise ExportError(
            f"the reloaded model gives {got.dtype} {list(got.shape)} where the encoder gives {expected.dtype} "
            f"{list(expected.shape)}; nothing was published."
        )
    if empty.shape != (0, expected.shape[1]):
        raise ExportError(f"the reloaded model gives {list(empty.shape)} for an empty batch; nothing was published.")
    if not answers["refused"]:
        raise ExportError("the reloaded model accepts images of a wrong size; nothing was published.")
    tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(got - expected).max())
    if not difference <= tolerance:  # so that NaN is refused too
        raise ExportError(
            f"the reloaded model differs from the encoder by {difference:.1e} where {tolerance:.1e} is allowed; "
            "nothing was published."
        )
    return Verification(len(images), difference, tolerance)


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
