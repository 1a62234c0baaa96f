"""The pictures of a source in a fixed order, each with its class, before they are read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from aag_tf.data.files.shapes import Shape

Picture = bytes | npt.NDArray[np.uint8]  # encoded, or pixels [h, w, c]


class Item(NamedTuple):
    """One picture, readable or not.

    Args:
        path: its name in the source.
        label: number of its class, or `None`.
        load: returns the picture; raises if it cannot be read. Called once, by any thread.
    """

    path: str
    label: int | None
    load: Callable[[], Picture]


class ItemSource(Protocol):
    """The pictures of a data set, by split."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says of it: `dataset`, and `digest`, which changes when the data set does."""

    @property
    def splits(self) -> Mapping[str, int]:
        """Number of pictures in each split, readable or not."""

    @property
    def class_names(self) -> list[str] | None:
        """The name of every label, where they are known."""

    @property
    def shape(self) -> Shape | None:
        """Shape of all pictures where they are pixels; `None` where they are encoded."""
        return None

    @property
    def size(self) -> int | None:
        """Size of all pictures as they are; `None` if that is not known."""

    def items(self, split: str, start: int, stop: int) -> Iterator[Item]:
        """Pictures `start` to `stop - 1` of a split, one after the other.

        Raises:
            PackError: the source ends early or can no longer be read.
        """
        ...
