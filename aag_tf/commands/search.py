"""Find the images of a collection that are most similar to a picture, and show them.

    aag-search --embeddings=embedded/mine --query=cat.jpg
    aag-search --embeddings=embedded/mine --like=17 --top_k=50 --index=hnsw

Cost: seconds; with --index=hnsw minutes the first time for a million images, then milliseconds.

Makes: a list on the terminal, and a web page that needs nothing else (--gallery).
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
    tell(search.search(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-search`."""
    run_command("aag-search", main)


if __name__ == "__main__":
    run()
