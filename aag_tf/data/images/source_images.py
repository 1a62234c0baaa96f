"""Images whose views are cut out of their files at full resolution."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from typing_extensions import override

from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import Shape
from aag_tf.data.images.base import Sources
from aag_tf.data.images.checking import check_crops
from aag_tf.data.images.decoders import crop_encoded
from aag_tf.data.images.file_images import Decoder, FileImages, patiently
from aag_tf.data.images.names import Names
from aag_tf.data.images.python_calls import call_python
from aag_tf.data.images.view_groups import Size, Views
from aag_tf.data.images.windows import Window

# A file to its picture at its own size, uint8 [h, w, c].
WholeDecoder = Callable[[Any], npt.NDArray[np.uint8]]


class SourceImages(FileImages):
    """Images of files; `fetch` gives each whole picture scaled to one shape, `crops` cuts out of the picture itself.

    Args:
        files: what the decoders take, and whose text names a file.
        shape: height, width and channels that `fetch` scales to.
        decode: decodes a file to a shape.
        decode_whole: decodes a file at its own size.
        aspects: float32 [n], width / height of the pictures.
        decoders: uint8 [n], of the files, as `aag_tf.data.images.decoders` has them. The text of those that TensorFlow
            decodes is a path.
        reading: as in `decode_whole`.
    """

    def __init__(
        self,
        files: Sequence[Any],
        shape: Shape,
        decode: Decoder,
        decode_whole: WholeDecoder,
        *,
        aspects: npt.NDArray[np.float32],
        decoders: npt.NDArray[np.uint8],
        reading: Reading,
    ) -> None:
        super().__init__(files, shape, decode)
        self._decode_whole, self._reading = decode_whole, reading
        self._names = Names(files)
        self._kinds = np.unique(decoders).tolist()
        with tf.device("CPU:0"):
            self._decoders, self._aspects = tf.constant(decoders), tf.constant(aspects)

    @property
    @override
    def has_sources(self) -> bool:
        return True

    @override
    def sources(self, indices: tf.Tensor) -> Sources:
        with tf.device("CPU:0"):
            decoders, aspects = tf.gather(self._decoders, indices), tf.gather(self._aspects, indices)
        return {"index": indices, "decoder": decoders, "aspect": aspects}

    @override
    def crops(self, source: Sources, windows: Window, sizes: Sequence[Size]) -> Views:
        channels = self.shape[2]

        def by_python() -> tf.Tensor:
            picture = call_python(self._whole, [source["index"]], tf.uint8)
            return tf.ensure_shape(picture, [None, None, channels])

        return crop_encoded(
            source["decoder"],
            self._kinds,
            lambda: tf.io.read_file(self._names[source["index"]]),
            by_python,
            channels=channels,
            reading=self._reading,
            windows=windows,
            sizes=sizes,
        )

    @override
    def check(self, indices: npt.ArrayLike) -> None:
        super().check(indices)
        check_crops(self, indices, lambda number: str(self._files[number]))

    def _whole(self, index: int) -> npt.NDArray[np.uint8]:
        file = self._files[int(index)]
        return patiently(lambda: self._read_by(lambda file, _: self._decode_whole(file), file))
