"""Views beside their images on one sheet, to be looked at."""

import numpy as np
import numpy.typing as npt

GAP = 2  # pixels between pictures, before magnification
BACKGROUND = 255
READABLE = 64  # pixels: smaller pictures are magnified


def contact_sheet(images: npt.ArrayLike, views: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """A sheet with a row for each image: the image, then its views.

    Args:
        images: `[count, height, width, channels]`, uint8 or float in [0, 255], 1 or 3 channels.
        views: `[count, views, height, width, channels]`, likewise.

    Returns:
        uint8 `[sheet_height, sheet_width, 3]`.
    """
    pictures = np.concatenate([_as_uint8(images)[:, None], _as_uint8(views)], axis=1)
    magnify = max(1, -(-READABLE // pictures.shape[3]))
    padded = np.pad(
        np.broadcast_to(pictures, (*pictures.shape[:-1], 3)),
        [(0, 0), (0, 0), (GAP, 0), (GAP, 0), (0, 0)],
        constant_values=BACKGROUND,
    )
    rows, columns, height, width, _ = padded.shape
    sheet = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    sheet = np.pad(sheet, [(0, GAP), (0, GAP), (0, 0)], constant_values=BACKGROUND)
    return sheet.repeat(magnify, axis=0).repeat(magnify, axis=1)


def _as_uint8(pictures: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(np.asarray(pictures)), 0, 255).astype(np.uint8)
