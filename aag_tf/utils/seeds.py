"""Folds (seed, purpose, numbers) into one stateless seed, by a hash and never by a sum.

`seed + epoch` would make seed 0 at epoch 1 equal to seed 1 at epoch 0; a hash keeps every stream apart.
"""

import hashlib

import numpy as np

Seed = tuple[int, int]


def fold(seed: int, purpose: str, *numbers: int) -> Seed:
    """A pair of int32 values for TensorFlow's stateless random operations.

    Args:
        seed: the run's `--seed`.
        purpose: what the stream is for ("order", "main_view", ...); streams of two purposes share nothing.
        numbers: positions within the purpose (epoch, view, ...).
    """
    text = "\0".join([str(seed), purpose, *map(str, numbers)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (
        int.from_bytes(digest[:4], "little", signed=True),
        int.from_bytes(digest[4:], "little", signed=True),
    )


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """NumPy's generator of the stream that `fold` makes of the same arguments."""
    return np.random.default_rng([half % 2**32 for half in fold(seed, purpose, *numbers)])  # NumPy takes none below 0
