"""What `aag-search` can refuse at once."""

import os
from pathlib import Path
from typing import NamedTuple

from aag_tf.config import SearchConfig
from aag_tf.data.layouts.lists import is_text
from aag_tf.preflight.embed import EMBEDDINGS, MANIFEST_FILE
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.paths import check_new_file, user_path
from aag_tf.utils.stores import Store, fetched, file_to_write, is_store

MARK = '<meta name="generator" content="aag-search">'  # marks our pages: others are never replaced
NAMES = {"duplicates": "duplicates", "outliers": "outliers", "select": "selected"}  # of pages and tables, by question
SUFFIXES = (".csv", ".json")


class Outputs(NamedTuple):
    """What is written.

    Args:
        gallery: the page; empty for none.
        results: the tables, without suffix; empty for none.
    """

    gallery: str
    results: str

    @property
    def tables(self) -> list[str]:
        """The files of the tables."""
        return [f"{self.results}{suffix}" for suffix in SUFFIXES] if self.results else []


def check(config: SearchConfig) -> None:
    """Checks what is written, the collection, the pictures of the query and the labeled images."""
    check_outputs(config)
    _check_collection(config.embeddings)
    if config.query is not None and not asks_many(config) and not fetched(config.query).is_file():
        raise DataError(f"--query={config.query} cannot be read (no such file); name a picture file, or a folder.")
    if config.labeled is not None:
        check_labeled(config.labeled)


def asks_many(config: SearchConfig) -> bool:
    """Whether the query is a folder of pictures."""
    return config.query is not None and not is_store(config.query) and user_path(config.query).is_dir()


def outputs_of(config: SearchConfig) -> Outputs:
    """Returns the page and the tables, given or by default."""
    many = asks_many(config)
    page = NAMES.get(config.question, "gallery") + ".html"
    tables = NAMES.get(config.question, "queries" if many else "")
    return Outputs(
        page if config.gallery is None else config.gallery, tables if config.results is None else config.results
    )


def check_outputs(config: SearchConfig) -> None:
    """Checks that page and tables may be written.

    Raises:
        EmbeddingError: the page is of another program, or cannot be written.
        ConfigError: a table exists and may not be replaced, or cannot be written.
    """
    outputs = outputs_of(config)
    if outputs.gallery:
        check_gallery(outputs.gallery)
    for name in outputs.tables:
        check_new_file(file_to_write(name), f"{name} (--results)", overwrite=config.overwrite)


def check_labeled(path: str) -> Path:
    """Returns the file of labeled images.

    Raises:
        DataError: it cannot be read, or is no text.
    """
    file = user_path(path)
    try:
        text = is_text(file)
    except OSError as error:
        raise DataError(f"--labeled={path} cannot be read ({error.strerror}); name a list of paths.") from error
    if not text:
        raise DataError(f"--labeled={path} is no text; name a list with a path a line, or a table as .csv.")
    return file


def _check_collection(path: str) -> None:
    if is_store(path):
        has_manifest = MANIFEST_FILE in Store(path, probing=True).list()
    elif not user_path(path).is_dir():
        raise EmbeddingError(f"{path} is no directory; name one that aag-embed wrote.")
    else:
        has_manifest = (user_path(path) / MANIFEST_FILE).exists()
    if not has_manifest:
        raise EMBEDDINGS.not_written(path, MANIFEST_FILE)


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
