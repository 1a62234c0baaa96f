"""Evaluation: which encoder is judged, on which images, and where the results go."""

from absl import flags

from aag_tf.config import CHECKPOINTS, INPUT_RANGES, EvaluateConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `EvaluateConfig` but for those of its `ProtocolConfig`."""
    _define_subject(flag_values)
    _define_images(flag_values)
    _define_results(flag_values)


def _define_subject(flag_values: flags.FlagValues) -> None:
    # EvaluateConfig refuses to be built without an encoder to judge, so its defaults are read from the class.
    default = EvaluateConfig
    flags.DEFINE_string(
        "run_dir",
        default.run_dir,
        "Judge a checkpoint of this run, which aag-train made.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "checkpoint",
        default.checkpoint,
        CHECKPOINTS,
        "Which checkpoint of the run: the newest, or the one with the best kNN accuracy on held-out images.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "saved_model",
        default.saved_model,
        "Judge this SavedModel: a directory that aag-export wrote (or one version in it), or any other that maps one "
        "batch of images to one batch of vectors.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "signature",
        default.signature,
        "Signature of --saved_model to call, NAME, or NAME:OUTPUT where it gives several vectors. Default: "
        "serving_default, or the only one that takes images and gives vectors.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "keras_model",
        default.keras_model,
        "Judge this Keras model instead: a .keras file, loaded in safe mode, so that no code in it is run.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "input_range",
        default.input_range,
        INPUT_RANGES,
        "Pixel values that the model expects, where it is not ours and takes floats; imagenet is (x / 255 - mean) / "
        "standard deviation of each RGB channel, imagenet_caffe is BGR less its mean.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "train_features",
        default.train_features,
        "Judge features that exist already: an .npz file with float `features` [n, d] and integer `labels` [n], to "
        "learn from.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "test_features",
        default.test_features,
        "The features to judge on, an .npz file like that of --train_features.",
        flag_values=flag_values,
    )


def _define_images(flag_values: flags.FlagValues) -> None:
    default = EvaluateConfig
    flags.DEFINE_string(
        "dataset",
        default.dataset,
        "Judge on another labeled data set (transfer): digits, tfds:NAME, folder:PATH or npz:PATH. Its images are "
        "brought to the size and channels that the encoder takes. Default: what it was trained on.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "data_dir",
        default.data_dir,
        "Where prepared TensorFlow Datasets lie. Default: the run's own, $TFDS_DATA_DIR or ~/tensorflow_datasets.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "download",
        default.download,
        "Allow tfds: to download and prepare a data set that is not there yet.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "image_size",
        default.image_size,
        "Side of the images in pixels, 4 to 1024, for a model that takes any size. Default: that of the data set, or "
        "224 where it has several, or more than 256.",
        flag_values=flag_values,
    )


def _define_results(flag_values: flags.FlagValues) -> None:
    default = EvaluateConfig
    flags.DEFINE_string(
        "output",
        default.output,
        "File for the figures as JSON. Default: evaluation.json in the run directory; none for other models. With "
        "--compare: the HTML file, comparison.html by default.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "report",
        default.report,
        "Draw report.html beside the figures: confusion, nearest neighbors, maps, training curves.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "compare",
        default.compare,
        "Put runs that were judged before side by side, as a table and an HTML file: --compare RUN RUN ..., each a run "
        "directory or a file of --output. Nothing is judged again.",
        flag_values=flag_values,
    )
