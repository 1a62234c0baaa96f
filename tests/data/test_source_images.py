"""Batches of views that are cut out of files: a function of (seed, step, row), whatever thread reads them."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.augment import AuxiliaryBranch, MainBranch, ViewMaker
from aag_tf.data import training_batches
from aag_tf.data.derived_images import SelectedImages
from aag_tf.data.pipeline import Cutting
from aag_tf.data.source_images import SourceImages

SIZE = (16, 16)


def whole(path):
    return np.asarray(Image.open(path).convert("RGB"))


def fitted(path, shape):
    return np.asarray(Image.open(path).convert("RGB").resize((shape[1], shape[0])))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Ten pictures of several sizes, every third a PNG file, which Python decodes."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    paths = []
    for number in range(10):
        height, width = generator.integers(20, 90, 2)
        pixels = np.full((height, width, 3), 20 * number, np.uint8)
        pixels[:, : width // 2] += 30
        path = folder / f"{number}.{'png' if number % 3 == 0 else 'jpg'}"
        Image.fromarray(pixels).save(path, quality=95)
        paths.append(str(path))
    jpeg = np.array([path.endswith("jpg") for path in paths])
    return SourceImages(paths, (*SIZE, 3), fitted, whole, jpeg)


@pytest.fixture(scope="module")
def views():
    return ViewMaker(MainBranch(size=SIZE), AuxiliaryBranch("cutout", size=SIZE))


def batches(images, views, *, start=0, steps=5, part=(0, 1)):
    cutting = Cutting(lambda step, row: views.crop_numbers(seed=7, step=step, row=row), views.source_windows)
    dataset = training_batches(
        images, global_batch_size=4, seed=7, start_step=start, num_steps=steps, cutting=cutting, part=part
    )
    return list(dataset.as_numpy_iterator())


@pytest.fixture(scope="module")
def all_batches(images, views):
    return batches(images, views)


def test_a_batch_has_the_crops_of_its_images(all_batches, images, views):
    for step, batch in enumerate(all_batches):
        assert batch["crops"].shape == (4, 3, *SIZE, 3)
        assert batch["crops"].dtype == np.uint8
        assert batch["step"].tolist() == [step] * 4
        assert batch["row"].tolist() == [0, 1, 2, 3]
    plain = training_batches(images, global_batch_size=4, seed=7, start_step=0, num_steps=5)
    for cut, batch in zip(all_batches, plain.as_numpy_iterator(), strict=True):
        # Both halves of a picture are of one of two levels, which tell the pictures apart.
        assert (np.abs(cut["crops"].max(axis=(1, 2, 3, 4)) - batch["image"].max(axis=(1, 2, 3)).astype(int)) < 30).all()


def test_views_are_those_of_the_numbers_of_the_row(all_batches, images, views):
    batch = all_batches[3]
    number = training_batches(SelectedNumbers(len(images)), global_batch_size=4, seed=7, start_step=3, num_steps=1)
    (numbers,) = (element["image"].ravel() for element in number.as_numpy_iterator())
    drawn = views.crop_numbers(seed=7, step=3, row=np.arange(4))
    for row in range(4):
        choose = lambda aspect, row=row: views.source_windows([each[row] for each in drawn], aspect)  # noqa: E731
        expected = images.crops(tf.constant(int(numbers[row]), tf.int64), choose, SIZE)
        np.testing.assert_array_equal(batch["crops"][row], expected)


class SelectedNumbers:
    """Images that are their own numbers."""

    shape = (1, 1, 1)
    has_sources = False

    def __init__(self, count):
        self._count = count

    def __len__(self):
        return self._count

    def fetch(self, indices):
        return tf.cast(tf.reshape(indices, [-1, 1, 1, 1]), tf.uint8)


def test_starting_later_and_reading_a_part_give_the_same_crops(all_batches, images, views):
    for got, expected in zip(batches(images, views, start=2, steps=3), all_batches[2:], strict=True):
        np.testing.assert_array_equal(got["crops"], expected["crops"])
    for got, expected in zip(batches(images, views, part=(1, 2)), all_batches, strict=True):
        np.testing.assert_array_equal(got["crops"], expected["crops"][2:])
        assert got["row"].tolist() == [2, 3]


def test_views_of_crops_are_those_of_the_view_maker(all_batches, views):
    batch = views(all_batches[1], seed=7)
    assert set(batch) == {"views", "step", "row"}
    expected = views.make(all_batches[1]["crops"], seed=7, step=1, row=np.arange(4), cropped=True)
    np.testing.assert_array_equal(batch["views"], expected)


def test_a_selection_cuts_its_own_images(images, views):
    chosen = SelectedImages(images, [8, 2])
    assert chosen.has_sources
    choose = lambda aspect: views.main.source_window(tf.fill([1, views.main.num_uniforms], 0.5), aspect[None])  # noqa: E731
    np.testing.assert_array_equal(
        chosen.crops(tf.constant(1, tf.int64), choose, SIZE), images.crops(tf.constant(2, tf.int64), choose, SIZE)
    )
