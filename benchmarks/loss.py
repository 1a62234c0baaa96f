"""Time and peak memory of GNT-Xent, forward and backward, compared with other implementations of the same loss.

    python benchmarks/loss.py --json=loss.json          # about six minutes on two CPU cores

Every implementation computes SimCLR's NT-Xent (two views, coupling 1) of the same projections in 128 dimensions and its
gradient; the losses must agree. Every measurement runs in its own process, and at each size these processes alternate.
Memory is the peak of a process minus its memory after loading libraries and projections. Peers that are not installed
are left out; `--peers_python` names the interpreter of another environment for those in PyTorch.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
from benchmark_tools import Row, argument_parser, peak_bytes, table, timed, write_json

DIM = 128
TEMPERATURE = 0.2
SIZES = (192, 768, 3072, 12288, 65536)
LARGEST_MATRIX = 12288  # projections whose similarity matrix is stored; that of the next size would take 16 GiB
ROUNDS = 5  # implementations alternate, so that disturbances of the machine affect all of them
ENOUGH = 60.0  # seconds of rounds per size, but at least two rounds
SECONDS = 0.4  # of repetitions per round, at least one; the fastest of all rounds counts

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


# Name: (factory of its step, the module it needs, the largest number of projections measured)
IMPLEMENTATIONS = {
    "dense": (_gnt_xent("dense"), "aag_tf", LARGEST_MATRIX),
    "streaming": (_gnt_xent("streaming"), "aag_tf", max(SIZES)),
    "plain TensorFlow": (_plain_tensorflow, "tensorflow", LARGEST_MATRIX),
    "lightly": (_lightly, "lightly.loss.ntx_ent_loss", LARGEST_MATRIX),
    # Compares every positive pair with every negative: 7 GiB and 12 s at 768, one allocation of 27 GiB at 3072.
    "pytorch-metric-learning": (_metric_learning, "pytorch_metric_learning", 192),
}
PYTORCH = ("lightly", "pytorch-metric-learning")


def measure(name: str, size: int) -> None:
    """Runs one round per line of standard input, and prints one JSON object at the end; needs its own process."""
    prepare, _, _ = IMPLEMENTATIONS[name]
    prepare(projections(192))()  # the first call loads thread pools and kernels
    step = prepare(projections(size))
    before = psutil.Process().memory_info().rss
    loss = step()
    print("ready", flush=True)
    best = float("inf")
    for _ in sys.stdin:
        seconds: list[float] = []
        while sum(seconds) < SECONDS:
            seconds.append(timed(step)[1])
        best = min(best, *seconds)
        print("done", flush=True)
    row = {
        "implementation": name,
        "projections": size,
        "milliseconds": round(1e3 * best, 2),
        "peak_mib": round(max(0, peak_bytes() - before) / 2**20, 1),
        "loss": loss,
    }
    print(json.dumps(row))


def is_installed(name: str) -> bool:
    try:
        importlib.import_module(IMPLEMENTATIONS[name][1])
    except ImportError:
        return False
    return True


class MeasuringProcess:
    """A measurement in a fresh process, one round at a time.

    Args:
        name: name of the implementation.
        size: number of projections.
        python: interpreter that runs it.
    """

    def __init__(self, name: str, size: int, python: str) -> None:
        self.name = name
        command = [python, __file__, f"--measure={name}", f"--size={size}"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.installed = self._answer() == "ready"

    def run_round(self) -> None:
        """Runs one round."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self._answer()

    def row(self) -> Row:
        """Ends the process and returns what it measured."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return json.loads(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            assert self.process.stderr is not None
            raise RuntimeError(f"{self.name} failed:\n{self.process.stderr.read()[-2000:]}")
        return line


def measure_side_by_side(size: int, peers_python: str) -> list[Row]:
    """Returns the rows of all installed implementations that can process this size."""
    names = [name for name, (_, _, largest) in IMPLEMENTATIONS.items() if size <= largest]
    processes = [MeasuringProcess(name, size, peers_python if name in PYTORCH else sys.executable) for name in names]
    installed = [one for one in processes if one.installed]
    began = time.monotonic()
    for done in range(ROUNDS):
        if done < 2 or time.monotonic() - began < ENOUGH:
            for one in installed:
                one.run_round()
    return [one.row() for one in installed]


def results_table(rows: list[Row]) -> str:
    """Returns a table with one row per size and a column of `time / memory` per implementation."""
    names = [name for name in IMPLEMENTATIONS if any(row["implementation"] == name for row in rows)]
    cells = {
        (row["implementation"], row["projections"]): f"{row['milliseconds']:.1f} ms / {row['peak_mib']:.0f} MiB"
        for row in rows
    }
    sizes = sorted({row["projections"] for row in rows})
    lines = [(size, *(cells.get((name, size), "–") for name in names)) for size in sizes]
    return table(["projections", *names], lines, text_columns=0)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of projections, even")
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has the PyTorch peers")
    parser.add_argument("--measure", choices=IMPLEMENTATIONS, help="measure this one here, and print one JSON object")
    parser.add_argument("--size", type=int, default=192, help="number of projections, with --measure")
    arguments = parser.parse_args()
    if arguments.measure:
        if is_installed(arguments.measure):
            measure(arguments.measure, arguments.size)
        else:
            print("absent")
        return

    rows: list[Row] = []
    for size in arguments.sizes:
        found = measure_side_by_side(size, arguments.peers_python)
        for row in found:
            name, milliseconds, peak = row["implementation"], row["milliseconds"], row["peak_mib"]
            print(f"{name}, {size}: {milliseconds} ms, {peak} MiB", file=sys.stderr)
        losses = [row["loss"] for row in found]
        if max(losses) - min(losses) > 1e-4 * max(losses):
            raise RuntimeError(f"the implementations disagree at {size} projections: {losses}")
        rows += found
    print(results_table(rows))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
