"""Embeddings in memory that are read in parts, as a collection is."""

import numpy as np


class GivenEmbeddings:
    """An array, in parts of `part` rows."""

    def __init__(self, array, part=64):
        self.array, self.part = np.asarray(array, np.float32), part

    def __len__(self):
        return len(self.array)

    def vectors(self):
        for start in range(0, len(self.array), self.part):
            yield self.array[start : start + self.part]


def rotated(vector, angle):
    """The vector, turned by an angle toward a direction that is orthogonal to it, at another length."""
    other = np.roll(vector, 1) * np.where(np.arange(len(vector)) % 2, 1.0, -1.0)
    other -= vector * (other @ vector) / (vector @ vector)
    other *= np.linalg.norm(vector) / np.linalg.norm(other)
    return 3.0 * (np.cos(angle) * vector + np.sin(angle) * other)
