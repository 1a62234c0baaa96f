"""Classifies images, a Parquet file at a time: complete files stay, incomplete ones are written again."""

from collections.abc import Iterator
from pathlib import Path

from aag_tf.config import PredictConfig
from aag_tf.export.embedding import shards
from aag_tf.export.embedding.beginning import begun
from aag_tf.export.embedding.computing import compute
from aag_tf.export.embedding.inputs import open_input, say_what_is_left_out, source_of
from aag_tf.export.embedding.missing_shards import ShardWork, write_missing_shards
from aag_tf.export.embedding.reading import Batch, reading_of
from aag_tf.export.embedding.stored_output import directory_to_write
from aag_tf.export.prediction.manifest import begin_manifest, require_same
from aag_tf.export.prediction.output import Output, StoredOutput
from aag_tf.export.prediction.report import PredictReport, finish
from aag_tf.export.prediction.rows import Predicted, classify_batch, schema, tables
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.exported_classifier import SavedClassifier, load_saved_classifier
from aag_tf.utils import environment
from aag_tf.utils.image_progress import ImageProgress


def predict(config: PredictConfig) -> PredictReport:
    """Classifies every image of an input.

    The rows are in the input's order, and the same however often the work was stopped and resumed.

    Raises:
        EmbeddingError: the output may not be used, was begun with other settings, or cannot be written; or no image
            could be read.
        ExportError: aag-export did not write the classifier, or it is an encoder.
        DataError: there is no such input, or it holds no images.
    """
    environment.tell()
    with directory_to_write(config.output, Output, StoredOutput) as output:
        return _predict_into(output, config)


def _predict_into(output: Output, config: PredictConfig) -> PredictReport:
    with output.converting_os_errors():
        output.check(resume=config.resume, overwrite=config.overwrite)
    source = source_of(config)
    directory = version_directory(config.saved_model)
    wanted = begin_manifest(config, source, directory)
    if config.resume:
        require_same(wanted, output.read_manifest())  # before the classifier is loaded
    model = load_saved_classifier(directory, trust_model=config.trust_model)
    with begun(output, config, source, wanted, require_same) as manifest:
        images = open_input(manifest.input, output.path)
        if config.resume:
            say_what_is_left_out(manifest.input, output.path, "--resume classifies", updatable=False)
        work = _work(config, model, output)
        done, new, seconds = write_missing_shards(output, manifest, images, work)
        return finish(output, done, config, work.reading, new=new, seconds=seconds)


def _work(config: PredictConfig, model: SavedClassifier, output: Output) -> ShardWork:
    columns = schema(all_probabilities=config.all_probabilities)

    def classify(batch: Batch) -> Predicted:
        return classify_batch(model, batch)

    def write(path: Path, batches: Iterator[Batch], rows: range, progress: ImageProgress) -> shards.ShardFacts:
        done = compute(batches, rows, classify, progress, batch_size=config.batch_size, go_on="--resume")
        with output.converting_os_errors():
            return shards.write_tables(path, tables(done, model.class_names, columns), columns, dictionaries=True)

    return ShardWork(
        name="predicting",
        shard_size=config.shard_size,
        batch_size=config.batch_size,
        threads=config.read_threads,
        shape=model.image_shape,
        reading=reading_of(config, model.metadata.record),
        write=write,
    )
