"""Views beside their images on one sheet, to be looked at."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

GAP = 2  # pixels between pictures, before magnification
BACKGROUND = 255
READABLE = 96  # pixels: smaller pictures are magnified
FONT_SIZE = 13  # pixels of the sheet
MARGIN = 3  # pixels above and below the headings


def contact_sheet(
    images: npt.ArrayLike, views: npt.ArrayLike, headings: Sequence[str] | None = None
) -> npt.NDArray[np.uint8]:
    """A sheet with a row for each image: the image, then its views.

    Args:
        images: `[count, height, width, channels]`, uint8 or float in [0, 255], 1 or 3 channels.
        views: `[count, views, height, width, channels]`, likewise.
        headings: what each column holds, the images' first; `None` for none.

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
    sheet = sheet.repeat(magnify, axis=0).repeat(magnify, axis=1)
    return sheet if headings is None else np.concatenate([_strip(headings, sheet.shape[1]), sheet])


def _strip(headings: Sequence[str], width: int) -> npt.NDArray[np.uint8]:
    """Headings over columns of equal width; a word a line, since columns are narrow."""
    font = ImageFont.load_default(FONT_SIZE)
    texts = [heading.replace(" ", "\n") for heading in headings]
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    height = max(int(draw.multiline_textbbox((0, 0), text, font=font)[3]) for text in texts) + 2 * MARGIN
    strip = Image.new("RGB", (width, height), (BACKGROUND,) * 3)
    draw = ImageDraw.Draw(strip)
    for column, text in enumerate(texts):
        middle = (column + 0.5) * width / len(texts)
        draw.multiline_text((middle, MARGIN), text, fill=(0, 0, 0), font=font, anchor="ma", align="center")
    return np.asarray(strip)


def _as_uint8(pictures: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(np.asarray(pictures)), 0, 255).astype(np.uint8)
