"""The pictures of a packed split that views are cut from: their aspects, and which decoder of TensorFlow each takes.

The table says so; of packs of earlier versions, the first look at a picture.
"""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aag_tf.data.files import pictures
from aag_tf.data.files.formats.decoded import Decoder
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.decoders import usable_decoders
from aag_tf.data.pack.records import read_image

UNKNOWN = 255


class PackedPictures:
    """Aspects and decoders (`aag_tf.data.images.decoders`) of a split's pictures; any thread may ask.

    Args:
        decoders: uint8 [n]; `UNKNOWN` for pictures of packs of earlier versions, whose headers are read once.
        found: their channels.
        height, width: their sizes.
        channels: that all are read with.
        reading: how they are decoded.

    Attributes:
        aspects: float32 [n], width / height of the pictures.
    """

    def __init__(
        self,
        decoders: npt.NDArray[np.uint8],
        found: npt.NDArray[np.int64],
        height: npt.NDArray[np.int64],
        width: npt.NDArray[np.int64],
        *,
        channels: int,
        reading: Reading,
    ) -> None:
        self._found, self._pixels, self._channels, self._reading = found, height * width, channels, reading
        self.aspects = width.astype(np.float32) / height.astype(np.float32)
        usable = usable_decoders(decoders, found, self._pixels, channels, reading)
        self._decoders = np.where(decoders == UNKNOWN, np.uint8(UNKNOWN), usable)

    @property
    def kinds(self) -> list[int]:
        """The decoders that may occur, of `Decoder`."""
        found = np.unique(self._decoders).tolist()
        return list(Decoder) if UNKNOWN in found else found

    def decoders(self, numbers: npt.NDArray[np.int64], records: Sequence[bytes]) -> npt.NDArray[np.uint8]:
        """Returns the decoders of some pictures by number, uint8 [k], given their records.

        Raises:
            Exception: of a decoder, at a picture that is damaged.
        """
        for row in np.flatnonzero(self._decoders[numbers] == UNKNOWN).tolist():
            header = pictures.read_header(io.BytesIO(read_image(records[row])), self._reading.max_pixels)
            place = slice(numbers[row], numbers[row] + 1)
            self._decoders[place] = usable_decoders(
                np.array([header.decoder], np.uint8),
                self._found[place],
                self._pixels[place],
                self._channels,
                self._reading,
            )
        return self._decoders[numbers]
