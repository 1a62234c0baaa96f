"""Images per second of several augmentation implementations, measured side by side in one run.

    python benchmarks/augment.py --json=augment.json               # about twenty minutes on two CPU cores
    python benchmarks/augment.py --sizes 224 --batches 64          # large images only
    python benchmarks/augment.py --join one.json two.json          # one table from separate measurements

Each implementation takes batches of uint8 images and returns float32 views of the same size. `host` is a mapped
`tf.data` pipeline with one parallel call per core. `graph` and `XLA` call one `tf.function` batch after batch, without
and with `jit_compile`. The fused branches compile themselves, so XLA is used in all three modes. A memory copy (uint8
to float32, a lower bound for the cost of any view) is measured in the same modes. What XLA cannot compile has no `XLA`
row. torchvision processes image by image in a `DataLoader` with one worker process per core; `--peers_python` names the
interpreter of an environment that has it.
"""

import argparse
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmark_tools import Row, argument_parser, random_images, run_for_json, table, write_json

PARALLEL = os.cpu_count() or 1  # calls of a pipeline, or worker processes
MIN_BATCHES = 8  # per measurement; with fewer, batches that arrive together have too much influence
MODES = ("host", "graph", "XLA")
COMPARED = (  # pairs whose ratio is printed, at 32x32 and batch 256
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
    """Keras has no resized crop; translation and zoom replace it, as in its own contrastive examples."""

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
    """One image at a time, like most TensorFlow code for SimCLR."""
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


def rate(batches: Iterable[Any], batch: int, seconds: float, in_flight: int) -> float:
    """Returns images per second of an endless iterable of batches, of which `in_flight` may be prefetched.

    Prefetched batches are skipped first, because they would seem to take no time.
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
        images = tf.constant(random_images(batch, size))
    steps = tf.data.Dataset.counter()
    if name == IMAGE_BY_IMAGE:
        numbers = tf.data.Dataset.range(batch).repeat()
        views = numbers.map(lambda number: augment(images[number], None), num_parallel_calls=PARALLEL)
        return views.batch(batch).prefetch(1)
    if mode == "host":
        return steps.map(lambda step: augment(images, step), num_parallel_calls=PARALLEL).prefetch(1)
    call = tf.function(augment, jit_compile=mode == "XLA")

    def in_sequence() -> Iterable[Any]:
        for step in range(10**9):
            yield call(images, tf.constant(step, tf.int64))[0, 0, 0, 0].numpy()  # waits for the views

    return in_sequence()


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
    augment, images = v2.Compose(steps), torch.from_numpy(random_images(batch, size)).permute(0, 3, 1, 2).contiguous()

    class Views(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 10**8

        def __getitem__(self, index: int) -> Any:
            return augment(images[index % batch])

    return torch.utils.data.DataLoader(Views(), batch_size=batch, num_workers=PARALLEL)


def torchvision_rows(arguments: argparse.Namespace) -> list[Row]:
    rows = []
    for size, batch, (name, auxiliary) in itertools.product(arguments.sizes, arguments.batches, TORCHVISION.items()):
        batches = torchvision_batches(auxiliary, size, batch)
        images_per_second = rate(batches, batch, arguments.seconds, in_flight=2 * PARALLEL)
        rows.append(_row(name, "DataLoader", size, batch, images_per_second))
    return rows


def measure_torchvision(arguments: argparse.Namespace) -> list[Row]:
    """Returns rows from the interpreter that has torchvision, or none if it is not installed."""
    sizes, batches = [f"--sizes={n}" for n in arguments.sizes], [f"--batches={n}" for n in arguments.batches]
    seconds = f"--seconds={arguments.seconds}"
    try:
        return run_for_json([arguments.peers_python, __file__, "--torchvision", *sizes, *batches, seconds])
    except RuntimeError as error:
        if "No module named 'torch" not in str(error):
            raise
        print("torchvision is not installed and is left out; name its Python with --peers_python.", file=sys.stderr)
        return []


def measure_tensorflow(name: str, mode: str, size: int, batch: int, seconds: float) -> Row | None:
    """Returns a row, or `None` if XLA has no kernel for one of its operations."""
    import tensorflow as tf

    in_flight = PARALLEL + 1 if mode == "host" else 0
    try:
        images = rate(tensorflow_batches(name, mode, size, batch), batch, seconds, in_flight)
        return _row(name, mode, size, batch, images)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        if mode != "XLA":
            raise
        return None


def _row(name: str, mode: str, size: int, batch: int, images: float) -> Row:
    return {"implementation": name, "mode": mode, "size": size, "batch": batch, "images_per_second": round(images)}


def results_table(rows: list[Row]) -> str:
    """Returns a table with one row per implementation and mode, one column per size and batch."""
    cells = {(row["implementation"], row["mode"], row["size"], row["batch"]): row["images_per_second"] for row in rows}
    columns = sorted({(row["size"], row["batch"]) for row in rows})
    header = ["images per second", "mode", *(f"{size}×{size}, batch {batch}" for size, batch in columns)]

    def shown(value: int | None) -> str:
        return "–" if value is None else f"{value:,}".replace(",", " ")

    found = dict.fromkeys((row["implementation"], row["mode"]) for row in rows)
    lines = [(name, mode, *(shown(cells.get((name, mode, *column))) for column in columns)) for name, mode in found]
    return table(header, lines, text_columns=2)


def ratios(rows: list[Row]) -> str:
    """Returns speed ratios between fastest modes; next to the memory copy, `host` is excluded."""
    fastest: dict[tuple[str, bool], float] = {}  # by name, and whether `host` is excluded
    for row in rows:
        if (row["size"], row["batch"]) == (32, 256):
            for called in {False, row["mode"] != "host"}:
                key = row["implementation"], called
                fastest[key] = max(fastest.get(key, 0.0), row["images_per_second"])
    lines = []
    for one, other in COMPARED:
        called = other == "memory copy"
        if (one, called) in fastest and (other, called) in fastest:
            lines.append(f"{one} / {other}: {fastest[one, called] / fastest[other, called]:.2f}")
    return "\n".join(lines)


def joined(names: list[str]) -> list[Row]:
    """Returns the rows of several files; if a measurement occurs in two, the last one."""
    rows: dict[tuple[Any, ...], Row] = {}
    for name in names:
        with open(name, encoding="utf-8") as file:
            rows |= {(row["implementation"], row["mode"], row["size"], row["batch"]): row for row in json.load(file)}
    return list(rows.values())


def measure(arguments: argparse.Namespace) -> list[Row]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # otherwise each failed compilation is logged
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    rows: list[Row] = []
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
    parser.add_argument("--only", help="measure only implementations whose name contains this")
    parser.add_argument("--seconds", type=float, default=1.5, help="per measurement, and at least eight batches")
    parser.add_argument("--join", nargs="+", help="measure nothing; print the table of the rows in these files")
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torchvision")
    parser.add_argument("--torchvision", action="store_true", help="measure torchvision here, and print JSON")
    arguments = parser.parse_args()
    arguments.sizes, arguments.batches = arguments.sizes or [32, 224], arguments.batches or [64, 256]
    if arguments.torchvision:
        print(json.dumps(torchvision_rows(arguments)))
        return
    rows = joined(arguments.join) if arguments.join else measure(arguments)
    print(results_table(rows))
    print(f"\n{ratios(rows)}")
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
