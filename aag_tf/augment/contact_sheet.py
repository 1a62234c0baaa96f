"""Contact sheets: images in rows, each beside its views; for `aag-augment` and for TensorBoard."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from aag_tf.augment.build import build_views
from aag_tf.config import MAIN_VIEWS, ContactSheetConfig
from aag_tf.data import Images, ShownBands, choose_bands, epoch_order, open_source
from aag_tf.data.images.view_groups import Views
from aag_tf.encoders import dtype_policy
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.paths import check_new_file
from aag_tf.utils.stores import file_to_write, named, publish
from aag_tf.utils.text import Lines

GAP = 2  # pixels between pictures, before magnification
BACKGROUND = 255
READABLE = 96  # pixels: narrower pictures are magnified to at least this width
FONT_SIZE = 13  # pixels of the sheet
MARGIN = 3  # pixels above and below the headings


@dataclasses.dataclass(frozen=True)
class ContactSheet:
    """A sheet that was written.

    Args:
        path: of the PNG file.
        shown: bands of the images that it shows.
    """

    path: Path
    shown: ShownBands

    def __fspath__(self) -> str:
        """The path of the file, for `open` and its like."""
        return str(self.path)

    def __str__(self) -> str:
        """Where it is and what it shows."""
        caption = f"; {self.shown.caption}" if self.shown.caption else ""
        return str(
            Lines(f"Drew {named(self.path)}: each row an image, its main views and its auxiliary views{caption}.")
        )


@dtype_policy("float32")
def write_contact_sheet(config: ContactSheetConfig) -> ContactSheet:
    """Writes a PNG file with images of the train split beside their views.

    Raises:
        ConfigError: the file exists, or cannot be written; it is left as it is.
        DataError: the data set cannot be opened, or lacks one of the bands to show.
    """
    path = file_to_write(config.out)
    check_new_file(path, f"--out={config.out}", overwrite=config.overwrite)
    source = open_source(config.data, config.augment.crop_from)
    bands = choose_bands(source.image_shape[2], config.data.reading.shown_bands)
    shown = np.sort(epoch_order(len(source.train), config.seed, 0)[: config.images])
    images = source.train.images.numpy(shown)
    keras.utils.set_random_seed(config.seed)  # keras-cv draws from the global generators
    views, headings = draw_columns(config, source.train.images, shown)
    png = io.BytesIO()
    Image.fromarray(contact_sheet(bands.picture(images), bands.picture(views), headings)).save(png, format="PNG")
    write_atomically(path, png.getvalue())
    publish(path)
    return ContactSheet(path, bands)


def draw_columns(
    config: ContactSheetConfig, images: Images, indices: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Draws the views that a contact sheet shows.

    Args:
        config: the branches and their strengths.
        images: of the train split.
        indices: of those that are shown, int64 `[count]`.

    Returns:
        The views, float32 `[count, columns, height, width, channels]`, all strengths from the same random numbers;
        and the headings of all columns, starting with that of the images.
    """
    headings = ["original", "main", "main"]
    strengths = config.strength_values if config.augment.aux not in ("main", "none") else (1.0,)
    makers = []
    for strength in strengths:
        maker = build_views(dataclasses.replace(config.augment, aux_strength=strength), images.shape)
        makers.append(maker)
        name = "main" if config.augment.aux == "main" else f"{config.augment.aux} {strength:g}"
        headings += [name] * maker.aux_views

    # One graph for all branches, since TensorFlow warns of retracing where many are called one by one.
    @tf.function(autograph=False)
    def draw(batches: list[dict[str, tf.Tensor]]) -> tf.Tensor:
        views = [
            in_cells(maker(batch, seed=config.seed)["views"]) for maker, batch in zip(makers, batches, strict=True)
        ]
        # The main views are the same at all strengths.
        return tf.concat([views[0], *(others[:, MAIN_VIEWS:] for others in views[1:])], axis=1)

    batches = [maker.batch_of(images, indices, seed=config.seed) for maker in makers]
    return draw.get_concrete_function(batches)(batches).numpy(), headings


def in_cells(views: Views) -> tf.Tensor:
    """Returns views `[..., views, height, width, channels]`, smaller ones amid the background."""
    main, *auxiliary = tf.nest.flatten(views)
    cells = [main]
    for smaller in auxiliary:
        paddings = [[0, 0]] * len(main.shape)
        for axis in (-3, -2):
            room = main.shape[axis] - smaller.shape[axis]
            paddings[axis] = [room // 2, room - room // 2]
        cells.append(tf.pad(smaller, paddings, constant_values=float(BACKGROUND)))
    return cells[0] if len(cells) == 1 else tf.concat(cells, axis=-4)


def contact_sheet(
    images: npt.ArrayLike, views: npt.ArrayLike, headings: Sequence[str] | None = None
) -> npt.NDArray[np.uint8]:
    """Draws a sheet with one row per image: the image, then its views.

    Args:
        images: `[count, height, width, channels]`, uint8 or float in [0, 255], 1 or 3 channels.
        views: `[count, views, height, width, channels]`, likewise.
        headings: heading of each column, starting with that of the images; `None` for no headings.

    Returns:
        uint8 `[sheet_height, sheet_width, 3]`.
    """
    pictures = np.concatenate([_as_uint8(images)[:, None], _as_uint8(views)], axis=1)
    magnification = max(1, -(-READABLE // pictures.shape[3]))
    padded = np.pad(
        np.broadcast_to(pictures, (*pictures.shape[:-1], 3)),
        [(0, 0), (0, 0), (GAP, 0), (GAP, 0), (0, 0)],
        constant_values=BACKGROUND,
    )
    rows, columns, height, width, _ = padded.shape
    sheet = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    sheet = np.pad(sheet, [(0, GAP), (0, GAP), (0, 0)], constant_values=BACKGROUND)
    sheet = sheet.repeat(magnification, axis=0).repeat(magnification, axis=1)
    return sheet if headings is None else np.concatenate([_heading_strip(headings, sheet.shape[1]), sheet])


def _heading_strip(headings: Sequence[str], width: int) -> npt.NDArray[np.uint8]:
    """Draws headings over columns of equal width, one word per line, because columns are narrow."""
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
