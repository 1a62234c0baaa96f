"""Communication between the machines of a cluster beside gradients: settings, restored weights, requests to stop."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from aag_tf.config import Cluster
from aag_tf.utils import terminal
from aag_tf.utils.errors import ConfigError, WorkerLostError

# Errors that TensorFlow raises in a process that has lost another worker.
PEER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


def broadcast_from_chief(strategy: tf.distribute.Strategy, variables: Sequence[Any]) -> None:
    """Sets the variables of all workers to the chief's exact values, so that only the chief reads a checkpoint."""
    values = [tf.convert_to_tensor(variable) for variable in variables]

    def share() -> list[tf.Tensor]:
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group, 0)
        offers = [tf.where(is_first, value, tf.zeros_like(value)) for value in map(_reducible, values)]
        # One at a time: a list must have one dtype, and step counters are integers.
        return [context.all_reduce(tf.distribute.ReduceOp.SUM, offer) for offer in offers]

    for variable, value, shared in zip(variables, values, _run(strategy, share), strict=True):
        variable.assign(tf.cast(shared, value.dtype))


def check_same_settings(strategy: tf.distribute.Strategy, cluster: Cluster, settings: str) -> None:
    """Checks before the first step that all workers have the chief's settings.

    Raises:
        ConfigError: this worker or another one has other settings.
    """
    digest = int.from_bytes(hashlib.sha256(settings.encode()).digest()[:4]) // 2

    per_worker = gather_from_workers(strategy, cluster, np.array([digest]))[:, 0]
    others = [index for index, found in enumerate(per_worker) if found != per_worker[0]]
    if others:
        raise ConfigError(
            f"worker {others[0]} was started with other flags or other images than worker 0 (the chief), or its "
            "hardware chose another precision; start every worker with the same command, and with the same --precision."
        )


def gather_from_workers(
    strategy: tf.distribute.Strategy, cluster: Cluster, values: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Returns what each worker passes, int64 [n] of one length, on all of them: int64 [workers, n]."""

    def gather() -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(tf.constant(values[np.newaxis], tf.int64), axis=0)

    # Every replica of a worker has passed the same.
    return _run(strategy, gather).numpy().reshape(len(cluster.workers), -1, len(values))[:, 0]


def agreement(strategy: tf.distribute.Strategy) -> Callable[[bool], bool]:
    """Returns a function that all workers call at the same step: true on all of them if one of them passes true."""

    @tf.function(autograph=False)
    def count_votes(vote: tf.Tensor) -> Any:
        def count() -> tf.Tensor:
            here = tf.identity(vote)  # all_reduce refuses a function's argument, which is on no device
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)

        return strategy.run(count)

    def agree(vote: bool) -> bool:
        return bool(strategy.experimental_local_results(count_votes(tf.constant(float(vote))))[0] > 0)

    return agree


def per_worker_batches(
    strategy: tf.distribute.Strategy, cluster: Cluster, read: Callable[..., tf.data.Dataset]
) -> tf.distribute.DistributedDataset:
    """Returns batches of which every worker reads only its own rows.

    Args:
        strategy: strategy over the machines of the cluster.
        cluster: the machines.
        read: `aag_tf.data.training_batches` with all arguments but `part` bound.
    """

    def own_rows(context: tf.distribute.InputContext) -> tf.data.Dataset:
        batches = read(part=(cluster.index, len(cluster.workers)))
        local_replicas = context.num_replicas_in_sync // len(cluster.workers)
        if local_replicas == 1:
            return batches
        rows = batches.element_spec["row"].shape[0]
        return batches.rebatch(rows // local_replicas, drop_remainder=True)

    return strategy.distribute_datasets_from_function(own_rows)


def announce(cluster: Cluster) -> None:
    """Prints that this worker waits for the others, because a cluster starts only when all machines are there."""
    terminal.write(
        f"aag-train: worker {cluster.index} of {len(cluster.workers)} at {cluster.workers[cluster.index]} waits for "
        "the others to start."
    )


@contextlib.contextmanager
def report_lost_workers(cluster: Cluster | None) -> Iterator[None]:
    """Converts TensorFlow's errors for a lost worker to `WorkerLostError`.

    Raises:
        WorkerLostError: another worker has ended or cannot be reached.
    """
    try:
        yield
    except PEER_ERRORS as error:
        if cluster is None:
            raise
        raise WorkerLostError(
            f"worker {cluster.index} of {len(cluster.workers)} has lost another worker and stops ({_reason(error)}); "
            "look at the other workers' messages, then start all of them again with --resume."
        ) from error


def _reason(error: tf.errors.OpError) -> str:
    first, *_ = str(error.message).strip().splitlines() or [type(error).__name__]
    return f"TensorFlow: {first[:200]}"


def _run(strategy: tf.distribute.Strategy, function: Callable[[], Any]) -> Any:
    results = tf.function(lambda: strategy.run(function), autograph=False)()
    return tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], results)


def _reducible(value: tf.Tensor) -> tf.Tensor:
    """Casts to a dtype that collectives accept and from which the value can be cast back exactly."""
    if value.dtype.is_floating:
        return value if value.dtype == tf.float64 else tf.cast(value, tf.float32)
    return tf.cast(value, tf.int64)
