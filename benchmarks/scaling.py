"""How far the ways to scale a view are from an ideal filter, by how much it shrinks.

    python benchmarks/scaling.py --json=benchmarks/results/scaling.json
    python benchmarks/scaling.py --report=docs/measurements/input.md --json=benchmarks/results/scaling.json

Root mean square difference, in gray levels, to Lanczos as Pillow has it, of cuts of the two photographs that
scikit-learn has, scaled to 224x224; mean of the cuts. `SHRINKS_MUCH` of `aag_tf.data.images.cropping` rests on it.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmark_tools import Row, argument_parser, markdown, replace_table, write_json
from PIL import Image
from sklearn.datasets import load_sample_images

SIDE = 224
RATIOS = (1.25, 1.4, 1.5, 1.6, 1.67, 1.75, 1.9)  # source pixels a new pixel; the photographs have 427 rows
CORNERS = ((0, 0), (40, 200), (20, 100))

Pixels = npt.NDArray[np.uint8]


def main() -> None:
    """Measures, and prints the table; or writes it into a page."""
    parser = argument_parser(__doc__)
    parser.add_argument("--report", type=Path, help="page whose table is written from the file that --json names")
    given = parser.parse_args()
    if given.report:
        replace_table(given.report, "scaling", markdown(json.loads(Path(given.json).read_text())))
        return
    rows = [measured(ratio) for ratio in RATIOS]
    print(markdown(rows))
    write_json(given.json, rows)


def measured(ratio: float) -> Row:
    """Returns the difference of each way at a ratio."""
    import tensorflow as tf

    def difference(pixels: npt.ArrayLike, ideal: Pixels) -> float:
        return float(np.sqrt(np.mean((np.asarray(pixels, np.float64) - ideal) ** 2)))

    found: dict[str, list[float]] = {}
    for cut in cuts(int(SIDE * ratio)):
        picture, size = Image.fromarray(cut), (SIDE, SIDE)
        ideal = np.asarray(picture.resize(size, Image.Resampling.LANCZOS))
        ways = {
            "bilinear": tf.raw_ops.ResizeBilinear(images=cut[None], size=size, half_pixel_centers=True)[0],
            "mean of the area": tf.raw_ops.ResizeArea(images=cut[None], size=size)[0],
            "bilinear, antialiased (Pillow)": picture.resize(size, Image.Resampling.BILINEAR),
        }
        for way, pixels in ways.items():
            found.setdefault(way, []).append(difference(pixels, ideal))
    means = {way: round(float(np.mean(values)), 2) for way, values in found.items()}
    return {"source pixels a new pixel": ratio, **means}


def cuts(side: int) -> list[Pixels]:
    """Returns squares of the photographs, uint8 [side, side, 3] each."""
    return [
        photograph[min(top, photograph.shape[0] - side) :, left:][:side, :side]
        for photograph in load_sample_images().images
        for top, left in CORNERS
    ]


if __name__ == "__main__":
    main()
