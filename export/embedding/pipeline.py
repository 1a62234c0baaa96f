"""Bulk embedding as an Apache Beam transform from paths to rows, on any runner of Beam; needs the extra `beam`.

Images are opened through Beam's file systems, decoded as `aag-embed` decodes them, and embedded by Beam's
`RunInference`, which batches them and loads the encoder once in each worker.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from typing_extensions import override

from aag_tf.data.files import pictures
from aag_tf.data.files.pictures import AS_IT_IS
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.reasons import reason
from aag_tf.data.files.regular_file import MAX_BYTES, open_regular, require_bytes
from aag_tf.data.images.base import Shape
from aag_tf.export.embedding.reading import Batch
from aag_tf.export.embedding.vectors import embed_batch
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils.text import printable

Named = tuple[str, str | bytes]  # `path` in the output, and path of the file: bytes for a local one
Row = dict[str, Any]


class EmbedImages(beam.PTransform):
    """(name, path) of image files to rows `{path, embedding, ok, error}`, in no particular order.

    Args:
        saved_model: version directory of the encoder, on every worker.
        image_shape: (height, width, channels) of its input.
        reading: how its training reads files.
        batch_size: largest number of images embedded at once.
        normalize: whether embeddings are scaled to length 1.
        dtype: of the embeddings, float32 or float16.
        trust_model: whether the encoder may do more than compute.
    """

    def __init__(
        self,
        saved_model: str,
        image_shape: Shape,
        *,
        reading: Reading = AS_IT_IS,
        batch_size: int = 256,
        normalize: bool = False,
        dtype: str = "float32",
        trust_model: bool = False,
    ) -> None:
        super().__init__()
        self._shape, self._reading = image_shape, reading
        self._handler = EncoderHandler(
            saved_model, batch_size=batch_size, normalize=normalize, dtype=dtype, trust_model=trust_model
        )

    @override
    def expand(self, named: Any) -> Any:
        read = named | "Decode" >> beam.ParDo(Decode(self._shape, self._reading)).with_outputs("broken", main="pixels")
        embedded = read.pixels | "Embed" >> RunInference(KeyedModelHandler(self._handler))
        rows = embedded | "Name rows" >> beam.MapTuple(_row)
        return (rows, read.broken) | beam.Flatten()


class Decode(beam.DoFn):
    """(name, path) to (name, uint8 [h, w, c]); an image that cannot be read becomes a row of the output `broken`."""

    def __init__(self, shape: Shape, reading: Reading = AS_IT_IS) -> None:
        super().__init__()
        self._shape, self._reading = shape, reading

    @override
    def process(self, element: Named) -> Iterator[Any]:
        name, path = element
        try:
            with _opened(path) as file:
                encoded = file.read(MAX_BYTES + 1)
            require_bytes(len(encoded))
            pixels = pictures.decode(io.BytesIO(encoded), self._shape, self._reading)
        except Exception as error:  # decoders raise many classes for broken files
            yield beam.pvalue.TaggedOutput("broken", _row(name, (None, reason(error))))
        else:
            yield name, pixels


def _opened(path: str | bytes) -> Any:
    if isinstance(path, bytes) or "://" not in path:
        return open_regular(path)  # Beam would wait for a named pipe
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


class EncoderHandler(ModelHandler):
    """An exported encoder for `RunInference`: uint8 [h, w, c] to (list of numbers or `None`, error or `None`)."""

    def __init__(self, saved_model: str, *, batch_size: int, normalize: bool, dtype: str, trust_model: bool) -> None:
        super().__init__()
        self._saved_model, self._batch_size, self._trust_model = saved_model, batch_size, trust_model
        self._normalize, self._dtype = normalize, dtype

    @override
    def load_model(self) -> SavedEncoder:
        return load_saved_model(self._saved_model, trust_model=self._trust_model)

    @override
    def run_inference(
        self, batch: Sequence[np.ndarray], model: SavedEncoder, inference_args: dict[str, Any] | None = None
    ) -> Iterable[tuple[list[float] | None, str | None]]:
        images = Batch([""] * len(batch), np.stack(batch), [None] * len(batch))
        rows = embed_batch(model, images, normalize=self._normalize, dtype=self._dtype)
        pairs = zip(rows.embeddings, rows.errors, strict=True)
        return [(None if error else vector.tolist(), error) for vector, error in pairs]

    @override
    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        return {"max_batch_size": self._batch_size}

    @override
    def get_num_bytes(self, batch: Sequence[np.ndarray]) -> int:
        return sum(image.nbytes for image in batch)

    @override
    def get_metrics_namespace(self) -> str:
        return "aag_tf"


def _row(name: str, result: tuple[list[float] | None, str | None]) -> Row:
    embedding, error = result
    return {"path": printable(name), "embedding": embedding, "ok": error is None, "error": error}
