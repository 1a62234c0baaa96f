"""Where a run stands: the number of steps done is its only position."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class StepRange:
    """The steps of one `fit`, which begins where an interrupted run had stopped.

    Args:
        start_step: steps done before it.
        total_steps: steps of the whole run.
        steps_per_epoch: steps in one pass over the training images.
    """

    start_step: int
    total_steps: int
    steps_per_epoch: int

    def step(self, batch: int) -> int:
        """Steps done once Keras has finished `batch`, which it counts from 0 in each epoch, of which a run is a
        single one.

        No variable is read, so that no device is waited for. With several steps in an execution, Keras counts those
        that the last one had no data for; hence the limit.
        """
        return min(self.start_step + batch + 1, self.total_steps)


def is_due(step: int, every: int, last: int) -> bool:
    """Whether a multiple of `every` lies in ]last, step]; an execution of several steps may jump over it."""
    return step // every > last // every
