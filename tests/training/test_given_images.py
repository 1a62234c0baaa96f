"""Images that Python passes train like those of a data set: arrays, memory maps, data sources and tf.data."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from training_runs import metrics, schedule, settings, weights

from aag_tf.config import AugmentConfig, DataConfig, EvaluateConfig, ExportConfig
from aag_tf.data import open_source
from aag_tf.data.sources.given import given_source
from aag_tf.evaluation import evaluate
from aag_tf.preflight.export import check as check_export
from aag_tf.training.train import train
from aag_tf.utils.errors import AagError, ConfigError, DataError, EvaluationError

COUNT = 60
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 1), np.uint8)
LABELS = np.arange(COUNT) % 3


class Elements:
    """A data source as PyTorch and grain have it."""

    def __init__(self, make):
        self._make = make

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return self._make(int(index))


SOURCES = {
    "array": lambda path: IMAGES,
    "gray array": lambda path: IMAGES[..., 0],
    "memory map": lambda path: np.load(path, mmap_mode="r"),
    "arrays": lambda path: Elements(lambda index: IMAGES[index]),
    "pairs": lambda path: Elements(lambda index: (Image.fromarray(IMAGES[index, ..., 0]), 1)),
    "mappings": lambda path: Elements(lambda index: {"image": IMAGES[index], "label": 1}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_images_are_those_that_were_passed(tmp_path, kind):
    np.save(tmp_path / "images.npy", IMAGES)
    source = given_source(SOURCES[kind](tmp_path / "images.npy"), LABELS, DataConfig())
    np.testing.assert_array_equal(source.train.images.numpy(np.arange(COUNT)), IMAGES)
    np.testing.assert_array_equal(source.train.images.fetch(tf.constant([5, 3, 5])), IMAGES[[5, 3, 5]])
    np.testing.assert_array_equal(source.train.labels, LABELS)


def test_images_are_scaled_as_those_of_an_archive(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, test_images=IMAGES[:1])
    wanted = open_source(DataConfig(f"npz:{tmp_path / 'x.npz'}", image_size=6, validation_fraction=0.0)).train
    for images in (IMAGES, Elements(lambda index: IMAGES[index])):
        found = given_source(images, None, DataConfig(image_size=6)).train
        np.testing.assert_array_equal(found.images.numpy(np.arange(COUNT)), wanted.images.numpy(np.arange(COUNT)))


def config(run_dir, **run):
    usual = settings(run_dir, **run)
    usual = dataclasses.replace(usual, augment=AugmentConfig(aux="none"))  # quick to trace
    return dataclasses.replace(usual, schedule=schedule(train_steps=3, global_batch_size=16))


@pytest.fixture(scope="module")
def as_archive(tmp_path_factory):
    """A run on the same images as an archive."""
    path = tmp_path_factory.mktemp("archive")
    np.savez(path / "x.npz", images=IMAGES, labels=LABELS)
    usual = config(path / "run")
    train(dataclasses.replace(usual, data=DataConfig(f"npz:{path / 'x.npz'}")))
    return path / "run"


def dataset(path):
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(7)


@pytest.mark.parametrize("make", [SOURCES["memory map"], dataset], ids=["memory map", "tf.data"])
def test_a_run_on_them_is_the_run_on_an_archive(tmp_path, as_archive, caplog, make, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    np.save(tmp_path / "images.npy", IMAGES)
    images = make(tmp_path / "images.npy")
    labels = None if isinstance(images, tf.data.Dataset) else LABELS
    if labels is None:
        (tmp_path / "aag_tf_given_01234567" / "pack").mkdir(parents=True)  # of a process that was killed
    result = train(config(tmp_path / "run"), images=images, labels=labels)
    for own, other in zip(weights(tmp_path / "run"), weights(as_archive), strict=True):
        np.testing.assert_array_equal(own, other)
    assert metrics(tmp_path / "run") == metrics(as_archive)
    assert result.evaluate_command is None
    assert ("Packing the tf.data.Dataset into" in caplog.text) == (labels is None)
    assert not list(tmp_path.glob("aag_tf_given_*"))


def test_a_run_goes_on_with_the_same_images_and_no_others(tmp_path):
    train(config(tmp_path / "run"), images=IMAGES, labels=LABELS)
    again = config(tmp_path / "run", resume=True)
    assert train(again, images=IMAGES, labels=LABELS).complete
    with pytest.raises(AagError, match=r"--resume needs the images that the run was trained on"):
        train(again, images=255 - IMAGES, labels=LABELS)
    with pytest.raises(DataError, match=r"pass them again, train\(images=\.\.\.\), or name a data set of the same"):
        train(dataclasses.replace(again, data=DataConfig("own")))
    with pytest.raises(EvaluationError, match=r"was trained on images that were passed to train\(\); name images with"):
        evaluate(EvaluateConfig(run_dir=str(tmp_path / "run")))
    with pytest.raises(DataError, match=r"which only that program has; .* export without them, with --noverify"):
        check_export(ExportConfig(run_dir=str(tmp_path / "run"), export_dir=str(tmp_path / "export")))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES.astype(np.float32), r"are float32; pass uint8 values from 0 to 255\."),
        (IMAGES[0, 0], r"have shape \[8, 1\]; it must be"),
        (IMAGES[:0], r"are none; pass at least two\."),
        (Elements(lambda index: IMAGES[index] / 255), r"images\[0\] cannot be read \(an element is float64; its image"),
        (Elements(lambda index: {"photo": IMAGES[index]}), r"an element has the keys photo; name that of the image"),
        (
            Elements(lambda index: np.random.default_rng().integers(0, 9, (8, 8, 1), np.uint8)),
            "another image every",
        ),
        (Elements(lambda index: IMAGES[index].repeat(1 + 2 * (index % 2), 2)), r"have 1 and 3 channels; give all the"),
    ],
)
def test_what_are_no_images(images, message):
    with pytest.raises(DataError, match=message):
        given_source(images, None, DataConfig())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": "digits"}, r"takes a uint8 array, a data source .* and got a str; pass one of these\."),
        ({"images": iter(IMAGES)}, r"and got a ndarray_iterator|and got a iterator"),
        ({"labels": LABELS}, r"train\(labels=\.\.\.\) are the labels of train\(images=\.\.\.\); pass both, or neither"),
    ],
)
def test_arguments_that_are_refused(tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=message):
        train(config(tmp_path / "run"), **arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (lambda: tf.data.Dataset.from_tensors(IMAGES[0]).repeat(), r"never ends; leave out repeat\(\)"),
        (lambda: tf.data.Dataset.from_tensors(IMAGES[0]).take(0), r"has no elements; pass one that has\."),
        (lambda: tf.data.Dataset.range(3), r"element 0 of the tf.data.Dataset cannot be read: an element is int64"),
    ],
)
def test_datasets_that_are_refused(tmp_path, images, message):
    with pytest.raises(DataError, match=message):
        train(config(tmp_path / "run"), images=images())
    assert not (tmp_path / "run").exists()
