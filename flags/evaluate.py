"""Evaluation: which encoder is judged, on which images, and how."""

from absl import flags

from aag_tf.config import EVALUATION_SPLITS, EvaluateConfig, JudgeConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `EvaluateConfig` and its `JudgeConfig`."""
    _define_what(flag_values)
    _define_how(flag_values)


def _define_what(flag_values: flags.FlagValues) -> None:
    # EvaluateConfig refuses to be built without an encoder to judge, so its defaults are read from the class.
    default = EvaluateConfig
    flags.DEFINE_string(
        "run_dir",
        default.run_dir,
        "Judge the newest checkpoint of this run, which aag-train made.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "saved_model",
        default.saved_model,
        "Judge this SavedModel instead: a directory that aag-export wrote, or one version in it.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "dataset",
        default.dataset,
        "Judge on another labelled data set: digits, tfds:NAME, folder:PATH or npz:PATH. Default: what it "
        "was trained on.",
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
    flags.DEFINE_string(
        "output",
        default.output,
        "File for the figures as JSON. Default: evaluation.json in the run directory; none for a SavedModel.",
        flag_values=flag_values,
    )


def _define_how(flag_values: flags.FlagValues) -> None:
    default = JudgeConfig()
    flags.DEFINE_enum(
        "split",
        default.split,
        EVALUATION_SPLITS,
        "Images to judge on: validation while you tune settings, test for the figure you report.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "knn_k",
        default.knn_k,
        "Nearest training images that vote, 1 or more; 20 suits most data sets, fewer suit small ones.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "knn_temperature",
        default.knn_temperature,
        "Lets nearer images count more, above 0: weight exp(similarity / temperature).",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "embed_batch_size",
        default.embed_batch_size,
        "Images embedded at once, 1 or more. Lower it if memory runs out; the figures do not change.",
        flag_values=flag_values,
    )
