"""Embeddings for TensorBoard's projector: a point for each image, with its thumbnail and label."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import PIL.Image
import PIL.ImageOps
from tensorboard.plugins import projector
from typing_extensions import override

from aag_tf.data import Split, choose_bands
from aag_tf.evaluation import embed, inference
from aag_tf.training.callbacks.periodic import Periodic
from aag_tf.training.step_range import StepRange
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.progress import no_progress

THUMBNAIL = 32  # pixels; the projector's largest texture, 8192 pixels wide, has room for 65 536 of these


class EmbeddingProjector(Periodic):
    """Embeds a fixed set of images at regular steps and at the end, and replaces what the projector shows.

    Args:
        directory: of the event files, where TensorBoard looks for `projector_config.pbtxt`; the other files go to
            `projector/` in it.
        encoder: the network under training.
        images: held-out images, or training images where none are held out.
        class_names: names of the labels, where known.
        step_range: the steps of this `fit`.
        every: steps between two embeddings.
        shown_bands: value of `--shown_bands`: what thumbnails show of images with neither one nor three channels.
    """

    def __init__(
        self,
        directory: Path,
        encoder: keras.Model,
        images: Split,
        class_names: Sequence[str] | None,
        step_range: StepRange,
        *,
        every: int,
        shown_bands: str | None = None,
    ) -> None:
        super().__init__(step_range, every=every)
        self.directory = directory
        self.embedding = inference(encoder, images.images.shape)
        self.images = images
        self.class_names = class_names
        self.bands = choose_bands(images.images.shape[2], shown_bands)

    @override
    def on_due(self, step: int, logs: Mapping[str, Any]) -> None:
        with no_progress():
            vectors = embed(self.embedding, self.images.images)
        folder = self.directory / "projector"
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["\t".join(f"{value:.5g}" for value in vector) for vector in vectors]
        write_atomically(folder / "embeddings.tsv", "\n".join(lines) + "\n")
        pixels = self.bands.picture(self.images.images.numpy(range(len(vectors))))
        write_atomically(folder / "thumbnails.png", sprite(pixels))

        config = projector.ProjectorConfig()
        shown = config.embeddings.add(tensor_name="embedding", tensor_path="projector/embeddings.tsv")
        shown.sprite.image_path = "projector/thumbnails.png"
        shown.sprite.single_image_dim.extend([THUMBNAIL, THUMBNAIL])
        if self.images.labels is not None:
            write_atomically(folder / "labels.tsv", "\n".join(self._labels()) + "\n")
            shown.metadata_path = "projector/labels.tsv"
        projector.visualize_embeddings(str(self.directory), config)

    def _labels(self) -> list[str]:
        assert self.images.labels is not None
        names = self.class_names
        labels = [str(label) if names is None else names[label] for label in self.images.labels.tolist()]
        return [" ".join(label.split()) or "(empty)" for label in labels]  # a line an image, whatever the name holds


def sprite(pixels: np.ndarray) -> bytes:
    """One PNG of all images, row by row in a square of `THUMBNAIL` pixel tiles, each image whole on white.

    Args:
        pixels: uint8 `[images, height, width, 1 or 3]`.
    """
    across = int(np.ceil(np.sqrt(len(pixels))))
    sheet = PIL.Image.new("RGB", (across * THUMBNAIL, across * THUMBNAIL), "white")
    for index, image in enumerate(pixels):
        tile = PIL.Image.fromarray(np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image)
        row, column = divmod(index, across)
        tile = PIL.ImageOps.pad(tile, (THUMBNAIL, THUMBNAIL), color="white")
        sheet.paste(tile, (column * THUMBNAIL, row * THUMBNAIL))
    file = io.BytesIO()
    sheet.save(file, "png")
    return file.getvalue()
