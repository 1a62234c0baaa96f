"""Reads good and damaged picture files by three readers, and counts where they disagree.

    nice python benchmarks/differential_pictures.py --count=20000 --json=benchmarks/results/differential_pictures.json

Files come from `mutated_flavors.py`. The readers are that of training, that of an export, and the one that cuts views
out of files in `tf.data` (of pictures of the encoder's size, which it gives unscaled). All must give the same picture
(equal where it has the size of the encoder, and within one level of 255 where it is scaled), or all must refuse the
file; the script ends with 1 if they do not. Takes minutes on two CPU cores.
"""

import io
import os
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from benchmark_tools import argument_parser, markdown, print_values, write_json
from flavors_photograph import SHAPE
from mutated_flavors import mutated_flavors
from mutated_pictures import Broken

from aag_tf.data.files import pictures
from aag_tf.data.files.formats.decoded import Decoder
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.decoders import crop_encoded, usable_decoders
from aag_tf.data.images.windows import Window
from aag_tf.export.decoding import decode_batch

READING = Reading(max_pixels=1_000_000)
AT_ONCE = 250  # files of a request
SAME, REFUSED, DIFFER, TRAINING_ONLY, SERVICE_ONLY = "same", "refused", "differ", "training only", "service only"
VIEWS_DIFFER, TRAINING_NOT_VIEWS, VIEWS_ONLY = "views differ", "training, not views", "views only"
OUTCOMES = (SAME, REFUSED, DIFFER, TRAINING_ONLY, SERVICE_ONLY, VIEWS_DIFFER, TRAINING_NOT_VIEWS, VIEWS_ONLY)
AGREE = (SAME, REFUSED)
Picture = npt.NDArray[np.uint8]


class Outcome(NamedTuple):
    """What became of a file.

    Args:
        file: the file.
        outcome: one of `OUTCOMES`.
        levels: by how many the pictures of two readers differ.
        in_views: whether the third reader saw it too.
    """

    file: Broken
    outcome: str
    levels: int = 0
    in_views: bool = False


class Readers:
    """The readers, for an encoder of one shape.

    Args:
        shape: height, width and channels, 1 or 3.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._decode = tf.function(
            lambda contents: decode_batch(contents, shape, READING.max_pixels, READING),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )
        self._crop = tf.function(
            self._whole_view, input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.string)]
        )

    def training(self, data: bytes) -> Picture | None:
        """Returns the image of a file; `None` if it is refused."""
        try:
            pictures.read_header(io.BytesIO(data), READING.max_pixels)
            return pictures.decode(io.BytesIO(data), self._shape, READING)
        except Exception:  # decoders raise many classes
            return None

    def decoder(self, data: bytes) -> Decoder:
        """Returns the decoder that views of a file of the encoder's size are cut with; `PYTHON` for all others."""
        try:
            header = pictures.read_header(io.BytesIO(data), READING.max_pixels)
        except Exception:
            return Decoder.PYTHON
        if (header.height, header.width) != self._shape[:2]:
            return Decoder.PYTHON
        decoders, channels = np.array([header.decoder], np.uint8), np.array([header.channels])
        pixels = np.array([header.height * header.width])
        return Decoder(usable_decoders(decoders, channels, pixels, self._shape[2], READING)[0])

    def views(self, decoder: Decoder, data: bytes) -> Picture | None:
        """Returns the view that is the whole picture; `None` if it is refused."""
        try:
            return self._crop(tf.constant(int(decoder)), tf.constant(data)).numpy()
        except tf.errors.InvalidArgumentError:
            return None

    def _whole_view(self, decoder: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
        zero, one = tf.zeros([1]), tf.ones([1])
        views = crop_encoded(
            decoder,
            list(Decoder),
            lambda: data,
            lambda: tf.zeros(self._shape, tf.uint8),
            channels=self._shape[2],
            reading=READING,
            windows=Window(zero, zero, one, one),
            sizes=[self._shape[:2]],
        )
        return views[0]

    def service(self, contents: Sequence[bytes]) -> dict[int, Picture]:
        """Returns the images of those files that are not refused."""
        rows, images = self._decode(tf.constant(contents, tf.string, shape=[len(contents)]))
        return dict(zip(rows.numpy().tolist(), images.numpy(), strict=True))

    def compare(self, files: Iterable[Broken]) -> Iterator[Outcome]:
        """Reads files by both, and yields what became of each."""
        waiting: list[Broken] = []
        for file in files:
            waiting.append(file)
            if len(waiting) == AT_ONCE:
                yield from self._compare(waiting)
                waiting.clear()
        if waiting:
            yield from self._compare(waiting)

    def _compare(self, files: list[Broken]) -> Iterator[Outcome]:
        served = self.service([file.data for file in files])
        for row, file in enumerate(files):
            trained = self.training(file.data)
            found = self._of_two(file, trained, served.get(row))
            decoder = self.decoder(file.data)
            if found.outcome in AGREE and decoder != Decoder.PYTHON:
                found = self._of_views(found, trained, self.views(decoder, file.data))
            yield found

    def _of_two(self, file: Broken, trained: Picture | None, served: Picture | None) -> Outcome:
        if trained is None:
            return Outcome(file, REFUSED if served is None else SERVICE_ONLY)
        if served is None:
            return Outcome(file, TRAINING_ONLY)
        levels = _levels(trained, served)
        agree = levels == 0 or (levels == 1 and self._scales(file.data))
        return Outcome(file, SAME if agree else DIFFER, levels)

    def _of_views(self, found: Outcome, trained: Picture | None, viewed: Picture | None) -> Outcome:
        found = found._replace(in_views=True)
        if trained is None or viewed is None:
            return (
                found
                if trained is viewed
                else found._replace(outcome=VIEWS_ONLY if trained is None else TRAINING_NOT_VIEWS)
            )
        levels = _levels(trained, viewed)
        return found if levels == 0 else found._replace(outcome=VIEWS_DIFFER, levels=levels)

    def _scales(self, data: bytes) -> bool:
        """Whether a picture has another size than the encoder."""
        return pictures.decode_page(io.BytesIO(data), READING.max_pixels).size != self._shape[:2]


def _levels(one: Picture, other: Picture) -> int:
    return int(np.abs(one.astype(int) - other).max())


def main() -> None:
    """Reads the files, and prints a row a format and a row a kind of damage."""
    parser = argument_parser(__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--channels", type=int, choices=(1, 3), default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    formats: Counter[tuple[str, str]] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    wrong = []
    began = time.perf_counter()
    viewed = 0
    for number, (file, outcome, levels, in_views) in enumerate(
        Readers((*SHAPE, arguments.channels)).compare(mutated_flavors(arguments.count, arguments.seed))
    ):
        formats[file.name.split()[0], outcome] += 1
        kinds[file.kind, outcome] += 1
        viewed += in_views
        if outcome not in AGREE:
            wrong.append({"number": number, "file": file.name, "kind": file.kind, "outcome": outcome, "levels": levels})
    rows = [
        {what: name} | {outcome: counts[name, outcome] for outcome in OUTCOMES}
        for what, counts in (("format", formats), ("kind", kinds))
        for name in dict.fromkeys(name for name, _ in counts)
    ]
    print(markdown([row for row in rows if "format" in row]))
    print(markdown([row for row in rows if "kind" in row]))
    total = {outcome: sum(count for (_, found), count in formats.items() if found == outcome) for outcome in AGREE}
    total |= {"in_views_too": viewed, "disagree": len(wrong), "s": round(time.perf_counter() - began, 1)}
    print_values(total)
    for each in wrong[:20]:
        print(each)
    write_json(
        arguments.json,
        {"total": total, "rows": rows, "wrong": wrong, "seed": arguments.seed, "channels": arguments.channels},
    )
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
