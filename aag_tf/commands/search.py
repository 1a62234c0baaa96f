"""Look into a collection: similar pictures, near-duplicates, outliers, and which images to label next.

    aag-search --embeddings=embedded/mine --query=cat.jpg
    aag-search --embeddings=embedded/mine --like=17 --top_k=50 --index=hnsw
    aag-search --embeddings=embedded/mine --query=folder_of_queries
    aag-search --embeddings=embedded/mine --duplicates=0.98
    aag-search --embeddings=embedded/mine --outliers=50
    aag-search --embeddings=embedded/mine --select=100

Cost: seconds for a query; with --index=hnsw minutes the first time for a million images, then milliseconds.
Duplicates and outliers compare every pair: ten times as many images take a hundred times as long.

Makes: a list on the terminal, and a web page that needs nothing else (--gallery). For all but a single query also
tables, NAME.csv and NAME.json (--results). The table of --select has an empty column `label`: fill it in, and train or
evaluate with --dataset=csv:selected.csv.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import SearchConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and searches."""
    config = flags.parse(argv, SearchConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf.export import search
    tell(search.answer(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-search`."""
    run_command("aag-search", main)


if __name__ == "__main__":
    run()
