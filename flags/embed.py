"""Embedding: which encoder embeds which images, and what is written."""

from absl import flags

from aag_tf.config import EMBEDDING_DTYPES, EmbedConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `EmbedConfig`."""
    _define_what(flag_values)
    _define_output(flag_values)
    _define_work(flag_values)


def _define_what(flag_values: flags.FlagValues) -> None:
    # EmbedConfig refuses to be built without its directories, so its defaults are read from the class.
    default = EmbedConfig
    flags.DEFINE_string(
        "saved_model",
        default.saved_model,
        "The encoder: a directory that aag-export wrote, or one version in it. Must be given.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "input",
        default.input,
        "The images: a folder (its tree of image files, sorted by path), tfds:NAME[/CONFIG][:VERSION]/SPLIT, a text "
        "file with a path a line (in its order), or TFRecord files of tf.train.Example (a name or pattern with "
        "`.tfrecord` in it). folder:, list: and tfrecord: in front say which it is. Must be given.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "data_dir",
        default.data_dir,
        "Where prepared TensorFlow Datasets lie; only tfds: reads it. Default: $TFDS_DATA_DIR or "
        "~/tensorflow_datasets.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "image_feature",
        default.image_feature,
        "The feature of a TFRecord's examples that holds the encoded image. Default: image/encoded or image, "
        "whichever is there.",
        flag_values=flag_values,
    )


def _define_output(flag_values: flags.FlagValues) -> None:
    default = EmbedConfig
    flags.DEFINE_string(
        "output",
        default.output,
        "Directory for the embeddings: Parquet files, and embeddings.npy with paths.txt. Must be given, and must not "
        "hold anything yet.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "normalize",
        default.normalize,
        "Scale every embedding to length 1, so that a dot product of two is their cosine similarity.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "dtype",
        default.dtype,
        EMBEDDING_DTYPES,
        "Numbers of the embeddings: float16 takes half the disk, and is exact to three digits.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "numpy",
        default.numpy,
        "Write embeddings.npy and paths.txt beside the Parquet files; --nonumpy saves their disk.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "shard_size",
        default.shard_size,
        "Images in a Parquet file, 1 to 10 000 000. A stopped run loses at most one file's work; one file's "
        "embeddings are held in memory.",
        flag_values=flag_values,
    )


def _define_work(flag_values: flags.FlagValues) -> None:
    default = EmbedConfig
    flags.DEFINE_integer(
        "batch_size",
        default.batch_size,
        "Images embedded at once, 1 to 65 536. Lower it if memory runs out; the embeddings change by rounding only.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "read_threads",
        default.read_threads,
        "Threads that read and decode images while the encoder works, 1 to 1024. Default: one a CPU core; more help "
        "where files come over a network.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "resume",
        default.resume,
        "Go on with an output that was stopped, by Ctrl-C or by kill -9: no image is lost or embedded twice.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "overwrite",
        default.overwrite,
        "Delete an earlier output of aag-embed in the directory and start again.",
        flag_values=flag_values,
    )
