"""What is evaluated."""

import dataclasses
from collections.abc import Sequence

from aag_tf.config.checks import listed, require
from aag_tf.config.data import check_named_images
from aag_tf.config.embed_views import VIEWS_FORM, VIEWS_HELP, check_embed_views
from aag_tf.config.layout import LayoutConfig
from aag_tf.config.protocol import ProtocolConfig
from aag_tf.config.reading import SIZE_FORM, read_size
from aag_tf.config.run import CHECKPOINTS
from aag_tf.config.setting import check_settings, setting, settings_of

OF_IMAGES = ("fine_tune", "robustness")  # measures that features alone do not allow


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Evaluation: which encoder is evaluated, on which images, and where the results go.

    `dataset`, `data_dir` and `image_size` are `None` where the run's own are used. With `compare` nothing is
    evaluated: earlier evaluations are put side by side, by `aag_tf.compare` instead of `aag_tf.evaluate`.
    """

    run_dir: str | None = setting(
        None,
        "Evaluate a checkpoint of this run, which aag-train made.",
        is_path=True,
    )
    checkpoint: str = setting(
        "latest",
        "Which checkpoint of the run: the newest, or the one with the best kNN accuracy on held-out images.",
        choices=CHECKPOINTS,
    )
    saved_model: str | None = setting(
        None,
        "Evaluate this SavedModel: a directory that aag-export wrote (or one version in it), or any other that maps "
        "one batch of images to one batch of vectors. A model is a program: one that could read or write files is "
        "refused, see --trust_model.",
        is_path=True,
    )
    signature: str | None = setting(
        None,
        "Signature of --saved_model to call, NAME, or NAME:OUTPUT where it gives several vectors. Default: "
        "serving_default, or the only one that takes images and gives vectors.",
    )
    keras_model: str | None = setting(
        None,
        "Evaluate this Keras model instead: a .keras file, loaded in safe mode, so that no code in it is run.",
        is_path=True,
    )
    input_range: str | None = setting(
        None,
        "Pixel values that the model expects, where it is not ours and takes floats; imagenet is (x / 255 - mean) / "
        "standard deviation of each RGB channel, imagenet_caffe is BGR less its mean.",
        choices=("0..255", "0..1", "-1..1", "imagenet", "imagenet_caffe"),
    )
    train_features: str | None = setting(
        None,
        "Evaluate features that exist already: an .npz file with float `features` [n, d] and integer `labels` [n], to "
        "learn from.",
        is_path=True,
    )
    test_features: str | None = setting(
        None,
        "The features to evaluate on, an .npz file like that of --train_features.",
        is_path=True,
    )
    dataset: str | None = setting(
        None,
        "Evaluate on another labeled data set (transfer): digits, tfds:NAME, folder:PATH, list:FILE, "
        "csv:FILE, tar:FILE or npz:FILE. Its images are brought to the size and channels that the encoder takes. "
        "Default: what it was trained on.",
        is_path=True,
    )
    data_dir: str | None = setting(
        None,
        "Where prepared TensorFlow Datasets lie. Default: the run's own, $TFDS_DATA_DIR or ~/tensorflow_datasets.",
        is_path=True,
    )
    download: bool = setting(False, "Allow tfds: to download and prepare a data set that is not there yet.")
    image_size: int | str | None = setting(
        None,
        "Size of the images in pixels, a side or height and width, for a network that takes any size. Default: that of "
        "the data set, or 224 where it has several, or more than 256.",
        form=SIZE_FORM,
        read=read_size,
    )
    embed_views: int = setting(
        1,
        "Evaluate the mean of the embeddings of so many fixed views of each image, for runs and exports of ours: "
        f"{VIEWS_HELP}",
        form=VIEWS_FORM,
    )
    output: str | None = setting(
        None,
        "File for the metrics as JSON. Default: evaluation.json in the run directory; none for other models. With "
        "--compare: the HTML file, comparison.html by default.",
        is_path=True,
    )
    report: bool = setting(
        True, "Draw report.html beside the metrics: confusion, nearest neighbors, maps, training curves."
    )
    dry_run: bool = setting(
        False,
        "Say what would be evaluated (images, splits, classes, files left out, measures), after every check that "
        "needs no features, and write nothing.",
    )
    compare: str | None = setting(
        None,
        "Put earlier evaluations side by side, as a table and an HTML file: --compare RUN RUN ..., each a run "
        "directory or a file of --output. Nothing is evaluated again.",
        is_path=True,
    )
    trust_model: bool = setting(
        False,
        "Load a SavedModel even if its graph can do more than compute, such as read and write files or call Python: "
        "whoever made it can then do what you can.",
    )
    layout: LayoutConfig = dataclasses.field(default_factory=LayoutConfig)
    protocol: ProtocolConfig = dataclasses.field(default_factory=ProtocolConfig)

    def __post_init__(self) -> None:
        check_settings(self)
        check_embed_views(self.embed_views)
        if self.compare is not None:
            self._check_comparison()
            return
        self._check_subject()
        check_named_images(self.dataset, self.layout)
        if self.train_features is not None:
            self._check_features()

    @property
    def compared(self) -> tuple[str, ...]:
        """The runs or files that `compare` names."""
        return tuple(listed(self.compare or ""))

    def _check_subject(self) -> None:
        subjects = (self.run_dir, self.saved_model, self.keras_model, self.train_features)
        require(
            sum(subject is not None for subject in subjects) == 1,
            "give exactly one of --run_dir=<run>, --saved_model=<directory>, --keras_model=<file>, "
            "--train_features=<file> and --compare <run> <run>.",
        )
        require(
            (self.train_features is None) == (self.test_features is None),
            "--train_features=<file> and --test_features=<file> belong together; give both.",
        )
        require(
            self.signature is None or self.saved_model is not None,
            "--signature names a signature of a SavedModel; give --saved_model=<directory> with it.",
        )
        require(
            not self.trust_model or self.saved_model is not None,
            "--trust_model is for a SavedModel; give --saved_model=<directory> with it, or leave it out.",
        )
        require(
            self.input_range is None or self.saved_model is not None or self.keras_model is not None,
            "--input_range is for --saved_model and --keras_model; leave it out, since a run knows its own.",
        )
        require(
            self.run_dir is not None or self.checkpoint == EvaluateConfig.checkpoint,
            f"--checkpoint={self.checkpoint} chooses among those of a run; give --run_dir=<run> with it.",
        )
        require(
            self.keras_model is None or self.dataset is not None,
            "a Keras file does not say what to evaluate it on; give --dataset=<data set> with --keras_model.",
        )

    def _check_features(self) -> None:
        require(
            self.dataset is None and self.protocol.supervised_epochs == 0,
            "--dataset and --supervised_epochs have no use beside --train_features, whose features are evaluated as "
            "they are; leave them out.",
        )
        of_images = [name for name in self.protocol.measure_names if name in OF_IMAGES]
        require(
            not of_images or self.protocol.all_measures,
            f"--measures={', '.join(of_images)} needs an encoder and its images, and --train_features gives features; "
            "evaluate the run or the model that made them, or leave it out.",
        )
        require(
            self.embed_views == 1,
            f"--embed_views={self.embed_views} needs an encoder, and --train_features gives features; evaluate the run "
            "that made them, or leave it out.",
        )
        require(
            not (self.download or self.image_size or self.data_dir),
            "--data_dir, --download and --image_size are for data sets of images, and --train_features gives features; "
            "leave them out.",
        )

    def _check_comparison(self) -> None:
        check_compared(self.compared)
        own = settings_of(EvaluateConfig).items()
        changed = {name for name, declared in own if getattr(self, name) != declared.default}
        require(
            changed <= {"compare", "output"} and self.protocol == ProtocolConfig() and self.layout == LayoutConfig(),
            "--compare reads evaluations that exist already, so that beside it only --output has a meaning; leave the "
            "other flags out.",
        )


def check_compared(runs: Sequence[str]) -> None:
    """Checks that there are several runs to compare.

    Raises:
        ConfigError: there are fewer than two, or one is named twice.
    """
    named = f"--compare={','.join(runs)}"
    require(len(runs) >= 2, f"{named} names too few runs; give two or more that were evaluated.")
    require(len(set(runs)) == len(runs), f"{named} names a run twice; give each once.")
