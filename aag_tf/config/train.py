"""All settings of a training run."""

import dataclasses

from aag_tf.config.augment import AugmentConfig
from aag_tf.config.checks import require
from aag_tf.config.data import DataConfig
from aag_tf.config.loss import LossConfig
from aag_tf.config.model import EncoderConfig, ProjectorConfig
from aag_tf.config.optimizer import OptimizerConfig
from aag_tf.config.run import RunConfig
from aag_tf.config.schedule import ScheduleConfig


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """All settings of `aag_tf.train`."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    projector: ProjectorConfig = dataclasses.field(default_factory=ProjectorConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = dataclasses.field(default_factory=ScheduleConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        drawn_twice = self.schedule.accumulation_steps > 1 and self.augment.augment_on == "device"
        require(
            not (drawn_twice and self.augment.augment_impl == "keras_cv"),
            f"--accumulation_steps={self.schedule.accumulation_steps} draws the views of an image twice, and "
            "--augment_impl=keras_cv cannot draw the same ones again; leave it at fused, or add --augment_on=host.",
        )
