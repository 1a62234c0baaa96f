"""Loads any Keras model that maps a batch of images to a batch of vectors, from a `.keras` file in safe mode."""

from pathlib import Path

import keras

from aag_tf.encoders.keras_files import UnreadableModelError, load_keras_file
from aag_tf.evaluation.subjects.input_range import prepare, require_range
from aag_tf.preflight.evaluate import check_keras_file
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.stores import fetched


def load_foreign_keras_model(path: str, input_range: str | None) -> tuple[keras.Model, keras.Model]:
    """Loads the model of a file and makes an encoder from it.

    Only the `.keras` format is read: its safe mode runs no code from the file, as the older HDF5 format can.

    Args:
        path: a `.keras` file.
        input_range: range of its pixel values; required where it takes floats.

    Returns:
        The model as it is, and the encoder, which takes images in [0, 255].

    Raises:
        EvaluationError: there is no such file, it needs code, it does not map images to vectors, or its range is
            unknown.
    """
    model = _load(fetched(path))
    return model, encoder_of(model, path, input_range)


def encoder_of(model: keras.Model, path: str, input_range: str | None) -> keras.Model:
    """Puts preprocessing before a model, so that it takes images [b, height, width, channels] in [0, 255].

    Raises:
        EvaluationError: the model does not map images to vectors, or its range is unknown.
    """
    inputs, outputs = (getattr(model, name, None) for name in ("inputs", "outputs"))
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
        raise EvaluationError(
            f"{path} does not map one batch of images [b, height, width, channels] to one batch of vectors; save a "
            "functional or sequential model with one input and one output."
        )
    (image,), (vector,) = inputs, outputs
    if len(vector.shape) != 2:
        raise EvaluationError(
            f"{path} gives features of shape {list(vector.shape)} instead of vectors [b, dim]; end it with "
            "GlobalAveragePooling2D or Flatten."
        )
    shape, dtype = tuple(image.shape[1:]), keras.backend.standardize_dtype(image.dtype)
    if shape[2] not in (1, 3):
        raise EvaluationError(f"{path} takes images with {shape[2]} channels; give a model of 1 (gray) or 3 (RGB).")
    known = require_range(input_range, dtype, shape[2], path)
    images = keras.Input(shape, dtype=dtype, name="images")
    return keras.Model(images, model(prepare(images, known)), name=model.name)


def untrained_copy(model: keras.Model, seed: int) -> keras.Model:
    """Copies a model with random weights from a seed; `Normalization` layers keep their statistics."""
    keras.utils.set_random_seed(seed)
    fresh = keras.models.clone_model(model)
    for layer, own in zip(fresh._flatten_layers(), model._flatten_layers(), strict=True):
        if isinstance(layer, keras.layers.Normalization) and own.weights:
            layer.set_weights(own.get_weights())
            layer.finalize_state()
    return fresh


def _load(path: Path) -> keras.Model:
    check_keras_file(str(path))
    try:
        return load_keras_file(path)
    except UnreadableModelError as error:
        raise EvaluationError(f"--keras_model={path} {error}, or evaluate it as a SavedModel.") from error
