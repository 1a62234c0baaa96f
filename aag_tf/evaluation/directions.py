"""Where vectors point, for cosines: their lengths taken out."""

import numpy as np
import numpy.typing as npt

SHORTEST = 1e-12  # shorter ones are left shorter than one: float32 soon rounds their squares to nothing


def directions(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Vectors [n, d] scaled to length one, float32; what is zero stays so."""
    rows = vectors.astype(np.float32, copy=False)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SHORTEST)
