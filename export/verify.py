"""Verifies a SavedModel before it is published: a fresh process must give the encoder's own embeddings."""

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aag_tf.export.questions import Question
from aag_tf.export.runtimes import RUNTIMES, load_runtime
from aag_tf.runs.exported import EMBED_BYTES, OUTPUT, PROJECT, PROJECTION, SIGNATURE, VALID
from aag_tf.utils.errors import ExportError, one_line
from aag_tf.utils.literal import literal

CHILD = Path(__file__).with_name("fresh_process.py")
TOLERANCE = 1e-5  # of the largest number in the embeddings, or of 1: float32 rounding through a deep network
VERIFY_IMAGES = 64

Questions = Mapping[str, Sequence[Question]]  # for every signature
Answers = Mapping[str, np.ndarray]
Embed = Callable[[tf.Tensor], Any]
Expected = Mapping[str, Sequence[np.ndarray]]  # vectors of every question of every signature


@dataclasses.dataclass(frozen=True)
class Verification:
    """How closely a reloaded model agrees with its encoder.

    Args:
        images: number of images compared.
        signatures: that were compared.
        formats: other runtimes that were compared.
        max_difference: the largest difference of two numbers, as a share of the largest number, or of 1.
        tolerance: the largest that is allowed.
        kind: of the images, in a word.
    """

    images: int
    signatures: tuple[str, ...]
    formats: tuple[str, ...]
    max_difference: float
    tolerance: float
    kind: str = "real"

    def __str__(self) -> str:
        """One line for people."""
        others = f", and in {', '.join(self.formats)}" if self.formats else ""
        return (
            f"{self.images} {self.kind} images through {len(self.signatures)} signatures in a fresh process without "
            f"Keras{others}: largest difference {self.max_difference:.1e}, allowed {self.tolerance:.1e}"
        )


def verify(
    directory: Path,
    encoder: Embed,
    projector: keras.Model,
    questions: Questions,
    *,
    formats: Sequence[str] = (),
) -> Verification:
    """Loads a SavedModel in a fresh process, on the CPU and without Keras, and compares every signature and format.

    Both processes compute on the CPU, since this one may hold the GPU's memory, and since float32 is full float32
    there.

    Args:
        directory: of the SavedModel.
        encoder: uint8 images to embeddings, as exported: a Keras model, or `average_views` of one.
        projector: embeddings to projections.
        questions: what every signature that it must have is asked (`aag_tf.export.questions`); those of
            `serving_default` begin with the images that other runtimes are asked.
        formats: other runtimes that it was converted for.

    Raises:
        ExportError: it does not load, differs by more than the tolerance, gives no [0, dim] for an empty batch,
            accepts images of a wrong size, or lets a damaged file affect the others of its batch.
    """
    expected = {
        name: [_vectors(encoder, projector if name == PROJECT else None, question.pixels) for question in asked]
        for name, asked in questions.items()
    }
    differences = check_answers(ask_fresh_process(directory, questions), expected)
    images = questions[SIGNATURE][0].pixels
    for name in formats:
        try:
            converted = load_runtime(name, directory / RUNTIMES[name].file)(images)
        except Exception as error:  # each runtime has classes of its own
            raise ExportError(
                f"{name} cannot run the converted encoder ({one_line(error, 200)}); nothing was published."
            ) from error
        differences.append(difference(name, converted, expected[SIGNATURE][0]))
    return Verification(len(images), tuple(questions), tuple(formats), max(differences), TOLERANCE)


def _vectors(encoder: Embed, projector: keras.Model | None, images: np.ndarray) -> np.ndarray:
    with tf.device("/CPU:0"):
        embedding = encoder(tf.constant(images))
        return np.asarray(embedding if projector is None else projector(embedding, training=False), np.float32)


def ask_fresh_process(directory: Path, questions: Questions) -> dict[str, np.ndarray]:
    """Returns the answers of `fresh_process.py`, run on the CPU, with an array for each name described there.

    Raises:
        ExportError: the process fails, for instance because the SavedModel does not load.
    """
    with tempfile.TemporaryDirectory() as folder, literal(directory) as readable:
        asked, answers = Path(folder, "questions.npz"), Path(folder, "answers.npz")
        np.savez(asked, **_arrays(questions))
        # -P: the script's own folder must not hide modules of the same name.
        command = [sys.executable, "-P", *map(str, (CHILD, readable, asked, answers))]
        quiet_cpu = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        child = subprocess.run(command, env=quiet_cpu, capture_output=True, text=True, check=False)
        if child.returncode != 0:
            last_line = (child.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExportError(f"the SavedModel does not work in a fresh process ({last_line}); nothing was published.")
        with np.load(answers) as content:
            return dict(content)


def _arrays(questions: Questions) -> dict[str, Any]:
    """Returns the questions by their names in the file that `fresh_process.py` reads."""
    arrays: dict[str, Any] = {}
    for name, asked in questions.items():
        for number, question in enumerate(asked):
            if isinstance(question.inputs, list):
                for place, content in enumerate(question.inputs):
                    arrays[f"{name}/{number}/{place:05}"] = np.frombuffer(content, np.uint8)
            else:
                arrays[f"{name}/{number}"] = question.inputs
    return arrays


def check_answers(answers: Answers, expected: Expected) -> list[float]:
    """Compares the answers of a fresh process with what the encoder gives.

    Args:
        answers: of `ask_fresh_process`.
        expected: float32 [n, dim] for every question of every signature.

    Returns:
        The difference of every question, as `Verification.max_difference`.

    Raises:
        ExportError: as `verify`.
    """
    check_conduct(answers)
    differences = []
    for name, wanted in expected.items():
        output = PROJECTION if name == PROJECT else OUTPUT
        for number, vectors in enumerate(wanted):
            if f"{name}/{number}/{output}" not in answers:
                raise ExportError(f"the reloaded model has no signature {name}; nothing was published.")
            got = answers[f"{name}/{number}/{output}"]
            if name == EMBED_BYTES:  # the first file was damaged
                got = got[1:]
                if answers[f"{name}/{number}/{VALID}"].tolist() != [False] + [True] * len(vectors):
                    raise ExportError(
                        "the reloaded model does not tell damaged files from good ones; nothing was published."
                    )
            differences.append(difference(name, got, vectors))
        empty = answers[f"{name}/empty/{output}"]
        if empty.shape != (0, wanted[0].shape[1]):
            raise ExportError(
                f"{name} of the reloaded model gives {list(empty.shape)} for an empty batch; nothing was published."
            )
    return differences


def check_conduct(answers: Answers) -> None:
    """Checks that a SavedModel loads without Keras, and refuses images of a wrong size.

    Raises:
        ExportError: it does not.
    """
    if answers["keras_used"]:
        raise ExportError("the SavedModel made TensorFlow import Keras; it would not load where Keras is missing.")
    if not answers["refused"]:
        raise ExportError("the reloaded model accepts images of a wrong size; nothing was published.")


def difference(name: str, got: np.ndarray, expected: np.ndarray, model: str = "encoder") -> float:
    """Returns the largest difference, as a share of the largest expected number, or of 1.

    Args:
        name: of the signature, or of the runtime.
        got: what the reloaded model gives.
        expected: what the model gives that was exported.
        model: what that is, for messages.

    Raises:
        ExportError: the shapes or types differ, or the difference is above the tolerance.
    """
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise ExportError(
            f"{name} of the reloaded model gives {got.dtype} {list(got.shape)} where the {model} gives "
            f"{expected.dtype} {list(expected.shape)}; nothing was published."
        )
    found = float(np.abs(got - expected).max()) / max(1.0, float(np.abs(expected).max()))
    if not found <= TOLERANCE:  # so that NaN fails too
        raise ExportError(
            f"{name} of the reloaded model differs from the {model} by {found:.1e} where {TOLERANCE:.1e} is "
            "allowed; nothing was published."
        )
    return found
