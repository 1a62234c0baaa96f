"""`--select`: the images of a collection to label next."""

import numpy as np
import numpy.typing as npt

from aag_tf.config import SearchConfig
from aag_tf.export.embedding import Collection
from aag_tf.export.search.blocks import blocks
from aag_tf.export.search.labeled import labeled_rows
from aag_tf.export.search.report import Answer, Part
from aag_tf.export.search.selecting import select_to_label
from aag_tf.preflight.search import outputs_of
from aag_tf.utils import seeds
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted

MOST_BYTES = 512 * 2**20  # of embeddings that are clustered; k-means takes as much again
LINES = 20  # on the terminal

Rows = npt.NDArray[np.int64]


def select(config: SearchConfig, collection: Collection) -> Answer:
    """Chooses images to label; the first ones are the most useful."""
    assert config.select is not None
    labeled = np.empty(0, np.int64) if config.labeled is None else labeled_rows(config.labeled, collection)
    rows, vectors = _candidates(collection, labeled, config.seed)
    known = np.flatnonzero(np.isin(rows, labeled))
    free = len(rows) - len(known)
    if config.select > free:
        raise EmbeddingError(
            f"--select={config.select}: {free:,} of {counted(len(collection), 'image')} have an embedding and no "
            f"label; ask for {free:,} at most."
        )
    chosen = select_to_label(vectors, config.select, labeled=known, by=config.select_by, seed=config.seed)
    selected = list(map(int, rows[chosen.rows]))
    paths, are_files = _paths(collection, selected)
    columns = ("path", "label", "row", "cluster", "cluster_size")
    clusters = zip(map(int, chosen.clusters), map(int, chosen.sizes), strict=True)
    table = [(path, "", row, *cluster) for path, row, cluster in zip(paths, selected, clusters, strict=True)]
    summary = (
        f"{counted(len(selected), 'image')} of {len(rows):,} to label next, the first ones first: the most "
        f"{config.select_by} of its cluster each (--select_by), seed {config.seed}"
        + (f", beside {len(labeled):,} that are labeled." if config.labeled else ".")
    )
    lines = ["", *(row[0] for row in table[:LINES])]
    if len(table) > LINES:
        lines.append(f"... and {len(table) - LINES:,} more")
    tables = outputs_of(config).tables
    if not are_files:
        source = collection.manifest.input["source"]
        lines += ["", f"The images of {source} are no files of their own, so the table does not open as csv:."]
    elif tables:
        lines += [
            "",
            f"Fill in the column `label` of {tables[0]} (rows without one are left out); then aag-finetune "
            f"--dataset=csv:{tables[0]} makes a classifier of it.",
        ]
    notes = [f"{number}" for number in range(1, len(selected) + 1)]
    return Answer("To label next", summary, columns, table, [Part(selected, notes)], lines, {"seed": config.seed})


def _candidates(collection: Collection, labeled: Rows, seed: int) -> tuple[Rows, npt.NDArray[np.float32]]:
    """Returns rows and directions of what is clustered: all embeddings, or a sample with all labeled ones."""
    most = MOST_BYTES // (4 * collection.dim)
    ok = np.flatnonzero(collection.ok())
    if len(ok) > most:
        free = np.setdiff1d(ok, labeled, assume_unique=True)
        size = max(most - len(labeled), 0)
        drawn = seeds.generator(seed, "candidates").choice(free, min(size, len(free)), replace=False)
        ok = np.union1d(drawn, np.intersect1d(ok, labeled))
        logger.info(
            "Choosing among %s of %s images, drawn by --seed: the embeddings of more take over %d MiB of memory.",
            *(f"{len(ok):,}", f"{len(collection):,}", MOST_BYTES // 2**20),
        )
    wanted = np.zeros(len(collection), np.bool_)
    wanted[ok] = True
    vectors = np.empty((len(ok), collection.dim), np.float32)
    rows = np.empty(len(ok), np.int64)
    count = 0
    for block in blocks(collection):
        inside = wanted[block.rows]
        own = slice(count, count + int(inside.sum()))
        rows[own], vectors[own] = block.rows[inside], block.directions[inside]
        count = own.stop
    return rows[:count], vectors[:count]


def _paths(collection: Collection, rows: list[int]) -> tuple[list[str], bool]:
    """Returns what the table names images by, and whether these are files: they open from anywhere."""
    wanted = set(rows)
    file_of = {row: path for row, path in enumerate(collection.file_paths()) if row in wanted}
    if file_of:
        return [file_of[row] for row in rows], True
    return collection.paths_of(rows), False
