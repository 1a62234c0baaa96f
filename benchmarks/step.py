"""Overhead of a training step over the encoder: views, projector, loss, statistics, optimizer, callbacks, files.

    python benchmarks/step.py --json=step.json            # about four minutes on two CPU cores

A real run (`aag_tf.train`) with logging, TensorBoard and checkpoints. After each step, the same encoder runs forward
and backward once over the same views, without anything else. Both alternate in one process, so that other load on the
machine affects both alike. The first steps, which trace and compile, are excluded. Checkpoints are saved far more often
than usual, to time several of them; the time of one is spread over an epoch of `--epoch_steps`.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from benchmark_tools import Row, argument_parser, random_images, table, write_json

from aag_tf import AAG, train
from aag_tf.config import DataConfig, EncoderConfig, RunConfig, ScheduleConfig, TrainConfig
from aag_tf.encoders import build_encoder

WARM_UP = 2  # steps


class BareSteps(keras.callbacks.Callback):
    """Runs a bare step after each step of a run; must be the last callback."""

    def __init__(self, config: TrainConfig, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.config = config
        self.image_shape = image_shape
        self.seconds: dict[str, list[float]] = {"bare": [], "step": [], "views": [], "callbacks": [], "checkpoint": []}
        self._began = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.encoder = build_encoder(self.config.encoder, self.image_shape)  # here, under the run's dtype policy
        jit_compile = self.model.jit_compile
        batch = self.config.schedule.global_batch_size
        images = tf.constant(random_images(batch, self.encoder.input_shape[1]))
        self.batch = {"image": images, "step": tf.fill([batch], tf.constant(0, tf.int64))}
        self.batch["row"] = tf.range(batch)
        self.draw = tf.function(self.model.draw_views, jit_compile=jit_compile)
        views = self.draw(self.batch)
        self.inputs = tf.reshape(views, [-1, *views.shape[2:]])
        upstream = tf.random.stateless_normal([len(self.inputs), self.encoder.output_shape[-1]], [1, 2])

        @tf.function(jit_compile=jit_compile)
        def forward_and_backward() -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                embeddings = self.encoder(self.inputs, training=True)
            return tape.gradient(embeddings, self.encoder.trainable_variables, output_gradients=upstream)

        self.bare = forward_and_backward
        self._time(lambda: self.bare()[0])

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        whole, callbacks = now - self._began, now - self.model.step_ended  # of the other callbacks, including files
        if batch < WARM_UP:
            return
        if (batch + 1) % self.config.run.checkpoint_every_steps == 0:
            self.seconds["checkpoint"].append(callbacks)
            return
        self.seconds["step"].append(whole)
        self.seconds["callbacks"].append(callbacks)
        self.seconds["bare"].append(self._time(lambda: self.bare()[0]))
        self.seconds["views"].append(self._time(lambda: self.draw(self.batch)))

    @staticmethod
    def _time(run: Any) -> float:
        began = time.perf_counter()
        float(tf.reduce_sum(run()))  # waits for the device
        return time.perf_counter() - began


class StepEnded(keras.callbacks.Callback):
    """Records when a step has ended; must be the first callback."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.step_ended = time.perf_counter()


def measure(arguments: argparse.Namespace, directory: Path) -> list[Row]:
    shape = (arguments.image_size, arguments.image_size, 3)
    images = random_images(4 * arguments.batch, arguments.image_size)
    np.savez(directory / "images.npz", images=images)
    config = TrainConfig(
        data=DataConfig(dataset=f"npz:{directory / 'images.npz'}"),
        encoder=EncoderConfig(encoder=arguments.encoder),
        schedule=ScheduleConfig(
            train_steps=arguments.steps + WARM_UP, global_batch_size=arguments.batch, precision=arguments.precision
        ),
        run=RunConfig(
            run_dir=str(directory / "run"),
            log_every_steps=arguments.log_every_steps,
            checkpoint_every_steps=arguments.checkpoint_every_steps,
        ),
    )
    fit, bare_steps = AAG.fit, BareSteps(config, shape)

    def with_bare_steps(model: AAG, *args: Any, callbacks: list[keras.callbacks.Callback], **kwargs: Any) -> Any:
        return fit(model, *args, callbacks=[StepEnded(), *callbacks, bare_steps], **kwargs)

    with mock.patch.object(AAG, "fit", with_bare_steps):
        train(config)
    return summary(bare_steps.seconds, arguments.epoch_steps)


def summary(seconds: dict[str, list[float]], epoch_steps: int) -> list[Row]:
    """Returns one row per part, in milliseconds per step and relative to the bare encoder; the overhead is last."""
    mean = {name: statistics.fmean(values) for name, values in seconds.items()}
    mean["checkpoint"] /= epoch_steps
    ratios = [step / bare - 1 for step, bare in zip(seconds["step"], seconds["bare"], strict=True)]
    names = {
        "bare": "encoder, forward and backward",
        "step": "a step of a run, everything except checkpoints",
        "views": "included: drawing the views",
        "callbacks": "included: log, events, progress",
        "checkpoint": f"in addition: a checkpoint every {epoch_steps} steps",
    }
    rows: list[Row] = [
        {"what": what, "milliseconds": round(1000 * mean[name], 1), "ratio": round(mean[name] / mean["bare"], 4)}
        for name, what in names.items()
    ]
    overhead = (mean["step"] + mean["checkpoint"]) / mean["bare"] - 1
    spread = statistics.stdev(ratios) / len(ratios) ** 0.5
    return [*rows, {"what": "overhead", "ratio": round(overhead, 4), "standard_error": round(spread, 4)}]


def results_table(rows: list[Row]) -> str:
    *parts, overhead = rows
    cells = [(row["what"], row["milliseconds"], f"{row['ratio']:.1%}") for row in parts]
    cells.append(("overhead", "", f"**{overhead['ratio']:+.1%}** ± {overhead['standard_error']:.1%}"))
    return table(["what", "ms per step", "relative to the bare encoder"], cells)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="timed steps")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--log_every_steps", type=int, default=10, help="five times as often as by default")
    parser.add_argument("--checkpoint_every_steps", type=int, default=10, help="often enough to time several")
    parser.add_argument("--epoch_steps", type=int, default=703, help="steps between two checkpoints; 703 in CIFAR-10")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        rows = measure(arguments, Path(directory))
    print(results_table(rows))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
