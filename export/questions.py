"""What a verification asks an exported encoder: real images in every form that its signatures take.

Every question comes with the pixels that training's own reader makes of it. Pictures of other shapes are made such that
bringing them to the encoder's size is exact, whatever the arithmetic: margins that are cut off, or a picture that is
padded without scaling, or one that is stretched along its constant side.
"""

import dataclasses
import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from aag_tf.data.files import pictures, resizing
from aag_tf.data.files.fitting import fitted
from aag_tf.data.files.formats.decoded import Decoded
from aag_tf.data.files.reading import Reading
from aag_tf.runs.exported import EMBED_BYTES, EMBED_IMAGES, EMBED_VALUES
from aag_tf.runs.exported_classifier import CLASSIFY_BYTES

Pixels = npt.NDArray[np.uint8]

DAMAGED = b"\x89PNG\r\n\x1a\n and then nothing that belongs there"
MARGIN = 4  # pixels of another shape on both sides together
DEEPEST = 65_535  # of a 16-bit PNG
GRAY = 1


@dataclasses.dataclass(frozen=True)
class Question:
    """A batch for one signature.

    Args:
        inputs: images or values [n, h, w, c], or files; of these the first is damaged, and has no pixels.
        pixels: uint8 [n, *image_shape], what training reads in them.
    """

    inputs: npt.NDArray[np.generic] | list[bytes]
    pixels: Pixels


@dataclasses.dataclass(frozen=True)
class Asker:
    """Makes questions of real images.

    Args:
        images: uint8 [n, *image_shape].
        reading: how training reads files.
        max_pixels: of a picture that the model takes.
    """

    images: Pixels
    reading: Reading
    max_pixels: int

    def ask(self, name: str) -> list[Question]:
        """Returns the questions for a signature."""
        return QUESTIONS.get(name, Asker.plain)(self)

    def plain(self) -> list[Question]:
        """The images themselves."""
        return [Question(self.images, self.images)]

    def of_any_size(self) -> list[Question]:
        """The images themselves, and larger ones that are brought to the encoder's size as arrays are."""
        larger = np.pad(self.images, [(0, 0), (1, 2), (3, 5), (0, 0)], mode="symmetric")
        height, width = self.images.shape[1:3]
        questions = [*self.plain(), Question(larger, resizing.fit_array(larger, (height, width), self.reading.fit))]
        return [question for question in questions if self._is_small(np.shape(question.inputs)[1:3])]

    def values(self) -> list[Question]:
        """Images of the encoder's and of another shape in the values of the data, with numbers between and beyond."""
        assert self.reading.value_range is not None
        low, high = self.reading.value_range
        shape = self.images.shape[1:]
        others = [image[np.newaxis] for image in self._of_another_shape() if self._is_small(image.shape[:2])]
        questions = []
        for images in (self.images, *others):
            # Down to -12 and up to 275, and never near a half, where a rounding could go either way.
            levels = 1.125 * images.astype(np.float64) - 12.03
            values = (low + levels * ((high - low) / 255)).astype(np.float32)
            pixels = [fitted(Decoded(one), shape, self.reading) for one in values]
            questions.append(Question(values, np.stack(pixels)))
        return questions

    def files(self) -> list[Question]:
        """A damaged file, the images as PNG files, some as 16-bit ones, and some of another shape."""
        files = [_png(image) for image in self.images]
        files += [_png(image) for image in self._of_another_shape() if self._is_small(image.shape[:2])]
        if self.reading.value_range is not None:
            files += [_png(self._deep(image)) for image in self.images]
        shape = self.images.shape[1:]
        pixels = [pictures.decode(io.BytesIO(file), shape, self.reading) for file in files]
        return [Question([DAMAGED, *files], np.stack(pixels))]

    def _deep(self, image: Pixels) -> npt.NDArray[np.uint16]:
        assert self.reading.value_range is not None
        low, high = np.clip(self.reading.value_range, 0, DEEPEST)
        levels = image[..., :GRAY] + np.linspace(0, 0.9, image.shape[1])[:, np.newaxis]  # between those of 8 bits too
        return np.clip(np.rint(low + levels * ((high - low) / 255)), 0, DEEPEST).astype(np.uint16)

    def _of_another_shape(self) -> Sequence[Pixels]:
        image = self.images[0]
        if self.reading.fit == "crop":
            sides = (MARGIN // 2, MARGIN // 2)
            return [np.pad(image, [sides, (0, 0), (0, 0)]), np.pad(image, [(0, 0), sides, (0, 0)])]
        if self.reading.fit == "pad":
            return [image[: len(image) // 2], image[:, : image.shape[1] // 2 + 1]]
        return [np.repeat(image[:, :1], image.shape[1] // 2 + 1, axis=1), np.repeat(image[:1], 2, axis=0)]

    def _is_small(self, sides: Sequence[int]) -> bool:
        return 0 < sides[0] * sides[1] <= self.max_pixels


QUESTIONS: dict[str, Callable[[Asker], list[Question]]] = {
    EMBED_IMAGES: Asker.of_any_size,
    EMBED_VALUES: Asker.values,
    EMBED_BYTES: Asker.files,
    CLASSIFY_BYTES: Asker.files,
}


def _png(image: npt.NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == GRAY else image).save(file, "PNG")
    return file.getvalue()
