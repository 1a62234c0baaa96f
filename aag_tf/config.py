"""Every setting of a run, as frozen dataclasses: one per concern, validated once, standard library only.

The field names are the names of the command-line flags (a test holds them together), and `TrainConfig` is what a
run directory records, so that evaluation and export can rebuild the encoder without the command line.
"""

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from aag_tf.errors import ConfigError

Config = typing.TypeVar("Config")

AUGMENT_IMPLEMENTATIONS = ("fused", "keras_cv")
AUGMENT_PLACES = ("device", "host")
LOSS_FORMS = ("auto", "dense", "streaming")
OPTIMIZERS = ("adamw", "sgd", "lars")
LR_SCALINGS = ("none", "linear", "sqrt")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
STEMS = ("auto", "small", "imagenet")
JIT_MODES = ("auto", "on", "off")
EVALUATION_SPLITS = ("test", "validation")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


def _require_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    _require(value in allowed, f"--{name}={value} is not known; choose one of {', '.join(allowed)}.")


def _require_range(name: str, value: float, low: float, high: float = math.inf, *, low_open: bool = False) -> None:
    inside = (value > low if low_open else value >= low) and value <= high
    bound = f"above {low:g}" if low_open else f"at least {low:g}"
    limit = "" if math.isinf(high) else f" and at most {high:g}"
    _require(inside and math.isfinite(value), f"--{name}={value:g} is out of range; it must be {bound}{limit}.")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which images, at which size, and how the train split is divided."""

    dataset: str = "digits"
    data_dir: str | None = None
    download: bool = False
    image_size: int | None = None
    validation_fraction: float = 0.1

    def __post_init__(self) -> None:
        _require(bool(self.dataset), "--dataset is empty; try digits, tfds:cifar10, folder:<path> or npz:<path>.")
        if self.image_size is not None:
            _require_range("image_size", self.image_size, 4, 1024)
        _require_range("validation_fraction", self.validation_fraction, 0.0, 0.9)


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """The two branches: how views are drawn from an image.

    `aux` names a preset of the auxiliary branch (`aag_tf.augment.PRESETS`); `none` gives the two-view method and
    `main` draws the extra views from the main branch.
    """

    aux: str = "default"
    aux_views: int = 1
    aux_strength: float = 1.0
    crop_min_area: float = 0.2
    color_strength: float = 0.5
    grayscale_probability: float = 0.2
    flip: bool = True
    blur_probability: float | None = None
    augment_impl: str = "fused"
    augment_on: str = "device"

    def __post_init__(self) -> None:
        _require(bool(self.aux), "--aux is empty; --aux=none trains on two main views only.")
        _require_range("aux_views", self.aux_views, 1, 6)
        _require_range("aux_strength", self.aux_strength, 0.0, 2.0)
        _require_range("crop_min_area", self.crop_min_area, 0.0, 1.0, low_open=True)
        _require_range("color_strength", self.color_strength, 0.0, 1.0)
        _require_range("grayscale_probability", self.grayscale_probability, 0.0, 1.0)
        if self.blur_probability is not None:
            _require_range("blur_probability", self.blur_probability, 0.0, 1.0)
        _require_choice("augment_impl", self.augment_impl, AUGMENT_IMPLEMENTATIONS)
        _require_choice("augment_on", self.augment_on, AUGMENT_PLACES)

    @property
    def num_views(self) -> int:
        """Views of one image: two main ones, and the auxiliary ones unless `aux` is `none`."""
        return 2 if self.aux == "none" else 2 + self.aux_views


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The network whose output is the embedding."""

    encoder: str = "tiny"
    width: float = 1.0
    stem: str = "auto"

    def __post_init__(self) -> None:
        _require(bool(self.encoder), "--encoder is empty; try tiny, resnet18, resnet34 or resnet50.")
        _require_range("width", self.width, 0.125, 8.0)
        _require_choice("stem", self.stem, STEMS)


@dataclasses.dataclass(frozen=True)
class ProjectorConfig:
    """The multi-layer perceptron between embedding and loss; it is thrown away after training."""

    projector_depth: int = 2
    projector_width: int = 512
    projector_dim: int = 128
    projector_batch_norm: bool = True

    def __post_init__(self) -> None:
        _require_range("projector_depth", self.projector_depth, 0, 6)
        _require_range("projector_width", self.projector_width, 1)
        _require_range("projector_dim", self.projector_dim, 2)


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """GNT-Xent: see `aag_tf.losses.gnt_xent` for the formula that these symbols stand in."""

    temperature: float = 0.2
    coupling: float = 0.0
    aux_weight: float = 1.0
    aux_negatives: bool = True
    loss_form: str = "auto"

    def __post_init__(self) -> None:
        _require_range("temperature", self.temperature, 0.0, 100.0, low_open=True)
        _require_range("coupling", self.coupling, 0.0, 1.0)
        _require_range("aux_weight", self.aux_weight, 0.0)
        _require_choice("loss_form", self.loss_form, LOSS_FORMS)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer and its learning rate over time (linear warm-up, then a cosine to zero)."""

    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    lr_scaling: str = "none"
    warmup_fraction: float = 0.05
    weight_decay: float = 1e-4
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _require_choice("optimizer", self.optimizer, OPTIMIZERS)
        _require_range("learning_rate", self.learning_rate, 0.0, low_open=True)
        _require_choice("lr_scaling", self.lr_scaling, LR_SCALINGS)
        _require_range("warmup_fraction", self.warmup_fraction, 0.0, 0.9)
        _require_range("weight_decay", self.weight_decay, 0.0)
        _require_range("momentum", self.momentum, 0.0, 0.9999)


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """How long, how large a batch, on which devices, and from which seed."""

    epochs: int = 100
    train_steps: int | None = None
    global_batch_size: int = 64
    seed: int = 0
    replicas: int | None = None
    cpu_replicas: int | None = None
    precision: str = "float32"
    jit_compile: str = "auto"
    steps_per_execution: int = 1

    def __post_init__(self) -> None:
        _require_range("epochs", self.epochs, 1)
        if self.train_steps is not None:
            _require_range("train_steps", self.train_steps, 1)
        _require(
            self.global_batch_size >= 2,
            f"--global_batch_size={self.global_batch_size} leaves no negatives to contrast with; use 2 or more images.",
        )
        _require_range("seed", self.seed, 0, 2**31 - 1)
        for name in ("replicas", "cpu_replicas"):
            count = getattr(self, name)
            if count is not None:
                _require_range(name, count, 1)
                _require(
                    self.global_batch_size % count == 0,
                    f"--global_batch_size={self.global_batch_size} cannot be split evenly over --{name}={count}; "
                    f"use a multiple of {count}.",
                )
        _require(
            self.replicas is None or self.cpu_replicas is None,
            "--replicas counts GPUs and --cpu_replicas splits the CPU; give one of the two.",
        )
        _require_choice("precision", self.precision, PRECISIONS)
        _require_choice("jit_compile", self.jit_compile, JIT_MODES)
        _require_range("steps_per_execution", self.steps_per_execution, 1)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where results go and how often they are written; nothing here changes what is learnt."""

    run_dir: str = "runs/aag"
    resume: bool = False
    overwrite: bool = False
    log_every_steps: int = 50
    checkpoint_every_steps: int | None = None
    checkpoints_to_keep: int = 3
    knn_every_epochs: int = 5

    def __post_init__(self) -> None:
        _require(bool(self.run_dir), "--run_dir is empty; name the directory that the run may create.")
        _require(not (self.resume and self.overwrite), "--resume continues a run, --overwrite deletes it; give one.")
        _require_range("log_every_steps", self.log_every_steps, 1)
        if self.checkpoint_every_steps is not None:
            _require_range("checkpoint_every_steps", self.checkpoint_every_steps, 1)
        _require_range("checkpoints_to_keep", self.checkpoints_to_keep, 1)
        _require_range("knn_every_epochs", self.knn_every_epochs, 0)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Everything that `aag_tf.training.train` needs."""

    data: DataConfig = DataConfig()
    augment: AugmentConfig = AugmentConfig()
    encoder: EncoderConfig = EncoderConfig()
    projector: ProjectorConfig = ProjectorConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    run: RunConfig = RunConfig()


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """How an encoder is judged on frozen features."""

    split: str = "test"
    knn_k: int = 20
    knn_temperature: float = 0.07
    embed_batch_size: int = 256

    def __post_init__(self) -> None:
        _require_choice("split", self.split, EVALUATION_SPLITS)
        _require_range("knn_k", self.knn_k, 1)
        _require_range("knn_temperature", self.knn_temperature, 0.0, low_open=True)
        _require_range("embed_batch_size", self.embed_batch_size, 1)


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
    judge: JudgeConfig = JudgeConfig()

    def __post_init__(self) -> None:
        _require(
            (self.run_dir is None) != (self.saved_model is None),
            "give exactly one of --run_dir=<run> and --saved_model=<directory>.",
        )


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What `aag-export` writes, and where; `version` is the next free number when `None`."""

    run_dir: str = ""
    export_dir: str = ""
    version: int | None = None
    overwrite: bool = False
    verify: bool = True

    def __post_init__(self) -> None:
        _require(bool(self.run_dir), "--run_dir is missing; name the run whose encoder is to be exported.")
        _require(bool(self.export_dir), "--export_dir is missing; name the directory that versions are written to.")
        if self.version is not None:
            _require_range("version", self.version, 1)


def leaves(config_type: type) -> dict[str, dataclasses.Field[Any]]:
    """Every setting below a config class by its flag name, nested classes flattened."""
    hints = typing.get_type_hints(config_type)
    found: dict[str, dataclasses.Field[Any]] = {}
    for field in dataclasses.fields(config_type):
        if dataclasses.is_dataclass(hints[field.name]):
            found |= leaves(typing.cast(type, hints[field.name]))
        else:
            found[field.name] = field
    return found


def from_flat(config_type: type[Config], values: Mapping[str, Any]) -> Config:
    """Builds a config from `{flag name: value}`; names that are absent keep their defaults.

    Raises:
        ConfigError: a value is out of its range.
    """
    hints = typing.get_type_hints(config_type)
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, config_type)):
        if dataclasses.is_dataclass(hints[field.name]):
            arguments[field.name] = from_flat(hints[field.name], values)
        elif field.name in values:
            arguments[field.name] = values[field.name]
    return config_type(**arguments)


def to_flat(config: Any) -> dict[str, Any]:
    """The inverse of `from_flat`: `{flag name: value}` of every setting."""
    flat: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        flat |= to_flat(value) if dataclasses.is_dataclass(value) else {field.name: value}
    return flat


def flag_lines(config: Any) -> list[str]:
    """The config as lines of an absl flagfile; `None` is left out, since it is every such flag's default."""
    lines = []
    for name, value in to_flat(config).items():
        if isinstance(value, bool):
            lines.append(f"--{name}" if value else f"--no{name}")
        elif value is not None:
            lines.append(f"--{name}={value}")
    return lines
