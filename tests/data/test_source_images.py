"""Batches of views that are cut out of files: a function of (seed, step, row), whatever thread reads them."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.augment import AuxiliaryBranch, MainBranch, ViewMaker
from aag_tf.data import training_batches
from aag_tf.data.files.reading import Reading
from aag_tf.data.images.derived_images import SelectedImages
from aag_tf.data.images.source_images import SourceImages
from aag_tf.data.images.windows import Window
from aag_tf.data.pipeline import Cutting, cut

SIZE = (16, 16)


def whole(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def fitted(path, shape):
    return np.asarray(Image.open(path).convert("RGB").resize((shape[1], shape[0])))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Ten pictures of several sizes, every third a PNG file, which Python is made to decode."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    paths, aspects = [], []
    for number in range(10):
        height, width = generator.integers(20, 90, 2)
        pixels = np.full((height, width, 3), 20 * number, np.uint8)
        pixels[:, : width // 2] += 30
        path = folder / f"{number}.{'png' if number % 3 == 0 else 'jpg'}"
        Image.fromarray(pixels).save(path, quality=95)
        paths.append(str(path))
        aspects.append(width / height)
    jpeg = np.array([path.endswith("jpg") for path in paths], np.uint8)
    aspects = np.array(aspects, np.float32)
    return SourceImages(paths, (*SIZE, 3), fitted, whole, aspects=aspects, decoders=jpeg, reading=Reading())


@pytest.fixture(scope="module")
def views():
    return ViewMaker(MainBranch(size=SIZE), AuxiliaryBranch("cutout", size=SIZE))


def crops_of(images, number, choose):
    sources = images.sources(tf.constant([number], tf.int64))
    windows = Window(*(side[0] for side in choose(sources["aspect"])))
    return images.crops({name: value[0] for name, value in sources.items()}, windows, [SIZE] * len(windows.top))


def batches(images, views, *, start=0, steps=5, part=(0, 1)):
    cutting = Cutting(
        lambda step, row: views.crop_numbers(seed=7, step=step, row=row), views.source_windows, views.sizes
    )
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
    for seen, batch in zip(all_batches, plain.as_numpy_iterator(), strict=True):
        # Both halves of a picture are of one of two levels, which tell the pictures apart.
        assert (
            np.abs(seen["crops"].max(axis=(1, 2, 3, 4)) - batch["image"].max(axis=(1, 2, 3)).astype(int)) < 30
        ).all()


def test_views_are_those_of_the_numbers_of_the_row(all_batches, images, views):
    batch = all_batches[3]
    number = training_batches(SelectedNumbers(len(images)), global_batch_size=4, seed=7, start_step=3, num_steps=1)
    (numbers,) = (element["image"].ravel() for element in number.as_numpy_iterator())
    drawn = views.crop_numbers(seed=7, step=3, row=np.arange(4))
    for row in range(4):
        choose = lambda aspect, row=row: views.source_windows([each[row : row + 1] for each in drawn], aspect)  # noqa: E731
        expected = crops_of(images, int(numbers[row]), choose)
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
    numbers = views.crop_numbers(seed=7, step=0, row=np.arange(1))
    choose = lambda aspect: views.source_windows(numbers, aspect)  # noqa: E731
    np.testing.assert_array_equal(crops_of(chosen, 1, choose), crops_of(images, 2, choose))
    assert not np.array_equal(crops_of(chosen, 0, choose), crops_of(chosen, 1, choose))


def test_the_aspect_of_a_picture_is_relative_to_that_of_a_view(images, monkeypatch):
    monkeypatch.setattr(images, "_shape", (16, 32, 3))  # views twice as wide as high
    seen = []

    def windows(numbers, aspects):
        seen.extend(aspects.numpy())
        return Window(*(tf.fill([3, 2], side) for side in (0.0, 0.0, 1.0, 1.0)))

    views = cut(images, [7, 0, 5], Cutting(lambda step, row: (), windows, lambda shape: [shape[:2]] * 2))
    assert views.shape == (3, 2, 16, 32, 3)
    for number, aspect in zip((7, 0, 5), seen, strict=True):
        height, width = whole(str(images._files[number])).shape[:2]
        assert aspect == pytest.approx(width / height / 2)
