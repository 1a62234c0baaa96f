"""The images of a packed split, decoded when they are fetched."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.files import pictures
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.images.base import Shape, Sources, Storage
from aag_tf.data.images.checking import check_crops
from aag_tf.data.images.decoders import crop_encoded
from aag_tf.data.images.file_images import FileImages
from aag_tf.data.images.python_calls import call_python
from aag_tf.data.images.view_groups import Size, Views
from aag_tf.data.images.windows import Window
from aag_tf.data.pack.pictures import PackedPictures
from aag_tf.data.pack.records import parse_image, read_image
from aag_tf.data.pack.shards import ShardedRecords, damaged


class PackImages(FileImages):
    """Images of a split that a pool of threads decodes, or raw ones of one shape.

    Args:
        directory: of the pack, for messages.
        records: of the split.
        shape: height, width and channels of every image.
        reading: how pictures are decoded; `None` where the records hold the pixels of images of this shape.
        cut_from: what is known of the pictures, where views are cut from them.
        side: that larger pictures were scaled to.
        first_shard: number of the first shard of the split among those of all.
    """

    def __init__(
        self,
        directory: Path,
        records: ShardedRecords,
        shape: Shape,
        reading: Reading | None,
        *,
        cut_from: PackedPictures | None = None,
        side: int | None = None,
        first_shard: int = 0,
    ) -> None:
        super().__init__((), shape, self._decode_record)
        self._storage = Storage("pack", pixels=reading is None, side=side)
        self._directory, self._records, self._reading, self._cut_from = directory, records, reading, cut_from
        self._first_shard = first_shard

    def __len__(self) -> int:
        return len(self._records)

    @override
    def numpy(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        numbers = np.asarray(indices, np.int64)
        records = self._records.read(numbers)
        if self._reading is not None:
            return self._read_all(self._checked, numbers.tolist(), records)
        pixels = np.empty((len(numbers), *self._shape), np.uint8)
        for row, record in enumerate(records):  # a copy of memory each, for which a thread would not pay
            pixels[row] = self._checked(int(numbers[row]), record)
        return pixels

    @property
    @override
    def shards(self) -> npt.NDArray[np.int64]:
        return self._records.shards_of_all() + self._first_shard

    @property
    @override
    def storage(self) -> Storage:
        return self._storage

    @property
    @override
    def has_sources(self) -> bool:
        return self._cut_from is not None

    @override
    def sources(self, indices: tf.Tensor) -> Sources:
        records, decoders = call_python(self._encoded, [indices], (tf.string, tf.int64))
        assert self._cut_from is not None
        with tf.device("CPU:0"):
            aspects = tf.gather(self._cut_from.aspects, indices)
        records, decoders = (tf.ensure_shape(each, indices.shape) for each in (records, decoders))
        return {"record": records, "decoder": decoders, "aspect": aspects}

    @override
    def crops(self, source: Sources, windows: Window, sizes: Sequence[Size]) -> Views:
        assert self._reading is not None
        assert self._cut_from is not None
        channels = self._shape[2]
        image = parse_image(source["record"])

        def by_python() -> tf.Tensor:
            picture = call_python(self._whole, [image], tf.uint8)
            return tf.ensure_shape(picture, [None, None, channels])

        return crop_encoded(
            source["decoder"],
            self._cut_from.kinds,
            lambda: image,
            by_python,
            channels=channels,
            reading=self._reading,
            windows=windows,
            sizes=sizes,
        )

    @override
    def check(self, indices: npt.ArrayLike) -> None:
        super().check(indices)
        if self.has_sources:
            check_crops(self, indices, lambda number: f"image {number} of {self._directory}")

    def _encoded(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64]]:
        """Returns records, and the decoders of their pictures."""
        assert self._cut_from is not None
        records = self._records.read(numbers)
        try:
            decoders = self._cut_from.decoders(numbers, records)
        except Exception as error:  # it was readable when it was packed
            raise damaged(f"an image of {self._directory}", reason(error)) from error
        return np.array(records, object), decoders.astype(np.int64)

    def _whole(self, image: bytes) -> npt.NDArray[np.uint8]:
        assert self._reading is not None
        try:
            return pictures.decode_whole(io.BytesIO(image), self._shape[2], self._reading)
        except Exception as error:  # it was readable when it was packed
            raise damaged(f"an image of {self._directory}", reason(error)) from error

    def _checked(self, number: int, record: bytes) -> npt.NDArray[np.uint8]:
        try:
            return self._decode_record(record, self._shape)
        except Exception as error:  # it was readable when it was packed
            raise damaged(f"image {number} of {self._directory}", reason(error)) from error

    def _decode_record(self, record: bytes, shape: Shape) -> npt.NDArray[np.uint8]:
        image = read_image(record)
        if self._reading is None:
            return np.frombuffer(image, np.uint8).reshape(shape)
        return pictures.decode(io.BytesIO(image), shape, self._reading)
