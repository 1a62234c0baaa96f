"""Export: which run becomes a SavedModel, and where it goes."""

from absl import flags

from aag_tf.config import CHECKPOINTS, WEIGHTS, ExportConfig


def define(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `ExportConfig`."""
    # ExportConfig refuses to be built without its directories, so its defaults are read from the class.
    default = ExportConfig
    flags.DEFINE_string(
        "run_dir",
        default.run_dir,
        "The run whose encoder is exported. Must be given.",
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
    flags.DEFINE_string(
        "signatures",
        default.signatures,
        "Ways into the model, separated by commas: serving_default (uint8 images of its size), embed_bytes (JPEG, PNG, "
        "GIF or WebP files), embed_images (uint8 images of any one size), project (its size, through the projector "
        "too).",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "formats",
        default.formats,
        "Other runtimes to convert serving_default for, separated by commas: onnx, openvino, litert; each needs the "
        "extra of its name, and goes into the version directory.",
        flag_values=flag_values,
    )
    flags.DEFINE_enum(
        "weights",
        default.weights,
        WEIGHTS,
        "How convolution and dense kernels are stored: bfloat16 and float16 halve the file, computation stays in "
        "float32, and what it costs in accuracy is measured and reported.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "max_pixels",
        default.max_pixels,
        "Pictures with more pixels are refused by embed_bytes and embed_images before they are decoded; 1 to "
        "268 435 456.",
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
    flags.DEFINE_bool(
        "dry_run",
        default.dry_run,
        "Say what would be written and where, after every check that needs no writing, and write nothing.",
        flag_values=flag_values,
    )
