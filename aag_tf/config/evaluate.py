"""What is judged, and how."""

import dataclasses

from aag_tf.config.checks import require, require_choice, require_range

EVALUATION_SPLITS = ("test", "validation")


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """How an encoder is judged on frozen features."""

    split: str = "test"
    knn_k: int = 20
    knn_temperature: float = 0.07
    embed_batch_size: int = 256

    def __post_init__(self) -> None:
        require_choice("split", self.split, EVALUATION_SPLITS)
        require_range("knn_k", self.knn_k, 1)
        require_range("knn_temperature", self.knn_temperature, 0.0, low_open=True)
        require_range("embed_batch_size", self.embed_batch_size, 1)


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """What `aag-evaluate` judges: a run directory or a SavedModel, on the run's data set or on another.

    `dataset` and its companions are `None` where the run's own are to be used.
    """

    run_dir: str | None = None
    saved_model: str | None = None
    dataset: str | None = None
    data_dir: str | None = None
    download: bool = False
    output: str | None = None
    judge: JudgeConfig = dataclasses.field(default_factory=JudgeConfig)

    def __post_init__(self) -> None:
        require(
            (self.run_dir is None) != (self.saved_model is None),
            "give exactly one of --run_dir=<run> and --saved_model=<directory>.",
        )
