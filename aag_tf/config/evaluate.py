"""What is judged, and how."""

import dataclasses
import math
from collections.abc import Sequence

from aag_tf.config.checks import listed, normalize_text, require, require_choice, require_range
from aag_tf.config.data import check_dataset
from aag_tf.config.run import CHECKPOINTS

EVALUATION_SPLITS = ("test", "validation")
BASELINES = ("raw_pixels", "untrained")
INPUT_RANGES = ("0..255", "0..1", "-1..1", "imagenet", "imagenet_caffe")
OF_IMAGES = ("fine_tune", "robustness")  # measures that features alone do not allow
MEASURES = ("knn", "linear", "unlabeled", "linear_sgd", "few_labels", "fine_tune", "robustness")
QUICK_MEASURES = ("knn", "linear", "unlabeled")  # seconds to a minute once features exist


@dataclasses.dataclass(frozen=True)
class ProtocolConfig:
    """How an encoder is judged on frozen features, and which of the longer measures are wanted."""

    split: str = "test"
    measures: str = ",".join(QUICK_MEASURES)
    baselines: str = ",".join(BASELINES)
    knn_k: int = 20
    knn_temperature: float = 0.07  # Wu et al. 2018, section 3.4
    label_percents: str = "1,10"
    label_draws: int = 5
    sgd_epochs: int = 90
    sgd_learning_rates: str = "0.01,0.03,0.1,0.3,1"
    sgd_augment: bool = True
    fine_tune_steps: int = 1000
    fine_tune_learning_rate: float = 1e-3
    supervised_epochs: int = 0
    embed_batch_size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("split", self.split, EVALUATION_SPLITS)
        unknown = [name for name in listed(self.measures) if name not in (*MEASURES, "all")]
        require(
            not unknown and bool(listed(self.measures)),
            f"--measures={self.measures} names {', '.join(unknown) or 'nothing'}; give some of {', '.join(MEASURES)}, "
            "separated by commas, or all.",
        )
        unknown = [name for name in listed(self.baselines) if name not in (*BASELINES, "none")]
        require(
            not unknown and bool(listed(self.baselines)),
            f"--baselines={self.baselines} names {', '.join(unknown) or 'nothing'}; give some of "
            f"{', '.join(BASELINES)}, separated by commas, or none.",
        )
        require_range("knn_k", self.knn_k, 1)
        require_range("knn_temperature", self.knn_temperature, 0.0, low_open=True)
        require(
            bool(listed(self.label_percents)) and all(_inside(part, 100.0) for part in listed(self.label_percents)),
            f"--label_percents={self.label_percents} is not a list of percentages; give numbers above 0 and at most "
            "100, separated by commas, as in 1,10.",
        )
        require_range("label_draws", self.label_draws, 1, 100)
        require_range("sgd_epochs", self.sgd_epochs, 1)
        require(
            bool(listed(self.sgd_learning_rates)) and all(_inside(part) for part in listed(self.sgd_learning_rates)),
            f"--sgd_learning_rates={self.sgd_learning_rates} is not a list of learning rates; give numbers above 0, "
            "separated by commas, as in 0.03,0.1,0.3.",
        )
        require_range("fine_tune_steps", self.fine_tune_steps, 1)
        require_range("fine_tune_learning_rate", self.fine_tune_learning_rate, 0.0, low_open=True)
        require_range("supervised_epochs", self.supervised_epochs, 0)
        require_range("embed_batch_size", self.embed_batch_size, 1)
        require_range("seed", self.seed, 0, 2**31 - 1)

    @property
    def measure_names(self) -> tuple[str, ...]:
        """The measures that are wanted, in the order of `MEASURES`."""
        wanted = listed(self.measures)
        return tuple(name for name in MEASURES if name in wanted or self.all_measures)

    @property
    def needs_labels(self) -> bool:
        """Whether a measure that is wanted asks for labels."""
        return self.measure_names != ("unlabeled",)

    @property
    def all_measures(self) -> bool:
        """Whether whatever can be measured is wanted, and what cannot be is passed over in silence."""
        return "all" in listed(self.measures)

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """The baselines that are wanted, in the order of `BASELINES`; `none` beside others counts for nothing."""
        return tuple(name for name in BASELINES if name in listed(self.baselines))

    @property
    def label_shares(self) -> tuple[float, ...]:
        """`label_percents` as shares in (0, 1], ascending."""
        return tuple(sorted({float(part) / 100 for part in listed(self.label_percents)}))

    @property
    def sgd_rates(self) -> tuple[float, ...]:
        """`sgd_learning_rates` as numbers, ascending."""
        return tuple(sorted({float(part) for part in listed(self.sgd_learning_rates)}))


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """What `aag-evaluate` judges: an encoder on the data set that it was trained on or on another, or features.

    `dataset` and its companions are `None` where the run's own are to be used. With `compare`, nothing is judged:
    evaluations that were made before are put side by side, by `aag_tf.compare` instead of `aag_tf.evaluate`.
    """

    run_dir: str | None = None
    checkpoint: str = "latest"
    saved_model: str | None = None
    signature: str | None = None
    keras_model: str | None = None
    input_range: str | None = None
    train_features: str | None = None
    test_features: str | None = None
    dataset: str | None = None
    data_dir: str | None = None
    download: bool = False
    image_size: int | None = None
    output: str | None = None
    report: bool = True
    compare: str | None = None
    protocol: ProtocolConfig = dataclasses.field(default_factory=ProtocolConfig)

    def __post_init__(self) -> None:
        normalize_text(self)
        if self.compare is not None:
            self._check_comparison()
            return
        require_choice("checkpoint", self.checkpoint, CHECKPOINTS)
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
            self.input_range is None or self.saved_model is not None or self.keras_model is not None,
            "--input_range is for --saved_model and --keras_model; leave it out, since a run knows its own.",
        )
        if self.input_range is not None:
            require_choice("input_range", self.input_range, INPUT_RANGES)
        require(
            self.train_features is None or (self.dataset is None and self.protocol.supervised_epochs == 0),
            "--dataset and --supervised_epochs have no use beside --train_features, whose features are judged as they "
            "are; leave them out.",
        )
        of_images = [name for name in self.protocol.measure_names if name in OF_IMAGES]
        require(
            self.train_features is None or not of_images or self.protocol.all_measures,
            f"--measures={', '.join(of_images)} needs an encoder and its images, and --train_features gives features; "
            "judge the run or the model that made them, or leave it out.",
        )
        require(
            self.train_features is None or not (self.download or self.image_size or self.data_dir),
            "--data_dir, --download and --image_size are for data sets of images, and --train_features gives features; "
            "leave them out.",
        )
        require(
            self.run_dir is not None or self.checkpoint == EvaluateConfig.checkpoint,
            f"--checkpoint={self.checkpoint} chooses among those of a run; give --run_dir=<run> with it.",
        )
        if self.dataset is not None:
            check_dataset(self.dataset)
        require(
            self.keras_model is None or self.dataset is not None,
            "a Keras file does not say what to judge it on; give --dataset=<data set> with --keras_model.",
        )
        if self.image_size is not None:
            require_range("image_size", self.image_size, 4, 1024)

    @property
    def compared(self) -> tuple[str, ...]:
        """The runs or files that `compare` names."""
        return tuple(listed(self.compare or ""))

    def _check_comparison(self) -> None:
        check_compared(self.compared)
        own = {"compare", "output"}
        others = [
            field.name
            for field in dataclasses.fields(self)
            if field.name not in own
            and getattr(self, field.name) != (ProtocolConfig() if field.name == "protocol" else field.default)
        ]
        require(
            not others,
            "--compare reads evaluations that exist already, so that beside it only --output has a meaning; leave the "
            "other flags out.",
        )


def check_compared(runs: Sequence[str]) -> None:
    """Refuses runs that give nothing to compare.

    Raises:
        ConfigError: there are fewer than two, or one is named twice.
    """
    named = f"--compare={','.join(runs)}"
    require(len(runs) >= 2, f"{named} names too few runs; give two or more that were judged.")
    require(len(set(runs)) == len(runs), f"{named} names a run twice; give each once.")


def _inside(text: str, most: float = math.inf) -> bool:
    """Whether a text is a number above 0, finite and at most `most`."""
    try:
        return 0.0 < float(text) <= most and math.isfinite(float(text))
    except ValueError:
        return False
