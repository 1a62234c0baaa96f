"""What `aag-embed` can refuse at once."""

import os

from aag_tf.config import EmbedConfig, InputConfig
from aag_tf.config.data import suggested_name
from aag_tf.data.pack.files import MANIFEST_FILE as PACK_FILE
from aag_tf.data.pack.manifest import pack_directory, read_complete
from aag_tf.data.sources.tar import archive_paths, refuse_compressed
from aag_tf.preflight import outputs
from aag_tf.preflight.datasets import check_prepared
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.json_files import JsonFormat
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import Store, is_store

KINDS = ("folder", "list", "csv", "tar", "tfrecord", "pack", "tfds")
OF_FILES = ("folder", "list", "csv")  # those whose images are files
STORE = "store"  # the kind of a folder on a store
MANIFEST_FILE = "manifest.json"
EMBEDDINGS = JsonFormat("aag_tf.embeddings", 1, "aag-embed", "embed again with --overwrite", EmbeddingError)


def check(config: EmbedConfig) -> None:
    """Checks the output, the encoder and the input."""
    check_output(config.output, resume=config.resume, update=config.update, overwrite=config.overwrite)
    version_directory(config.saved_model)
    kind, _ = kind_and_rest(config.input)
    if config.update and kind not in OF_FILES:
        raise not_updatable(config.input)
    check_input(config)


def check_input(config: InputConfig) -> None:
    """Checks that there is an input, as far as its name tells."""
    kind, rest = kind_and_rest(config.input)
    if kind == "tfds" and "/" in rest:
        check_prepared(rest.rpartition("/")[0], config.data_dir, download=False)
    elif kind == "pack":
        read_complete(pack_directory(rest))
    elif kind == "folder" and not user_path(rest).is_dir():
        raise not_a_folder(config.input)
    elif kind == "tar":
        for archive in archive_paths(rest):
            refuse_compressed(archive)
    elif kind == STORE:
        _check_stored(rest)


def check_output(path: str, *, resume: bool, update: bool, overwrite: bool) -> None:
    """Checks that a run may use a directory, without changing it.

    Args:
        path: a path or an address.
        resume: whether to go on with what is there.
        update: whether to add to what is there.
        overwrite: whether to replace it.

    Raises:
        EmbeddingError: as for `aag_tf.preflight.outputs.check_output`, or an output on a store is to be updated.
        StoreError: the store cannot be reached.
    """
    if update and is_store(path):
        raise EmbeddingError(
            f"--update is for outputs on this machine, and --output={path} is on a store; copy it here."
        )
    ways = {"resume": resume, "update": update}
    outputs.check_output(path, MANIFEST_FILE, "aag-embed", EmbeddingError, ways, overwrite=overwrite)


def kind_and_rest(text: str) -> tuple[str, str]:
    """Splits a value of `--input` into one of `KINDS` and the name behind it.

    Raises:
        DataError: it is of no known kind, or names nothing that exists.
    """
    scheme, colon, rest = text.partition(":")
    if is_store(text):
        scheme, rest = "folder", text
    if colon and scheme in KINDS:
        if scheme != "tfds" and is_store(rest):
            if scheme != "folder":
                raise DataError(f"--input={text}: {scheme}: reads local files only; copy them here, or name a folder.")
            return STORE, rest
        return scheme, rest
    path = user_path(text)
    if path.is_dir():
        return "pack" if (path / PACK_FILE).exists() else "folder", text
    if ".tfrecord" in path.name:
        return "tfrecord", text
    if os.path.exists(path):
        kind = (suggested_name(str(path)) or "").partition(":")[0]
        return (kind if kind in ("csv", "tar") else "list"), text
    raise DataError(
        f"--input={text} is neither a folder nor a file; name a folder, a pack, tfds:NAME/SPLIT, a text file that "
        "lists paths, a table, tar archives or TFRecord files."
    )


def _check_stored(address: str) -> None:
    names = Store(address, probing=True).list()
    if not names:
        raise DataError(f"--input={address} does not exist, or holds nothing; mend the address.")
    if "" in names:
        raise DataError(f"--input={address} is an object; name a folder of images, or copy lists and TFRecords here.")


def not_updatable(text: str) -> EmbeddingError:
    """The error for an `--input` that cannot be compared file by file."""
    return EmbeddingError(
        f"--update is for folders and lists of files, and --input={text} is none; embed it into another --output."
    )


def not_a_folder(text: str) -> DataError:
    """The error for an `--input` that should be a folder."""
    return DataError(f"--input={text} is not a folder; name one that holds image files.")
