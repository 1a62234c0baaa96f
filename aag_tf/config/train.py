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
from aag_tf.config.start import StartConfig


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """All settings of `aag_tf.train`."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    projector: ProjectorConfig = dataclasses.field(default_factory=ProjectorConfig)
    start: StartConfig = dataclasses.field(default_factory=StartConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = dataclasses.field(default_factory=ScheduleConfig)
    run: RunConfig = dataclasses.field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        require(
            not self.schedule.local_shards or (len(self.data.datasets) == 1 and self.data.dataset.startswith("pack:")),
            f"--local_shards is for the files of one pack, and --dataset={self.data.dataset} is none; pack the images "
            "with aag-pack, or leave it out.",
        )
        drawn_twice = self.schedule.accumulation_steps > 1 and self.augment.augment_on == "device"
        require(
            not (drawn_twice and self.augment.augment_impl == "keras_cv"),
            f"--accumulation_steps={self.schedule.accumulation_steps} draws the views of an image twice, and "
            "--augment_impl=keras_cv cannot draw the same ones again; leave it at fused, or add --augment_on=host.",
        )
