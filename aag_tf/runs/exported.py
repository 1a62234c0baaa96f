"""From an exported encoder back to a function: the reading side of `aag_tf.export`, and the names that both share."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import tensorflow as tf

from aag_tf.utils.errors import ExportError
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.paths import user_path

FORMAT = "aag_tf.encoder"
FORMAT_VERSION = 1
METADATA_FILE = "model.json"
MODEL_FILE = "saved_model.pb"
METADATA = ("image_shape", "embedding_dim", "version", "step", "flags")  # what its readers rely on
CARD_FILE = "model_card.md"
VARIABLES = "variables"
# Signatures, and what they take and give.
SIGNATURE = "serving_default"
EMBED_BYTES = "embed_bytes"
EMBED_IMAGES = "embed_images"
PROJECT = "project"
INPUT = "images"
CONTENTS = "contents"
OUTPUT = "embedding"
NORMALIZED = "normalized"
PROJECTION = "projection"
VALID = "valid"


@dataclasses.dataclass(frozen=True, eq=False)
class SavedEncoder:
    """An exported encoder: call it with uint8 images [b, height, width, channels], get float32 [b, dim].

    Args:
        path: the version directory.
        metadata: what `model.json` says.
        loaded: the SavedModel; it owns the variables that the signature uses.
    """

    path: Path
    metadata: dict[str, Any]
    loaded: Any

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images it takes."""
        height, width, channels = self.metadata["image_shape"]
        return height, width, channels

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """uint8 images to embeddings.

        Raises:
            tf.errors.InvalidArgumentError: the images have another shape than `image_shape`.
        """
        return self.loaded.signatures[SIGNATURE](**{INPUT: images})[OUTPUT]

    def embed_bytes(self, contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Encoded pictures to embeddings, whatever is wrong with some of them.

        Args:
            contents: string [n], each a JPEG, PNG, GIF or WebP file.

        Returns:
            float32 [n, dim] and bool [n]: the embeddings, zeros where the second is `False` because that picture could
            not be decoded.

        Raises:
            ExportError: the model was exported without the signature `embed_bytes`.
        """
        if EMBED_BYTES not in self.loaded.signatures:
            raise ExportError(
                f"{self.path} has no signature {EMBED_BYTES}; export the run again with "
                f"--signatures={SIGNATURE},{EMBED_BYTES}."
            )
        answer = self.loaded.signatures[EMBED_BYTES](**{CONTENTS: contents})
        return answer[OUTPUT], answer[VALID]


def version_numbers(export_dir: Path) -> list[int]:
    """The versions in an export directory, ascending: its sub-directories with a number for a name."""
    if not export_dir.is_dir():
        return []
    numbers = [int(entry.name) for entry in export_dir.iterdir() if entry.name.isdecimal() and entry.is_dir()]
    return sorted(number for number in numbers if (export_dir / str(number)).is_dir())  # 0002 is none


def version_directory(path: Path) -> Path:
    """The directory itself if it holds a SavedModel, else its newest version, which is what TensorFlow Serving takes.

    Raises:
        ExportError: it is neither.
    """
    if (path / MODEL_FILE).is_file():
        return path
    versions = version_numbers(path)
    if versions and (path / str(versions[-1]) / MODEL_FILE).is_file():
        return path / str(versions[-1])
    raise ExportError(
        f"{path} holds no SavedModel (no {MODEL_FILE} in it or in a numbered version below it); "
        "name a directory that aag-export wrote."
    )


def read_metadata(directory: Path) -> dict[str, Any]:
    """What `model.json` beside a SavedModel says.

    Raises:
        ExportError: there is none, or it is not one of ours.
    """
    file = directory / METADATA_FILE
    try:
        metadata = read_json_object(file)
    except FileNotFoundError as error:
        raise ExportError(
            f"{directory} is a SavedModel but not one of ours (it has no {METADATA_FILE}); "
            "name one that aag-export wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{file} cannot be read ({error}); export the run again with aag-export.") from error
    if metadata.get("format") != FORMAT:
        raise ExportError(f"{file} was not written by aag-export; name a directory that aag-export wrote.")
    if metadata.get("format_version") != FORMAT_VERSION:
        raise ExportError(
            f"{file} has format version {metadata.get('format_version')} and this package reads {FORMAT_VERSION}; "
            "export the run again with this package, or install the one that wrote it."
        )
    missing = [key for key in METADATA if key not in metadata]
    if missing:
        raise ExportError(f"{file} is damaged (it has no {missing[0]!r}); export the run again with aag-export.")
    shape, dim = metadata["image_shape"], metadata["embedding_dim"]
    if not (isinstance(shape, list) and len(shape) == 3 and all(map(_is_size, shape)) and type(dim) is int and dim > 0):
        raise ExportError(f"{file} is damaged (image_shape {shape}, embedding_dim {dim}); export the run again.")
    return metadata


def _is_size(number: Any) -> bool:
    return type(number) is int and 1 <= number <= 2**16


def digest(directory: Path) -> str:
    """What tells one SavedModel from another, wherever it lies: SHA-256 over its graph and its weights."""
    found = hashlib.sha256()
    for file in [directory / MODEL_FILE, *sorted((directory / VARIABLES).glob("*"))]:
        with file.open("rb") as content:
            found.update(f"{file.name}:{hashlib.file_digest(content, 'sha256').hexdigest()};".encode())
    return found.hexdigest()


def load_saved_model(path: str | Path) -> SavedEncoder:
    """An encoder that `aag-export` wrote.

    Args:
        path: a version directory, or its parent: then the newest version.

    Raises:
        ExportError: there is no SavedModel, it is not one of ours, or it is damaged.
    """
    directory = version_directory(user_path(path))
    metadata = read_metadata(directory)
    try:
        loaded = tf.saved_model.load(directory)
    except Exception as error:  # TensorFlow raises many classes for a damaged file
        raise ExportError(f"{directory} is damaged ({type(error).__name__}); export the run again.") from error
    if not _is_as_said(loaded, metadata):
        raise ExportError(f"{directory} is not the model that its {METADATA_FILE} says; export the run again.")
    return SavedEncoder(directory, metadata, loaded)


def _is_as_said(loaded: Any, metadata: dict[str, Any]) -> bool:
    """Whether the signature that is relied on is there, and takes and gives what the metadata says."""
    signature = loaded.signatures.get(SIGNATURE)
    if signature is None:
        return False
    taken, given = signature.structured_input_signature[1].get(INPUT), signature.structured_outputs.get(OUTPUT)
    sizes = [metadata["image_shape"], [metadata["embedding_dim"]]]
    return [part is not None and part.shape.rank and part.shape[1:].as_list() for part in (taken, given)] == sizes
