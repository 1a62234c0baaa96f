"""The steps of one call of `fit`: the number of steps done is the only position of a run."""

import dataclasses


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


def is_due(step: int, every: int, last: int) -> bool:
    """Whether a multiple of `every` lies in ]last, step]; an execution of several steps may jump over it."""
    return step // every > last // every
