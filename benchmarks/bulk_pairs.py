"""Times what compares all pairs of a collection: near-duplicates and outliers; and their memory.

    python benchmarks/bulk_pairs.py --embeddings=embedded/cifar10_train --json=benchmarks/results/bulk_pairs.json
    python benchmarks/bulk_pairs.py --images=50000 --dim=768    # of noise, without a collection

Each runs in a process of its own, which reads the collection from disk as `aag-search` does, without page and tables.
`peak_mib` is the peak memory of that process beyond what it had with everything imported and the collection open.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmark_tools import Row, argument_parser, markdown, peak_bytes, run_for_json, timed, write_json
from provenance import provenance

from aag_tf.export.embedding import open_collection
from aag_tf.export.search import near_duplicates, outlier_distances

WORKS = ("duplicates", "outliers")
PART = 8192  # rows that are read at once


class Noise:
    """Embeddings in a file of NumPy.

    Args:
        file: float32 [n, dim].
    """

    def __init__(self, file: Path) -> None:
        self._array = np.load(file, mmap_mode="r")
        self.dim = self._array.shape[1]

    def __len__(self) -> int:
        return len(self._array)

    def vectors(self) -> Iterator[npt.NDArray[np.float32]]:
        """All rows, in parts."""
        for start in range(0, len(self._array), PART):
            yield np.array(self._array[start : start + PART])


def write_noise(file: Path, images: int, dim: int) -> None:
    """Writes directions of noise, float32 [images, dim], to a file."""
    array = np.lib.format.open_memmap(file, "w+", np.float32, (images, dim))
    generator = np.random.default_rng(0)
    for start in range(0, images, PART):
        array[start : start + PART] = generator.standard_normal((min(PART, images - start), dim), np.float32)
    array.flush()


def work(name: str, arguments: argparse.Namespace) -> Row:
    """Does one of `WORKS` in this process."""
    place = Path(arguments.embeddings)
    embeddings: Any = Noise(place) if place.suffix == ".npy" else open_collection(place)
    before = peak_bytes()
    does: dict[str, Callable[[], Any]] = {
        "duplicates": lambda: near_duplicates(embeddings, arguments.threshold),
        "outliers": lambda: outlier_distances(embeddings, arguments.neighbors),
    }
    found, seconds = timed(does[name])
    pairs = len(embeddings) * (len(embeddings) - 1) // 2
    return {
        "work": name,
        "images": len(embeddings),
        "dim": embeddings.dim,
        "s": round(seconds, 1),
        "million_pairs_per_s": round(pairs / seconds / 1e6, 1),
        "peak_mib": round((peak_bytes() - before) / 2**20),
        "found": found.num_pairs if name == "duplicates" else round(float(np.nanmedian(found)), 4),
    }


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--embeddings", help="output directory of aag-embed; noise by default")
    parser.add_argument("--images", type=int, default=50_000, help="rows of noise")
    parser.add_argument("--dim", type=int, default=768, help="numbers of a row of noise")
    parser.add_argument("--threshold", type=float, default=0.98, help="of near-duplicates")
    parser.add_argument("--neighbors", type=int, default=10, help="of outliers")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        print(json.dumps(work(arguments.work, arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.embeddings
        if place is None:
            place = os.fspath(Path(folder, "noise.npy"))
            write_noise(Path(place), arguments.images, arguments.dim)
        flags = [f"--embeddings={place}", f"--threshold={arguments.threshold}", f"--neighbors={arguments.neighbors}"]
        rows = [run_for_json([sys.executable, __file__, f"--work={name}", *flags]) for name in WORKS]
    print(markdown(rows))
    of = "noise" if arguments.embeddings is None else "a collection"
    write_json(arguments.json, {"rows": rows, "of": of} | provenance())


if __name__ == "__main__":
    main()
