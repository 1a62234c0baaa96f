"""Tells what a run computes with, and says where a resumed one computes with something else."""

import os
from collections import Counter

import tensorflow as tf

from aag_tf.runs import RunRecord
from aag_tf.runs.arithmetic import THREADS, Arithmetic
from aag_tf.utils import environment
from aag_tf.utils.cpu import bound_cores, cpu_name
from aag_tf.utils.log import logger
from aag_tf.utils.text import counted

KERAS_CV = "keras_cv"


def arithmetic_of(strategy: tf.distribute.Strategy) -> Arithmetic:
    """Returns what a run under a strategy is computed with on this machine."""
    return Arithmetic(
        devices=_devices(strategy),
        processor=cpu_name(),
        threads=_threads(),
        onednn=environment.onednn_is_on(),
        tensorflow=tf.__version__,
    )


def say_if_not_repeated(now: RunRecord, before: RunRecord) -> None:
    """Says in a line why a resumed run will not end with the very weights of an uninterrupted one, if it will not."""
    by_flag = now.config.augment.augment_impl == KERAS_CV
    if by_flag or KERAS_CV in str(now.auxiliary):
        logger.warning(
            "%s by random numbers of its own, which no checkpoint holds, so that the run will not end with the weights "
            "of an uninterrupted one%s.",
            f"--augment_impl={KERAS_CV} draws views" if by_flag else "a layer of keras-cv draws auxiliary views",
            "; a new run with --augment_impl=fused would" if by_flag else "",
        )
    if now.arithmetic is None or before.arithmetic is None:  # earlier versions recorded none
        return
    if changes := now.arithmetic.changes_since(before.arithmetic):
        threads = before.arithmetic.threads
        advice = f"; {THREADS}={threads} keeps {counted(threads, 'thread')}"
        logger.warning(
            "the run goes on with %s; its weights will differ from those of an uninterrupted one by rounding%s.",
            ", ".join(changes),
            advice if now.arithmetic.threads != threads else "",
        )


def _threads() -> int:
    """The threads that TensorFlow divides an operation among, by its own rules."""
    written = os.environ.get(THREADS, "")
    given = int(written) if written.isdecimal() else 0
    return tf.config.threading.get_intra_op_parallelism_threads() or given or bound_cores()


def _devices(strategy: tf.distribute.Strategy) -> list[str]:
    """The number of devices of each name, such as `2 NVIDIA H200` or `1 CPU`."""
    used = strategy.extended.worker_devices
    gpus = tf.config.list_physical_devices("GPU") if any("GPU" in device for device in used) else []
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    counts = Counter(names[: len(used)] if gpus else ["CPU"] * len(used))
    return [f"{count} {name}" for name, count in sorted(counts.items())]
