"""From settings to a picture of what the branches do: data and branches put together for `aag-augment`."""

import dataclasses
import io
import os
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

from aag_tf.augment import build_views
from aag_tf.augment.preview import contact_sheet
from aag_tf.config import MAIN_VIEWS, ContactSheetConfig
from aag_tf.data import epoch_order, open_source
from aag_tf.errors import ConfigError
from aag_tf.files import user_path, write_atomically


def write_contact_sheet(config: ContactSheetConfig) -> Path:
    """Draws images of the train split beside their views, and writes the sheet as PNG.

    Returns:
        The file.

    Raises:
        ConfigError: the file exists, or cannot be written; it is not touched then.
        DataError: the data set cannot be opened.
    """
    path = user_path(config.out)
    _check(path, overwrite=config.overwrite)
    source = open_source(config.data)
    shown = epoch_order(len(source.train), config.seed, 0)[: config.images]
    images = source.train.images.numpy(np.sort(shown))
    keras.utils.set_random_seed(config.seed)  # what keras-cv draws from
    views, headings = draw_columns(config, images)
    png = io.BytesIO()
    Image.fromarray(contact_sheet(images, views, headings)).save(png, format="PNG")
    write_atomically(path, png.getvalue())
    return path


def draw_columns(
    config: ContactSheetConfig, images: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float32], list[str]]:
    """The views of images and what they are.

    Args:
        config: which branches, at which strengths.
        images: uint8 `[count, height, width, channels]`.

    Returns:
        The views, float32 `[count, columns, height, width, channels]`, all strengths from the same random numbers;
        and the headings of the columns, that of the images first.
    """
    rows = tf.range(len(images))
    columns: list[npt.NDArray[np.float32]] = []
    headings = ["original", "main", "main"]
    strengths = config.strength_values if config.augment.aux not in ("main", "none") else (1.0,)
    for strength in strengths:
        maker = build_views(dataclasses.replace(config.augment, aux_strength=strength), images.shape[1:])
        views = maker.make(tf.constant(images), seed=config.seed, step=0, row=rows).numpy()
        columns.append(views[:, MAIN_VIEWS:] if columns else views)
        name = "main" if config.augment.aux == "main" else f"{config.augment.aux} {strength:g}"
        headings += [name] * maker.aux_views
    return np.concatenate(columns, axis=1), headings


def _check(path: Path, *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise ConfigError(f"--out={path} exists; name another file, or add --overwrite to replace it.")
    if not path.parent.is_dir():
        raise ConfigError(f"--out={path} lies in no directory that exists; make {path.parent} first.")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(f"--out={path} cannot be written; name a file in a directory that you may write to.")
