"""The same contrastive training in this project, in a plain Keras loop with keras-cv's layers, and in PyTorch.

    python benchmarks/peers.py --peers_python=/path/to/python --json=peers.json    # about ten minutes on two CPU cores

The work: ResNet-18 with the stem for small images, 32x32 colour images, batches of 64 in two views, a projector of two
layers, NT-Xent, SGD with momentum. PyTorch takes torchvision's ResNet-18 and lightly's loss, transform and
`DataLoader` (a worker process a core); the Keras loop takes this project's network, keras-cv's layers in
`tf.data.Dataset.map`, and a `tf.function` as in Keras's own examples. Speed does not depend on what images show, so
they are random.

Every measurement runs in a process of its own. `step` is training on views that are in memory, `input` is drawing
views, `both` is training from images; images and encoder views a second. `start` is from the start of the process to
the end of the first step of `both`, `peak` that process's largest resident memory, with its workers. The last row is
this project with a third, auxiliary view: compare it by views.

`--peers_python` names the interpreter of an environment with torch, torchvision and lightly; without it, or where they
are not installed, their row is left out.
"""

import argparse
import functools
import importlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import psutil
from rows import argument_parser, write_json

BATCH = 64
SIDE = 32
IMAGES = 4096
TEMPERATURE = 0.5
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.03, 0.9, 5e-4
PROJECTOR_WIDTH, PROJECTOR_DIM = 512, 128
PARTS = ("step", "input", "both")

Step = Callable[[], Any]  # one batch


def random_images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES, SIDE, SIDE, 3), np.uint8)


class Ours:
    """This project, with its own defaults but for the settings of the work."""

    def __init__(self, aux: str, precision: str, encoder: str) -> None:
        import keras

        from aag_tf.config import AugmentConfig, EncoderConfig, LossConfig, OptimizerConfig, ScheduleConfig, TrainConfig
        from aag_tf.data.images import ArrayImages
        from aag_tf.training import build_model

        keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
        config = TrainConfig(
            augment=AugmentConfig(aux=aux),
            encoder=EncoderConfig(encoder=encoder),
            loss=LossConfig(temperature=TEMPERATURE, coupling=1.0),
            optimizer=OptimizerConfig("sgd", LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY),
            schedule=ScheduleConfig(global_batch_size=BATCH),
        )
        self.images = ArrayImages(random_images())
        self.model = build_model(config, (SIDE, SIDE, 3), total_steps=1000)
        self.model.make_train_function()

    def batches(self) -> Iterator[Any]:
        from aag_tf.data import training_batches

        return iter(training_batches(self.images, global_batch_size=BATCH, seed=0, start_step=0, num_steps=10**6))

    def _train(self, batches: Iterator[Any]) -> float:
        return float(self.model.train_function(batches)["loss"])

    def step(self) -> Step:
        import tensorflow as tf

        views = self.model.draw_views(next(self.batches()))
        in_memory = iter(tf.data.Dataset.from_tensors({"views": views}).repeat())
        return lambda: self._train(in_memory)

    def input(self) -> Step:
        import tensorflow as tf

        draw, batches = tf.function(self.model.draw_views), self.batches()
        return lambda: draw(next(batches)).numpy()

    def both(self) -> Step:
        batches = self.batches()
        return lambda: self._train(batches)


class PlainKeras:
    """What one writes from Keras's documentation: keras-cv's layers in `tf.data`, a compiled step."""

    def __init__(self, precision: str, encoder: str) -> None:
        import keras
        import tensorflow as tf

        from aag_tf.config import EncoderConfig, ProjectorConfig
        from aag_tf.trained import build_networks

        keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
        networks = build_networks(
            EncoderConfig(encoder=encoder),
            ProjectorConfig(projector_width=PROJECTOR_WIDTH, projector_dim=PROJECTOR_DIM),
            (SIDE, SIDE, 3),
        )
        model = keras.Sequential(networks)
        model.build((None, SIDE, SIDE, 3))
        optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        optimizer.build(model.trainable_variables)

        @tf.function
        def train(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                z = tf.math.l2_normalize(model(tf.concat([first, second], axis=0), training=True), axis=-1)
                logits = tf.matmul(z, z, transpose_b=True) / TEMPERATURE
                logits = tf.linalg.set_diag(logits, tf.fill([2 * BATCH], -1e9))
                labels = tf.roll(tf.range(2 * BATCH), BATCH, axis=0)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        self.train = train

    def batches(self) -> Iterator[Any]:
        import keras
        import keras_cv
        import tensorflow as tf

        layers = keras_cv.layers
        augment = keras.Sequential(
            [
                layers.RandomCropAndResize((SIDE, SIDE), crop_area_factor=(0.2, 1.0), aspect_ratio_factor=(0.75, 1.33)),
                layers.RandomFlip("horizontal"),
                layers.RandomApply(layers.RandomColorJitter((0, 255), 0.4, 0.4, (0.3, 0.7), 0.1), rate=0.8),
                layers.RandomApply(layers.Grayscale(3), rate=0.2),
            ]
        )
        images = tf.data.Dataset.from_tensor_slices(random_images()).shuffle(IMAGES).repeat().batch(BATCH)
        floats = images.map(lambda batch: tf.cast(batch, tf.float32))
        views = floats.map(
            lambda batch: (augment(batch, training=True), augment(batch, training=True)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return iter(views.prefetch(tf.data.AUTOTUNE))

    def step(self) -> Step:
        views = next(self.batches())
        return lambda: float(self.train(*views))

    def input(self) -> Step:
        batches = self.batches()
        return lambda: next(batches)

    def both(self) -> Step:
        batches = self.batches()
        return lambda: float(self.train(*next(batches)))


class TorchLightly:
    """PyTorch with lightly's transform and loss, as in lightly's own SimCLR example."""

    def __init__(self, precision: str, encoder: str) -> None:
        import torch
        import torchvision
        from lightly.loss import NTXentLoss

        backbone = torchvision.models.resnet18()
        backbone.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
        backbone.maxpool = torch.nn.Identity()
        backbone.fc = torch.nn.Sequential(
            torch.nn.Linear(512, PROJECTOR_WIDTH, bias=False),
            torch.nn.BatchNorm1d(PROJECTOR_WIDTH),
            torch.nn.ReLU(),
            torch.nn.Linear(PROJECTOR_WIDTH, PROJECTOR_DIM, bias=False),
        )
        self.model, self.loss = backbone.train(), NTXentLoss(temperature=TEMPERATURE)
        self.optimizer = torch.optim.SGD(backbone.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY)
        self.autocast = functools.partial(torch.autocast, "cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def _train(self, first: Any, second: Any) -> float:
        import torch

        with self.autocast():
            projections = self.model(torch.cat([first, second]))
        loss = self.loss(*projections.float().chunk(2))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def batches(self) -> Iterator[Any]:
        import torch
        import torchvision
        from lightly.transforms import SimCLRTransform

        transform = SimCLRTransform(input_size=SIDE, cj_strength=0.5, min_scale=0.2, gaussian_blur=0.0)
        to_picture = torchvision.transforms.ToPILImage()

        class Views(torch.utils.data.Dataset):
            def __init__(self) -> None:
                self.images = random_images()

            def __len__(self) -> int:
                return IMAGES

            def __getitem__(self, index: int) -> Any:
                return transform(to_picture(self.images[index]))

        loader = torch.utils.data.DataLoader(
            Views(), BATCH, shuffle=True, drop_last=True, num_workers=os.cpu_count() or 1, persistent_workers=True
        )
        return itertools.chain.from_iterable(itertools.repeat(loader))

    def step(self) -> Step:
        views = next(self.batches())
        return lambda: self._train(*views)

    def input(self) -> Step:
        batches = self.batches()
        return lambda: next(batches)

    def both(self) -> Step:
        batches = self.batches()
        return lambda: self._train(*next(batches))


class Implementation(NamedTuple):
    """How to make one, the modules it needs, and the views of an image."""

    make: Callable[[str, str], Any]
    needs: tuple[str, ...]
    views: int


IMPLEMENTATIONS = {
    "aag_tf": Implementation(lambda precision, encoder: Ours("none", precision, encoder), ("aag_tf",), 2),
    "plain Keras, keras-cv": Implementation(PlainKeras, ("keras_cv",), 2),
    "PyTorch, lightly": Implementation(TorchLightly, ("torchvision", "lightly"), 2),
    "aag_tf, three views": Implementation(
        lambda precision, encoder: Ours("default", precision, encoder), ("aag_tf",), 3
    ),
}
IN_PEERS_PYTHON = ("PyTorch, lightly",)


def measure(name: str, part: str, *, precision: str, encoder: str, seconds: float) -> dict[str, float] | None:
    """One figure, in this process; `None` where something is not installed."""
    implementation = IMPLEMENTATIONS[name]
    try:
        for module in implementation.needs:
            importlib.import_module(module)
    except ImportError:
        return None
    step = getattr(implementation.make(precision, encoder), part)()
    step()
    started = time.time() - psutil.Process().create_time()
    step()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < seconds:
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return {"images_per_second": BATCH * len(taken) / sum(taken), "start_seconds": started}


def measure_apart(name: str, part: str, python: str, options: list[str]) -> dict[str, float] | None:
    """One figure from a fresh process, with the peak memory of the process and of its workers."""
    with tempfile.TemporaryFile() as errors:
        command = [python, __file__, f"--measure={name}", f"--part={part}", *options]
        process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(process))
            time.sleep(0.1)
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{name} failed:\n{errors.read().decode()[-2000:]}")
    found = json.loads(lines[-1])
    return None if found is None else found | {"peak_mib": peak / 2**20}


def resident(process: psutil.Process) -> int:
    """Bytes that a process and its children hold, pages that they share counted once for each."""
    try:
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def markdown(rows: list[dict[str, Any]]) -> str:
    """A row an implementation; ratios to the first row."""
    first = rows[0]
    lines = [
        "| | step, images/s | input, images/s | both, images/s | both, views/s | ratio | peak, MiB | start, s |",
        "| --- |" + " ---: |" * 7,
    ]
    for row in rows:
        lines.append(
            f"| {row['implementation']} | {row['step']:.0f} | {row['input']:,.0f} | {row['both']:.0f} "
            f"| {row['both'] * row['views']:.0f} | {row['both'] * row['views'] / (first['both'] * first['views']):.2f} "
            f"| {row['peak_mib']:.0f} | {row['start_seconds']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch and lightly")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of all of them")
    parser.add_argument(
        "--encoder", default="resnet18", help="another one of this project, to try the script (no torch)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of a measurement, after two batches")
    parser.add_argument("--only", nargs="+", choices=IMPLEMENTATIONS, default=list(IMPLEMENTATIONS))
    parser.add_argument("--measure", choices=IMPLEMENTATIONS, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        settings = {"precision": given.precision, "encoder": given.encoder, "seconds": given.seconds}
        print(json.dumps(measure(given.measure, given.part, **settings)))
        return

    options = [f"--precision={given.precision}", f"--encoder={given.encoder}", f"--seconds={given.seconds}"]
    rows: list[dict[str, Any]] = []
    for name in given.only:
        python = given.peers_python if name in IN_PEERS_PYTHON else sys.executable
        row: dict[str, Any] = {"implementation": name, "views": IMPLEMENTATIONS[name].views, **vars_of(given)}
        for part in PARTS:
            found = measure_apart(name, part, python, options)
            if found is None:
                print(f"{name} is left out: it is not installed.", file=sys.stderr)
                break
            row[part] = found["images_per_second"]
            row |= {key: found[key] for key in ("peak_mib", "start_seconds")}  # of `both`, which comes last
            print(f"{name}, {part}: {found['images_per_second']:.1f} images/s", file=sys.stderr)
        else:
            rows.append(row)
    if not rows:
        raise SystemExit("nothing was measured.")
    print(markdown(rows))
    write_json(given.json, rows)


def vars_of(given: argparse.Namespace) -> dict[str, Any]:
    """The settings that a row keeps."""
    return {"precision": given.precision, "batch": BATCH, "seconds": given.seconds}


if __name__ == "__main__":
    main()
