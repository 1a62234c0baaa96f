"""A run on 8x8 digits and a classifier, of random weights, and both as SavedModels; tests must not change them."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from small_classifiers import make_classifier
from small_runs import make_run

from aag_tf.config import ExportConfig
from aag_tf.export import export, export_classifier, load_saved_model

MAX_PIXELS = 10_000


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The run directory, and the encoder in it."""
    path = tmp_path_factory.mktemp("runs")
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[..., np.newaxis] * 15, digits.target
    np.savez(
        path / "digits.npz",
        images=images[:320],
        labels=labels[:320],
        test_images=images[320:400],
        test_labels=labels[320:400],
    )
    return str(path / "run"), make_run(path / "run", f"npz:{path / 'digits.npz'}")


@pytest.fixture(scope="session")
def exported(run, tmp_path_factory):
    """The report of version 1 of the run's encoder, with every signature, verified."""
    names = "project,embed_images,embed_bytes,serving_default"  # their order decides nothing
    directory = str(tmp_path_factory.mktemp("exports") / "model")
    return export(ExportConfig(run_dir=run[0], export_dir=directory, signatures=names, max_pixels=MAX_PIXELS))


@pytest.fixture(scope="session")
def model(exported):
    """That version, loaded from the directory of all versions."""
    return load_saved_model(exported.path.parent)


@pytest.fixture(scope="session")
def encoder_dir(run, tmp_path_factory):
    """The directory of an export with `serving_default` alone, which loads faster."""
    directory = tmp_path_factory.mktemp("encoder")
    export(ExportConfig(run_dir=run[0], export_dir=str(directory), signatures="serving_default", verify=False))
    return directory


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    """The directory of a classifier, and its model from pixels to logits."""
    directory = tmp_path_factory.mktemp("classifiers") / "mine"
    return directory, make_classifier(directory)


@pytest.fixture(scope="session")
def exported_classifier(classifier, tmp_path_factory):
    """The report of version 1 of the classifier's export, verified."""
    directory = str(tmp_path_factory.mktemp("exported_classifiers") / "model")
    return export_classifier(ExportConfig(classifier=str(classifier[0]), export_dir=directory, max_pixels=MAX_PIXELS))
