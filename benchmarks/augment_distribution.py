"""The fused branches beside keras-cv's on real images: is the distribution of views the same?

    python benchmarks/augment_distribution.py --json=distribution.json      # about four minutes on two CPU cores

Geometry is measured on images whose pixels say where they are, color on the training images of a data set (CIFAR-10),
hue on pure colors; what an auxiliary branch does besides is read off the middle of its views, or off the gray of its
cutout. keras-cv's RandAugment has operations of its own: how far the two differ is shown, without a tolerance.
Distributions are compared by Kolmogorov's distance, the largest difference of two distribution functions (0 to 1),
shares by their difference, histograms by the earth mover's distance in gray levels. The second of two measurements of
keras-cv, from another seed, says how much of a distance is chance.
"""

import logging
import sys
from typing import Any, NamedTuple

import augment_measurements as measurements
import numpy as np
from augment_measurements import distance
from rows import argument_parser, write_json

from aag_tf.augment.photometric import GRAY
from aag_tf.augment.presets import PRESETS

BATCH = 500
GEOMETRY = {"color_strength": 0.0, "grayscale_probability": 0.0}
# Tolerances. What is the same by design may differ by chance, less than once in a thousand times with 8 000 views.
SAME = 0.03
# Different by design: one matrix for what keras-cv does in HSV, clipped after every step. Of pure colors the matrix
# leaves the cube of colors at once and is clipped back, so that they turn less than photographs do.
COLOR, PURE, LEVELS = 0.06, 0.15, 3.0
# One warp of the image, where keras-cv resamples the crop once an operation and mirrors at the crop's border.
WARP = 0.06


class Row(NamedTuple):
    quantity: str
    fused: float
    keras_cv: float
    distance: float
    chance: float
    tolerance: float | None  # None where the two are not meant to be the same


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
    """Measurements of one branch. keras-cv draws from the global generator, the fused branches from the seed."""
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
    """Crops can be read off main views only: what comes after a crop in the other branches hides its corners."""
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
        row("middle of the view, vertical", lambda one: one.centers.down, WARP)
        row("middle of the view, horizontal", lambda one: one.centers.right, WARP)
        row("size of the turn of the horizon, degrees", lambda one: np.abs(one.centers.degrees), SAME)
    elif preset != "randaugment":
        row("area of the cutout", lambda one: one.covered, SAME)
    share("gray rate", lambda one: one.colors.gray, SAME)
    for channel, name in enumerate(("red", "green", "blue")):
        row(f"mean of {name}", lambda one, c=channel: one.colors.mean[:, c], COLOR)
    for channel, name in enumerate(("red", "green", "blue")):
        row(f"standard deviation of {name}", lambda one, c=channel: np.sqrt(one.colors.variance[:, c]), COLOR)
    for name in measurements.PURE_COLORS if preset is None else ():
        row(f"size of the hue turn, pure {name}", lambda one, n=name: np.abs(one.turns[n]), PURE)
    levels = [one.colors.histogram for one in (fused, reference, again)]
    means = [float((histogram * np.arange(256)).sum(-1).mean()) for histogram in levels]
    rows.append(
        Row(
            "histogram, gray levels",
            *means[:2],
            measurements.histogram_distance(levels[0], levels[1]),
            measurements.histogram_distance(levels[2], levels[1]),
            LEVELS,
        )
    )
    return [one._replace(tolerance=None) for one in rows] if preset == "randaugment" else rows


def table(rows: list[Row]) -> str:
    lines = [
        "| quantity | fused, mean | keras-cv, mean | distance | keras-cv to itself | tolerance |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        mark = " **exceeded**" if row.tolerance is not None and row.distance > row.tolerance else ""
        tolerance = "–" if row.tolerance is None else f"{row.tolerance:g}"
        figures = f"{row.fused:.3f} | {row.keras_cv:.3f} | {row.distance:.3f} | {row.chance:.3f} | {tolerance}"
        lines.append(f"| {row.quantity} | {figures}{mark} |")
    return "\n".join(lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--dataset", default="tfds:cifar10", help="color images, as aag-train names them")
    parser.add_argument("--images", type=int, default=10000, help="how many views of each kind are measured")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), help="auxiliary branches beside main")
    arguments = parser.parse_args()

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # keras-cv goes image by image, and TensorFlow says so
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
        print(f"\n{name}, {len(pictures)} views\n\n{table(rows)}")
    write_json(arguments.json, {name: [row._asdict() for row in rows] for name, rows in results.items()})


if __name__ == "__main__":
    main()
