"""The verification before publishing: every answer of the fresh process counts."""

import shutil
import subprocess

import forked_answers
import keras
import numpy as np
import pytest

from aag_tf.data.files.reading import Reading
from aag_tf.export.questions import Asker
from aag_tf.export.verify import ask_fresh_process, check_answers
from aag_tf.utils.errors import ExportError

NAMES = ("serving_default", "embed_bytes", "project")
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
PROJECTION = np.ones((4, 3), np.float32)


@pytest.fixture
def good(run):
    """What a faultless process answers, and what the encoder gives."""
    embedding = run[1](IMAGES, training=False).numpy()
    answers = {"refused": True, "keras_used": False, "embed_bytes/0/valid": np.array([False] + [True] * 4)}
    for name, output, vectors in [
        ("serving_default", "embedding", embedding),
        ("embed_bytes", "embedding", np.concatenate([np.zeros((1, 32), np.float32), embedding])),
        ("project", "projection", PROJECTION),
    ]:
        answers[f"{name}/0/{output}"] = vectors
        answers[f"{name}/empty/{output}"] = vectors[:0]
    return answers, {name: [PROJECTION if name == "project" else embedding] for name in NAMES}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"refused": False}, "accepts images of a wrong size"),
        ({"serving_default/empty/embedding": np.zeros((1, 32), np.float32)}, r"\[1, 32\] for an empty batch"),
        ({"keras_used": True}, "import Keras"),
        ({"serving_default/0/embedding": np.full((4, 32), np.nan, np.float32)}, "differs from the encoder by nan"),
        ({"embed_bytes/0/embedding": np.zeros((5, 31), np.float32)}, r"embed_bytes of .* gives float32 \[4, 31\]"),
        ({"embed_bytes/0/valid": np.array([True] * 5)}, "does not tell damaged files from good ones"),
        (
            {"project/0/projection": PROJECTION + 1e-4},
            r"project of .* differs from the encoder by 1\.0e-04",
        ),
    ],
)
def test_every_part_counts(good, answers, message):
    answered, expected = good
    assert check_answers(answered, expected) == [0, 0, 0]
    with pytest.raises(ExportError, match=message):
        check_answers(answered | answers, expected)
    with pytest.raises(ExportError, match="has no signature embed_images"):
        check_answers(answered, expected | {"embed_images": expected["serving_default"]})
    with pytest.raises(ExportError, match="has no signature project"):  # nor an answer to every question
        check_answers(answered, expected | {"project": [PROJECTION, PROJECTION]})


def test_a_model_of_other_weights_differs(run, good):
    answered, expected = good
    other = keras.models.clone_model(run[1])
    other.set_weights(run[1].get_weights())
    other.trainable_variables[0].assign(other.trainable_variables[0] * 1.01)
    assert np.abs(expected["serving_default"][0]).max() > 0.01
    with pytest.raises(ExportError, match="serving_default of the reloaded model differs from the encoder by"):
        check_answers(answered, expected | {"serving_default": [other(IMAGES, training=False).numpy()]})


def test_a_model_that_does_not_load_is_one_sentence(encoder_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", forked_answers.start)  # a process as users have it
    copy = shutil.copytree(encoder_dir / "1", tmp_path / "1")
    (copy / "saved_model.pb").write_bytes((copy / "saved_model.pb").read_bytes()[:100])
    questions = {"serving_default": Asker(IMAGES, Reading(), 10_000).ask("serving_default")}
    with pytest.raises(ExportError, match="does not work in a fresh process") as caught:
        ask_fresh_process(copy, questions)
    assert "\n" not in str(caught.value)
