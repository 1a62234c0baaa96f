"""Classifiers small enough for a test, as `aag-finetune` leaves them, with random weights that tell noise apart."""

from pathlib import Path

import keras

from aag_tf.data.files.reading import Reading
from aag_tf.runs.classifier_files import write_classifier
from aag_tf.runs.classifier_record import ClassifierRecord, Figure

CLASS_NAMES = ["cat", "dög", "a, b"]
TEMPERATURE = 2.5
DIM = 6
SEED = 3


def small_model(shape: tuple[int, int, int] = (8, 8, 1), classes: int = len(CLASS_NAMES)) -> keras.Model:
    """Returns a model from pixels to logits with a layer `embedding`."""
    keras.utils.set_random_seed(SEED)
    pixels = keras.Input(shape)
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    embedding = keras.layers.Dense(DIM, "tanh", name="embedding")(keras.layers.Flatten()(scaled))
    return keras.Model(pixels, keras.layers.Dense(classes, kernel_initializer="random_normal")(embedding) * 40)


def make_classifier(directory: Path, shape: tuple[int, int, int] = (8, 8, 1), **facts: object) -> keras.Model:
    """Writes a classifier to a new directory; returns its model, from pixels to logits."""
    directory.mkdir(parents=True)
    model = small_model(shape)
    usual = {
        "class_names": CLASS_NAMES,
        "temperature": TEMPERATURE,
        "image_shape": shape,
        "reading": Reading(),
        "encoder": {"source": "runs/mine", "kind": "run", "sha256": "0" * 64},
        "dataset": "folder:labeled",
        "figures": {"accuracy": Figure(value=0.875, low=0.84, high=0.91), "ECE": Figure(value=0.0213, percent=False)},
    }
    write_classifier(directory, model, ClassifierRecord(**usual | facts))
    return model
