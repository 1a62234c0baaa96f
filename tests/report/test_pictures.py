"""What the pictures are drawn from: confusion, gallery, map and thumbnails, checked by numbers worked out by hand."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from aag_tf.data import ArrayImages
from aag_tf.report import Material
from aag_tf.report.confusion import confuse
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
    for address, row in zip(thumbnails(ArrayImages(array), [4, 0]), [4, 0], strict=True):
        np.testing.assert_array_equal(decoded(address).reshape(shape), array[row])


def test_large_thumbnails_are_bounded_and_keep_their_proportions():
    (address,) = thumbnails(ArrayImages(noise(1, (120, 240, 3))), [0])
    assert decoded(address).shape == (LARGEST_SIDE // 2, LARGEST_SIDE, 3)
    assert len(address) < 17_500


def judged(labels, predictions, **changes):
    return Material(features=np.zeros((len(labels), 2)), labels=labels, knn_predictions=predictions, **changes)


def test_confusion_counts_and_lists_what_is_worst():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 5])
    predictions = np.array([0, 1, 1, 5, 1, 1, 0, 5])
    found = confuse(judged(labels, predictions, class_names=[f"c{label}" for label in range(6)]))
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
    found = confuse(judged(np.array([0, 0]), np.array([3, 0])))
    np.testing.assert_array_equal(found.counts, [[1, 1], [0, 0]])
    assert [pair.true for pair in found.worst_classes] == ["0"]
    many = np.arange(26)
    assert not confuse(judged(many, many)).has_matrix


def test_confusion_is_that_of_the_probe_where_there_is_one():
    labels, wrong = np.array([0, 1]), np.array([1, 0])
    assert confuse(judged(labels, wrong)).classifier == "kNN classifier"
    found = confuse(judged(labels, wrong, probe_predictions=labels))
    assert (found.classifier, found.worst_pairs) == ("linear probe", [])
    assert confuse(Material(features=np.zeros((2, 2)), knn_predictions=labels)) is None


def material(count=300, classes=5, seed=0, **changes):
    """Queries near the center of their class, each query also in the bank; one prediction in three is wrong."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    features = np.eye(classes, 16)[labels] + 0.1 * rng.normal(size=(count, 16))
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    similarities = directions @ directions.T
    neighbors = np.argsort(-similarities, axis=1)[:, :20]
    images = ArrayImages(noise(count, (8, 8, 1)))
    settings = {
        "features": features.astype(np.float32),
        "labels": labels,
        "images": images,
        "bank_labels": labels,
        "bank_images": images,
        "neighbors": neighbors,
        "similarities": np.take_along_axis(similarities, neighbors, axis=1),
        "knn_predictions": np.where(np.arange(count) % 3 == 0, (labels + 1) % classes, labels),
        "class_names": ["zero", "one", "two", "three", "four"],
    }
    return Material(**(settings | changes))


def test_the_gallery_shows_right_and_wrong_of_as_many_classes_as_there_are():
    given = material()
    examples = choose_examples(given)
    assert [example.right for example in examples] == [True] * QUERIES + [False] * QUERIES
    for kind in (examples[:QUERIES], examples[QUERIES:]):
        assert len({example.name for example in kind}) == 5
    for example in examples:
        assert example.right == (given.knn_predictions[example.number] == given.labels[example.number])
        assert example.name == given.class_names[given.labels[example.number]]
        assert example.right == (example.name == example.predicted)
        assert len(example.neighbors) == NEIGHBORS
        assert example.neighbors[0].picture == example.picture  # the bank holds the query
        assert example.neighbors[0].similarity == pytest.approx(1)
        values = [near.similarity for near in example.neighbors]
        assert values == sorted(values, reverse=True)
        assert all(near.same == (near.name == example.name) for near in example.neighbors)
    assert choose_examples(given) == examples


def test_the_gallery_without_labels_images_or_mistakes():
    examples = choose_examples(material(labels=None, bank_labels=None, knn_predictions=None))
    assert len(examples) == 2 * QUERIES
    assert all(example.name == example.predicted == example.neighbors[0].name == "" for example in examples)
    assert choose_examples(material(images=None)) == []
    perfect = material()
    assert len(choose_examples(material(knn_predictions=perfect.labels))) == QUERIES


def test_maps_show_every_class_and_say_how_pure_it_is():
    drawn = draw_maps(material(count=100))
    assert [picture.method for picture in drawn.maps] == ["PCA", "t-SNE"]
    assert [(part.name, part.count) for part in drawn.classes] == [
        (name, 20) for name in ("zero", "one", "two", "three", "four")
    ]
    assert all(part.purity == 1 and part.mixed_with == "" for part in drawn.classes)
    for picture in drawn.maps:
        assert [path.count("M") for path in picture.paths] == [20] * 5 + [0]
        assert {name for _, _, name in picture.labels} == {"zero", "one", "two", "three", "four"}
        assert all(0 <= x <= SIDE and 0 <= y <= SIDE for x, y, _ in picture.labels)
        heights = sorted((round(y, 3), name) for x, y, name in picture.labels)
        assert len(heights) == 5
    assert draw_maps(material(count=100)) == drawn


def test_classes_that_lie_in_one_place_are_mixed():
    given = material(count=100)
    merged = given.features.copy()
    merged[given.labels == 1] = merged[given.labels == 0] + 1e-4
    by_name = {part.name: part for part in draw_maps(material(count=100, features=merged)).classes}
    assert by_name["zero"].mixed_with == "one"
    assert by_name["one"].mixed_with == "zero"
    assert 0.3 < by_name["zero"].purity < 0.7
    assert by_name["two"].purity == 1


def test_maps_of_many_classes_of_none_and_of_too_few_images():
    many = draw_maps(material(count=120, classes=60, class_names=None))
    assert len(many.classes) == MOST_CLASSES
    assert many.maps[0].paths[-1].count("M") == 120 - 2 * MOST_CLASSES
    unlabeled = draw_maps(material(count=40, labels=None))
    assert unlabeled.classes == []
    assert [path.count("M") for path in unlabeled.maps[0].paths] == [40]
    assert draw_maps(material(count=5)) is None


def test_no_two_marks_look_alike():
    assert len({(place % 10, shape_of(place)) for place in range(MOST_CLASSES)}) == MOST_CLASSES
