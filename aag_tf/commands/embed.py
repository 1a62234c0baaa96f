"""Embed a large collection of images with an exported encoder; a stopped run can be resumed.

    aag-embed --saved_model=served/mine --input=my_images --output=embedded/mine
    aag-embed --saved_model=served/mine --input=tfds:cifar10/test --output=embedded/cifar10_test
    aag-embed --saved_model=served/mine --input=paths.txt --output=embedded/listed --resume

Cost: the encoder's own time; a progress bar says how much is left. Memory does not grow with the input.

Makes: OUTPUT/parquet/ (path, embedding, ok, error), OUTPUT/embeddings.npy with OUTPUT/paths.txt, and
OUTPUT/manifest.json. Images that cannot be read do not end the work; column `error` has the reason.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import EmbedConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and embeds."""
    config = flags.parse(argv, EmbedConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf.export import embedding
    tell(embedding.embed(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-embed`."""
    run_command("aag-embed", main, when_stopped="the same command with --resume goes on where it had begun to embed")


if __name__ == "__main__":
    run()
