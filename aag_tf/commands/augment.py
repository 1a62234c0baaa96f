"""Draw a contact sheet of the branches: each row an image, its main views, and its auxiliary views by strength.

    aag-augment --dataset=tfds:cifar10 --out=views.png
    aag-augment --dataset=folder:my_images --image_size=64 --aux=randaugment --strengths=0.5,1,1.5

Cost: seconds.

Makes: one PNG file. The branches' flags are those of aag-train: what you like here, train with.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import ContactSheetConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and draws."""
    config = flags.parse(argv, ContactSheetConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf.augment import contact_sheet
    tell(contact_sheet.write_contact_sheet(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-augment`."""
    run_command("aag-augment", main)


if __name__ == "__main__":
    run()
