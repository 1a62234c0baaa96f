"""Images of an evaluation are read as those of the training were."""

import dataclasses

import numpy as np
import pytest
from small_runs import make_run

from aag_tf.config import EvaluateConfig, ReadingConfig
from aag_tf.evaluation.subjects.images import open_images
from aag_tf.evaluation.subjects.subject import load_subject
from aag_tf.runs import RunDirectory
from aag_tf.utils.errors import EvaluationError

SHALLOW = np.random.default_rng(0).integers(0, 1000, (40, 8, 16), np.uint16)
LABELS = np.arange(40) % 2


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run on images of values up to 4095, and beside it a data set of values up to 1000 and of another shape."""
    folder = tmp_path_factory.mktemp("deep")
    deep = np.random.default_rng(1).integers(0, 4096, (40, 8, 8), np.uint16)
    deep[:, 0, :2] = 0, 4095
    np.savez(folder / "own.npz", images=deep, labels=LABELS)
    np.savez(folder / "other.npz", images=SHALLOW, labels=LABELS)
    make_run(folder / "run", f"npz:{folder}/own.npz", reading=ReadingConfig(fit="pad"))
    return folder


def opened(folder, **settings):
    config = EvaluateConfig(run_dir=str(folder / "run"), **settings)
    return open_images(config, load_subject(config))


def test_other_images_are_read_in_the_range_and_the_fit_of_the_training(place):
    assert RunDirectory(place / "run").read_record().reading.value_range == (0.0, 4095.0)
    images = opened(place, dataset=f"npz:{place}/other.npz")
    pixels = images.bank.images.numpy(range(len(images.bank)))
    assert pixels.shape[1:] == (8, 8, 1)
    assert not pixels[:, :2].any(), "padded with black above"
    assert not pixels[:, 6:].any()
    assert 50 < pixels.max() <= round(1000 / 4095 * 255)


def test_the_own_images_are_read_again_even_if_they_now_have_another_range(place, tmp_path):
    whole = opened(place).bank.images.numpy([0])
    record = RunDirectory(place / "run").read_record()
    own = record.same_reading(record.config.data)
    assert own.reading.value_range == "0.0..4095.0"
    assert dataclasses.replace(own.reading, value_range="auto") == record.config.data.reading
    assert whole.max() == 255


def test_a_size_that_the_encoder_does_not_take_is_refused(place):
    with pytest.raises(EvaluationError, match="--image_size=8x16 is for models that take any size, and this one takes"):
        opened(place, dataset=f"npz:{place}/other.npz", image_size="8x16")
    assert opened(place, dataset=f"npz:{place}/other.npz", image_size="8x8").bank.images.shape == (8, 8, 1)
