"""The steps of a run and of one call of `fit`: the number of steps done is the only position of a run."""

import dataclasses
from collections.abc import Sequence

from aag_tf.config import ScheduleConfig
from aag_tf.data import batches_in_epoch, batches_of_parts


@dataclasses.dataclass(frozen=True)
class StepRange:
    """The steps that one `fit` runs, of which a resumed run has done some before.

    Args:
        start_step: steps done before this `fit`.
        total_steps: steps of the whole run.
        steps_per_epoch: steps in one pass over the training images.
    """

    start_step: int
    total_steps: int
    steps_per_epoch: int

    def step(self, batch: int) -> int:
        """Global step after Keras batch index `batch`, at most `total_steps`.

        Keras counts batches from 0 in each epoch, and a run of this package is a single Keras epoch. With several steps
        in an execution, Keras also counts steps that the last execution had no data for; hence the limit. No variable
        is read, so that no device is waited for.
        """
        return min(self.start_step + batch + 1, self.total_steps)


def plan_steps(schedule: ScheduleConfig, num_images: int, counts: Sequence[int] | None = None) -> tuple[int, int]:
    """Returns the steps of an epoch and of the run, `train_steps` taking precedence over `epochs`.

    Args:
        schedule: of the run.
        num_images: to train on.
        counts: those of each machine, where each has its own.

    Raises:
        ConfigError: there are fewer images than the global batch needs.
    """
    batch = schedule.global_batch_size
    steps_per_epoch = batches_in_epoch(num_images, batch) if counts is None else batches_of_parts(counts, batch)
    return steps_per_epoch, schedule.train_steps or schedule.epochs * steps_per_epoch


def is_due(step: int, every: int, last: int) -> bool:
    """Whether a multiple of `every` lies in ]last, step]; an execution of several steps may jump over it."""
    return step // every > last // every
