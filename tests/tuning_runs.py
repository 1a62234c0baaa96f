"""Data sets and settings with which fine-tuning takes seconds."""

import numpy as np

from aag_tf.config import FinetuneConfig, TuningConfig

SIDE = 8


def shapes(labels, seed=0):
    """Gray images of 8x8, noisy, with a bright stripe or block whose kind is their class: uint8 [n, 8, 8, 1]."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 90, (len(labels), SIDE, SIDE, 1))
    for image, label in zip(images, labels, strict=True):
        start = rng.integers(1, SIDE - 2)
        if label == 0:
            image[start : start + 2] += 120  # a horizontal stripe
        elif label == 1:
            image[:, start : start + 2] += 120  # a vertical one
        else:
            image[2:6, 2:6] += 120  # a block
    return images.astype(np.uint8)


def save_shapes(path, labels=None, seed=0, **arrays):
    """Writes an npz data set of shapes and returns its `--dataset`."""
    labels = np.arange(90) % 3 if labels is None else labels
    np.savez(path, images=shapes(labels, seed), labels=labels, **arrays)
    return f"npz:{path}"


def settings(init_from, dataset, output, **changes):
    """A fine-tuning of 6 steps at one learning rate, without a refit and XLA's compilation of views."""
    usual = {"steps": 6, "learning_rates": "0.01", "batch_size": 12, "augment": "none", "scratch": False}
    usual |= {"precision": "float32", "refit": False}
    tuning = {name: changes.pop(name) for name in list(changes) if hasattr(TuningConfig, name)}
    return FinetuneConfig(
        init_from=str(init_from), dataset=dataset, output=str(output), tuning=TuningConfig(**usual | tuning), **changes
    )
