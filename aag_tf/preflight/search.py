"""What `aag-search` can refuse at once."""

import os

from aag_tf.config import SearchConfig
from aag_tf.preflight.embed import MANIFEST_FILE
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import Store, fetched, file_to_write, is_store

MARK = '<meta name="generator" content="aag-search">'  # marks our pages: others are never replaced


def check(config: SearchConfig) -> None:
    """Checks the page, the collection and the picture of the query."""
    if config.gallery:
        check_gallery(config.gallery)
    _check_collection(config.embeddings)
    if config.query is not None and not fetched(config.query).is_file():
        raise DataError(f"--query={config.query} cannot be read (no such file); name a picture file.")


def _check_collection(path: str) -> None:
    if is_store(path):
        has_manifest = MANIFEST_FILE in Store(path, probing=True).list()
    elif not user_path(path).is_dir():
        raise EmbeddingError(f"{path} is no directory; name one that aag-embed wrote.")
    else:
        has_manifest = (user_path(path) / MANIFEST_FILE).exists()
    if not has_manifest:
        raise EmbeddingError(f"{path} was not written by aag-embed: it has no {MANIFEST_FILE}.")


def check_gallery(path: str) -> None:
    """Checks that a gallery may be written to a file.

    Raises:
        EmbeddingError: the file exists and is no gallery, or it cannot be written.
    """
    file = file_to_write(path)
    try:
        if file.exists() and MARK not in file.read_text(encoding="utf-8", errors="replace")[:1000]:
            raise EmbeddingError(f"--gallery={path} is a file that aag-search did not write; name another.")
    except OSError as error:
        raise EmbeddingError(f"--gallery={path} cannot be read ({error.strerror}); name another file.") from error
    if not os.access(file.absolute().parent, os.W_OK):
        raise EmbeddingError(f"--gallery={path} cannot be written; name a file in a directory that you may write to.")
