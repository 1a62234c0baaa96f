"""What is embedded in bulk, with which encoder, and where the embeddings go."""

import dataclasses

from aag_tf.config.checks import require
from aag_tf.config.reading import LARGEST_MAX_PIXELS
from aag_tf.config.setting import check_settings, setting

EMBEDDING_DTYPES = ("float32", "float16")


@dataclasses.dataclass(frozen=True)
class EmbedConfig:
    """Embedding: which encoder embeds which images, and what is written."""

    saved_model: str = setting(
        "",
        "The encoder: a directory that aag-export wrote, or one version in it. A model is a program: one that could "
        "read or write files is refused, see --trust_model.",
        if_empty="name a directory that aag-export wrote",
        is_path=True,
    )
    input: str = setting(
        "",
        "The images: a folder (its tree of image files, sorted by path), tfds:NAME[/CONFIG][:VERSION]/SPLIT, a text "
        "file with a path a line (in its order), a table with a column of paths (.csv), tar archives (.tar; a pattern "
        "behind tar:), a pack that aag-pack wrote, or TFRecord files of tf.train.Example (a name or pattern with "
        "`.tfrecord` in it). folder:, list:, csv:, tar:, pack: and tfrecord: in front say which it is.",
        if_empty="name a folder, tfds:NAME/SPLIT, a list of paths, a pack or TFRecords",
        is_path=True,
    )
    output: str = setting(
        "",
        "Directory for the embeddings: Parquet files, and embeddings.npy with paths.txt. It must not hold anything "
        "yet.",
        if_empty="name the directory that the embeddings may be written to",
        is_path=True,
    )
    data_dir: str | None = setting(
        None,
        "Where prepared TensorFlow Datasets lie; only tfds: reads it. Default: $TFDS_DATA_DIR or "
        "~/tensorflow_datasets.",
        is_path=True,
    )
    image_feature: str | None = setting(
        None,
        "The feature of a TFRecord's examples that holds the encoded image. Default: image/encoded or image, "
        "whichever is there.",
    )
    normalize: bool = setting(
        False, "Scale every embedding to length 1, so that a dot product of two is their cosine similarity."
    )
    dtype: str = setting(
        "float32",
        "Numbers of the embeddings: float16 takes half the disk, and is exact to three digits.",
        choices=EMBEDDING_DTYPES,
    )
    numpy: bool = setting(
        True, "Write embeddings.npy and paths.txt beside the Parquet files; --nonumpy saves their disk."
    )
    shard_size: int = setting(
        8192,
        "Images in a Parquet file. A stopped run loses at most one file's work; one file's embeddings are held in "
        "memory.",
        low=1,
        high=10_000_000,
    )
    batch_size: int = setting(
        256,
        "Images embedded at once. Lower it if memory runs out; the embeddings change by rounding only.",
        low=1,
        high=65_536,
    )
    max_pixels: int | None = setting(
        None,
        "Pixels of the largest picture that is decoded; larger ones get no embedding. Default: that of the training.",
        low=1,
        high=LARGEST_MAX_PIXELS,
    )
    read_threads: int | None = setting(
        None,
        "Threads that read and decode images while the encoder works. Default: one a CPU core; more help where files "
        "come over a network.",
        low=1,
        high=1024,
    )
    follow_symlinks: bool = setting(
        False,
        "In a folder, follow symbolic links that lead out of it. Off, they are left out and named, since files that "
        "come from others may link to anything; links within the folder are always followed.",
    )
    resume: bool = setting(
        False, "Go on with an output that was stopped, by Ctrl-C or by kill -9: no image is lost or embedded twice."
    )
    update: bool = setting(
        False,
        "Bring a finished output up to date with its folder or list: embed images that are new, or of another size or "
        "time than before, and mark those that are gone; every other row stays as it is. Stopped, it goes on by the "
        "same command.",
    )
    overwrite: bool = setting(False, "Delete an earlier output of aag-embed in the directory and start again.")
    trust_model: bool = setting(
        False,
        "Load a SavedModel even if its graph can do more than compute, such as read and write files or call Python: "
        "whoever made it can then do what you can.",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        require(
            self.resume + self.update + self.overwrite <= 1,
            "--resume continues an output, --update brings it up to date, --overwrite deletes it; give one of them.",
        )
