import numpy as np
import pytest

from aag_tf.config import DataConfig, EvaluateConfig, RunConfig
from aag_tf.config.data import SCHEMES
from aag_tf.data import open_monitored, open_source
from aag_tf.data.files import resizing
from aag_tf.data.sources import opening as sources
from aag_tf.data.sources.adapting import require_channels
from aag_tf.data.sources.file_kinds import LISTERS
from aag_tf.utils.errors import ConfigError, DataError


def test_digits():
    from sklearn.datasets import load_digits

    source = open_source(DataConfig())
    assert source.image_shape == (8, 8, 1)
    assert source.class_names == list("0123456789")
    # A fifth of 1797 is 359.4, and a tenth of the remaining 1438 is 143.8.
    assert (len(source.train), len(source.validation), len(source.test)) == (1295, 143, 359)
    test = source.test.images.numpy(range(359))
    assert (test.dtype, test.min(), test.max()) == (np.uint8, 0, 255)
    # 16 levels of ink become multiples of 255 / 16.
    assert set(np.unique(test)) <= {round(level * 255 / 16) for level in range(17)}
    counts = np.bincount(load_digits().target)
    assert np.abs(np.bincount(source.test.labels) - counts / 5).max() < 1


def test_digits_at_another_size():
    assert open_source(DataConfig(image_size=32)).image_shape == (32, 32, 1)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("digist", "--dataset=digist is not known; did you mean digits"),
        ("tdfs:cifar10", "did you mean tfds:cifar10"),
        ("cifar10", "--dataset=cifar10 is not known; did you mean tfds:cifar10"),
        (
            "webdataset:x",
            "is not known; use digits, scattered_digits, tfds:<name>, folder:<path>, list:<file>, csv:",
        ),
        ("folder:", "--dataset=folder: names no data set"),
        ("tfds", "--dataset=tfds names no data set"),
        ("", "--dataset is empty"),
        ("/tmp", r"--dataset=/tmp is not known; did you mean folder:/tmp\?"),
        (__file__, r"did you mean npz:.*test_sources\.py\?"),
        ("no/such/folder", "is not known; use digits"),
    ],
)
def test_names_that_are_not_known(dataset, message):
    for make in (lambda: DataConfig(dataset=dataset), lambda: EvaluateConfig(run_dir="run", dataset=dataset)):
        with pytest.raises(ConfigError, match=message):
            make()


def test_every_scheme_has_a_reader():
    assert {*sources.READERS, *LISTERS} == set(SCHEMES)
    with pytest.raises(DataError, match="nothing may follow digits; use --dataset=digits"):
        open_source(DataConfig(dataset="digits:8"))


def test_a_run_is_watched_by_other_images_at_its_size_and_in_its_channels(tmp_path):
    watched = open_monitored("digits", DataConfig(dataset="npz:of_the_run.npz", validation_fraction=0.0), (6, 4, 3))
    own = open_source(DataConfig())
    assert watched.test is None, "what is watched is tuned on"
    for part, whole in ((watched.train, own.train), (watched.validation, own.validation)):
        assert part.images.shape == (6, 4, 3)
        np.testing.assert_array_equal(part.labels, whole.labels)
        scaled = resizing.fit_array(whole.images.numpy(range(9)), (6, 4))
        np.testing.assert_array_equal(part.images.numpy(range(9)), np.repeat(scaled, 3, axis=-1))


@pytest.mark.parametrize(("found", "wanted"), [(1, 5), (3, 4), (5, 3), (5, 1), (4, 5)])
def test_only_gray_and_color_are_made_of_each_other(found, wanted):
    require_channels("npz:x", 1, 3, "--dataset")
    require_channels("npz:x", wanted, wanted, "--dataset")
    with pytest.raises(DataError) as refusal:
        require_channels("npz:x", found, wanted, "--dataset")
    assert str(refusal.value) == (
        f"npz:x has images of {found} channels and the encoder takes {wanted}; only gray and RGB are made of each "
        f"other, so name images of {wanted} channels with --dataset."
    )


def test_images_without_labels_are_not_watched_by(tmp_path):
    np.savez(tmp_path / "images.npz", images=np.zeros((30, 8, 8, 1), np.uint8))
    dataset = f"npz:{tmp_path / 'images.npz'}"
    with pytest.raises(DataError, match=r"--monitor_dataset=npz:.* has no labels, so it cannot monitor a run"):
        open_monitored(dataset, DataConfig(), (8, 8, 1))
    few = {"images": np.zeros((5, 8, 8, 1), np.uint8), "labels": np.arange(5)}
    np.savez(tmp_path / "images.npz", **few)
    with pytest.raises(DataError, match="has no image to hold out"):
        open_monitored(dataset, DataConfig(), (8, 8, 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"monitor_dataset": "digist"}, "--monitor_dataset=digist is not known; did you mean digits"),
        ({"monitor_dataset": ""}, "--monitor_dataset is empty"),
        ({"monitor_dataset": "digits", "knn_every_epochs": 0}, "--knn_every_epochs=0 switches them off"),
    ],
)
def test_names_that_cannot_be_watched_by(settings, message):
    with pytest.raises(ConfigError, match=message):
        RunConfig(**settings)
