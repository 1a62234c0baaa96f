"""Exported encoders read back, and the names that writing and reading share: files, signatures, inputs and outputs."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from aag_tf.config.export import SIGNATURES
from aag_tf.runs.export_directory import METADATA_FILE, MODEL_FILE, version_directory
from aag_tf.runs.run_record import RunRecord
from aag_tf.runs.saved_export import ExpectedSignature, SavedExport, load_described
from aag_tf.utils.errors import ExportError
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import JsonFormat, format_of
from aag_tf.utils.stores import named
from aag_tf.utils.versions import versions

AGAIN = "export the run again with aag-export"
ENCODER = JsonFormat("aag_tf.encoder", 1, "aag-export", AGAIN, ExportError)
EXPORTED_CLASSIFIER = "aag_tf.exported_classifier"  # the format of `aag_tf.runs.exported_classifier`
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
        record: settings and facts of the run; read back without command, arithmetic and versions of the run.
        version: number of the version directory.
        step: optimizer steps that the weights have seen.
        embedding_dim: length of an embedding.
        weights: dtype in which kernels are stored.
        embed_views: fixed views of an image whose mean embedding every signature gives.
        signatures: `{name: {"inputs": ..., "outputs": ...}}` with dtypes, shapes and ranges.
        evaluation: data, settings and results of `aag-evaluate` at this step, `None` without an evaluation.
        precision_cost: fields of `aag_tf.export.reduced.PrecisionCost`, `None` for float32 kernels.
        formats: file of every other runtime, relative to the version directory.
        verification: fields of `aag_tf.export.Verification`, `None` where it was switched off.
        method: name of the training method.
        versions: of the software that exported it.

    Raises:
        ValueError: `embedding_dim` or `embed_views` is below 1.
    """

    record: RunRecord
    version: int
    step: int
    embedding_dim: int
    weights: str = "float32"
    embed_views: int = 1
    signatures: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    precision_cost: dict[str, Any] | None = None
    formats: dict[str, str] = dataclasses.field(default_factory=dict)
    verification: dict[str, Any] | None = None
    method: str = "AAG: contrastive pre-training with an auxiliary augmentation branch and the GNT-Xent loss"
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "embed_views"):
            if getattr(self, name) < 1:
                raise ValueError(f"its {name!r} is {getattr(self, name)}")

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `model.json`."""
        facts = self.record.to_facts() | {"dataset": self.record.config.data.dataset}
        facts["own_encoder"] = facts.pop("custom_encoder")  # its name in this format
        del facts["command"], facts["arithmetic"]
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "record"}
        return ENCODER.header | facts | own

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Reads the JSON object of `model.json`; keys that are not known are ignored.

        Raises:
            ValueError: a field is missing or wrong; the message names it.
        """
        record = RunRecord.from_facts(content | {"versions": {}})
        return read_fields(cls, content, record=record)


@dataclasses.dataclass(frozen=True, eq=False)
class SavedEncoder(SavedExport[ExportMetadata]):
    """An exported encoder: uint8 images [b, height, width, channels] to float32 embeddings [b, dim].

    Args:
        path: the version directory.
        metadata: content of its `model.json`.
        loaded: the SavedModel; it owns the variables of the signatures.
    """

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
        ExportError: it is missing or damaged, another program or format version wrote it, or it is a classifier's.
    """
    if format_of(directory / METADATA_FILE) == EXPORTED_CLASSIFIER:
        raise ExportError(
            f"{named(directory)} is a classifier, and an encoder is needed; give it to aag-predict, or export the "
            "encoder of a run with aag-export --run_dir."
        )
    return ENCODER.read(directory / METADATA_FILE, ExportMetadata.from_json)


def digest(directory: Path) -> str:
    """SHA-256 over the graph and the weights of a SavedModel: the same for every copy of it."""
    found = hashlib.sha256()
    for file in [directory / MODEL_FILE, *sorted((directory / VARIABLES).glob("*"))]:
        with file.open("rb") as content:
            found.update(f"{file.name}:{hashlib.file_digest(content, 'sha256').hexdigest()};".encode())
    return found.hexdigest()


def load_saved_model(path: str | Path, *, trust_model: bool = False) -> SavedEncoder:
    """Loads an encoder that `aag-export` wrote.

    Args:
        path: a version directory, or its parent for the newest version.
        trust_model: whether to load it even if its graph can do more than compute, such as read and write files:
            whoever made it can then do what you can.

    Raises:
        ExportError: there is no SavedModel, aag-export did not write it, it is damaged, or it can do more than compute.
    """
    directory = version_directory(path)
    metadata = read_metadata(directory)
    wanted = ExpectedSignature(
        SIGNATURE,
        {INPUT: (tf.uint8, metadata.record.image_shape)},
        {OUTPUT: (tf.float32, (metadata.embedding_dim,))},
    )
    loaded = load_described(directory, wanted, again=AGAIN, trust_model=trust_model)
    return SavedEncoder(directory, metadata, loaded)
