"""Stateless seeds from (seed, purpose, numbers), combined by a hash and never by a sum.

`seed + epoch` would make seed 0 at epoch 1 equal to seed 1 at epoch 0; a hash keeps all streams apart.
"""

import hashlib

import numpy as np

Seed = tuple[int, int]


def fold(seed: int, purpose: str, *numbers: int) -> Seed:
    """Returns a pair of int32 values for TensorFlow's stateless random operations.

    Args:
        seed: the run's `--seed`.
        purpose: name of the stream ("order", "view", ...); streams of different names are independent.
        numbers: position within the stream (epoch, view, ...).
    """
    text = "\0".join([str(seed), purpose, *map(str, numbers)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (
        int.from_bytes(digest[:4], "little", signed=True),
        int.from_bytes(digest[4:], "little", signed=True),
    )


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Returns a NumPy generator that is seeded by `fold` of the same arguments."""
    return np.random.default_rng([half % 2**32 for half in fold(seed, purpose, *numbers)])  # NumPy: >= 0
