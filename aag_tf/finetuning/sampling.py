"""Which images are in which step, as a pure function of (seed, step), every class equally often."""

import functools

import numpy as np

from aag_tf.utils import seeds


class SampleOrder:
    """An endless order of images in which classes take turns, and the images of a class too.

    Position `p` belongs to round `p // C`, and each round shows every class once, in an order of its own. The `r`-th
    image of a class is the one of round `r`; a class shows all of its images before one again. So the rows of a step do
    not depend on what was drawn before, and a resumed training draws what it would have drawn.

    Args:
        owners: class index of each image, int [n], each class 0..C-1 with an image.
        seed: of the order.
        balanced: whether classes take turns; otherwise all images are of one class.
    """

    def __init__(self, owners: np.ndarray, seed: int, *, balanced: bool = True) -> None:
        groups = owners if balanced else np.zeros_like(owners)
        self._members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
        self._seed = seed
        self._turns = functools.lru_cache(maxsize=64)(self._turns_of)
        self._visits = functools.lru_cache(maxsize=2 * len(self._members))(self._visits_of)

    def rows(self, first: int, count: int) -> np.ndarray:
        """Returns the rows of the images at positions `first` to `first + count - 1`, int64 [count]."""
        found = np.empty(count, np.int64)
        classes = len(self._members)
        for number in range(count):
            turn, place = divmod(first + number, classes)
            group = int(self._turns(turn)[place])
            members = self._members[group]
            epoch, visit = divmod(turn, len(members))
            found[number] = members[self._visits(group, epoch)[visit]]
        return found

    def _turns_of(self, turn: int) -> np.ndarray:
        return seeds.generator(self._seed, "finetune_classes", turn).permutation(len(self._members))

    def _visits_of(self, group: int, epoch: int) -> np.ndarray:
        return seeds.generator(self._seed, "finetune_images", group, epoch).permutation(len(self._members[group]))
