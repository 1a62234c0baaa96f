"""Compares exact search with the index of aag-search: time per query, recall, and the cost of the index.

    python benchmarks/bulk_search.py --embeddings=embedded/cifar10_train

Queries are rows of the collection, evenly spaced. `recall` is the share of the exact result's `--top_k` images that the
index finds. Every exact query reads the collection from disk; the time to load the index is listed separately.
"""

import numpy as np
from benchmark_tools import argument_parser, print_values, timed, write_json

from aag_tf.export.embedding import open_collection
from aag_tf.export.search import index as indexes
from aag_tf.export.search.nearest import Neighbor, nearest


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--embeddings", required=True, help="output directory of aag-embed")
    parser.add_argument("--top_k", type=int, default=20)
    parser.add_argument("--queries", type=int, default=50)
    arguments = parser.parse_args()
    collection = open_collection(arguments.embeddings)
    rows = np.flatnonzero(collection.ok())[:: max(1, len(collection) // arguments.queries)][: arguments.queries]
    queries = [collection.row(int(row))["embedding"] for row in rows]
    _, build = timed(lambda: indexes.load_or_build(collection))
    index, load = timed(lambda: indexes.load_or_build(collection))
    exact: list[tuple[list[Neighbor], float]] = []
    fast: list[tuple[list[Neighbor], float]] = []
    for query in queries:
        exact.append(timed(lambda query=query: nearest(collection.vectors(), query, arguments.top_k)))
        fast.append(timed(lambda query=query: index.nearest(query, arguments.top_k)))
    hits = [
        len({n.row for n in right} & {n.row for n in found}) / len(right)
        for (right, _), (found, _) in zip(exact, fast, strict=True)
    ]
    values = {
        "images": len(collection),
        "dim": collection.dim,
        "exact_ms": round(1e3 * float(np.median([seconds for _, seconds in exact])), 1),
        "index_ms": round(1e3 * float(np.median([seconds for _, seconds in fast])), 2),
        "recall": round(float(np.mean(hits)), 4),
        "worst_recall": round(min(hits), 4),
        "build_s": round(build, 1),
        "load_s": round(load, 2),
        "index_mib": round((collection.output.path / indexes.INDEX_FILE).stat().st_size / 2**20, 1),
    }
    print_values(values)
    write_json(arguments.json, values)


if __name__ == "__main__":
    main()
