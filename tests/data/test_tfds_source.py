import os
import shutil
import socket
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tiny_data_sets import TinyShapes

from aag_tf.config import DataConfig, ReadingConfig
from aag_tf.data import open_source
from aag_tf.data.images import memory
from aag_tf.data.sources.tfds_source import data_directory
from aag_tf.utils.errors import ConfigError, DataError
from aag_tf.utils.stores import MissingError, Store


class TinyWords(tfds.core.GeneratorBasedBuilder):
    """Text without pictures."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({"text": tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {"train": iter([(0, {"text": "word"})])}

    def _generate_examples(self):
        raise NotImplementedError


def open_tfds(name, **settings):
    return open_source(DataConfig(dataset=f"tfds:{name}", **settings))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Data directory in which `tiny_shapes` is prepared."""
    directory = str(tmp_path_factory.mktemp("tfds"))
    TinyShapes(data_dir=directory).download_and_prepare()
    return directory


@pytest.mark.parametrize(("name", "classes"), [("cifar100", 100), ("svhn_cropped", 10)])
def test_mocked_sets_of_the_catalog(name, classes):
    with tfds.testing.mock_data(num_examples=40):
        source = open_tfds(name, validation_fraction=0.25)
        # What the mock makes up depends on the features asked for.
        features = tfds.decode.PartialDecoding({"image": True, "label": True})
        expected = next(tfds.load(name, split="test", decoders=features).batch(40).as_numpy_iterator())
    assert source.name == f"tfds:{name}"
    assert source.image_shape == (32, 32, 3)
    assert len(source.class_names) == classes
    assert (len(source.train), len(source.validation), len(source.test)) == (30, 10, 40)
    np.testing.assert_array_equal(source.test.images.numpy(range(40)), expected["image"])
    np.testing.assert_array_equal(source.test.labels, expected["label"])


def test_missing_set_is_refused_without_the_network_and_names_the_command(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("looked for the data set on the network"))
    with pytest.raises(DataError) as caught:
        open_tfds("cifar10", data_dir=str(tmp_path))
    message = str(caught.value)
    assert message.startswith(f"tfds:cifar10 is not prepared in {tmp_path}; ")
    assert f"add --download or run `tfds build cifar10 --data_dir={tmp_path}`" in message
    assert caplog.records == []
    assert list(tmp_path.iterdir()) == []


def test_download_prepares_first(tmp_path):
    with pytest.raises(DataError, match="tfds:tiny_shapes is not prepared"):
        open_tfds("tiny_shapes", data_dir=str(tmp_path), image_size=8)
    source = open_tfds("tiny_shapes", data_dir=str(tmp_path), image_size=8, download=True)
    again = open_tfds("tiny_shapes:1.0.0", data_dir=str(tmp_path), image_size=8)
    assert source.image_shape == again.image_shape == (8, 8, 3)
    assert (len(source.train), len(source.validation), len(source.test)) == (12, 6, 5)
    # Each picture has one value, and its label follows from the value: both must come from the same example.
    values = source.train.images.numpy(range(12))[:, 0, 0, 0]
    assert sorted(values.tolist()) == [20 * number for number in range(12)]
    assert source.train.labels.tolist() == (values > 100).astype(int).tolist()
    assert source.class_names == ["dark", "light"]
    assert source.test.labels is None


def test_another_part_is_trained_on(prepared):
    def opened(train_split):
        return open_tfds("tiny_shapes", data_dir=prepared, image_size=8, train_split=train_split)

    alone, joined, part = opened("unlabelled"), opened("train + unlabelled"), opened("train[:50%]")
    assert [len(source.train) for source in (alone, joined, part)] == [8, 20, 6]
    assert alone.train.labels is None
    assert joined.train.labels is None, "some are secret"
    assert part.train.labels.tolist() == (part.train.images.numpy(range(6))[:, 0, 0, 0] > 100).astype(int).tolist()
    assert all((len(source.validation), len(source.test)) == (6, 5) for source in (alone, joined, part))


@pytest.mark.parametrize(
    ("train_split", "message"),
    [
        ("train+lost", "has no split `lost`, only .*unlabelled.*; name one of them with --train_split"),
        ("train[:much]", r"has nothing to train on in --train_split=train\[:much\]"),
        ("train[:0]", r"has nothing to train on in --train_split=train\[:0\]"),
    ],
)
def test_a_part_that_is_not_there(train_split, message, prepared):
    with pytest.raises(DataError, match=message):
        open_tfds("tiny_shapes", data_dir=prepared, image_size=8, train_split=train_split)


@pytest.mark.parametrize("train_split", ["test", "train+test[:10%]", "validation", "", "train+"])
def test_splits_for_evaluation_are_not_trained_on(train_split):
    with pytest.raises(ConfigError, match=r"cannot be trained on; name splits other than validation and test"):
        DataConfig(dataset="tfds:tiny_shapes", train_split=train_split)


def test_parts_are_of_tensorflow_data_sets_only():
    with pytest.raises(ConfigError, match="--train_split=unlabelled names a part of a TensorFlow data set, and --data"):
        DataConfig(dataset="folder:images", train_split="unlabelled")


def test_sizes_that_differ_become_224(prepared):
    assert open_tfds("tiny_shapes", data_dir=prepared).image_shape == (224, 224, 3)


def test_set_above_the_memory_limit(prepared, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 1000)
    with pytest.raises(DataError, match=r"0\.0 GiB at 8x8x3, above .* pack it once with `aag-pack --dataset=tfds:tiny"):
        open_tfds("tiny_shapes", data_dir=prepared, image_size=8)


def test_set_without_pictures(tmp_path):
    with pytest.raises(DataError, match="tfds:tiny_words has no feature `image`"):
        open_tfds("tiny_words", data_dir=str(tmp_path))


def test_failing_download_is_one_sentence(tmp_path, monkeypatch):
    def fail(self):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(TinyShapes, "download_and_prepare", fail)
    with pytest.raises(DataError, match=r"tfds:tiny_shapes could not be prepared \(ConnectionError: no route"):
        open_tfds("tiny_shapes", data_dir=str(tmp_path), download=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifra10", r"neither known to TFDS nor prepared in its data directory; did you mean tfds:cifar10\?"),
        ("qqqqqqqqqqqq", "tensorflow.org/datasets/catalog"),
        ("cifar10:9.9.9", "cannot be opened .* cannot be loaded at version 9.9.9"),
        ("cifar10/foo", "cannot be opened .* BuilderConfig foo not found"),
        ("cifar10/", "cannot be opened as"),
    ],
)
def test_names_that_tfds_does_not_know(tmp_path, name, message):
    with pytest.raises(DataError, match=message):
        open_tfds(name, data_dir=str(tmp_path))


def require_prepared(name):
    """The data directory that holds the set, or a skip that says what is missing."""
    for place in (os.environ.get("TFDS_DATA_DIR"), Path.home() / "tensorflow_datasets"):
        if place and Path(place, name).is_dir():
            return str(place)
    pytest.skip(f"{name} is not prepared in TFDS_DATA_DIR or TFDS's default directory")


def test_real_cifar10():
    source = open_tfds("cifar10", data_dir=require_prepared("cifar10"))
    assert (len(source.train), len(source.validation), len(source.test)) == (45_000, 5_000, 10_000)
    assert np.bincount(source.validation.labels).tolist() == [500] * 10
    pixels = np.concatenate([part.images.numpy(range(len(part))) for part in (source.train, source.validation)])
    # The channel means that every CIFAR-10 recipe prints.
    np.testing.assert_allclose(pixels.mean((0, 1, 2), np.float64) / 255, [0.4914, 0.4822, 0.4465], atol=5e-5)


def test_real_fashion_mnist():
    source = open_tfds("fashion_mnist", data_dir=require_prepared("fashion_mnist"))
    assert source.image_shape == (28, 28, 1)
    assert (len(source.train), len(source.validation), len(source.test)) == (54_000, 6_000, 10_000)
    pixels = source.test.images.numpy(range(10_000))
    # Xiao et al.'s test images, mean as usually printed.
    assert abs(pixels.mean() / 255 - 0.2868) < 1e-3
    assert np.bincount(source.test.labels).tolist() == [1000] * 10


def test_files_that_cannot_be_read_are_one_sentence(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.rglob("*.tfrecord*"):
        file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"tfds:tiny_shapes cannot be read \(.*\); prepare it again"):
        open_tfds("tiny_shapes", data_dir=str(tmp_path))


def test_a_bucket_is_left_as_it_is_and_a_path_written_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data_directory("gs://bucket/data") == "gs://bucket/data"
    assert data_directory("data") == str(tmp_path / "data")
    assert data_directory(None) is None


def test_a_prepared_set_is_read_from_a_store(prepared, s3):
    for file in Path(prepared).rglob("*"):
        if file.is_file():
            Store("s3://bucket/tfds").upload(file, file.relative_to(prepared).as_posix())
    stored, local = (open_tfds("tiny_shapes", data_dir=place, image_size=8) for place in ("s3://bucket/tfds", prepared))
    assert (len(stored.train), stored.class_names) == (len(local.train), local.class_names)
    rows = np.arange(len(local.train))
    np.testing.assert_array_equal(stored.train.images.numpy(rows), local.train.images.numpy(rows))
    assert stored.name == "tfds:tiny_shapes"
    with pytest.raises(MissingError, match=r"^s3://bucket/tfds/cifar10 does not exist"):
        open_tfds("cifar10", data_dir="s3://bucket/tfds")


class TinyDeep(tfds.core.GeneratorBasedBuilder):
    """Twelve-bit pictures in 16-bit PNG files, and floating-point ones."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name=name, version="1.0.0", description=name) for name in ("uint16", "float32")
    ]
    PIXELS = np.random.default_rng(0).integers(0, 4096, (12, 6, 5, 1), np.uint16)

    def _info(self):
        image = tfds.features.Image(shape=(6, 5, 1), dtype=np.dtype(self.builder_config.name))
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict({"image": image}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number, pixels in enumerate(self.PIXELS):
            yield number, {"image": pixels.astype(self.builder_config.name)}


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_deep_images_come_in_the_range_of_the_data_set(tmp_path, caplog, dtype):
    TinyDeep(data_dir=str(tmp_path), config=dtype).download_and_prepare()
    source = open_tfds(f"tiny_deep/{dtype}", data_dir=str(tmp_path), validation_fraction=0.0)
    low, high = TinyDeep.PIXELS.min(), TinyDeep.PIXELS.max()
    assert source.reading.value_range == (low, high)
    expected = np.round((TinyDeep.PIXELS - float(low)) / (high - low) * 255)
    found = source.train.images.numpy(range(12))
    assert sorted(image.tobytes() for image in found) == sorted(image.astype(np.uint8).tobytes() for image in expected)
    assert f"tfds:tiny_deep/{dtype} has 12 images of more than 8 bits: their values from {low} to {high}" in caplog.text
    settings = {"data_dir": str(tmp_path), "validation_fraction": 0.0, "image_size": 4}
    color = open_tfds(f"tiny_deep/{dtype}", **settings, reading=ReadingConfig(channels=3, value_range="0..8190"))
    assert color.image_shape == (4, 4, 3)
    assert color.train.images.numpy(range(12)).max() <= 128
    with pytest.raises(DataError, match=r"has 1 channel, fewer than --channels=4; leave it out"):
        open_tfds(f"tiny_deep/{dtype}", **settings, reading=ReadingConfig(channels=4))
