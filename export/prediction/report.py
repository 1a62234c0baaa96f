"""The end of bulk prediction: the CSV file and the page, the counts, and what is said."""

import dataclasses
from pathlib import Path

from aag_tf.config import PredictConfig
from aag_tf.data.files.reading import Reading
from aag_tf.export.embedding.shards import reporting_unreadable
from aag_tf.export.prediction.csv_file import write_csv
from aag_tf.export.prediction.manifest import Manifest
from aag_tf.export.prediction.output import CSV_FILE, PAGE_FILE, Output
from aag_tf.export.prediction.page import write_page
from aag_tf.export.prediction.reading_back import Predictions
from aag_tf.utils.errors import EmbeddingError
from aag_tf.utils.stores import named
from aag_tf.utils.text import Lines, shown

NAMED_IMAGES = 3
NAMED_CLASSES = 20


@dataclasses.dataclass(frozen=True)
class PredictReport:
    """What was predicted.

    Args:
        path: the output directory.
        images: number of images in the input, readable or not.
        predicted: number of images with a label.
        counts: number of images of every class, the most frequent first.
        new: number of images that this run read; fewer than `images` where it resumed.
        seconds: duration of this run, after the input was listed and the classifier loaded.
        broken: (path, error) of some images without a label.
        page: of the least certain, `None` where none was asked for.
    """

    path: Path
    images: int
    predicted: int
    counts: dict[str, int]
    new: int
    seconds: float
    broken: list[tuple[str, str]]
    page: Path | None = None

    def __str__(self) -> str:
        """What was written, the classes, how fast, and what is missing."""
        lines = [
            f"Predicted {self.predicted:,} of {self.images:,} images; the rows are in {named(self.path / CSV_FILE)} "
            f"and {named(self.path / 'parquet')}.",
            f"Classes: {self._classes()}.",
        ]
        if self.page is not None:
            lines.append(f"The least certain: {named(self.page)}")
        if self.new:
            lines.append(
                f"This run: {self.new:,} images in {self.seconds:,.0f} s, {self.new / self.seconds:,.0f} images/s."
            )
        if self.broken:
            missing = self.images - self.predicted
            lines.append(f"{missing:,} could not be read; column `error` says why, for instance:")
            lines += [f"  {path}: {error}" for path, error in self.broken]
        return str(Lines(*lines))

    def _classes(self) -> str:
        named_ones = list(self.counts.items())[:NAMED_CLASSES]
        rest = list(self.counts.values())[NAMED_CLASSES:]
        more = [f"{sum(rest):,} of {len(rest):,} others"] if rest else []
        return ", ".join([*(f"{name} {count:,}" for name, count in named_ones), *more])


def finish(
    output: Output, manifest: Manifest, config: PredictConfig, reading: Reading, *, new: int, seconds: float
) -> PredictReport:
    """Writes the CSV file and the page, counts the labels, and marks the output as complete.

    Args:
        output: the directory.
        manifest: its manifest, whose Parquet files are complete.
        config: of this run.
        reading: how images are read.
        new: number of images that this run read.
        seconds: that it took for them.

    Raises:
        EmbeddingError: a file cannot be written, or a Parquet file cannot be read; or no image could be.
    """
    predictions = Predictions(output, manifest)
    lost = _lost(output, manifest, config)
    if not manifest.is_complete or lost:
        with output.converting_os_errors():
            counts = predictions.counts()
            manifest = dataclasses.replace(
                manifest,
                predicted=sum(counts.values()),
                counts=counts,
                broken=predictions.broken(NAMED_IMAGES),
                shown=config.uncertain,
            )
            if CSV_FILE in lost:
                class_names = manifest.model.class_names
                manifest = manifest.noting({CSV_FILE: write_csv(output, predictions, class_names)})
            if PAGE_FILE in lost:
                page = write_page(output, manifest, predictions, config.uncertain, reading)
                manifest = manifest.noting({PAGE_FILE: page})
            output.write_manifest(manifest)
    assert manifest.predicted is not None
    assert manifest.counts is not None
    assert manifest.broken is not None
    if manifest.predicted == 0 and manifest.broken:
        raise EmbeddingError(
            f"none of the {len(predictions)} images of {manifest.input['source']} can be read; "
            f"{shown(manifest.broken[0][0])}, for one: {manifest.broken[0][1]}."
        )
    return PredictReport(
        output.path,
        len(predictions),
        manifest.predicted,
        manifest.counts,
        new,
        seconds,
        manifest.broken,
        output.page if config.uncertain else None,
    )


def _lost(output: Output, manifest: Manifest, config: PredictConfig) -> list[str]:
    """Returns the names of files that are to be written: all, or those that are missing or damaged, or another page.

    Raises:
        EmbeddingError: the disk cannot be read now.
    """
    wanted = [output.csv, *([output.page] if config.uncertain else [])]
    if not manifest.is_complete:
        return [path.name for path in wanted]
    found = []
    for path in wanted:
        facts = (manifest.files or {}).get(path.name)
        with reporting_unreadable(path):
            fault = "has no digest" if facts is None else facts.fault(path)
        if fault is not None and facts is not None and path.exists():
            with output.converting_os_errors():
                output.set_aside(path, fault)
        if fault is not None or (path == output.page and manifest.shown != config.uncertain):
            found.append(path.name)
    return found
