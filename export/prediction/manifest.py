"""The manifest of predictions: which images, which classifier, which settings; checked when it is read.

It is written when a run begins (`input`, `model`, `settings`), again when the input is listed (`rows` and more in
`input`), with each Parquet file (`files`), and when all is done (`predicted`, `counts`, `broken`, `shown`).
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from aag_tf.config import PredictConfig
from aag_tf.data.files.shapes import is_possible
from aag_tf.export.embedding.manifest import (
    MOST,
    Listing,
    ModelFacts,
    require_same_input,
    require_same_work,
    with_pages,
)
from aag_tf.export.embedding.shards import ShardFacts
from aag_tf.runs import exported
from aag_tf.runs.exported_classifier import read_classifier_metadata
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.json_files import JsonFormat
from aag_tf.utils.stores import named
from aag_tf.utils.versions import versions

PREDICTIONS = JsonFormat("aag_tf.predictions", 1, "aag-predict", "predict again with --overwrite", EmbeddingError)


@dataclasses.dataclass(frozen=True)
class ClassifierFacts(ModelFacts):
    """The classifier of predictions.

    Args:
        path, digest, image_shape: as for every model.
        class_names: the classes, in the order of the probabilities.
    """

    class_names: list[str]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of `PredictConfig` that a resumed run must not change."""

    all_probabilities: bool
    shard_size: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The content of `predictions.json`.

    Args:
        input: the images: `kind`, `source` and more by kind; once listed also `rows` and `digest`.
        model: the classifier.
        settings: of the run that began.
        versions: of the software of the run that began.
        predicted: number of images with a label, `None` until all are done.
        counts: number of images of every label, `None` until all are done.
        broken: (path, error) of some images without one, `None` until all are done.
        shown: number of images on the page of the least certain, `None` until all are done.
        files: facts of every file that is complete, by its name in the directory.
    """

    input: Listing
    model: ClassifierFacts
    settings: Settings
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    predicted: int | None = None
    counts: dict[str, int] | None = None
    broken: list[tuple[str, str]] | None = None
    shown: int | None = None
    files: dict[str, ShardFacts | FileFacts] | None = None  # of two, the more special is tried first

    def __post_init__(self) -> None:
        for name, kind in (("kind", str), ("source", str), ("rows", int), ("digest", str)):
            if (name in ("kind", "source") or self.is_listed) and type(self.input.get(name)) is not kind:
                raise ValueError(f"its 'input' has no {name!r}")
        sizes = [len(self.model.class_names), self.settings.shard_size, self.input.get("rows", 1)]
        if not all(1 <= size <= MOST for size in sizes) or not is_possible(self.model.image_shape):
            raise ValueError("a number of images, or a size, is out of range")
        if self.is_complete and (self.broken is None or self.counts is None):
            raise ValueError("it has 'predicted', and no 'broken' or no 'counts'")

    @property
    def is_listed(self) -> bool:
        """Whether the images are fixed."""
        return "rows" in self.input or self.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether every image was read and all files are written."""
        return self.predicted is not None

    def noting(self, files: Mapping[str, FileFacts]) -> Self:
        """Returns a manifest with the facts of more files."""
        return dataclasses.replace(self, files=(self.files or {}) | dict(files))

    def listing(self, images: Listing) -> Self:
        """Returns a manifest whose input is listed."""
        return dataclasses.replace(self, input=images)

    def reopened(self) -> Self:
        """Returns a manifest that is complete no longer."""
        return dataclasses.replace(self, predicted=None, counts=None, broken=None, shown=None)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `predictions.json`, without what is not known yet."""
        return PREDICTIONS.content(dataclasses.asdict(self))


def begin_manifest(config: PredictConfig, source: Listing, directory: Path) -> Manifest:
    """Returns the manifest of a run that begins, with its input not listed yet and the classifier of a directory.

    Raises:
        ExportError: aag-export did not write the classifier, or it is an encoder.
        DataError: the images are pages of files on a store.
    """
    metadata = read_classifier_metadata(directory)
    record = metadata.record
    place = named(directory.absolute())
    model = ClassifierFacts(place, exported.digest(directory), record.image_shape, record.class_names)
    settings = Settings(**{field.name: getattr(config, field.name) for field in dataclasses.fields(Settings)})
    return Manifest(with_pages(source, record.reading), model, settings, versions())


def require_same(wanted: Manifest, begun: Manifest) -> None:
    """Checks that a run continues with the input, the classifier and the settings that it was begun with.

    Raises:
        EmbeddingError: something differs, and the message names it.
    """
    require_same_input(wanted.input, begun.input, updatable=False)
    require_same_work(wanted, begun, "classifier", "resume")
    if wanted.model.class_names != begun.model.class_names:
        raise EmbeddingError(
            f"--resume: this output was begun with the classes {', '.join(begun.model.class_names[:5])}, and "
            f"{wanted.model.path} has others; name the same with --saved_model, or another --output."
        )
