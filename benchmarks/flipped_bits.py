"""Flips every bit of a small Parquet file of embeddings, and reads it as a search does.

    python benchmarks/flipped_bits.py --json=benchmarks/results/flipped_bits.json

Without checksums, as earlier versions wrote such files, and with them.
"""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from benchmark_tools import Row, argument_parser, markdown, write_json

from aag_tf.export.embedding import shards
from aag_tf.export.embedding.shards import Rows, ShardFacts
from aag_tf.utils.errors import EmbeddingError

ROWS, DIM, GROUP = 40, 8, 16
BROKEN = {3: "not an image", 17: "an empty file"}


def write(path: Path, *, checksums: bool) -> ShardFacts | None:
    """Writes the file; returns its facts, as the manifest has them."""
    vectors = np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32)
    rows = Rows([f"a/{row:03}.png" for row in range(ROWS)], vectors, [BROKEN.get(row) for row in range(ROWS)])
    columns = shards.schema("float32")
    if checksums:
        shards.ROWS_AT_ONCE = GROUP
        return shards.write_shard(path, rows, columns)
    pq.write_table(shards.to_table(rows, columns), path, use_dictionary=False, row_group_size=GROUP)
    return None


def read(path: Path, facts: ShardFacts | None) -> Any:
    """Returns all that a search can get from the file.

    Raises:
        EmbeddingError: the file is damaged.
    """
    fault = shards.fault_of_unknown(path, ROWS, full=False) if facts is None else facts.fault(path, full=False)
    if fault is not None:
        raise EmbeddingError(fault)
    with shards.open_shard(path) as file:
        table = file.read()
        vectors = [shards.read_vectors(part, DIM) for part in table.column("embedding").chunks]
        rest = table.drop_columns(["embedding"]).to_pylist()
    return np.concatenate(vectors).tobytes(), rest


def study(*, checksums: bool) -> Row:
    """Flips each bit in turn; counts what is read."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "part.parquet")
        facts = write(path, checksums=checksums)
        good, expected = path.read_bytes(), read(path, facts)
        for bit in range(8 * len(good)):
            flipped = bytearray(good)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            try:
                outcomes["the same rows" if read(path, facts) == expected else "other rows, in silence"] += 1
            except EmbeddingError as error:
                outcomes["one sentence" if "\n" not in str(error) else "several lines"] += 1
            except Exception as error:  # what this looks for
                outcomes[type(error).__name__] += 1
    return {"checksums": "yes" if checksums else "no", "bits": 8 * len(good), **dict(sorted(outcomes.items()))}


def main() -> None:
    parser = argument_parser(__doc__)
    arguments = parser.parse_args()
    rows = [study(checksums=checksums) for checksums in (False, True)]
    write_json(arguments.json, rows)
    print(markdown(rows))


if __name__ == "__main__":
    main()
