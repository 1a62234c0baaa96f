"""A fine-tuned classifier on disk: a `.keras` file of Keras's own layers, and the record that says how to use it."""

import dataclasses
import json
from pathlib import Path

import keras

from aag_tf.encoders.keras_files import UnreadableModelError, load_keras_file
from aag_tf.runs.classifier_record import (
    EMBEDDING_LAYER,
    MODEL_NAME,
    RECORD_NAME,
    ClassifierRecord,
    read_classifier_record,
)
from aag_tf.utils.atomic import sync, write_atomically
from aag_tf.utils.errors import ExportError
from aag_tf.utils.stores import named


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A fine-tuned classifier.

    Args:
        model: pixels from 0 to 255, float32 [b, *image_shape], to logits [b, classes] and embeddings [b, dim].
        record: what its numbers mean.
        path: the directory that it comes from.
    """

    model: keras.Model
    record: ClassifierRecord
    path: Path

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.model.output_shape[1][-1]


def write_classifier(directory: Path, model: keras.Model, record: ClassifierRecord) -> None:
    """Writes `classifier.keras` and then `classifier.json`; each replaces an earlier one at once.

    Args:
        directory: exists.
        model: pixels from 0 to 255, float32 [b, *image_shape], to logits [b, classes]; its layer `embedding` gives the
            embedding.
        record: what its numbers mean.

    Raises:
        ExportError: the model does not fit the record.
        OSError: a file cannot be written.
    """
    fault = _fault_of(model, record)
    if fault is not None:
        raise ExportError(f"the classifier {model.name} {fault}.")
    hidden = directory / f".unfinished-{MODEL_NAME}"  # Keras asks for this ending
    try:
        model.save(hidden)
        sync(hidden)
        hidden.replace(directory / MODEL_NAME)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise
    write_atomically(directory / RECORD_NAME, json.dumps(record.to_json(), indent=2) + "\n")


def open_classifier(directory: Path) -> Classifier:
    """Opens what `write_classifier` wrote, without running code from the file.

    Raises:
        ExportError: a file is missing or damaged, or the model does not fit its record.
    """
    record = read_classifier_record(directory)
    file = directory / MODEL_NAME
    try:
        model = load_keras_file(file)
    except UnreadableModelError as error:
        raise ExportError(f"{named(file)} {error}.") from error
    fault = _fault_of(model, record)
    if fault is not None:
        raise ExportError(f"{named(file)} {fault}; fine-tune again with aag-finetune.")
    both = [model.output, model.get_layer(EMBEDDING_LAYER).output]
    return Classifier(keras.Model(model.input, both), record, directory)


def _fault_of(model: keras.Model, record: ClassifierRecord) -> str | None:
    """Returns what does not fit, as a phrase whose subject is the model."""
    inputs, outputs = (getattr(model, name, None) or [] for name in ("inputs", "outputs"))
    shapes = [list(tensor.shape[1:]) for tensor in (*inputs, *outputs)]
    wanted = [list(record.image_shape), [len(record.class_names)]]
    if shapes != wanted:
        return f"has inputs and outputs of {shapes} and must map {wanted[0]} (an image) to {wanted[1]} (logits)"
    layer = next((layer for layer in model.layers if layer.name == EMBEDDING_LAYER), None)
    if layer is None or isinstance(layer, keras.Model) or len(layer.output.shape) != 2:
        return f"has no layer {EMBEDDING_LAYER} of its own that gives a vector"
    return None
