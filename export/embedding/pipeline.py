"""The same embedding as an Apache Beam transform: paths in, rows out, on any runner of Beam; needs the extra `beam`.

Images are opened through Beam's file systems, decoded as `aag-embed` decodes them, and embedded by Beam's own
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

from aag_tf.data import pictures
from aag_tf.data.images import Shape
from aag_tf.data.regular_file import MAX_BYTES, open_regular, require_bytes
from aag_tf.export.embedding.embed import embed_batch
from aag_tf.export.embedding.items import reason
from aag_tf.export.embedding.reading import Batch
from aag_tf.runs.exported import SavedEncoder, load_saved_model
from aag_tf.utils.text import printable

Named = tuple[str, str | bytes]  # what the output calls an image, and where its file is: bytes where it is local
Row = dict[str, Any]


class EmbedImages(beam.PTransform):
    """(name, path) of image files to rows `{path, embedding, ok, error}`, in no particular order.

    Args:
        saved_model: the encoder's directory, as workers reach it.
        image_shape: (height, width, channels) that it takes.
        batch_size: images embedded at once, at most.
        normalize: whether embeddings are scaled to length 1.
        dtype: of the embeddings, float32 or float16.
    """

    def __init__(
        self, saved_model: str, image_shape: Shape, *, batch_size: int = 256, normalize: bool = False, dtype="float32"
    ) -> None:
        super().__init__()
        self._shape = image_shape
        self._handler = EncoderHandler(saved_model, batch_size=batch_size, normalize=normalize, dtype=dtype)

    def expand(self, named: Any) -> Any:
        """Decodes, embeds those that could be decoded, and puts the others beside them."""
        read = named | "Decode" >> beam.ParDo(Decode(self._shape)).with_outputs("broken", main="pixels")
        embedded = read.pixels | "Embed" >> RunInference(KeyedModelHandler(self._handler))
        rows = embedded | "Name rows" >> beam.MapTuple(_row)
        return (rows, read.broken) | beam.Flatten()


class Decode(beam.DoFn):
    """(name, path) to (name, uint8 [h, w, c]); images that cannot be read become rows of the output `broken`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape

    def process(self, element: Named) -> Iterator[Any]:
        """One image."""
        name, path = element
        try:
            with _opened(path) as file:
                encoded = file.read(MAX_BYTES + 1)
            require_bytes(len(encoded))
            pixels = pictures.decode(io.BytesIO(encoded), self._shape)
        except Exception as error:  # decoders fed with broken files raise whatever they stumble over
            yield beam.pvalue.TaggedOutput("broken", _row(name, (None, reason(error))))
        else:
            yield name, pixels


def _opened(path: str | bytes) -> Any:
    if isinstance(path, bytes) or "://" not in path:
        return open_regular(path)  # Beam would wait for a named pipe
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


class EncoderHandler(ModelHandler):
    """An exported encoder for `RunInference`: uint8 [h, w, c] to (list of numbers or `None`, error or `None`)."""

    def __init__(self, saved_model: str, *, batch_size: int, normalize: bool, dtype: str) -> None:
        super().__init__()
        self._saved_model, self._batch_size = saved_model, batch_size
        self._normalize, self._dtype = normalize, dtype

    def load_model(self) -> SavedEncoder:
        """Once in each worker."""
        return load_saved_model(self._saved_model)

    def run_inference(
        self, batch: Sequence[np.ndarray], model: SavedEncoder, inference_args: dict[str, Any] | None = None
    ) -> Iterable[tuple[list[float] | None, str | None]]:
        """The embedding of every image of a batch."""
        images = Batch([""] * len(batch), np.stack(batch), [None] * len(batch))
        rows = embed_batch(model, images, normalize=self._normalize, dtype=self._dtype)
        pairs = zip(rows.embeddings, rows.errors, strict=True)
        return [(None if error else vector.tolist(), error) for vector, error in pairs]

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """How many images Beam may put into a batch."""
        return {"max_batch_size": self._batch_size}

    def get_num_bytes(self, batch: Sequence[np.ndarray]) -> int:
        """For Beam's metrics."""
        return sum(image.nbytes for image in batch)

    def get_metrics_namespace(self) -> str:
        """The name of Beam's metrics."""
        return "aag_tf"


def _row(name: str, result: tuple[list[float] | None, str | None]) -> Row:
    embedding, error = result
    return {"path": printable(name), "embedding": embedding, "ok": error is None, "error": error}
