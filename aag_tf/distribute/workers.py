"""What the machines of a cluster tell each other beside gradients: settings, restored weights, a wish to stop."""

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from aag_tf.config import Cluster
from aag_tf.utils.errors import ConfigError, WorkerLostError

# What TensorFlow raises in a process whose peer has gone.
PEER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


def broadcast_from_chief(strategy: tf.distribute.Strategy, variables: Sequence[Any]) -> None:
    """Gives every worker the chief's values, bit by bit, so that only the chief needs to read a checkpoint."""
    values = [tf.convert_to_tensor(variable) for variable in variables]

    def share() -> list[tf.Tensor]:
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group, 0)
        offers = [tf.where(is_first, value, tf.zeros_like(value)) for value in map(_reducible, values)]
        # One at a time: a list must be of one type, and step counters are integers.
        return [context.all_reduce(tf.distribute.ReduceOp.SUM, offer) for offer in offers]

    for variable, value, shared in zip(variables, values, _run(strategy, share), strict=True):
        variable.assign(tf.cast(shared, value.dtype))


def check_same_settings(strategy: tf.distribute.Strategy, cluster: Cluster, settings: str) -> None:
    """Compares the workers' settings before the first step.

    Raises:
        ConfigError: this worker or another was started with other settings than the chief.
    """
    digest = int.from_bytes(hashlib.sha256(settings.encode()).digest()[:4]) // 2

    def gather() -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(tf.constant([digest], tf.int64), axis=0)

    digests = _run(strategy, gather).numpy()
    per_worker = digests.reshape(len(cluster.workers), -1)[:, 0]
    others = [index for index, found in enumerate(per_worker) if found != per_worker[0]]
    if others:
        raise ConfigError(
            f"worker {others[0]} was started with other flags or other images than worker 0 (the chief); start every "
            "worker with the same command."
        )


def agreement(strategy: tf.distribute.Strategy) -> Callable[[bool], bool]:
    """A function that every worker calls at the same step, and that is true on all where one of them passes true."""

    @tf.function(autograph=False)
    def votes(wish: tf.Tensor) -> Any:
        def count() -> tf.Tensor:
            here = tf.identity(wish)  # an argument lies on no device, and is refused
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)

        return strategy.run(count)

    def agree(wish: bool) -> bool:
        return bool(strategy.experimental_local_results(votes(tf.constant(float(wish))))[0] > 0)

    return agree


def per_worker_batches(
    strategy: tf.distribute.Strategy, cluster: Cluster, read: Callable[..., tf.data.Dataset]
) -> tf.distribute.DistributedDataset:
    """Batches of which every worker reads its own rows only.

    Args:
        strategy: over the machines of the cluster.
        cluster: those machines.
        read: `aag_tf.data.training_batches`, with everything but `part`.
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
    """Says who waits for whom, since a cluster starts only once all of its machines are there."""
    print(
        f"aag-train: worker {cluster.index} of {len(cluster.workers)} at {cluster.workers[cluster.index]} waits for "
        "the others to start.",
        file=sys.stderr,
        flush=True,
    )


@contextlib.contextmanager
def report_lost_workers(cluster: Cluster | None) -> Iterator[None]:
    """Turns what TensorFlow raises for a lost peer into one sentence.

    Raises:
        WorkerLostError: another worker ended, or cannot be reached, while this one needed it.
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
    """Collectives take floats and int64; 16 bits of a float and 32 of an integer survive the way there and back."""
    if value.dtype.is_floating:
        return value if value.dtype == tf.float64 else tf.cast(value, tf.float32)
    return tf.cast(value, tf.int64)
