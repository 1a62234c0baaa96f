"""What `aag-evaluate` can refuse at once."""

import os
import zipfile

from aag_tf.config import OWN, DataConfig, EvaluateConfig
from aag_tf.config.embed_views import check_mirrored
from aag_tf.preflight.datasets import check_dataset
from aag_tf.preflight.runs import check_same_dataset, check_trained
from aag_tf.runs.export_directory import version_directory
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.paths import user_path
from aag_tf.utils.stores import fetched, file_to_write, is_store

PASSED_IMAGES = "the model was trained on images that were passed to train(); name images with --dataset."


def check(config: EvaluateConfig) -> None:
    """Checks that the model, the images and the place of the results are there."""
    if config.output is not None:
        check_output(config.output)
    if config.compare is not None:
        for run in config.compared:
            if not is_store(run) and not user_path(run).exists():
                raise EvaluationError(f"{run} does not exist; name a run, or a file that aag-evaluate --output wrote.")
        return
    if config.run_dir is not None:
        data = check_trained(config.run_dir)
        check_mirrored(config.embed_views, flip=RunDirectory(config.run_dir).read_record().config.augment.flip)
        if config.dataset is None:
            if data.dataset == OWN:
                raise EvaluationError(PASSED_IMAGES)
            check_same_dataset(data, data_dir=config.data_dir, download=config.download)
    if config.saved_model is not None:
        version_directory(config.saved_model)
    if config.keras_model is not None:
        check_keras_file(config.keras_model)
    for file in (config.train_features, config.test_features):
        if file is not None and not fetched(file).is_file():
            raise EvaluationError(f"{file} is not a file; name an archive that numpy.savez wrote.")
    if config.dataset is not None:
        check_dataset(
            DataConfig(config.dataset, data_dir=config.data_dir, download=config.download, layout=config.layout)
        )


def check_keras_file(path: str) -> None:
    """Checks that a file is a `.keras` file.

    Raises:
        EvaluationError: it is not.
    """
    file = fetched(path)
    if file.suffix != ".keras" or not zipfile.is_zipfile(file):
        raise EvaluationError(
            f"--keras_model={path} is not a .keras file; save one with model.save('name.keras'), or export a "
            "SavedModel and use --saved_model."
        )


def check_output(name: str) -> None:
    """Checks that a file of results may be written.

    Raises:
        EvaluationError: it may not.
    """
    path = file_to_write(name)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise EvaluationError(f"{name} cannot be written; name a file in a writable directory with --output.")
