"""The end of bulk embedding: the NumPy files, the counts, and what is said."""

import dataclasses
from pathlib import Path

from aag_tf.export.embedding.collection import Collection
from aag_tf.export.embedding.integrity import faults_of_others
from aag_tf.export.embedding.manifest import Manifest
from aag_tf.export.embedding.output import Output
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.stores import named
from aag_tf.utils.text import Lines, shown

NAMED_IMAGES = 3


@dataclasses.dataclass(frozen=True)
class EmbedReport:
    """What was embedded.

    Args:
        path: the output directory.
        images: number of images in the input, readable or not.
        embedded: number of images with an embedding.
        new: number of images that this run read; fewer than `images` where it resumed.
        seconds: duration of this run, after the input was listed and the encoder loaded.
        broken: (path, error) of some images without an embedding.
        gone: number of further rows, of images that an update no longer found.
        changes: what an update did, in words; empty for other runs.
    """

    path: Path
    images: int
    embedded: int
    new: int
    seconds: float
    broken: list[tuple[str, str]]
    gone: int = 0
    changes: str = ""

    def __str__(self) -> str:
        """What was written, how fast, and what is missing."""
        lines = [f"Embedded {self.embedded:,} of {self.images:,} images; the rows are in {named(self.path)}."]
        if self.changes:
            lines.append(f"This update: {self.changes}.")
        if self.gone:
            lines.append(f"{self.gone:,} more rows are of images that are gone; they have no embedding.")
        if self.new:
            rate = self.new / self.seconds
            lines.append(f"This run: {self.new:,} images in {self.seconds:,.0f} s, {rate:,.0f} images/s.")
        if self.broken:
            lines.append(f"{self.images - self.embedded:,} could not be read; column `error` says why, for instance:")
            lines += [f"  {path}: {error}" for path, error in self.broken]
        return str(Lines(*lines))


def finish(output: Output, manifest: Manifest, new: int, seconds: float) -> EmbedReport:
    """Writes the NumPy files, counts the embeddings, and marks the output as complete.

    Raises:
        EmbeddingError: a file cannot be written, or a Parquet file cannot be read; or no image could be.
    """
    collection = Collection(output, manifest)
    lost = list(faults_of_others(output, manifest)) if manifest.is_complete else []
    if not manifest.is_complete or lost:
        with output.converting_os_errors():
            for path, fault in lost:
                if path.exists():
                    output.set_aside(path, fault)
            broken = collection.broken(NAMED_IMAGES)
            if manifest.settings.numpy:
                manifest = manifest.noting(collection.write_numpy())
            gone = collection.count_gone() or None
            manifest = dataclasses.replace(manifest, embedded=int(collection.ok().sum()), broken=broken, gone=gone)
            output.write_manifest(manifest)
    assert manifest.embedded is not None
    assert manifest.broken is not None
    broken = [(path, error) for path, error in manifest.broken]
    if manifest.embedded == 0 and broken:
        raise EmbeddingError(
            f"none of the {len(collection)} images of {manifest.input['source']} can be read; "
            f"{shown(broken[0][0])}, for one: {broken[0][1]}."
        )
    gone = manifest.gone or 0
    return EmbedReport(output.path, len(collection) - gone, manifest.embedded, new, seconds, broken, gone)
