"""Pack a data set once into files that are read by number in any order, so that any of it is trained on as it is.

    aag-pack --dataset=folder:my_images --output=packs/mine
    aag-pack --dataset=tfds:imagenet2012 --output=packs/imagenet --side=256
    aag-pack --dataset='parquet:data/*.parquet' --output=packs/table --resume

`aag-train --dataset=pack:packs/mine` trains on it, and so do evaluation, export and `aag-embed --input=packs/mine`.

Cost: every picture is read and decoded once, by all cores; a progress bar says how much is left. Memory does not grow
with the data set.

Makes: OUTPUT/pack-SPLIT.array_record-... (the pictures), OUTPUT/SPLIT.parquet (path, label, height, width, channels),
OUTPUT/pack.json, and what TensorFlow Datasets needs to read it. Pictures that cannot be read are named, and left out.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import PackConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and packs."""
    config = flags.parse(argv, PackConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf.packing.pack import pack
    tell(pack(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-pack`."""
    run_command("aag-pack", main, when_stopped="the same command with --resume goes on where it had begun to pack")


if __name__ == "__main__":
    run()
