"""What an evaluation chooses where flags leave it open: the split, the measures and the number of neighbors."""

import numpy as np
import pytest

from aag_tf.config import ProtocolConfig
from aag_tf.data import ArrayImages, Source, Split
from aag_tf.evaluation.choices import choose_k, choose_protocol
from aag_tf.utils.errors import EvaluationError

QUICK = "knn,linear,unlabeled"
LABELED, UNLABELED, ONE_CLASS = np.arange(8) % 2, None, np.zeros(8, np.int64)
ABSENT = object()


def source(train, validation=ABSENT, test=ABSENT):
    """Splits with these labels; `ABSENT` for a split that does not exist."""

    def split(labels):
        return None if labels is ABSENT else Split(ArrayImages(np.zeros((8, 8, 8, 1), np.uint8)), labels)

    return Source("images", split(train), split(validation), split(test))


@pytest.mark.parametrize(
    ("data", "chosen", "words"),
    [
        ([LABELED, LABELED, LABELED], ("test", QUICK), ""),
        ([LABELED, LABELED], ("validation", QUICK), "images has no test split, so the validation split is eval"),
        ([LABELED, LABELED, UNLABELED], ("validation", QUICK), "the test split of images has no labels, so the"),
        ([LABELED, UNLABELED, LABELED], ("test", QUICK), ""),
        ([LABELED, UNLABELED], ("validation", "unlabeled"), "the validation split of images has no labels, so"),
        ([UNLABELED, UNLABELED], ("validation", "unlabeled"), "images has no labels, so the validation split is"),
        ([UNLABELED, UNLABELED, UNLABELED], ("test", "unlabeled"), "images has no labels, so the test split is"),
        ([UNLABELED], ("train", "unlabeled"), "images has no labels, so the train split is evaluated by what"),
        ([ONE_CLASS, ONE_CLASS, ONE_CLASS], ("test", "unlabeled"), "all 8 labeled images are of class 0"),
    ],
)
def test_what_is_there_is_evaluated_and_said_in_one_line(data, chosen, words, caplog):
    for measures in (None, "all"):
        caplog.clear()
        protocol = choose_protocol(ProtocolConfig(measures=measures), source(*data))
        assert (protocol.split, protocol.measures) == (chosen[0], chosen[1] if measures is None else protocol.measures)
        assert (protocol.measures == "unlabeled") == (chosen[1] == "unlabeled")
        assert len(caplog.records) == bool(words)
        assert words in caplog.text


@pytest.mark.parametrize(
    ("given", "data", "advice"),
    [
        ({"split": "test"}, [UNLABELED, UNLABELED], "no test split; give --split=validation, or a labeled"),
        (
            {"split": "test", "measures": "knn"},
            [UNLABELED],
            "give --split=train --measures=unlabeled, or a label",
        ),
        ({"measures": "knn"}, [UNLABELED, UNLABELED], "images has no labels; give --measures=unlabeled, or a"),
        ({"measures": "knn"}, [ONE_CLASS, ONE_CLASS], r"\(nothing to classify\); give --measures=unlabel"),
        ({"split": "validation"}, [LABELED, ABSENT, LABELED], r"no validation split; give --split=test\."),
        (
            {"split": "test", "measures": "linear"},
            [LABELED, LABELED, UNLABELED],
            r"the test split of images has no labels; give --split=validation, or --measures=unlabeled\.",
        ),
        (
            {"split": "train", "measures": "knn"},
            [LABELED, LABELED, LABELED],
            r"classifiers learn from; give --split=test, or --measures=unlabeled\.",
        ),
    ],
)
def test_what_was_given_and_cannot_be_is_refused(given, data, advice):
    with pytest.raises(EvaluationError, match=advice):
        choose_protocol(ProtocolConfig(**given), source(*data))


def test_what_was_given_stays():
    data = source(LABELED, LABELED, LABELED)
    given = ProtocolConfig(split="validation", measures="linear", knn_k=3)
    assert choose_k(choose_protocol(given, data), data.train.labels, 8) == given
    unlabeled = choose_protocol(ProtocolConfig(split="train", measures="unlabeled"), data)
    assert (unlabeled.split, unlabeled.measures) == ("train", "unlabeled")


def test_the_number_of_neighbors_is_said_where_classes_are_small(caplog):
    small, large = np.repeat(np.arange(9), 4), np.repeat(np.arange(9), 40)
    assert choose_k(ProtocolConfig(), large, 360).knn_k == 20
    assert choose_k(ProtocolConfig(), None, 12).knn_k == 12
    assert choose_k(ProtocolConfig(measures="linear"), small, 36).knn_k == 4
    assert caplog.text == ""
    assert choose_k(ProtocolConfig(), small, 36).knn_k == 4
    assert "kNN uses k=4 in place of 20" in caplog.text
    assert choose_k(ProtocolConfig(knn_k=6), small, 36).knn_k == 6
    assert "uses k=6, more than the 4 images of the smallest class" in caplog.text
    assert "--knn_k=4 uses fewer" in caplog.text
