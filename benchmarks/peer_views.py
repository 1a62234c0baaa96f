"""The two views of an image as this package's peers draw them: by keras-cv's layers, and by lightly's transform."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from peer_networks import SIDE

if TYPE_CHECKING:
    import tensorflow as tf

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet, lightly's default


def keras_cv_views(batches: "tf.data.Dataset", *, color: float, min_area: float) -> "Iterator[tuple[Any, Any]]":
    """Yields two views of each image of a batch, float32 in [0, 255], drawn in `tf.data`.

    Args:
        batches: uint8 `[batch, 32, 32, 3]`.
        color: strength of the color jitter, where 1 is SimCLR's on ImageNet.
        min_area: smallest part of an image that a view may show.
    """
    import keras
    import keras_cv
    import tensorflow as tf

    keras.config.set_dtype_policy("float32")  # keras-cv cannot crop in bfloat16
    layers = keras_cv.layers
    saturation = 0.5 - 0.4 * color, 0.5 + 0.4 * color
    jitter = layers.RandomColorJitter((0, 255), 0.8 * color, 0.8 * color, saturation, 0.2 * color)
    augment = keras.Sequential(
        [
            layers.RandomCropAndResize((SIDE, SIDE), (min_area, 1.0), (0.75, 1.33)),
            layers.RandomFlip("horizontal"),
            layers.RandomApply(jitter, rate=0.8),
            layers.RandomApply(layers.Grayscale(3), rate=0.2),
        ]
    )
    views = batches.map(lambda batch: tf.cast(batch, tf.float32)).map(
        lambda batch: (augment(batch, training=True), augment(batch, training=True)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return iter(views.prefetch(tf.data.AUTOTUNE))


def lightly_views(
    images: np.ndarray, batch: int, *, color: float, min_area: float, pin_memory: bool = False
) -> "Iterator[list[Any]]":
    """Yields two views of each image of a batch for ever, drawn in worker processes; without blur.

    Args:
        images: uint8 `[n, 32, 32, 3]`.
        batch: images at a time.
        color: strength of the color jitter, where 1 is SimCLR's on ImageNet.
        min_area: smallest part of an image that a view may show.
        pin_memory: of `torch.utils.data.DataLoader`.
    """
    import torch
    import torchvision
    from lightly.transforms import SimCLRTransform

    transform = SimCLRTransform(
        input_size=SIDE,
        cj_strength=color,
        min_scale=min_area,
        gaussian_blur=0.0,
        normalize={"mean": MEAN, "std": DEVIATION},
    )
    to_picture = torchvision.transforms.ToPILImage()

    class Views(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, index: int) -> Any:
            return transform(to_picture(images[index]))

    loader = torch.utils.data.DataLoader(
        Views(),
        batch,
        shuffle=True,
        drop_last=True,
        num_workers=os.cpu_count() or 1,
        persistent_workers=True,
        pin_memory=pin_memory,
    )
    while True:
        yield from loader
