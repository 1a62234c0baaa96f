"""Views of images as the main branch of training draws them, for alignment and to train classifiers on."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from aag_tf.augment import MainBranch, build_views
from aag_tf.config import AugmentConfig
from aag_tf.data import Images, TransformedImages, epoch_order
from aag_tf.data.images.python_calls import elements, end_iterators_at_exit
from aag_tf.utils import seeds


def main_branch(config: AugmentConfig, image_shape: tuple[int, int, int]) -> MainBranch:
    """Builds the main branch of a run, always in its fused implementation."""
    return build_views(dataclasses.replace(config, aux="none", augment_impl="fused"), image_shape).main


def crops_and_flips(config: AugmentConfig, image_shape: tuple[int, int, int]) -> MainBranch:
    """Builds the main branch with its crops and flips only, without changes of color and blur."""
    plain = dataclasses.replace(config, color_strength=0.0, grayscale_probability=0.0, blur_probability=0.0)
    return main_branch(plain, image_shape)


def view(images: Images, branch: MainBranch, seed: int, purpose: str, number: int = 0) -> Images:
    """Returns one view of every image, rounded to whole gray levels.

    Args:
        images: the images.
        branch: draws the view.
        seed: of the evaluation.
        purpose: of the views; views of different purposes share no random number.
        number: of the view; views of different numbers share no random number.
    """
    fold = seeds.fold(seed, purpose, number)
    return TransformedImages(images, lambda pictures, numbers: _draw(branch, pictures, numbers, tf.constant(fold)))


@tf.function(reduce_retracing=True)  # once for all views of a branch: tracing takes longer than a thousand small views
def _draw(branch: MainBranch, pictures: tf.Tensor, numbers: tf.Tensor, fold: tf.Tensor) -> tf.Tensor:
    views = branch.draw(pictures, seed=fold, step=0, row=numbers)
    return tf.cast(tf.round(tf.clip_by_value(views, 0.0, 255.0)), tf.uint8)


def labeled_batches(
    images: Images, labels: np.ndarray, branch: MainBranch, *, batch_size: int, steps: int, seed: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yields augmented batches for supervised training, in an order that depends on the seed alone.

    Args:
        images: to learn from.
        labels: their labels, int [n].
        branch: draws a new view of an image in each epoch.
        batch_size: at most n; an incomplete last batch of an epoch is dropped.
        steps: number of batches.
        seed: of order and views.

    Yields:
        uint8 [batch_size, h, w, c] and int [batch_size].
    """
    size = len(images)
    each = size // batch_size

    def positions() -> Iterator[tuple[np.ndarray, seeds.Seed]]:
        for epoch in range(-(-steps // each)):
            order = epoch_order(size, seed, epoch)[: min(each, steps - epoch * each) * batch_size]
            for rows in order.reshape(-1, batch_size):
                yield rows, seeds.fold(seed, "supervised_view", epoch)

    @tf.autograph.experimental.do_not_convert
    def fetch(rows: tf.Tensor, fold: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _draw(branch, images.fetch(rows), rows, fold), rows

    end_iterators_at_exit()
    # One pipeline for all epochs: with few images epochs are short, and a pipeline for each would be traced each time.
    signature = (tf.TensorSpec([batch_size], tf.int64), tf.TensorSpec([2], tf.int32))
    batches = tf.data.Dataset.from_generator(positions, output_signature=signature)
    batches = batches.map(fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    for pictures, rows in elements(batches.prefetch(tf.data.AUTOTUNE)):
        yield pictures, tf.constant(labels[rows.numpy()])
