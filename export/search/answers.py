"""Answers `aag-search`: finds out what was asked, and writes what was found."""

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import open_collection
from aag_tf.export.search.duplicates import find_duplicates
from aag_tf.export.search.outliers import find_outliers
from aag_tf.export.search.queries import find_for_each
from aag_tf.export.search.report import CollectionReport, deliver
from aag_tf.export.search.search import SearchReport, search
from aag_tf.export.search.selection import select
from aag_tf.preflight.search import asks_many, check_outputs

QUESTIONS = {"query": find_for_each, "duplicates": find_duplicates, "outliers": find_outliers, "select": select}


def answer(config: SearchConfig) -> SearchReport | CollectionReport:
    """Does what `aag-search` does with these settings; returns what it prints.

    Raises:
        EmbeddingError: there is no collection, it is too small for what is asked, or a file may not be written.
        ConfigError: a table exists and may not be replaced.
        DataError: pictures of the query, or the list of labeled images, cannot be read.
        ExportError: there is no encoder for the pictures of the query.
    """
    if config.like is not None or (config.query is not None and not asks_many(config)):
        return search(config)
    check_outputs(config)
    collection = open_collection(config.embeddings)
    if config.verify:
        collection.check(full=True)
    return deliver(config, collection, QUESTIONS[config.question](config, collection))
