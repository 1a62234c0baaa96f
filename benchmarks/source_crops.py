"""What views show that are cut from the source picture, beside those that are cut from its centered square.

    python benchmarks/source_crops.py --json=benchmarks/results/source_crops.json       # minutes; continues
    python benchmarks/source_crops.py --picture=docs/images/source_crops.jpg            # six pairs of views
    python benchmarks/source_crops.py --report=benchmarks/results/source_crops.json     # documented tables

Both ways are the package's own (`--crop_from=image` and `source`), with the same random numbers and without flip, color
and blur. The photographs are those of `source_crops_photographs.py`, which it fetches: seven from cameras, scaled and
cut to three shapes; landscapes and solar cells as they are.

- *Source pixels of an output pixel*: pixels of what the view is cut from (the picture, or the image at the size of a
  view) in its window, over those of the view; below 1 the view is magnified.
- *Can be seen*: the share of a picture's area that some window may hold; *seen in N views*: that N windows do hold,
  mean over pictures.
- *Laplacian*: energy of the 4-neighbor Laplacian of luma, mean over a view. The ratio is that of views of the image to
  views of the source with the same random numbers, whose windows have an area within a band; geometric mean over
  pictures, and the range of the middle 80 % of them.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_tools import Row, argument_parser, markdown, write_json
from provenance import provenance
from source_crops_photographs import arrange
from source_crops_statistics import MAIN_VIEWS, WAYS, area, branch, laplacian_energy, pixels_per_pixel, seen, windows

SHAPES = {"500x375": (500, 375), "1280x720": (1280, 720), "3000x2000": (3000, 2000)}
# Pictures, the side of views, and how many pairs of views of each picture are compared in sharpness.
CASES = (
    ("500x375", 224, 200),
    ("1280x720", 224, 200),
    ("3000x2000", 224, 200),
    ("landscapes", 224, 16),
    ("landscapes", 64, 16),
    ("cells", 64, 8),
)
ASPECTS = {"landscapes": (720, 360), "cells": (300, 300)} | SHAPES
AREAS = {"training": 0.2, "auxiliary": 0.08}  # the defaults of --crop_min_area, and of the auxiliary branch
BANDS = ((0.1, 0.2), (0.2, 0.5), (0.5, 1.0))
VIEWS_SEEN = (2, 20, 200)  # of the main branch in 1, 10 and 100 epochs
MOST_PICTURES = 120  # of a split that are compared in sharpness, evenly spaced
WINDOWS, PICTURES_SEEN = 20_000, 200  # windows of a case, and pictures whose seen share is averaged


def pairs(images: Any, sources: Any, number: int, count: int, side: int) -> dict[str, np.ndarray]:
    """Returns views of a picture by way, [count, side, side, c], windows as `drawn`."""
    import tensorflow as tf

    from aag_tf.augment import ViewMaker
    from aag_tf.data.pipeline import cut

    maker = ViewMaker(branch(side, BANDS[0][0]))
    numbers = [number] * (count // MAIN_VIEWS)
    whole = tf.constant(images.numpy(numbers))
    cuts = cut(sources, numbers, maker.cutting(seed=0), step=number)
    found = {}
    for way, picture in zip(WAYS, (whole, cuts), strict=True):
        row = tf.range(len(numbers))
        views = maker.make(picture, seed=0, step=number, row=row, cropped=picture is cuts).numpy()
        found[way] = np.round(np.concatenate(views.swapaxes(0, 1)))
    return found


def drawn(number: int, count: int) -> np.ndarray:
    """Returns the share of the image's area that each of the views of `pairs` shows, float64 [count]."""
    return area(windows(BANDS[0][0], 1.0, "image", count, step=number))


def opened(directory: Path, side: int) -> Iterator[tuple[Any, Any]]:
    """Yields images and sources of every split of a folder."""
    from aag_tf.config import DataConfig
    from aag_tf.data import open_source

    config = DataConfig(f"folder:{directory}", image_size=side, validation_fraction=0)
    image, source = (open_source(config, way) for way in WAYS)
    for split in ("train", "test"):
        if getattr(image, split) is not None:
            yield getattr(image, split).images, getattr(source, split).images


def sharpness(directory: Path, side: int, count: int) -> Row:
    """Returns the ratios of Laplacian energy by band, from `count` pairs of views of each picture."""
    ratios: dict[tuple[float, float], list[float]] = {band: [] for band in BANDS}
    for images, sources in opened(directory, side):
        for number in range(0, len(images), -(-len(images) // MOST_PICTURES)):
            views = pairs(images, sources, number, count, side)
            energies = {way: laplacian_energy(views[way]) for way in WAYS}
            shares = drawn(number, count)
            for (low, high), found in ratios.items():
                within = (low <= shares) & (shares < high)
                if within.any():
                    found.append(float(energies["image"][within].sum() / energies["source"][within].sum()))
    return {"pictures_compared": len(ratios[BANDS[-1]])} | {
        f"laplacian_{low:.0%}_{high:.0%}".replace("%", ""): {
            "mean": round(float(np.exp(np.mean(np.log(found)))), 3),
            "low": round(float(np.percentile(found, 10)), 3),
            "high": round(float(np.percentile(found, 90)), 3),
        }
        for (low, high), found in ratios.items()
    }


def geometry(name: str, side: int, way: str) -> Row:
    """Returns source pixels of an output pixel, and the share of the picture that is seen."""
    width, height = ASPECTS[name]
    row: Row = {"pictures": name, "width": width, "height": height, "side": side, "crop_from": way}
    for title, least in AREAS.items():
        boxes = windows(least, width / height, way, WINDOWS)
        ratio = pixels_per_pixel(boxes, way, (width, height), side)
        row[f"below_one_{title}"] = round(float(np.mean(ratio < 1)), 3)
        row[f"median_pixels_{title}"] = round(float(np.median(ratio)), 2)
    square = min(width, height) ** 2 / (width * height)
    row["can_be_seen"] = round(square if way == "image" else 1.0, 3)
    boxes = windows(AREAS["training"], width / height, way, PICTURES_SEEN * max(VIEWS_SEEN))
    for views in VIEWS_SEEN:
        pictures = np.split(boxes[: PICTURES_SEEN * views], PICTURES_SEEN)
        row[f"seen_in_{views}"] = round(float(np.mean([seen(own) for own in pictures])), 3)
    return row


def camera_as(shape: tuple[int, int], camera: Path, directory: Path) -> Path:
    """Writes the photographs of cameras, scaled and cut to one shape about their center, as JPEG of quality 95."""
    from PIL import Image, ImageOps

    directory.mkdir(parents=True)
    for path in sorted(camera.rglob("*.jpg")):
        with Image.open(path) as picture:
            ImageOps.fit(picture, shape, Image.Resampling.LANCZOS).save(directory / path.name, quality=95)
    return directory


def measure(data: Path, path: str | None) -> list[Row]:
    """Returns a row for each case and way; rows of a file of `--json` are kept, others added."""
    rows: list[Row] = json.loads(Path(path).read_text(encoding="utf-8")) if path and Path(path).exists() else []
    done = {(row["pictures"], row["side"], row["crop_from"]) for row in rows}
    with tempfile.TemporaryDirectory() as root:
        for name, side, count in CASES:
            for way in WAYS:
                if (name, side, way) in done:
                    continue
                directory = data / name
                if name in SHAPES and way == "source":
                    directory = camera_as(SHAPES[name], data / "camera", Path(root) / name)
                found = sharpness(directory, side, count) if way == "source" else {}
                rows.append(geometry(name, side, way) | found | {"provenance": provenance()})
                write_json(path, rows)
    return rows


def report(rows: list[Row]) -> str:
    """Returns the tables of the documentation."""

    def percent(share: float) -> str:
        return f"{100 * share:.0f} %"

    def band(found: Row) -> str:
        return f"{found['mean']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"

    def case(row: Row) -> Row:
        shape = "" if row["pictures"] in SHAPES else f" {row['width']}x{row['height']}"
        return {"pictures": f"{row['pictures']}{shape}", "view": row["side"]}

    shown = [
        case(row)
        | {
            "from": row["crop_from"],
            "magnified, crops from 20 %": percent(row["below_one_training"]),
            "from 8 %": percent(row["below_one_auxiliary"]),
            "can be seen": percent(row["can_be_seen"]),
            **{f"in {views} views": percent(row[f"seen_in_{views}"]) for views in VIEWS_SEEN},
        }
        for row in rows
    ]
    sharp = [
        case(row)
        | {"photographs": row["pictures_compared"]}
        | {f"{name[10:].replace('_', ' to ')} %": band(row[name]) for name in row if name.startswith("laplacian")}
        for row in rows
        if row["crop_from"] == "source"
    ]
    return f"{markdown(shown)}\n\n{markdown(sharp)}"


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("runs/photographs"), help="where the photographs are kept")
    parser.add_argument("--picture", type=Path, help="draw six pairs of views to this file, and stop")
    parser.add_argument("--report", type=Path, help="print the tables of a file of --json, and stop")
    given = parser.parse_args()
    if given.report:
        print(report(json.loads(given.report.read_text(encoding="utf-8"))))
        return
    for name in ("camera", "landscapes", "cells"):
        arrange(name, given.data / name)
    if given.picture:
        from source_crops_picture import draw

        draw(given.data / "camera", given.picture)
        return
    print(report(measure(given.data, given.json)))


if __name__ == "__main__":
    main()
