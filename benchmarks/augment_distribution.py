"""Compares the distribution of views of the fused branches with that of keras-cv's, on real images.

    python benchmarks/augment_distribution.py --json=distribution.json      # about four minutes on two CPU cores

Geometry is measured on images whose pixel values encode their coordinates, color on the training images of a data set
(CIFAR-10), hue on pure colors. The additional operations of auxiliary branches are measured at the center of their
views, or by the gray area of their cutout. keras-cv's RandAugment has different operations, so its row has no
tolerance. Distributions are compared by Kolmogorov's distance, the largest difference between two distribution
functions (0 to 1), rates by their difference, histograms by the earth mover's distance in gray levels. A second
measurement of keras-cv with another seed shows which part of a distance is due to chance.
"""

import logging
import sys
from typing import Any, NamedTuple

import augment_measurements as measurements
import numpy as np
from augment_measurements import distance
from benchmark_tools import argument_parser, table, write_json

from aag_tf.augment.photometric import GRAY
from aag_tf.augment.presets import PRESETS

BATCH = 500
GEOMETRY = {"color_strength": 0.0, "grayscale_probability": 0.0}
# Tolerances. Quantities with the same distribution by design differ by more less than once in a thousand times with 8
# 000 views.
SAME = 0.03
# Different by design: one matrix instead of HSV with clipping after every step. Pure colors leave the color cube at
# once and are clipped back, so their hue rotates less than that of photographs.
COLOR, PURE, LEVELS = 0.06, 0.15, 3.0
# One warp of the image, whereas keras-cv resamples the crop once per operation and mirrors at its border.
WARP = 0.06


class Row(NamedTuple):
    quantity: str
    fused: float
    keras_cv: float
    distance: float
    chance: float
    tolerance: float | None  # None if the two differ by design


class Sample(NamedTuple):
    crops: measurements.Crops
    centers: measurements.Centers
    colors: measurements.Colors
    turns: dict[str, np.ndarray]
    covered: np.ndarray


def draw(branch: Any, images: np.ndarray, seed: int) -> np.ndarray:
    import tensorflow as tf

    call = tf.function(lambda part, key: branch(part, seed=key))
    starts = range(0, len(images), BATCH)
    return np.concatenate([call(images[i : i + BATCH], tf.constant([seed, i])).numpy() for i in starts])


def sample(branch_type: Any, arguments: dict[str, Any], images: np.ndarray, seed: int) -> Sample:
    """Measures one branch. keras-cv draws from the global generator, the fused branches from the seed."""
    import keras

    keras.utils.set_random_seed(seed)
    size = images.shape[1:3]
    where = measurements.coordinate_images(len(images), size)
    located = draw(branch_type(**arguments, **GEOMETRY), where, seed)
    branch = branch_type(**arguments)
    views = draw(branch, images, seed)
    turns = {}
    for name, color in measurements.PURE_COLORS.items():
        pure = np.broadcast_to(np.float32(color), (len(images), *size, 3))
        turns[name] = measurements.hue_turns(draw(branch, pure, seed), color)
    return Sample(
        measurements.measure_crops(located),
        measurements.measure_centers(located),
        measurements.measure_colors(views),
        turns,
        (np.abs(located - GRAY).max(-1) < 0.01).mean((1, 2)),
    )


def compare(preset: str | None, fused: Sample, reference: Sample, again: Sample) -> list[Row]:
    """Crops can be measured on main views only: later operations of the other branches hide their corners."""
    rows: list[Row] = []

    def row(name: str, get: Any, tolerance: float) -> None:
        a, b, c = (np.asarray(get(one), np.float64) for one in (fused, reference, again))
        rows.append(Row(name, np.nanmean(a), np.nanmean(b), distance(a, b), distance(c, b), tolerance))

    def share(name: str, get: Any, tolerance: float) -> None:
        a, b, c = (float(np.mean(get(one))) for one in (fused, reference, again))
        rows.append(Row(name, a, b, abs(a - b), abs(c - b), tolerance))

    if preset is None:
        row("crop area", lambda one: one.crops.area, SAME)
        row("crop aspect", lambda one: one.crops.aspect, SAME)
        row("vertical position", lambda one: one.crops.vertical, SAME)
        row("horizontal position", lambda one: one.crops.horizontal, SAME)
        share("flip rate", lambda one: one.crops.flipped, SAME)
        share("neighbors flipped alike", lambda one: one.crops.flipped[1:] == one.crops.flipped[:-1], SAME)
    elif preset == "geometric":
        row("center of the view, vertical", lambda one: one.centers.down, WARP)
        row("center of the view, horizontal", lambda one: one.centers.right, WARP)
        row("rotation of the horizon, absolute, degrees", lambda one: np.abs(one.centers.degrees), SAME)
    elif preset != "randaugment":
        row("area of the cutout", lambda one: one.covered, SAME)
    share("gray rate", lambda one: one.colors.gray, SAME)
    for channel, name in enumerate(("red", "green", "blue")):
        row(f"mean of {name}", lambda one, c=channel: one.colors.mean[:, c], COLOR)
    for channel, name in enumerate(("red", "green", "blue")):
        row(f"standard deviation of {name}", lambda one, c=channel: np.sqrt(one.colors.variance[:, c]), COLOR)
    for name in measurements.PURE_COLORS if preset is None else ():
        row(f"hue rotation, absolute, pure {name}", lambda one, n=name: np.abs(one.turns[n]), PURE)
    levels = [one.colors.histogram for one in (fused, reference, again)]
    means = [float((histogram * np.arange(256)).sum(-1).mean()) for histogram in levels]
    rows.append(
        Row(
            "histogram, gray levels",
            means[0],
            means[1],
            measurements.histogram_distance(levels[0], levels[1]),
            measurements.histogram_distance(levels[2], levels[1]),
            LEVELS,
        )
    )
    return [one._replace(tolerance=None) for one in rows] if preset == "randaugment" else rows


def comparison_table(rows: list[Row]) -> str:
    header = ["quantity", "fused, mean", "keras-cv, mean", "distance", "keras-cv to itself", "tolerance"]
    cells = []
    for row in rows:
        exceeded = " **exceeded**" if row.tolerance is not None and row.distance > row.tolerance else ""
        tolerance = "–" if row.tolerance is None else f"{row.tolerance:g}"
        values = (f"{value:.3f}" for value in (row.fused, row.keras_cv, row.distance, row.chance))
        cells.append((row.quantity, *values, tolerance + exceeded))
    return table(header, cells)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--dataset", default="tfds:cifar10", help="color images, named as for aag-train")
    parser.add_argument("--images", type=int, default=10000, help="number of views measured of each kind")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), help="auxiliary branches besides main")
    arguments = parser.parse_args()

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # TensorFlow warns that keras-cv processes image by image
    from aag_tf.augment import AuxiliaryBranch, MainBranch
    from aag_tf.augment.keras_cv_branch import KerasCVAuxiliaryBranch, KerasCVMainBranch
    from aag_tf.config import DataConfig
    from aag_tf.data import open_source

    images = open_source(DataConfig(dataset=arguments.dataset)).train.images
    pictures = images.numpy(np.arange(min(arguments.images, len(images))))
    size = pictures.shape[1:3]
    results = {}
    for preset in [None, *arguments.presets]:
        types = (MainBranch, KerasCVMainBranch) if preset is None else (AuxiliaryBranch, KerasCVAuxiliaryBranch)
        fused, reference = types
        chosen = {} if preset is None else {"preset": preset}
        print(f"measuring {preset or 'main'}", file=sys.stderr)
        samples = [
            sample(fused, chosen, pictures, 1),
            sample(reference, {**chosen, "size": size}, pictures, 2),
            sample(reference, {**chosen, "size": size}, pictures, 3),
        ]
        results[preset or "main"] = compare(preset, *samples)
    for name, rows in results.items():
        print(f"\n{name}, {len(pictures)} views\n\n{comparison_table(rows)}")
    write_json(arguments.json, {name: [row._asdict() for row in rows] for name, rows in results.items()})


if __name__ == "__main__":
    main()
