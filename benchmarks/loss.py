"""Time and peak memory of GNT-Xent, forward and backward, beside other implementations of the same loss.

    python benchmarks/loss.py --json=loss.json          # about ten minutes on two CPU cores

Every implementation computes SimCLR's NT-Xent (two views, coupling 1) of the same projections in 128 dimensions and
its gradient; the losses must agree. Every measurement runs in a process of its own. Memory is the process's peak less
what it held when libraries and projections were loaded. Peers that are not installed are left out; `--peers_python`
names the interpreter of another environment for those in PyTorch.
"""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil

DIM = 128
TEMPERATURE = 0.2
SIZES = (192, 768, 3072, 12288, 65536)
LARGEST_MATRIX = 12288  # rows of a similarity matrix that is kept: the next size alone would fill 16 GiB
SECONDS = 2.0  # of repetitions a measurement; the best one counts, and there are at least two

Step = Callable[[], float]


def projections(size: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(size // 2, 2, DIM)).astype(np.float32)


def _tensorflow_step(loss: Callable[[Any], Any], x: np.ndarray) -> Step:
    import tensorflow as tf

    @tf.function
    def step(views: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(views)
            value = loss(views)
        return value, tape.gradient(value, views)

    views = tf.constant(x)
    step.get_concrete_function(views)
    return lambda: float(step(views)[0])


def _gnt_xent(form: str) -> Callable[[np.ndarray], Step]:
    def prepare(x: np.ndarray) -> Step:
        from aag_tf.losses import gnt_xent

        return _tensorflow_step(lambda v: gnt_xent(v, temperature=TEMPERATURE, coupling=1.0, form=form), x)

    return prepare


def _plain_tensorflow(x: np.ndarray) -> Step:
    import tensorflow as tf

    def nt_xent(views: tf.Tensor) -> tf.Tensor:
        z = tf.math.l2_normalize(tf.concat([views[:, 0], views[:, 1]], axis=0), axis=-1)
        size = tf.shape(z)[0]
        logits = tf.linalg.set_diag(tf.matmul(z, z, transpose_b=True) / TEMPERATURE, tf.fill([size], -1e9))
        labels = tf.roll(tf.range(size), size // 2, axis=0)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    return _tensorflow_step(nt_xent, x)


def _torch_step(loss: Callable[[Any], Any], x: np.ndarray) -> Step:
    import torch

    views = torch.from_numpy(x).requires_grad_()

    def step() -> float:
        value = loss(views)
        torch.autograd.grad(value, views)
        return float(value.detach())

    return step


def _lightly(x: np.ndarray) -> Step:
    from lightly.loss.ntx_ent_loss import NTXentLoss

    loss = NTXentLoss(temperature=TEMPERATURE)
    return _torch_step(lambda v: loss(v[:, 0], v[:, 1]), x)


def _metric_learning(x: np.ndarray) -> Step:
    import torch
    from pytorch_metric_learning.losses import NTXentLoss

    loss, labels = NTXentLoss(temperature=TEMPERATURE), torch.arange(len(x)).repeat_interleave(2)
    return _torch_step(lambda v: loss(v.reshape(-1, DIM), labels), x)


# Name: (what it prepares, the module it needs, the most projections it is given)
IMPLEMENTATIONS = {
    "dense": (_gnt_xent("dense"), "aag_tf", LARGEST_MATRIX),
    "streaming": (_gnt_xent("streaming"), "aag_tf", max(SIZES)),
    "plain TensorFlow": (_plain_tensorflow, "tensorflow", LARGEST_MATRIX),
    "lightly": (_lightly, "lightly.loss.ntx_ent_loss", LARGEST_MATRIX),
    # It compares every positive pair with every negative: 7 GiB at 768, and 27 GiB in one piece at 3072.
    "pytorch-metric-learning": (_metric_learning, "pytorch_metric_learning", 768),
}
PYTORCH = ("lightly", "pytorch-metric-learning")


def measure(name: str, size: int) -> dict[str, Any]:
    """One row, in this process."""
    prepare, _, _ = IMPLEMENTATIONS[name]
    prepare(projections(192))()  # thread pools and kernels are loaded by the first call
    step = prepare(projections(size))
    before = psutil.Process().memory_info().rss
    seconds: list[float] = []
    loss = 0.0
    while len(seconds) < 2 or (sum(seconds) < SECONDS and len(seconds) < 200):
        start = time.perf_counter()
        loss = step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    return {
        "implementation": name,
        "projections": size,
        "milliseconds": round(1e3 * min(seconds), 2),
        "peak_mib": round(max(0, peak - before) / 2**20, 1),
        "loss": loss,
    }


def is_installed(name: str) -> bool:
    try:
        importlib.import_module(IMPLEMENTATIONS[name][1])
    except ImportError:
        return False
    return True


def measure_apart(name: str, size: int, python: str) -> dict[str, Any] | None:
    """One row from a fresh process; `None` where the implementation is not installed."""
    command = [python, __file__, f"--measure={name}", f"--size={size}"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise RuntimeError(f"{name} with {size} projections failed:\n{finished.stderr[-2000:]}")
    return json.loads(finished.stdout.splitlines()[-1])


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table: a line for each size, a column of `time / memory` for each implementation."""
    names = [name for name in IMPLEMENTATIONS if any(row["implementation"] == name for row in rows)]
    cells = {
        (row["implementation"], row["projections"]): f"{row['milliseconds']:.1f} ms / {row['peak_mib']:.0f} MiB"
        for row in rows
    }
    lines = ["| projections | " + " | ".join(names) + " |", "| ---: |" + " ---: |" * len(names)]
    for size in sorted({row["projections"] for row in rows}):
        lines.append(f"| {size} | " + " | ".join(cells.get((name, size), "–") for name in names) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="file to write the rows to")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="even numbers of projections")
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has the PyTorch peers")
    parser.add_argument("--measure", choices=IMPLEMENTATIONS, help="measure this one here, and print one JSON object")
    parser.add_argument("--size", type=int, default=192, help="projections, with --measure")
    arguments = parser.parse_args()
    if arguments.measure:
        installed = is_installed(arguments.measure)
        print(json.dumps(measure(arguments.measure, arguments.size) if installed else None))
        return

    rows: list[dict[str, Any]] = []
    for size in arguments.sizes:
        for name, (_, _, largest) in IMPLEMENTATIONS.items():
            if size > largest:
                continue
            row = measure_apart(name, size, arguments.peers_python if name in PYTORCH else sys.executable)
            if row is not None:
                rows.append(row)
                print(f"{name}, {size}: {row['milliseconds']} ms, {row['peak_mib']} MiB", file=sys.stderr)
        losses = [row["loss"] for row in rows if row["projections"] == size]
        if max(losses) - min(losses) > 1e-4 * max(losses):
            raise RuntimeError(f"the implementations disagree at {size} projections: {losses}")
    print(table(rows))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
