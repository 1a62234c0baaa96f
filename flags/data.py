"""Data: which images, at which size, and how they are divided."""

from absl import flags

from aag_tf.config import DataConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `DataConfig`."""
    default = DataConfig()
    flags.DEFINE_string(
        "dataset",
        default.dataset,
        "What to train on: digits (1 797 real 8x8 images, built in), tfds:NAME[/CONFIG] (a TensorFlow Datasets data "
        "set), folder:PATH (a tree of image files; sub-folder names become labels) or npz:PATH (arrays `images` and, "
        "if you have them, `labels`). Labels are never trained on; they only serve to judge.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "data_dir",
        default.data_dir,
        "Where prepared TensorFlow Datasets lie; only tfds: reads it. Default: $TFDS_DATA_DIR or "
        "~/tensorflow_datasets.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "download",
        default.download,
        "Allow tfds: to download and prepare a data set that is not there yet. Off, nothing touches the network.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "train_split",
        default.train_split,
        "Which part of a tfds: data set to train on, in the words of TensorFlow Datasets: unlabelled (as of stl10), "
        "train+unlabelled, train[:10%]. Images whose labels are secret count as unlabeled, and with them all others.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "image_size",
        default.image_size,
        "Side of the square views in pixels, 4 to 1024. Default: the size of the images where they "
        "share one of at most 256 pixels, otherwise 224. Lower it to train faster: the cost grows with its square.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "validation_fraction",
        default.validation_fraction,
        "Part of the train split that is held out to tune settings on, 0 to 0.9; the same images for every --seed. "
        "Use 0 to train on everything, once the settings are fixed.",
        flag_values=flag_values,
    )
