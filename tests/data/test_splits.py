import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aag_tf.data import ArrayImages, Source, Split
from aag_tf.data.splits import complete, held_out_mask
from aag_tf.utils.errors import DataError


def make_split(count, *, labels=None, shape=(2, 2, 1)):
    images = np.broadcast_to(np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1), (count, *shape))
    return Split(ArrayImages(images), labels)


def members(split):
    """The examples in a split made by `make_split`, by number."""
    return split.images.numpy(range(len(split)))[:, 0, 0, 0].tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.floats(0.0, 0.9))
def test_held_out_part_is_exact_and_stratified(labels, fraction):
    labels = np.array(labels)
    mask = held_out_mask(len(labels), labels, fraction, "test")
    assert mask.sum() == int(len(labels) * fraction + 1e-9)
    for label in np.unique(labels):
        share = fraction * (labels == label).sum()
        assert abs(mask[labels == label].sum() - share) < 1 + 1e-6


def test_held_out_part_is_pinned_and_knows_no_run_seed():
    # Pinned because results are compared across runs and versions on these very examples.
    assert np.flatnonzero(held_out_mask(20, None, 0.2, "validation split")).tolist() == [9, 10, 11, 19]


def test_held_out_part_is_not_the_head_of_the_data():
    mask = held_out_mask(1000, None, 0.2, "validation split")
    # The mean place of 200 random ones of 1000 is 499.5 with deviation 18.3.
    assert abs(np.flatnonzero(mask).mean() - 499.5) < 5 * 18.3


def test_labeled_train_alone_gives_test_and_validation():
    labels = np.arange(100) % 4
    source = complete(Source("x", make_split(100, labels=labels)), 0.1)
    assert (len(source.train), len(source.validation), len(source.test)) == (72, 8, 20)
    assert sorted(members(source.train) + members(source.validation) + members(source.test)) == list(range(100))
    assert np.bincount(source.test.labels).tolist() == [5, 5, 5, 5]
    assert np.bincount(source.validation.labels).tolist() == [2, 2, 2, 2]
    for split in (source.train, source.validation, source.test):
        assert split.labels.tolist() == labels[members(split)].tolist()
        assert split.labels.dtype == np.int64


def test_unlabeled_train_alone_has_no_test():
    source = complete(Source("x", make_split(50)), 0.1)
    assert source.test is None
    assert (len(source.train), len(source.validation)) == (45, 5)


def test_own_splits_are_kept():
    source = complete(Source("x", make_split(50), make_split(7), make_split(9)), 0.5)
    assert (len(source.train), len(source.validation), len(source.test)) == (50, 7, 9)


def test_validation_without_test_is_what_is_reported_on():
    source = complete(Source("x", make_split(50), make_split(7)), 0.1)
    assert (len(source.train), len(source.validation), len(source.test)) == (45, 5, 7)


def test_no_validation_when_the_fraction_is_zero():
    source = complete(Source("x", make_split(50), None, make_split(5)), 0.0)
    assert source.validation is None
    assert len(source.train) == 50


def test_one_image_is_too_few():
    with pytest.raises(DataError, match="x has too few images, 1 to train on; give it at least 2"):
        complete(Source("x", make_split(1)), 0.1)


def test_take_samples_every_class():
    split = make_split(100, labels=np.repeat(np.arange(4), 25))
    part = split.take(20)
    assert np.bincount(part.labels).tolist() == [5, 5, 5, 5]
    assert part.labels.tolist() == [number // 25 for number in members(part)]
    assert split.take(100) is split


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(4), "5 images but 4 labels"),
        (np.zeros((5, 1), np.int64), r"labels are int64 of shape \[5, 1\]"),
        (np.zeros(5), r"labels are float64 of shape \[5\]"),
        (np.array([0, 1, -1, 0, 0]), "a label is -1"),
    ],
)
def test_labels_that_do_not_fit(labels, message):
    with pytest.raises(DataError, match=message):
        make_split(5, labels=labels)


def test_split_without_images():
    with pytest.raises(DataError, match="a split has no images"):
        make_split(0)


def test_source_with_unfit_parts():
    with pytest.raises(DataError, match=r"x has test images of shape \(3, 2, 1\) but train images of shape"):
        Source("x", make_split(5), None, make_split(5, shape=(3, 2, 1)))
    with pytest.raises(DataError, match="x has a label 2 but only 2 class names"):
        Source("x", make_split(3, labels=np.arange(3)), class_names=["a", "b"])
