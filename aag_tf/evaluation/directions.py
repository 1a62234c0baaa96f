"""Vectors scaled to length one, for cosine similarities."""

import numpy as np
import numpy.typing as npt

SHORTEST = 1e-12  # the smallest divisor: squares of shorter vectors underflow in float32


def directions(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Scales vectors [n, d] to length one, as float32; zeros stay zeros."""
    rows = vectors.astype(np.float32, copy=False)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SHORTEST)
