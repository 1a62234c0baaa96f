"""What `aag-evaluate` needs for a run that has just been trained, so that the advice works as it is printed."""

import numpy as np

from aag_tf.data import Source
from aag_tf.training.open_run import OpenRun


def evaluation_flags(run: OpenRun) -> tuple[str, ...] | None:
    """Returns the flags beside `--run_dir`: none for a run on labeled images.

    A run on images without labels is evaluated on those that monitored it, where there are any, and otherwise by the
    measures that need no labels; `None` where no image is held out for them.
    """
    source = run.source
    if _has_classes(source):
        return ()
    if run.monitored is not source:
        return (f"--dataset={run.config.run.monitor_dataset}",)
    if source.test is not None:
        return ("--measures=unlabeled",)
    return None if source.validation is None else ("--measures=unlabeled", "--split=validation")


def _has_classes(source: Source) -> bool:
    """Whether the images can be evaluated by their labels."""
    parts = (source.train, source.validation, source.test)
    labels = source.train.labels
    held_out = [part for part in parts[1:] if part is not None and part.labels is not None]  # the labeled one is taken
    if labels is None or not held_out:
        return False
    return len(np.unique(labels)) > 1
