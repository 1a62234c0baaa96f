"""What becomes of a run whose input failed: a lost file ends it by its name, a fault that has passed does not."""

import tensorflow as tf

from aag_tf.data.pipeline import upcoming
from aag_tf.training.open_run import OpenRun
from aag_tf.utils.log import logger

AHEAD = 32  # steps whose images are tried, more than any input pipeline reads ahead


def may_go_on(run: OpenRun, step: int, error: tf.errors.OpError) -> bool:
    """Whether the input of a run failed for a moment only: every image of its next steps can be read again.

    Args:
        run: reads its images inside TensorFlow, which names no file in its errors.
        step: steps done.
        error: that ended the input.

    Raises:
        DataError: a file cannot be read, after several tries.
    """
    images, schedule = run.source.train.images, run.config.schedule
    # Several steps in an execution leave it open how many were done; several machines must end together.
    if not images.has_sources or step <= run.steps.start_step:
        return False
    ahead = min(AHEAD, run.steps.total_steps - step)
    batch, seed = schedule.global_batch_size, schedule.seed
    for numbers in upcoming(images, global_batch_size=batch, seed=seed, step=step, count=ahead):
        images.numpy(numbers)
    if schedule.steps_per_execution > 1 or run.cluster is not None:
        return False
    logger.warning(
        "reading images failed at step %s (%s), and works again; going on.", f"{step:,}", error.message.splitlines()[0]
    )
    return True
