"""Draws six pairs of views of photographs, cut from the centered square and from the source; see `source_crops.py`."""

import tempfile
from pathlib import Path

import numpy as np
from source_crops import SHAPES, camera_as, drawn, opened, pairs
from source_crops_statistics import WAYS

# A photograph, and the band of areas that its views are taken from. Those whose licenses need no more than credit.
SHOWN = (
    ("china", (0.10, 0.20)),
    ("flower", (0.10, 0.20)),
    ("life_by_Aitzol_Berasategi", (0.10, 0.20)),
    ("picosdeeuropa_by_Aitzol_Berasategi", (0.10, 0.20)),
    ("seeding_by_Clements_Engelhardt", (0.20, 0.50)),
    ("aitzgorri_by_Aitzol_Berasategi", (0.20, 0.50)),
)
SIDE, COLUMNS, GAP, TITLE = 224, 3, 12, 20
VIEWS = 60  # to choose from
SHAPE = "500x375"


def draw(camera: Path, path: Path) -> None:
    """Writes the pairs as one JPEG: for each photograph, the first view in its band, both ways."""
    from PIL import Image, ImageDraw, ImageOps
    from sklearn.datasets import load_sample_images

    with tempfile.TemporaryDirectory() as root:
        directory = camera_as(SHAPES[SHAPE], camera, Path(root) / SHAPE)
        samples = load_sample_images()
        for name, picture in zip(samples.filenames, samples.images, strict=True):
            fitted = ImageOps.fit(Image.fromarray(picture), SHAPES[SHAPE], Image.Resampling.LANCZOS)
            fitted.save(directory / Path(name).name, quality=95)
        names = sorted(path.stem for path in directory.iterdir())
        ((images, sources),) = opened(directory, SIDE)
        width, height = 2 * SIDE + GAP, SIDE + TITLE + GAP
        sheet = Image.new("RGB", (COLUMNS * width - GAP, -(-len(SHOWN) // COLUMNS) * height - GAP), "white")
        text = ImageDraw.Draw(sheet)
        for place, (name, (low, high)) in enumerate(SHOWN):
            number = names.index(name)
            shares = drawn(number, VIEWS)
            view = int(np.flatnonzero((low <= shares) & (shares < high))[0])
            found = pairs(images, sources, number, VIEWS, SIDE)
            row, column = divmod(place, COLUMNS)
            for half, way in enumerate(WAYS):
                left, top = column * width + half * SIDE, row * height
                text.text((left + 4, top + 4), f"{way}, {shares[view]:.0%} of the area", fill="black")
                pixels = np.clip(np.round(found[way][view]), 0, 255).astype(np.uint8)
                sheet.paste(Image.fromarray(pixels), (left, top + TITLE))
        sheet.save(path, quality=85)
