"""Export: which run becomes a SavedModel, and where it goes."""

from absl import flags

from aag_tf.config import ExportConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `ExportConfig`."""
    # ExportConfig refuses to be built without its directories, so its defaults are read from the class.
    default = ExportConfig
    flags.DEFINE_string(
        "run_dir",
        default.run_dir,
        "The run whose newest checkpoint is exported. Must be given.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "export_dir",
        default.export_dir,
        "The model's directory, as TensorFlow Serving takes it: the SavedModel goes to EXPORT_DIR/VERSION. Must be "
        "given.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "version",
        default.version,
        "Number of the version, 1 or more. Default: the next free one, which a running server picks up.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "overwrite",
        default.overwrite,
        "Replace a version that exists.",
        flag_values=flag_values,
    )
    flags.DEFINE_bool(
        "verify",
        default.verify,
        "Load the SavedModel in a fresh process without Keras and compare its embeddings with the encoder's.",
        flag_values=flag_values,
    )
