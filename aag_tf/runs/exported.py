"""Exported encoders read back, and the names that writing and reading share: files, signatures, inputs and outputs."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from aag_tf.config.export import SIGNATURES
from aag_tf.runs.export_directory import MODEL_FILE, version_directory
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.errors import ExportError
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.literal import literal
from aag_tf.utils.stores import named
from aag_tf.utils.versions import versions

FORMAT = "aag_tf.encoder"
FORMAT_VERSION = 1
METADATA_FILE = "model.json"
CARD_FILE = "model_card.md"
VARIABLES = "variables"

# Signatures, and the names of their inputs and outputs.
SIGNATURE, EMBED_BYTES, EMBED_IMAGES, EMBED_VALUES, PROJECT = SIGNATURES
INPUT = "images"
VALUES = "values"
CONTENTS = "contents"
OUTPUT = "embedding"
NORMALIZED = "normalized"
PROJECTION = "projection"
VALID = "valid"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportMetadata:
    """The content of `model.json`: how to use an exported encoder, how it was trained, how good it is.

    Args:
        record: settings and facts of the run; read back without the command and the versions of the run.
        version: number of the version directory.
        step: optimizer steps that the weights have seen.
        embedding_dim: length of an embedding.
        weights: dtype in which kernels are stored.
        signatures: `{name: {"inputs": ..., "outputs": ...}}` with dtypes, shapes and ranges.
        evaluation: data, settings and results of `aag-evaluate` at this step, `None` without an evaluation.
        precision_cost: fields of `aag_tf.export.reduced.PrecisionCost`, `None` for float32 kernels.
        formats: file of every other runtime, relative to the version directory.
        verification: fields of `aag_tf.export.Verification`, `None` where it was switched off.
        method: name of the training method.
        versions: of the software that exported it.

    Raises:
        ValueError: `embedding_dim` is below 1.
    """

    record: RunRecord
    version: int
    step: int
    embedding_dim: int
    weights: str = "float32"
    signatures: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    precision_cost: dict[str, Any] | None = None
    formats: dict[str, str] = dataclasses.field(default_factory=dict)
    verification: dict[str, Any] | None = None
    method: str = "AAG: contrastive pre-training with an auxiliary augmentation branch and the GNT-Xent loss"
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def __post_init__(self) -> None:
        if self.embedding_dim < 1:
            raise ValueError(f"its 'embedding_dim' is {self.embedding_dim}")

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `model.json`."""
        facts = self.record.to_facts() | {"dataset": self.record.config.data.dataset}
        facts["own_encoder"] = facts.pop("custom_encoder")  # its name in this format
        del facts["command"]
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "record"}
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **facts, **own}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Reads the JSON object of `model.json`; keys that are not known are ignored.

        Raises:
            ValueError: a field is missing or wrong; the message names it.
        """
        record = RunRecord.from_facts(content | {"versions": {}})
        return read_fields(cls, content, record=record)


@dataclasses.dataclass(frozen=True, eq=False)
class SavedEncoder:
    """An exported encoder: uint8 images [b, height, width, channels] to float32 embeddings [b, dim].

    Args:
        path: the version directory.
        metadata: content of its `model.json`.
        loaded: the SavedModel; it owns the variables of the signatures.
    """

    path: Path
    metadata: ExportMetadata
    loaded: Any

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the input."""
        return self.metadata.record.image_shape

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Embeds uint8 images.

        Raises:
            tf.errors.InvalidArgumentError: the images have another shape than `image_shape`.
        """
        return self.loaded.signatures[SIGNATURE](**{INPUT: images})[OUTPUT]

    def embed_bytes(self, contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Embeds encoded pictures; one that cannot be decoded does not affect the others.

        Args:
            contents: string [n], each a JPEG, PNG, GIF or WebP file.

        Returns:
            Embeddings, float32 [n, dim], and whether each picture was decoded, bool [n]; rows of zeros where not.

        Raises:
            ExportError: the model was exported without the signature `embed_bytes`.
        """
        if EMBED_BYTES not in self.loaded.signatures:
            raise ExportError(
                f"{named(self.path)} has no signature {EMBED_BYTES}; export the run again with "
                f"--signatures={SIGNATURE},{EMBED_BYTES}."
            )
        answer = self.loaded.signatures[EMBED_BYTES](**{CONTENTS: contents})
        return answer[OUTPUT], answer[VALID]


def read_metadata(directory: Path) -> ExportMetadata:
    """Reads the `model.json` of a version directory.

    Raises:
        ExportError: it is missing or damaged, or another program or format version wrote it.
    """
    file = directory / METADATA_FILE
    try:
        content = read_json_object(file)
    except FileNotFoundError as error:
        raise ExportError(
            f"{named(directory)} is a SavedModel that aag-export did not write (it has no {METADATA_FILE}); "
            "name one that it wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{named(file)} cannot be read ({error}); export the run again with aag-export.") from error
    if content.get("format") != FORMAT:
        raise ExportError(f"{named(file)} was not written by aag-export; name a directory that aag-export wrote.")
    if content.get("format_version") != FORMAT_VERSION:
        raise ExportError(
            f"{named(file)} has format version {content.get('format_version')} and this package reads "
            f"{FORMAT_VERSION}; export the run again with this package, or install the one that wrote it."
        )
    try:
        return ExportMetadata.from_json(content)
    except ValueError as error:
        raise ExportError(f"{named(file)} is damaged ({error}); export the run again with aag-export.") from error


def digest(directory: Path) -> str:
    """SHA-256 over the graph and the weights of a SavedModel: the same for every copy of it."""
    found = hashlib.sha256()
    for file in [directory / MODEL_FILE, *sorted((directory / VARIABLES).glob("*"))]:
        with file.open("rb") as content:
            found.update(f"{file.name}:{hashlib.file_digest(content, 'sha256').hexdigest()};".encode())
    return found.hexdigest()


def load_saved_model(path: str | Path) -> SavedEncoder:
    """Loads an encoder that `aag-export` wrote.

    Args:
        path: a version directory, or its parent for the newest version.

    Raises:
        ExportError: there is no SavedModel, aag-export did not write it, or it is damaged.
    """
    directory = version_directory(path)
    metadata = read_metadata(directory)
    with literal(directory) as readable:
        try:
            loaded = tf.saved_model.load(readable)
        except Exception as error:  # TensorFlow raises many classes for a damaged file
            raise ExportError(
                f"{named(directory)} is damaged ({type(error).__name__}); export the run again."
            ) from error
    if not _matches(loaded, metadata):
        raise ExportError(
            f"{named(directory)} is not the model that its {METADATA_FILE} describes; export the run again with "
            "aag-export."
        )
    return SavedEncoder(directory, metadata, loaded)


def _matches(loaded: Any, metadata: ExportMetadata) -> bool:
    """Whether `serving_default` exists with the input and output shapes of the metadata."""
    signature = loaded.signatures.get(SIGNATURE)
    if signature is None:
        return False
    parts = signature.structured_input_signature[1].get(INPUT), signature.structured_outputs.get(OUTPUT)
    shapes = [part is not None and part.shape.rank and part.shape[1:].as_list() for part in parts]
    return shapes == [list(metadata.record.image_shape), [metadata.embedding_dim]]
