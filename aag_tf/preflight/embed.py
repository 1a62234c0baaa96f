"""What `aag-embed` can refuse at once."""

import os
from pathlib import Path

from aag_tf.config import EmbedConfig
from aag_tf.preflight.datasets import check_prepared
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.paths import nearest_existing, user_path

KINDS = ("folder", "list", "tfrecord", "tfds")
OF_FILES = ("folder", "list")  # those whose images are files
MANIFEST_FILE = "manifest.json"


def check(config: EmbedConfig) -> None:
    """Checks the output, the encoder and the input."""
    output = user_path(config.output)
    check_output(output, resume=config.resume, update=config.update, overwrite=config.overwrite)
    nearest = nearest_existing(output)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise EmbeddingError(f"--output={output} cannot be written; name a directory that you may write to.")
    version_directory(user_path(config.saved_model))
    kind, rest = kind_and_rest(config.input)
    if config.update and kind not in OF_FILES:
        raise not_updatable(config.input)
    if kind == "tfds" and "/" in rest:
        check_prepared(rest.rpartition("/")[0], config.data_dir, download=False)
    elif kind == "folder" and not user_path(rest).is_dir():
        raise not_a_folder(config.input)


def check_output(path: Path, *, resume: bool, update: bool, overwrite: bool) -> None:
    """Checks that a run may use a directory, without changing it.

    Raises:
        EmbeddingError: it is a file, it is not empty and no flag is given, or it holds no output to resume, to update
            or to overwrite.
    """
    is_ours = (path / MANIFEST_FILE).exists()
    if path.exists() and not path.is_dir():
        raise EmbeddingError(f"--output={path} is a file; name a directory.")
    for name, wanted in (("resume", resume), ("update", update)):
        if wanted and not is_ours:
            raise EmbeddingError(f"--output={path} holds nothing to {name}; leave --{name} out to start.")
    occupied = path.is_dir() and any(path.iterdir())
    if occupied and not (resume or update or overwrite):
        raise EmbeddingError(
            f"--output={path} already exists; add --resume to continue it, --update to add what is new, --overwrite to "
            "delete it and start again, or name another directory."
        )
    if occupied and overwrite and not is_ours:
        raise EmbeddingError(
            f"--output={path} holds files that aag-embed did not write, so --overwrite will not delete it; "
            "move them away, or name another directory."
        )


def kind_and_rest(text: str) -> tuple[str, str]:
    """Splits a value of `--input` into one of `KINDS` and the name behind it.

    Raises:
        DataError: it is of no known kind, or names nothing that exists.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in KINDS:
        return scheme, rest
    path = user_path(text)
    if path.is_dir():
        return "folder", text
    if ".tfrecord" in path.name:
        return "tfrecord", text
    if os.path.exists(path):
        return "list", text
    raise DataError(
        f"--input={text} is neither a folder nor a file; name a folder, tfds:NAME/SPLIT, a text file that lists "
        "paths, or TFRecord files."
    )


def not_updatable(text: str) -> EmbeddingError:
    """The error for an `--input` that cannot be compared file by file."""
    return EmbeddingError(
        f"--update is for folders and lists of files, and --input={text} is none; embed it into another --output."
    )


def not_a_folder(text: str) -> DataError:
    """The error for an `--input` that should be a folder."""
    return DataError(f"--input={text} is not a folder; name one that holds image files.")
