"""What collectives between processes cost on loopback; a worker of `scale_check.py`.

Prints, from the first worker, `reduce_ms` and `gather_ms` of the smallest messages, and `bytes_per_second` that a
worker sends in large ones. Collectives wait for each other, as in a step.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from benchmark_tools import Row
from scale_traffic import reduce_bytes

IN_A_ROW, TIMES = 10, 15
SMALL, LARGE = 16, 2_000_000  # floats


def main() -> None:
    """Measures as one of several workers."""
    workers = json.loads(Path(sys.argv[1]).read_text())["workers"]
    strategy = tf.distribute.MultiWorkerMirroredStrategy()

    def reduced(value: tf.Tensor) -> Any:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)

    def gathered(value: tf.Tensor) -> Any:
        everything = tf.distribute.get_replica_context().all_gather(value, axis=0)
        return value + 0.0 * tf.reduce_sum(everything)

    row: Row = {
        "workers": workers,
        # A gather of the package is two collectives, the first of which exchanges shapes.
        "reduce_ms": 1000 * seconds_of(strategy, reduced, SMALL, IN_A_ROW),
        "gather_ms": 1000 * seconds_of(strategy, gathered, SMALL, IN_A_ROW) / 2,
    }
    seconds = seconds_of(strategy, reduced, LARGE, 2)
    row["bytes_per_second"] = reduce_bytes(LARGE, workers) / (seconds - row["reduce_ms"] / 1000)
    print(json.dumps(row))


def seconds_of(
    strategy: tf.distribute.Strategy, collective: Callable[[tf.Tensor], Any], floats: int, in_a_row: int
) -> float:
    """Median seconds of a collective of so many floats of each worker."""

    @tf.function
    def step() -> Any:
        def chain() -> Any:
            value = tf.zeros([floats])
            for _ in range(in_a_row):
                value = collective(value)
            return value

        return strategy.run(chain)

    step()
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[TIMES // 2] / in_a_row


if __name__ == "__main__":
    main()
