"""How many images are left to train on, and whether a batch fits: arithmetic that needs no image."""

import math
from collections.abc import Collection

from aag_tf.utils.errors import ConfigError

TEST_FRACTION = 0.2  # of labeled images, where a data set has no test split


def left_to_train(count: int, splits: Collection[str], validation_fraction: float, *, labeled: bool) -> int:
    """Images that `aag_tf.data.splits.complete` leaves to train on.

    Args:
        count: images of the train split.
        splits: the splits that the data set has itself.
        validation_fraction: part that is held out for validation.
        labeled: whether the images have labels.
    """
    own = set(splits) & {"test", "validation"}
    if not own and labeled:
        count -= _held_out(count, TEST_FRACTION)
    if len(own) < 2:  # a validation split alone becomes test
        count -= _held_out(count, validation_fraction)
    return count


def require_batch(num_images: int, batch: int) -> None:
    """Checks that there are as many images as one batch needs.

    Raises:
        ConfigError: there are fewer.
    """
    if num_images < batch:
        advice = f"use {num_images} or less" if num_images > 1 else "give it more images"
        raise ConfigError(f"--global_batch_size={batch} is more than the {num_images} training images; {advice}.")


def _held_out(count: int, fraction: float) -> int:
    found = math.floor(count * fraction + 1e-9)  # as `held_out_mask` rounds
    return 0 if found == count else found
