"""What the pictures are drawn from: confusion, gallery, map and thumbnails, checked by numbers worked out by hand."""

import base64
import io

import numpy as np
import pytest
from evaluations import make_evaluation
from PIL import Image

from aag_tf.data import ArrayImages, choose_bands
from aag_tf.report.confusion import confuse, count_confusions
from aag_tf.report.embedding_map import MOST_CLASSES, SIDE, draw_maps, shape_of
from aag_tf.report.gallery import NEIGHBORS, QUERIES, choose_examples
from aag_tf.report.thumbnails import LARGEST_SIDE, thumbnails


def decoded(address):
    prefix, _, data = address.partition(",")
    assert prefix == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def noise(count, shape):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 8, 1)])
def test_small_thumbnails_are_the_images_themselves(shape):
    array = noise(5, shape)
    addresses = thumbnails(ArrayImages(array), [4, 0], choose_bands(shape[2]))
    for address, row in zip(addresses, [4, 0], strict=True):
        np.testing.assert_array_equal(decoded(address).reshape(shape), array[row])


def test_thumbnails_of_many_channels_are_their_chosen_bands():
    array = noise(2, (8, 20, 5))
    (address,) = thumbnails(ArrayImages(array), [1], choose_bands(5, "4,3,2"))
    np.testing.assert_array_equal(decoded(address), array[1][..., [3, 2, 1]])
    (address,) = thumbnails(ArrayImages(array[..., :2]), [1], choose_bands(2))
    np.testing.assert_array_equal(decoded(address), array[1][..., 0])


def test_the_gallery_shows_the_bands_of_the_training():
    evaluation = make_evaluation(shape=(8, 12, 4), data={"shown_bands": "4,1,2"})
    example = choose_examples(evaluation)[0]
    image = evaluation.feature_set.queries.images.numpy([example.number])[0]
    np.testing.assert_array_equal(decoded(example.picture), image[..., [3, 0, 1]])
    np.testing.assert_array_equal(decoded(example.neighbors[0].picture), decoded(example.picture))


def test_large_thumbnails_are_bounded_and_keep_their_proportions():
    (address,) = thumbnails(ArrayImages(noise(1, (120, 240, 3))), [0], choose_bands(3))
    assert decoded(address).shape == (LARGEST_SIDE // 2, LARGEST_SIDE, 3)
    assert len(address) < 17_500


def confusion(labels, predictions, class_name=str):
    return count_confusions("kNN classifier", np.array(labels), np.array(predictions), class_name)


def test_confusion_counts_and_lists_what_is_worst():
    found = confusion([0, 0, 0, 0, 1, 1, 1, 5], [0, 1, 1, 5, 1, 1, 0, 5], lambda label: f"c{label}")
    assert found.names == ["c0", "c1", "c5"]
    np.testing.assert_array_equal(found.counts, [[1, 2, 1], [1, 2, 0], [0, 0, 1]])
    assert [(pair.true, pair.predicted, pair.count) for pair in found.worst_pairs] == [
        ("c0", "c1", 2),
        ("c0", "c5", 1),
        ("c1", "c0", 1),
    ]
    assert found.worst_pairs[0].share == 0.5
    assert [(pair.true, pair.count, round(pair.share, 3)) for pair in found.worst_classes] == [
        ("c0", 1, 0.25),
        ("c1", 2, 0.667),
        ("c5", 1, 1.0),
    ]
    np.testing.assert_array_equal(np.diagonal(found.shades), [2, 6, 9])


def test_a_class_that_is_only_predicted_is_in_the_matrix_and_not_among_the_worst():
    found = confusion([0, 0], [3, 0])
    np.testing.assert_array_equal(found.counts, [[1, 1], [0, 0]])
    assert [pair.true for pair in found.worst_classes] == ["0"]
    assert confusion(range(40), range(40)).has_matrix
    assert not confusion(range(41), range(41)).has_matrix


def test_the_lists_are_longer_where_there_is_no_table():
    for classes, length in ((40, 10), (41, 25)):
        labels = np.arange(classes)
        found = confusion(labels, (labels + 1) % classes)
        assert (len(found.worst_pairs), len(found.worst_classes)) == (length, length)


def test_confusion_is_that_of_the_probe_where_there_is_one():
    by_neighbors = confuse(make_evaluation(60, 3, wrong=True))
    assert by_neighbors.classifier == "kNN classifier"
    assert np.trace(by_neighbors.counts) == 40
    assert by_neighbors.names == ["0", "1", "2"]
    evaluation = make_evaluation(60, 3, wrong=True, measures="linear", data={"class_names": ["a", "b", "c"]})
    by_probe = confuse(evaluation)
    assert (by_probe.classifier, by_probe.names) == ("linear probe", ["a", "b", "c"])
    right = evaluation.feature_set.probe_predictions == evaluation.feature_set.query_labels
    assert np.trace(by_probe.counts) == right.sum()
    assert confuse(make_evaluation(60, labeled=False)) is None
    assert confuse(make_evaluation(60, classes=1)) is None
    assert confuse(make_evaluation(10)) is None  # fewer images than neighbors
    assert confuse(make_evaluation(feature_set=None)) is None  # read from a file


CLASS_NAMES = {"class_names": ["zero", "one", "two", "three", "four"]}


def test_the_gallery_shows_right_and_wrong_of_as_many_classes_as_there_are():
    evaluation = make_evaluation(wrong=True, data=CLASS_NAMES)
    features = evaluation.feature_set
    examples = choose_examples(evaluation)
    assert [example.right for example in examples] == [True] * QUERIES + [False] * QUERIES
    for kind in (examples[:QUERIES], examples[QUERIES:]):
        assert len({example.name for example in kind}) == 5
    for example in examples:
        assert example.right == (features.knn_predictions[example.number] == features.query_labels[example.number])
        assert example.name == evaluation.class_name(features.query_labels[example.number])
        assert example.right == (example.name == example.predicted)
        assert len(example.neighbors) == NEIGHBORS
        assert example.neighbors[0].picture == example.picture  # the bank holds the query
        assert example.neighbors[0].similarity == pytest.approx(1)
        values = [near.similarity for near in example.neighbors]
        assert values == sorted(values, reverse=True)
        assert all(near.same == (near.name == example.name) for near in example.neighbors)
    assert choose_examples(evaluation) == examples


def test_the_gallery_without_labels_images_or_mistakes():
    examples = choose_examples(make_evaluation(labeled=False))
    assert len(examples) == 2 * QUERIES
    assert all(example.name == example.predicted == example.neighbors[0].name == "" for example in examples)
    assert choose_examples(make_evaluation(images=False)) == []
    assert choose_examples(make_evaluation(10)) == []  # fewer images than neighbors
    assert choose_examples(make_evaluation(feature_set=None)) == []  # read from a file
    assert len(choose_examples(make_evaluation())) == QUERIES


def test_maps_show_every_class_and_say_how_pure_and_how_mixed_it_is():
    features = make_evaluation(100).feature_set.queries.features.copy()
    features[1::5] = features[0::5] + 1e-4  # the first two classes lie in one place
    evaluation = make_evaluation(100, features=features, data=CLASS_NAMES)
    drawn = draw_maps(evaluation)
    assert [picture.method for picture in drawn.maps] == ["PCA", "t-SNE"]
    assert [(part.name, part.count) for part in drawn.classes] == [(name, 20) for name in CLASS_NAMES["class_names"]]
    zero, one, *others = drawn.classes
    assert (zero.mixed_with, one.mixed_with) == ("one", "zero")
    assert 0.3 < zero.purity < 0.7
    assert all(part.purity == 1 and part.mixed_with == "" for part in others)
    for picture in drawn.maps:
        assert [path.count("M") for path in picture.paths] == [20] * 5 + [0]
        assert {name for _, _, name in picture.labels} == set(CLASS_NAMES["class_names"])
        assert all(0 <= x <= SIDE and 0 <= y <= SIDE for x, y, _ in picture.labels)
        assert len({(round(y, 3), name) for _, y, name in picture.labels}) == 5
    assert draw_maps(evaluation) == drawn


def test_maps_of_many_classes_of_none_and_of_too_few_images():
    many = draw_maps(make_evaluation(75, classes=25))
    assert len(many.classes) == MOST_CLASSES
    assert many.maps[0].paths[-1].count("M") == 75 - 3 * MOST_CLASSES
    unlabeled = draw_maps(make_evaluation(40, labeled=False))
    assert unlabeled.classes == []
    assert [path.count("M") for path in unlabeled.maps[0].paths] == [40]
    assert draw_maps(make_evaluation(5)) is None
    assert draw_maps(make_evaluation(feature_set=None)) is None  # read from a file


def test_no_two_marks_look_alike():
    assert len({(place % 10, shape_of(place)) for place in range(MOST_CLASSES)}) == MOST_CLASSES
