import pytest

from aag_tf.config import EvaluateConfig, LayoutConfig, from_flat, to_flat
from aag_tf.config.layout import Part, read_splits, splits_of_each, write_splits
from aag_tf.utils.errors import ConfigError


@pytest.mark.parametrize("word", ["auto", "none", "early"])
def test_words_name_no_folders(word):
    assert read_splits(word) is None
    assert LayoutConfig(splits=word).splits == word


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("train=a,test=b", [("train", "a"), ("test", "b")]),
        (" train = a/b/ , validation=./c ,test=d", [("train", "a/b"), ("validation", "c"), ("test", "d")]),
        ("train=fold 1,train=fold 2,test=fold 3", [("train", "fold 1"), ("train", "fold 2"), ("test", "fold 3")]),
        ("train=.,test=held", [("train", "."), ("test", "held")]),
        ("train=*/train,test=*/test", [("train", "*/train"), ("test", "*/test")]),
        ("train=cats, dogs,test=b=c", [("train", "cats, dogs"), ("test", "b=c")]),
    ],
)
def test_parts_are_read_and_written(text, parts):
    read = read_splits(text)
    assert read == tuple(Part(*part) for part in parts)
    assert read_splits(write_splits(read)) == read
    assert LayoutConfig(splits=text).splits == write_splits(read)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not known"),
        ("training", "is not known"),
        ("test=a", r"names no train=DIR"),
        ("train=a,test=a", "names a folder twice"),
        ("train=../a", "leaves the data set"),
        ("training=a", "is not known"),
    ],
)
def test_other_texts_are_refused(text, why):
    with pytest.raises(ConfigError, match=f"--splits={text} {why}; it must be auto, none, or train=DIR,validation=DIR"):
        LayoutConfig(splits=text)


def test_several_data_sets_have_a_value_each():
    assert splits_of_each("train=a;b,test=c; none;train=d") == ["train=a;b,test=c", "none", "train=d"]
    config = LayoutConfig(splits="train=./a;auto")
    assert config.splits == "train=a;auto"
    assert from_flat(LayoutConfig, to_flat(config)) == config


def test_an_evaluation_divides_only_images_that_it_names():
    with pytest.raises(ConfigError, match="--follow_symlinks say how --dataset is read, and a run's own images are"):
        EvaluateConfig(run_dir="runs/a", layout=LayoutConfig(splits="none"))
    assert EvaluateConfig(run_dir="runs/a", dataset="folder:b", layout=LayoutConfig(splits="none")).layout
