"""Statistics of the windows of views and of what they show, for `source_crops.py`."""

from typing import Any

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])
WAYS = ("image", "source")  # of --crop_from
MAIN_VIEWS = 2  # of an image in a step
CELLS = 200  # a side of the grid on which what is seen is counted

Boxes = np.ndarray  # float64 [n, 4], top, left, bottom, right as fractions of the picture


def branch(side: int, least_area: float) -> Any:
    """Returns the main branch without anything but crops."""
    from aag_tf.augment import MainBranch

    return MainBranch(
        crop_min_area=least_area,
        color_strength=0.0,
        grayscale_probability=0.0,
        flip=False,
        blur_probability=0.0,
        size=(side, side),
        jit_compile=False,
    )


def windows(least_area: float, aspect: float, way: str, count: int, step: int = 0) -> Boxes:
    """Returns windows that the main branch chooses in pictures of an aspect (width / height).

    The first half is that of the first views of `count / 2` images in a step, the other that of their second views.
    """
    import tensorflow as tf

    from aag_tf.augment import ViewMaker

    main = branch(64, least_area)
    numbers = ViewMaker(main).crop_numbers(seed=0, step=step, row=tf.range(count // MAIN_VIEWS))
    drawn = tf.concat(numbers, axis=0)
    of_image = way == "image"
    found = main.source_window(drawn, tf.fill([count], 1.0 if of_image else aspect))
    top, left, height, width = (np.asarray(side, np.float64) for side in found)
    boxes = np.stack([top, left, top + height, left + width], axis=1)
    return in_centered_square(boxes, aspect) if of_image else boxes


def in_centered_square(boxes: Boxes, aspect: float) -> Boxes:
    """Moves boxes of a picture's centered square to where they are in the picture."""
    height, width = min(aspect, 1.0), min(1.0 / aspect, 1.0)
    scale = np.array([height, width, height, width])
    return boxes * scale + np.array([1 - height, 1 - width, 1 - height, 1 - width]) / 2


def area(boxes: Boxes) -> np.ndarray:
    """Returns the share of the picture that each box holds, float64 [n]."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def pixels_per_pixel(boxes: Boxes, way: str, size: tuple[int, int], side: int) -> np.ndarray:
    """Returns the source pixels of an output pixel, float64 [n]; `size` is width and height of the picture."""
    width, height = size
    if way == "source":
        return area(boxes) * width * height / side**2
    return area(boxes) * width * height / min(width, height) ** 2  # the square has side x side pixels


def seen(boxes: Boxes, cells: int = CELLS) -> float:
    """Returns the share of the picture that the boxes hold together, on a grid of cells x cells points."""
    centers = (np.arange(cells) + 0.5) / cells
    grid = np.zeros((cells, cells), bool)
    for top, left, bottom, right in boxes:
        rows, columns = np.searchsorted(centers, [top, bottom]), np.searchsorted(centers, [left, right])
        grid[slice(*rows), slice(*columns)] = True
    return float(grid.mean())


def laplacian_energy(views: np.ndarray) -> np.ndarray:
    """Returns the mean square of the 4-neighbor Laplacian of luma: views [n, h, w, 1 or 3] to float64 [n]."""
    luma = views[..., 0] if views.shape[-1] == 1 else views @ LUMA
    luma = luma.astype(np.float64)
    inner = luma[:, 1:-1, 1:-1]
    sharp = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * inner
    return np.mean(sharp**2, axis=(1, 2))
