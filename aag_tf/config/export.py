"""What is exported, and where to."""

import dataclasses

from aag_tf.config.checks import listed, require
from aag_tf.config.embed_views import VIEWS_FORM, VIEWS_HELP, check_embed_views
from aag_tf.config.run import CHECKPOINTS
from aag_tf.config.setting import check_settings, setting

SIGNATURES = ("serving_default", "embed_bytes", "embed_images", "embed_values", "project")
CLASSIFIER_SIGNATURES = ("serving_default", "classify", "classify_bytes")
# Settings that are for encoders.
OF_ENCODERS = ("run_dir", "checkpoint", "signatures", "formats", "weights", "embed_views")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """Export: which run or classifier becomes a SavedModel, and where it goes."""

    run_dir: str = setting("", "The run whose encoder is exported.", is_path=True)
    classifier: str | None = setting(
        None,
        "The directory of a classifier that aag-finetune wrote, in place of a run. Its signatures are classify and "
        "serving_default (uint8 images of its size) and, for 1 or 3 channels, classify_bytes (JPEG, PNG, GIF or WebP "
        "files); they give probabilities, label and embedding.",
        if_empty="name a directory that aag-finetune wrote",
        is_path=True,
        schemes=(),
    )
    checkpoint: str = setting(
        "latest",
        "Which checkpoint of the run: the newest, or the one with the best kNN accuracy on held-out images.",
        choices=CHECKPOINTS,
    )
    export_dir: str = setting(
        "",
        "The model's directory, as TensorFlow Serving takes it: the SavedModel goes to EXPORT_DIR/VERSION.",
        if_empty="name the directory that versions are written to",
        is_path=True,
    )
    version: int | None = setting(
        None,
        "Number of the version. Default: the next free one, which a running server picks up.",
        low=1,
    )
    signatures: str | None = setting(
        None,
        "Ways into the model: serving_default (uint8 images of its size), embed_bytes (JPEG, PNG, GIF or WebP files), "
        "embed_images (uint8 images of any one size), embed_values (images of any one size in the values of the data, "
        "such as 0 to 4095), project (uint8 images of its size, through the projector too). Default: all but project "
        "that the run's images allow; embed_bytes is for 1 or 3 channels, embed_values for data with a --value_range.",
        choices=SIGNATURES,
        several=True,
    )
    formats: str = setting(
        "",
        "Files for other programs, which go into the version directory: keras (the encoder as a .keras file of Keras's "
        "own layers, and its weights), and serving_default for the runtimes onnx, openvino and litert, each of which "
        "needs the extra of its name.",
        choices=("keras", "onnx", "openvino", "litert"),
        several=True,
    )
    weights: str = setting(
        "float32",
        "How convolution and dense kernels are stored: bfloat16 and float16 halve the file, computation stays in "
        "float32, and what it costs in accuracy is measured and reported.",
        choices=("float32", "bfloat16", "float16"),
    )
    embed_views: int = setting(
        1,
        "Let every signature give the mean of the embeddings of so many fixed views of an image, with the views made "
        f"inside the model: {VIEWS_HELP}",
        form=VIEWS_FORM,
    )
    max_pixels: int = setting(
        2**25,  # 33.5 million: a frame of 8K video
        "Pictures with more pixels are refused by embed_bytes, embed_images, embed_values and classify_bytes before "
        "they are decoded.",
        low=1,
        high=2**28,
    )
    overwrite: bool = setting(False, "Replace a version that exists.")
    verify: bool = setting(
        True,
        "Load the SavedModel in a fresh process without Keras and compare what it gives with what the encoder or the "
        "classifier gives.",
    )
    dry_run: bool = setting(
        False, "Say what would be written and where, after every check that needs no writing, and write nothing."
    )

    def __post_init__(self) -> None:
        check_settings(self)
        check_embed_views(self.embed_views)
        require(
            bool(self.run_dir) or self.classifier is not None,
            "--run_dir is missing; name the run whose encoder is to be exported, or a classifier with --classifier.",
        )
        for name in OF_ENCODERS if self.classifier is not None else ():
            value = getattr(self, name)
            require(
                value == type(self).__dataclass_fields__[name].default,
                f"--{name}={value} is for the encoder of a run; leave it out with --classifier.",
            )
        require(
            self.signature_names is None or SIGNATURES[0] in self.signature_names,
            f"--signatures={self.signatures} leaves out {SIGNATURES[0]}, which every server asks for; add it.",
        )
        require(
            self.embed_views == 1 or "project" not in (self.signature_names or ()),
            f"--embed_views={self.embed_views} is for embeddings, and project gives what the loss compares, which is "
            "of one view; leave one of the two out.",
        )
        require(
            self.embed_views == 1 or "keras" not in self.format_names,
            f"--embed_views={self.embed_views} is for models that are called, and --formats=keras gives the network "
            "itself, which takes one view; leave keras out, and export it with --embed_views=1.",
        )

    @property
    def signature_names(self) -> tuple[str, ...] | None:
        """The signatures asked for, each once; `serving_default` comes first, as Keras expects."""
        if self.signatures is None:
            return None
        return tuple(sorted(dict.fromkeys(listed(self.signatures)), key=lambda name: name != SIGNATURES[0]))

    @property
    def format_names(self) -> tuple[str, ...]:
        """The programs to convert for, each once."""
        return tuple(dict.fromkeys(listed(self.formats)))
