"""What becomes of a run whose images cannot be read: it goes on if that has passed, and saves its last step if not."""

import contextlib
import math
from collections.abc import Iterator

import tensorflow as tf

from aag_tf.data import report_lost_files
from aag_tf.data.images.file_images import ADVICE, lost_file
from aag_tf.data.pipeline import OPENED_AT_ONCE, upcoming
from aag_tf.runs.metrics import read_metrics
from aag_tf.training.open_run import OpenRun
from aag_tf.utils.errors import DataError, one_line
from aag_tf.utils.log import logger
from aag_tf.utils.stores import named

MOST_TRIES = 3  # of one step


class ReadingFaults:
    """The faults of a run's input, between two steps of it.

    Args:
        run: as it was opened.
    """

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._step, self._tries = -1, 0

    def pass_or_raise(self, step: int, error: Exception) -> None:
        """Returns where every image that the next step needs can be read again; else saves the last step and raises.

        Args:
            step: steps done.
            error: that ended the input.

        Raises:
            DataError: a file cannot be read, after several tries.
        """
        self._tries = self._tries + 1 if step == self._step else 1
        self._step = step
        try:
            with report_lost_files():
                self._check(step, error)
        except BaseException:
            save_last_step(self._run, step)
            raise
        logger.warning(
            "reading images failed at step %s (%s), and works again; going on.", f"{step:,}", one_line(error, 200)
        )

    def _check(self, step: int, error: Exception) -> None:
        images, schedule = self._run.source.train.images, self._run.config.schedule
        # Python names the file, and has tried several times. Other images are not read but computed.
        if lost_file(error) is not None or not images.has_sources:
            raise error
        if self._run.image_counts is not None:  # several machines, each with images of its own
            raise error
        batch = schedule.global_batch_size
        # Batches come in order, so that what failed is in the next, or was opened with it.
        ahead = min(1 + math.ceil(OPENED_AT_ONCE / batch), self._run.steps.total_steps - step)
        for numbers in upcoming(images, global_batch_size=batch, seed=schedule.seed, step=step, count=ahead):
            images.check(numbers)
        if self._tries >= MOST_TRIES or self._run.cluster is not None:  # several machines must end together
            raise DataError(
                f"reading images failed at step {step:,}, though each can be read now ({one_line(error, 200)}); see "
                f"whether the disk is well{ADVICE}"
            )


@contextlib.contextmanager
def saving_last_step(run: OpenRun) -> Iterator[None]:
    """Saves the last step of a run whose `fit` inside the block lost images that it was measured on."""
    try:
        yield
    except DataError:
        save_last_step(run, run.steps.start_step + run.model.step_counter.done)
        raise


def save_last_step(run: OpenRun, step: int) -> None:
    """Saves a run that ends between two steps; logs what forbids that, since another error ends it.

    Args:
        run: whose model has done the steps.
        step: steps done.
    """
    if not run.is_chief or step == 0 or any(stored.step == step for stored in run.store.all()):
        return
    measured = [record for record in read_metrics(run.directory.metrics) if record["step"] == step]
    accuracy = next((record["knn_accuracy"] for record in measured if "knn_accuracy" in record), None)
    try:
        if not run.state.is_finite():
            logger.warning("step %s is not saved, since its weights are not finite.", f"{step:,}")
            return
        path = run.store.write(step, run.state.write, knn_accuracy=accuracy)
        run.store.prune(run.config.run.checkpoints_to_keep)
        run.directory.push()
    except (OSError, tf.errors.OpError) as error:
        logger.warning("step %s cannot be saved (%s).", f"{step:,}", one_line(error, 200))
        return
    logger.info("Saved step %s, the last one: %s", f"{step:,}", named(path))
