"""Images a second that each way of augmenting gives, side by side in one run.

    python benchmarks/augment.py --json=augment.json               # about twenty minutes on two CPU cores
    python benchmarks/augment.py --sizes 224 --batches 64          # large images only
    python benchmarks/augment.py --join one.json two.json          # one table of what was measured apart

Each takes batches of uint8 images and gives float32 views of the same size. `host` is a mapped `tf.data` pipeline with
a call at once for each core; `graph` and `XLA` call one `tf.function` batch after batch, without and with
`jit_compile`. The fused branches compile themselves, so that XLA is inside of all three. A memory copy (uint8 to
float32, what no view can be cheaper than) goes through the same three. What XLA cannot compile has no line. torchvision
goes image by image in a `DataLoader` with a worker process a core; `--peers_python` names the interpreter of an
environment that has it.
"""

import argparse
import itertools
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from rows import argument_parser, write_json

AT_ONCE = os.cpu_count() or 1  # calls of a pipeline, or worker processes
MIN_BATCHES = 8  # of a measurement: with fewer, batches that come together count for too much
MODES = ("host", "graph", "XLA")
COMPARED = (  # what with what, at 32x32 and batch 256
    ("aag_tf main", "keras-cv main"),
    ("aag_tf main", "memory copy"),
    ("aag_tf auxiliary (default)", "keras-cv RandAugment"),
    ("aag_tf auxiliary (randaugment)", "keras-cv RandAugment"),
)

Augment = Callable[[Any, Any], Any]  # (uint8 images, step) to float32 views


def _copy(size: int, batch: int) -> Augment:
    import tensorflow as tf

    return lambda images, step: tf.cast(images, tf.float32)


def _branch(preset: str | None) -> Callable[[int, int], Augment]:
    def build(size: int, batch: int) -> Augment:
        import tensorflow as tf

        from aag_tf.augment import AuxiliaryBranch, MainBranch

        branch = MainBranch() if preset is None else AuxiliaryBranch(preset)
        return lambda images, step: branch.draw(images, seed=(1, 2), step=step, row=tf.range(batch))

    return build


def _keras_cv(auxiliary: bool) -> Callable[[int, int], Augment]:
    def build(size: int, batch: int) -> Augment:
        from aag_tf.augment.keras_cv_branch import KerasCVAuxiliaryBranch, KerasCVMainBranch

        settings: dict[str, Any] = {"size": (size, size)}
        branch = KerasCVAuxiliaryBranch("randaugment", **settings) if auxiliary else KerasCVMainBranch(**settings)
        return lambda images, step: branch.transform(images, None)

    return build


def _keras(auxiliary: bool) -> Callable[[int, int], Augment]:
    """Keras has no resized crop: translation and zoom stand in for it, as in its own contrastive examples."""

    def build(size: int, batch: int) -> Augment:
        import keras
        import tensorflow as tf

        layers = keras.layers
        steps = [
            layers.RandomTranslation(0.25, 0.25, fill_mode="reflect"),
            layers.RandomZoom((-0.5, 0.0), (-0.5, 0.0), fill_mode="reflect"),
            layers.RandomFlip("horizontal"),
            layers.RandomColorJitter((0, 255), 0.4, 0.4, 0.4, 0.1),
            layers.RandomGrayscale(0.2),
        ]
        if auxiliary:
            steps.append(layers.RandAugment((0, 255)))

        def augment(images: Any, step: Any) -> Any:
            views = tf.cast(images, tf.float32)
            for layer in steps:
                views = layer(views, training=True)
            return views

        return augment

    return build


def _tf_image(size: int, batch: int) -> Augment:
    """One image at a time, as most TensorFlow code for SimCLR has it."""
    import tensorflow as tf

    def one(image: Any) -> Any:
        box, extent, _ = tf.image.sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros([1, 0, 4]),
            area_range=(0.2, 1.0),
            aspect_ratio_range=(0.75, 4 / 3),
            min_object_covered=0.0,
            use_image_if_no_bounding_boxes=True,
        )
        view = tf.image.resize(tf.slice(image, box, extent), (size, size)) / 255.0
        view = tf.image.random_flip_left_right(view)
        if tf.random.uniform([]) < 0.8:
            view = tf.image.random_brightness(view, 0.4)
            view = tf.image.random_contrast(view, 0.6, 1.4)
            view = tf.image.random_saturation(view, 0.6, 1.4)
            view = tf.image.random_hue(view, 0.1)
        if tf.random.uniform([]) < 0.2:
            view = tf.tile(tf.image.rgb_to_grayscale(view), [1, 1, 3])
        return 255.0 * tf.clip_by_value(tf.reshape(view, [size, size, 3]), 0.0, 1.0)

    return lambda images, step: one(images)


TENSORFLOW: dict[str, Callable[[int, int], Augment]] = {
    "memory copy": _copy,
    "aag_tf main": _branch(None),
    "aag_tf auxiliary (default)": _branch("default"),
    "aag_tf auxiliary (cutout)": _branch("cutout"),
    "aag_tf auxiliary (geometric)": _branch("geometric"),
    "aag_tf auxiliary (randaugment)": _branch("randaugment"),
    "keras-cv main": _keras_cv(False),
    "keras-cv RandAugment": _keras_cv(True),
    "Keras layers, main": _keras(False),
    "Keras layers, RandAugment": _keras(True),
    "tf.image, image by image": _tf_image,
}
IMAGE_BY_IMAGE = "tf.image, image by image"
TORCHVISION = {"torchvision v2, main": False, "torchvision v2, RandAugment": True}


def pictures(size: int, batch: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), np.uint8)


def rate(batches: Iterable[Any], batch: int, seconds: float, in_flight: int) -> float:
    """Images a second of an endless iterable of batches, of which `in_flight` may be made ahead.

    Those are let through first: whatever made them, they would count as made in no time.
    """
    iterator = iter(batches)
    for _ in range(2 + in_flight):
        next(iterator)
    count, start = 0, time.perf_counter()
    while count < MIN_BATCHES or time.perf_counter() - start < seconds:
        next(iterator)
        count += 1
    return count * batch / (time.perf_counter() - start)


def tensorflow_batches(name: str, mode: str, size: int, batch: int) -> Iterable[Any]:
    import tensorflow as tf

    augment = TENSORFLOW[name](size, batch)
    with tf.device("CPU:0"):
        images = tf.constant(pictures(size, batch))
    steps = tf.data.Dataset.counter()
    if name == IMAGE_BY_IMAGE:
        numbers = tf.data.Dataset.range(batch).repeat()
        views = numbers.map(lambda number: augment(images[number], None), num_parallel_calls=AT_ONCE)
        return views.batch(batch).prefetch(1)
    if mode == "host":
        return steps.map(lambda step: augment(images, step), num_parallel_calls=AT_ONCE).prefetch(1)
    call = tf.function(augment, jit_compile=mode == "XLA")

    def one_after_another() -> Iterable[Any]:
        for step in range(10**9):
            yield call(images, tf.constant(step, tf.int64))[0, 0, 0, 0].numpy()  # waits for the views

    return one_after_another()


def torchvision_batches(auxiliary: bool, size: int, batch: int) -> Iterable[Any]:
    import torch
    from torchvision.transforms import v2

    steps = [
        v2.RandomResizedCrop(size, scale=(0.2, 1.0), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(0.2),
        *([v2.RandAugment(2)] if auxiliary else []),
        v2.ToDtype(torch.float32),
    ]
    augment, images = v2.Compose(steps), torch.from_numpy(pictures(size, batch)).permute(0, 3, 1, 2).contiguous()

    class Views(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 10**8

        def __getitem__(self, index: int) -> Any:
            return augment(images[index % batch])

    return torch.utils.data.DataLoader(Views(), batch_size=batch, num_workers=AT_ONCE)


def torchvision_rows(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    settings = itertools.product(arguments.sizes, arguments.batches, TORCHVISION.items())
    return [
        _row(
            name,
            "DataLoader",
            size,
            batch,
            rate(torchvision_batches(auxiliary, size, batch), batch, arguments.seconds, in_flight=2 * AT_ONCE),
        )
        for size, batch, (name, auxiliary) in settings
    ]


def measure_torchvision(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows from the interpreter that has torchvision; none where there is none."""
    settings = [f"--sizes={size}" for size in arguments.sizes], [f"--batches={batch}" for batch in arguments.batches]
    seconds = f"--seconds={arguments.seconds}"
    command = [arguments.peers_python, __file__, "--torchvision", *settings[0], *settings[1], seconds]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        if "No module named 'torch" in finished.stderr:
            print("torchvision is left out: it is not installed; name its Python by --peers_python.", file=sys.stderr)
            return []
        raise RuntimeError(f"torchvision failed:\n{finished.stderr[-2000:]}")
    return json.loads(finished.stdout.splitlines()[-1])


def measure_tensorflow(name: str, mode: str, size: int, batch: int, seconds: float) -> dict[str, Any] | None:
    """A row; `None` where XLA has no kernel for an operation of it."""
    import tensorflow as tf

    in_flight = AT_ONCE + 1 if mode == "host" else 0
    try:
        images = rate(tensorflow_batches(name, mode, size, batch), batch, seconds, in_flight)
        return _row(name, mode, size, batch, images)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        if mode != "XLA":
            raise
        return None


def _row(name: str, mode: str, size: int, batch: int, images: float) -> dict[str, Any]:
    return {"implementation": name, "mode": mode, "size": size, "batch": batch, "images_per_second": round(images)}


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table: a line for each implementation and mode, a column for each size and batch."""
    cells = {(row["implementation"], row["mode"], row["size"], row["batch"]): row["images_per_second"] for row in rows}
    columns = sorted({(row["size"], row["batch"]) for row in rows})
    heads = [f"{size}×{size}, batch {batch}" for size, batch in columns]
    lines = ["| images a second | mode | " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * len(columns)]
    for name, mode in dict.fromkeys((row["implementation"], row["mode"]) for row in rows):
        found = [cells.get((name, mode, *column)) for column in columns]
        text = " | ".join("–" if value is None else f"{value:,}".replace(",", " ") for value in found)
        lines.append(f"| {name} | {mode} | {text} |")
    return "\n".join(lines)


def ratios(rows: list[dict[str, Any]]) -> str:
    """How much faster the branches are, each in its fastest mode; beside the copy, of those that call in turn."""
    best: dict[tuple[str, bool], float] = {}
    for row in rows:
        if (row["size"], row["batch"]) == (32, 256):
            for in_turn in {False, row["mode"] != "host"}:
                key = row["implementation"], in_turn
                best[key] = max(best.get(key, 0.0), row["images_per_second"])
    pairs = [((one, other == "memory copy"), (other, other == "memory copy")) for one, other in COMPARED]
    lines = [
        f"{one[0]} / {other[0]}: {best[one] / best[other]:.2f}" for one, other in pairs if one in best and other in best
    ]
    return "\n".join(lines)


def joined(names: list[str]) -> list[dict[str, Any]]:
    """Rows of several files; of a measurement that is in two of them, the last."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for name in names:
        with open(name, encoding="utf-8") as file:
            rows |= {(row["implementation"], row["mode"], row["size"], row["batch"]): row for row in json.load(file)}
    return list(rows.values())


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # says of each compilation that fails what is in the table
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    rows: list[dict[str, Any]] = []
    wanted = [name for name in TENSORFLOW if not arguments.only or arguments.only in name]
    for size, batch, name in itertools.product(arguments.sizes, arguments.batches, wanted):
        for mode in MODES if name != IMAGE_BY_IMAGE else MODES[:1]:
            row = measure_tensorflow(name, mode, size, batch, arguments.seconds)
            if row is not None:
                rows.append(row)
                print(f"{name}, {mode}, {size}, {batch}: {row['images_per_second']}", file=sys.stderr)
    return rows if arguments.only else rows + measure_torchvision(arguments)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--sizes", type=int, action="extend", nargs="+", help="sides of the images (32 and 224)")
    parser.add_argument("--batches", type=int, action="extend", nargs="+", help="images in a batch (64 and 256)")
    parser.add_argument("--only", help="measure only what has this in its name")
    parser.add_argument("--seconds", type=float, default=1.5, help="of a measurement, and at least eight batches")
    parser.add_argument("--join", nargs="+", help="measure nothing: the table of the rows in these files")
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torchvision")
    parser.add_argument("--torchvision", action="store_true", help="measure torchvision here, and print JSON")
    arguments = parser.parse_args()
    arguments.sizes, arguments.batches = arguments.sizes or [32, 224], arguments.batches or [64, 256]
    if arguments.torchvision:
        print(json.dumps(torchvision_rows(arguments)))
        return
    rows = joined(arguments.join) if arguments.join else measure(arguments)
    print(table(rows))
    print(f"\n{ratios(rows)}")
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
