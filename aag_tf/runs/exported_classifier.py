"""Exported classifiers read back, and the names that writing and reading share."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.config.export import CLASSIFIER_SIGNATURES
from aag_tf.runs.classifier_record import ClassifierRecord
from aag_tf.runs.export_directory import METADATA_FILE, version_directory
from aag_tf.runs.exported import (
    CONTENTS,
    ENCODER,
    EXPORTED_CLASSIFIER,
    INPUT,
    OUTPUT,
    VALID,
    SavedEncoder,
    load_saved_model,
)
from aag_tf.runs.saved_export import ExpectedSignature, SavedExport, load_described
from aag_tf.utils.errors import ExportError
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import JsonFormat, format_of
from aag_tf.utils.stores import named
from aag_tf.utils.versions import versions

AGAIN = "export the classifier again with aag-export"
EXPORTED = JsonFormat(EXPORTED_CLASSIFIER, 1, "aag-export", AGAIN, ExportError)

_, CLASSIFY, CLASSIFY_BYTES = CLASSIFIER_SIGNATURES
PROBABILITIES = "probabilities"
LABEL = "label"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierMetadata:
    """The content of `model.json` of a classifier.

    Args:
        record: of the classifier; read back without the versions of the software that made it.
        version: number of the version directory.
        embedding_dim: length of an embedding.
        signatures: `{name: {"inputs": ..., "outputs": ...}}` with dtypes, shapes and ranges.
        verification: fields of `aag_tf.export.Verification`, `None` where it was switched off.
        versions: of the software that exported it.

    Raises:
        ValueError: `embedding_dim` is below 1.
    """

    record: ClassifierRecord
    version: int
    embedding_dim: int
    signatures: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    verification: dict[str, Any] | None = None
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def __post_init__(self) -> None:
        if self.embedding_dim < 1:
            raise ValueError(f"its 'embedding_dim' is {self.embedding_dim}")

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `model.json`."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "record"}
        return EXPORTED.header | self.record.to_facts() | own

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Reads the JSON object of `model.json`; keys that are not known are ignored.

        Raises:
            ValueError: a field is missing or wrong; the message names it.
        """
        return read_fields(cls, content, record=ClassifierRecord.from_json(content | {"versions": {}}))


class Classes(NamedTuple):
    """What a classifier says of some images.

    Attributes:
        probabilities: float32 [n, classes], in the order of `class_names`; zeros for a file that cannot be decoded.
        labels: [n], the most probable class; empty for such a file.
        embeddings: float32 [n, dim]; zeros for such a file.
        valid: whether each was decoded: bool [n].
    """

    probabilities: npt.NDArray[np.float32]
    labels: list[str]
    embeddings: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class SavedClassifier(SavedExport[ClassifierMetadata]):
    """An exported classifier: uint8 images [b, height, width, channels] to probabilities, labels and embeddings.

    Args:
        path: the version directory.
        metadata: content of its `model.json`.
        loaded: the SavedModel; it owns the variables of the signatures.
    """

    @property
    def class_names(self) -> list[str]:
        """The classes, in the order of the probabilities."""
        return self.metadata.record.class_names

    def __call__(self, images: npt.ArrayLike) -> Classes:
        """Classifies uint8 images [b, *image_shape].

        Raises:
            tf.errors.InvalidArgumentError: the images have another shape than `image_shape`.
        """
        return _classes(self.loaded.signatures[CLASSIFY](**{INPUT: tf.constant(images)}))

    def classify_bytes(self, contents: list[bytes]) -> Classes:
        """Classifies encoded pictures; one that cannot be decoded does not affect the others.

        Args:
            contents: each a JPEG, PNG, GIF or WebP file.

        Raises:
            ExportError: the classifier is of images of which there are no such files.
        """
        if CLASSIFY_BYTES not in self.loaded.signatures:
            raise ExportError(
                f"{named(self.path)} has no signature {CLASSIFY_BYTES}, since its images have "
                f"{self.image_shape[2]} channels; pass arrays of pixels."
            )
        return _classes(self.loaded.signatures[CLASSIFY_BYTES](**{CONTENTS: tf.constant(contents, tf.string)}))


def _classes(answer: dict[str, tf.Tensor]) -> Classes:
    probabilities = answer[PROBABILITIES].numpy()
    labels = [label.decode() for label in answer[LABEL].numpy()]
    valid = answer[VALID].numpy() if VALID in answer else np.ones(len(labels), np.bool_)
    return Classes(probabilities, labels, answer[OUTPUT].numpy(), valid)


def is_classifier(directory: Path) -> bool:
    """Whether a version directory says that it holds a classifier."""
    return format_of(directory / METADATA_FILE) == EXPORTED.name


def read_classifier_metadata(directory: Path) -> ClassifierMetadata:
    """Reads the `model.json` of a version directory.

    Raises:
        ExportError: it is missing or damaged, or another program or format version wrote it, or it is an encoder's.
    """
    if format_of(directory / METADATA_FILE) == ENCODER.name:
        raise ExportError(
            f"{named(directory)} is an encoder, and a classifier is needed; make one of it with aag-finetune, and "
            "export that with aag-export --classifier."
        )
    return EXPORTED.read(directory / METADATA_FILE, ClassifierMetadata.from_json)


def load_saved_classifier(path: str | Path, *, trust_model: bool = False) -> SavedClassifier:
    """Loads a classifier that `aag-export` wrote.

    Args:
        path: a version directory, or its parent for the newest version.
        trust_model: whether to load it even if its graph can do more than compute, such as read and write files:
            whoever made it can then do what you can.

    Raises:
        ExportError: there is no SavedModel, it is no classifier, it is damaged, or it can do more than compute.
    """
    directory = version_directory(path)
    metadata = read_classifier_metadata(directory)
    outputs = {
        PROBABILITIES: (tf.float32, (len(metadata.record.class_names),)),
        LABEL: (tf.string, ()),
        OUTPUT: (tf.float32, (metadata.embedding_dim,)),
    }
    wanted = ExpectedSignature(CLASSIFY, {INPUT: (tf.uint8, metadata.record.image_shape)}, outputs)
    loaded = load_described(directory, wanted, again=AGAIN, trust_model=trust_model)
    return SavedClassifier(directory, metadata, loaded)


def load_export(path: str | Path, *, trust_model: bool = False) -> SavedEncoder | SavedClassifier:
    """Loads an encoder or a classifier, whichever it is; arguments and errors as for `load_saved_classifier`."""
    directory = version_directory(path)
    load = load_saved_classifier if is_classifier(directory) else load_saved_model
    return load(directory, trust_model=trust_model)
