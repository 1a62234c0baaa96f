"""The verification before publishing: every answer of the fresh process counts."""

import shutil

import keras
import numpy as np
import pytest

from aag_tf.export.verify import ask_fresh_process, check_answers
from aag_tf.utils.errors import ExportError

NAMES = ("serving_default", "embed_bytes", "project")
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
PROJECTION = np.ones((4, 3), np.float32)


@pytest.fixture
def good(run):
    """What a faultless process answers, and the encoder's embeddings."""
    embedding = run[1](IMAGES, training=False).numpy()
    answers = {"refused": True, "keras_used": False, "embed_bytes/valid": np.array([False] + [True] * 4)}
    for name, output, vectors in [
        ("serving_default", "embedding", embedding),
        ("embed_bytes", "embedding", np.concatenate([np.zeros((1, 32), np.float32), embedding])),
        ("project", "projection", PROJECTION),
    ]:
        answers[f"{name}/{output}"] = vectors
        answers[f"{name}/empty/{output}"] = vectors[:0]
    return answers, embedding


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"refused": False}, "accepts images of a wrong size"),
        ({"serving_default/empty/embedding": np.zeros((1, 32), np.float32)}, r"\[1, 32\] for an empty batch"),
        ({"keras_used": True}, "import Keras"),
        ({"serving_default/embedding": np.full((4, 32), np.nan, np.float32)}, "differs from the encoder by nan"),
        ({"embed_bytes/embedding": np.zeros((5, 31), np.float32)}, r"embed_bytes of .* gives float32 \[4, 31\]"),
        ({"embed_bytes/valid": np.array([True] * 5)}, "does not tell damaged files from good ones"),
        (
            {"project/projection": PROJECTION + 1e-4},
            r"project of .* differs from the encoder by 1\.0e-04",
        ),
    ],
)
def test_every_part_counts(good, answers, message):
    answered, embedding = good
    assert check_answers(answered, NAMES, embedding, PROJECTION) == [0, 0, 0]
    with pytest.raises(ExportError, match=message):
        check_answers(answered | answers, NAMES, embedding, PROJECTION)
    with pytest.raises(ExportError, match="has no signature embed_images"):
        check_answers(answered, (*NAMES, "embed_images"), embedding, PROJECTION)


def test_a_model_of_other_weights_differs(run, good):
    answered, embedding = good
    other = keras.models.clone_model(run[1])
    other.set_weights(run[1].get_weights())
    other.trainable_variables[0].assign(other.trainable_variables[0] * 1.01)
    with pytest.raises(ExportError, match="serving_default of the reloaded model differs from the encoder by"):
        check_answers(answered, NAMES, other(IMAGES, training=False).numpy(), PROJECTION)
    assert np.abs(embedding).max() > 0.01


def test_a_model_that_does_not_load_is_one_sentence(encoder_dir, tmp_path):
    copy = shutil.copytree(encoder_dir / "1", tmp_path / "1")
    (copy / "saved_model.pb").write_bytes((copy / "saved_model.pb").read_bytes()[:100])
    with pytest.raises(ExportError, match="does not work in a fresh process") as caught:
        ask_fresh_process(copy, IMAGES, ["serving_default"])
    assert "\n" not in str(caught.value)
