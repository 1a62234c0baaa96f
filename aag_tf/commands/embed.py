"""Embed a large collection of images with an exported encoder; a stopped run can be resumed.

    aag-embed --saved_model=served/mine --input=my_images --output=embedded/mine
    aag-embed --saved_model=served/mine --input=tfds:cifar10/test --output=embedded/cifar10_test
    aag-embed --saved_model=served/mine --input=paths.txt --output=embedded/listed --resume

Cost: the encoder's own time; a progress bar says how much is left. Memory does not grow with the input.

Makes: OUTPUT/parquet/ (path, embedding, ok, error), OUTPUT/embeddings.npy with OUTPUT/paths.txt, and
OUTPUT/manifest.json. Images that cannot be read do not end the work; column `error` has the reason.
"""

import signal
import sys
from collections.abc import Sequence

from aag_tf import flags
from aag_tf.commands._app import exit_code_of, quiet_start, run_command
from aag_tf.config import EmbedConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and embeds."""
    config = flags.parse(argv, EmbedConfig, usage=__doc__ or "")
    with quiet_start():
        from aag_tf.export import embedding
    try:
        print(embedding.embed(config))
    except KeyboardInterrupt:
        print("aag-embed: stopped by Ctrl-C; give the same command with --resume to go on.", file=sys.stderr)
        return exit_code_of(signal.SIGINT)
    return 0


def run() -> None:
    """Entry point of the console script `aag-embed`."""
    run_command("aag-embed", main)


if __name__ == "__main__":
    run()
