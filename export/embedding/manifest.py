"""The manifest of an embedded collection: which images, which encoder, which settings; checked when it is read.

It is written when a run begins (`input`, `model`, `settings`), again when the input is listed (`rows` and more in
`input`), with each Parquet file (`files`), and when all is done (`embedded`, `broken`).
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from aag_tf.config import EmbedConfig
from aag_tf.data.files.reading import Reading
from aag_tf.data.files.shapes import is_possible
from aag_tf.export.embedding.shards import ShardFacts
from aag_tf.preflight.embed import EMBEDDINGS, OF_FILES, STORE
from aag_tf.runs import exported
from aag_tf.utils.digests import FileFacts
from aag_tf.utils.errors import DataError, EmbeddingError
from aag_tf.utils.stores import named
from aag_tf.utils.versions import versions

PAGES = "pages"  # key of an input whose images are the pages of its files
FOLLOW = "follow_symlinks"  # key of a folder; earlier versions followed all, and had none
MOST = 2**40  # more is no number of images

Listing = dict[str, Any]  # an input; see `aag_tf.export.embedding.inputs`


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """The model that the images went through.

    Args:
        path: its version directory.
        digest: of its graph and weights, see `aag_tf.runs.exported.digest`.
        image_shape: (height, width, channels) of its input.
    """

    path: str
    digest: str
    image_shape: tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class EncoderFacts(ModelFacts):
    """The encoder of a collection.

    Args:
        path, digest, image_shape: as for every model.
        embedding_dim: length of an embedding.
    """

    embedding_dim: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of `EmbedConfig` that a resumed run must not change."""

    normalize: bool
    dtype: str
    numpy: bool
    shard_size: int


@dataclasses.dataclass(frozen=True)
class Update:
    """An update under way.

    Args:
        input: its images, listed; the first rows are those of the manifest's `input`.
        new: number of images that are added.
        changed: number of images that are embedded again.
        gone: number of images that are no longer there.
        is_written: whether all of its Parquet files are written, so that they take the place of earlier ones.
        files: facts of those that are written, by the names that they will have.
    """

    input: Listing
    new: int
    changed: int
    gone: int
    is_written: bool = False
    files: dict[str, ShardFacts] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (type(self.input.get("rows")) is int and 1 <= self.input["rows"] <= MOST):
            raise ValueError("its 'update' has no 'rows'")

    def __str__(self) -> str:
        """The three numbers."""
        return f"{self.new:,} new, {self.changed:,} changed, {self.gone:,} gone"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The content of `manifest.json`.

    Args:
        input: the images: `kind`, `source` and more by kind; once listed also `rows` and `digest`.
        model: the encoder.
        settings: of the run that began.
        versions: of the software of the run that began.
        embedded: number of images with an embedding, `None` until all are done.
        broken: (path, error) of some images without one, `None` until all are done.
        gone: number of images that an update no longer found; `None` where there is none.
        update: an update under way, else `None`.
        files: facts of every file that is complete, by its name in the directory; not of those of earlier versions.
    """

    input: Listing
    model: EncoderFacts
    settings: Settings
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    embedded: int | None = None
    broken: list[Any] | None = None
    gone: int | None = None
    update: Update | None = None
    files: dict[str, ShardFacts | FileFacts] | None = None  # of two, the more special is tried first

    def __post_init__(self) -> None:
        for name in ("kind", "source", *(("rows", "digest") if self.is_listed else ())):
            if type(self.input.get(name)) is not (int if name == "rows" else str):
                raise ValueError(f"its 'input' has no {name!r}")
        sizes = [self.model.embedding_dim, self.settings.shard_size, self.input.get("rows", 1)]
        if not all(1 <= size <= MOST for size in sizes) or not is_possible(self.model.image_shape):
            raise ValueError("a number of images, or a size, is out of range")
        if self.is_complete and self.broken is None:
            raise ValueError("it has 'embedded' and no 'broken'")

    @property
    def is_listed(self) -> bool:
        """Whether the images are fixed."""
        return "rows" in self.input or self.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether every image was read and all files are written."""
        return self.embedded is not None

    def noting(self, files: Mapping[str, FileFacts]) -> Self:
        """Returns a manifest with the facts of more files."""
        return dataclasses.replace(self, files=(self.files or {}) | dict(files))

    def listing(self, images: Listing) -> Self:
        """Returns a manifest whose input is listed."""
        return dataclasses.replace(self, input=images)

    def reopened(self) -> Self:
        """Returns a manifest that is complete no longer."""
        return dataclasses.replace(self, embedded=None, broken=None)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON object of `manifest.json`, without what is not known yet."""
        return EMBEDDINGS.content(dataclasses.asdict(self))


def begin_manifest(config: EmbedConfig, source: Listing, directory: Path) -> Manifest:
    """Returns the manifest of a run that begins, with its input not listed yet and the encoder of a version directory.

    Raises:
        ExportError: aag-export did not write the encoder.
        DataError: the images are pages of files on a store.
    """
    metadata = exported.read_metadata(directory)
    model = EncoderFacts(
        named(directory.absolute()), exported.digest(directory), metadata.record.image_shape, metadata.embedding_dim
    )
    settings = Settings(**{field.name: getattr(config, field.name) for field in dataclasses.fields(Settings)})
    return Manifest(with_pages(source, metadata.record.reading), model, settings, versions())


def with_pages(source: Listing, reading: Reading) -> Listing:
    """Returns a source that says whether each page of its files is an image, as in training.

    Raises:
        DataError: they are, and lie on a store.
    """
    if reading.pages != "each" or source["kind"] not in (*OF_FILES, STORE):
        return source
    if source["kind"] == STORE:
        raise DataError(
            f"the encoder was trained on each page of its files (--pages=each), and those of files on a store are not "
            f"counted; copy {source['source']} here and name the copy with --input."
        )
    return source | {PAGES: "each"}


def require_same(wanted: Manifest, begun: Manifest) -> None:
    """Checks that a run continues with the input, the encoder and the settings it was begun with.

    Raises:
        EmbeddingError: something differs, and the message names it; or an update was stopped.
    """
    if begun.update is not None:
        raise EmbeddingError(
            "--resume: an update of this output was stopped; go on with it by --update in place of --resume."
        )
    require_same_input(wanted.input, begun.input, updatable=begun.is_complete)
    require_same_work(wanted, begun, "encoder", "resume")


def require_same_input(wanted: Listing, begun: Listing, *, updatable: bool) -> None:
    """Checks that a run continues with the input that it was begun with.

    Args:
        wanted: the input of now, which need not be listed.
        begun: the input of then.
        updatable: whether --update is another way to go on.

    Raises:
        EmbeddingError: something differs, and the message names it.
    """
    for name, value in wanted.items():
        if name == FOLLOW and name not in begun:  # by an earlier version
            continue
        if value != begun.get(name):
            what = "the list of paths has changed since" if name == "source_digest" else f"`{name}` is now {value}"
            brought = " bring it up to date with --update," if name == "source_digest" and updatable else ""
            raise EmbeddingError(
                f"--resume: this output was begun with the input {begun['source']}, and {what};{brought} give "
                "the same input, or another --output."
            )


def require_updatable(wanted: Manifest, begun: Manifest) -> None:
    """Checks that an update is of a finished output, by the same encoder and settings, from the same kind of input.

    Raises:
        EmbeddingError: something differs; the message names it.
    """
    if not begun.is_complete and begun.update is None:
        raise EmbeddingError("--update: this output is not finished; finish it with --resume in place of --update.")
    if wanted.input["kind"] != begun.input["kind"]:
        raise EmbeddingError(
            f"--update: this output was made of a {begun.input['kind']} ({begun.input['source']}), and --input is a "
            f"{wanted.input['kind']}; give the same kind of input, or another --output."
        )
    require_same_work(wanted, begun, "encoder", "update")


class Work(Protocol):
    """What a manifest says of the work on its images; `settings` is a dataclass."""

    @property
    def model(self) -> ModelFacts:
        """The model."""
        ...

    @property
    def settings(self) -> Any:
        """The settings that a resumed run must not change."""
        ...


def require_same_work(wanted: Work, begun: Work, noun: str, flag: str) -> None:
    """Checks that a run continues with the model and the settings that it was begun with.

    Args:
        wanted: the work of now.
        begun: the work of then.
        noun: what the model is.
        flag: by which it continues.

    Raises:
        EmbeddingError: something differs, and the message names it.
    """
    if wanted.model.digest != begun.model.digest:
        raise EmbeddingError(
            f"--{flag}: this output was begun with the {noun} {begun.model.path}, and {wanted.model.path} holds "
            "another; name the same with --saved_model, or another --output."
        )
    for name, value in dataclasses.asdict(wanted.settings).items():
        before = getattr(begun.settings, name)
        if value != before:
            raise EmbeddingError(
                f"--{flag}: this output was begun with --{name}={before}, not --{name}={value}; give the same, or "
                "another --output."
            )
