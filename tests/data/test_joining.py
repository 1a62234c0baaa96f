"""Several data sets as one: `--dataset=folder:a,folder:b`."""

import numpy as np
import pytest

from aag_tf.config import DataConfig, LayoutConfig, RunConfig, TrainConfig, to_flat
from aag_tf.config.data import datasets_of
from aag_tf.config.resume import changed_training_settings
from aag_tf.data import open_source
from aag_tf.data.sources.file_kinds import each_data_set
from aag_tf.utils.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("folder:a", ["folder:a"]),
        ("folder:a,b", ["folder:a,b"]),
        ("folder:a,folder:b", ["folder:a", "folder:b"]),
        ("folder:a, folder:b", ["folder:a", "folder:b"]),
        ("folder:a,b,tar:c.tar,digits", ["folder:a,b", "tar:c.tar", "digits"]),
        ("digits,folder:digits,x", ["digits", "folder:digits,x"]),
    ],
)
def test_a_comma_separates_only_before_a_scheme(text, parts):
    assert datasets_of(text) == parts


def test_folders_are_joined_by_the_names_of_their_classes(save_noise, tmp_path):
    for name in ("1/cat/a.png", "1/dog/b.png", "2/train/ant/c.png", "2/train/cat/d.png", "2/test/ant/e.png"):
        save_noise(name, seed=ord(name[-5]), mode="L" if name[0] == "1" else "RGB")
    source = open_source(DataConfig(f"folder:{tmp_path}/1,folder:{tmp_path}/2", validation_fraction=0.0))
    assert source.name == f"folder:{tmp_path}/1,folder:{tmp_path}/2"
    assert source.class_names == ["ant", "cat", "dog"]
    assert source.train.labels.tolist() == [1, 2, 0, 1]
    assert source.test.labels.tolist() == [0]
    assert source.image_shape == (12, 12, 3)
    assert source.layout.splits == "none;train=train,test=test"
    again = DataConfig(source.name, layout=LayoutConfig(source.layout.splits), validation_fraction=0.0)
    assert open_source(again).train.labels.tolist() == [1, 2, 0, 1]
    with pytest.raises(DataError, match="--splits has 3 values, and --dataset names 2 data sets; give"):
        open_source(DataConfig(source.name, layout=LayoutConfig("none;none;none")))


def test_a_path_with_a_comma_is_one_folder(save_noise, tmp_path):
    for name in ("a,b/1.png", "a,b/2.png", "c/3.png"):
        save_noise(name)
    assert len(open_source(DataConfig(f"folder:{tmp_path}/a,b", validation_fraction=0.0)).train) == 2
    joined = DataConfig(f"folder:{tmp_path}/a,b,folder:{tmp_path}/c", validation_fraction=0.0)
    assert len(open_source(joined).train) == 3


def test_archives_and_folders_are_joined_at_one_size(save_noise, tmp_path):
    for name in ("in/5/a.png", "in/11/b.png"):
        save_noise(name, mode="L")
    images = np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8)
    np.savez(tmp_path / "a.npz", images=images, labels=[5, 0, 5])
    dataset = f"npz:{tmp_path}/a.npz,folder:{tmp_path}/in"
    with pytest.raises(DataError, match=r"need images of one size .*, and they have npz:.* 8x8x1; folder:.* 12x12x1 "):
        open_source(DataConfig(dataset))
    source = open_source(DataConfig(dataset, image_size=8, validation_fraction=0.0))
    joined = [*source.train.labels, *source.test.labels]
    assert len(joined) == 5
    names = [source.class_names[label] for label in joined]
    assert sorted(names) == ["0", "11", "5", "5", "5"]


def test_settings_of_one_kind_are_not_given_to_another():
    config = DataConfig("digits,folder:a,tfds:stl10", train_split="unlabelled", layout=LayoutConfig(labels="none"))
    assert [(part.train_split, part.layout.labels) for part in each_data_set(config)] == [
        ("train", "auto"),
        ("train", "none"),
        ("unlabelled", "auto"),
    ]
    with pytest.raises(
        ConfigError, match="--follow_symlinks are for folder:, list:, csv: and tar:, and --dataset=digits has"
    ):
        DataConfig("digits", layout=LayoutConfig(labels="none"))


def test_labels_that_one_of_them_lacks_are_lost_with_a_word(save_noise, tmp_path, caplog, monkeypatch):
    from aag_tf.utils.log import logger

    said = []
    monkeypatch.setattr(logger, "warning", lambda text, *values: said.append(text % values))
    for name in ("1/cat/a.png", "1/dog/b.png", "2/c.png", "2/d.png"):
        save_noise(name)
    source = open_source(DataConfig(f"folder:{tmp_path}/1,folder:{tmp_path}/2", validation_fraction=0.0))
    assert source.train.labels is None
    assert said == [
        f"train images of folder:{tmp_path}/1,folder:{tmp_path}/2 are unlabeled: not all of the joined data sets have "
        "labels for them."
    ]


def test_each_part_is_checked(tmp_path):
    with pytest.raises(ConfigError, match="--dataset=folder: names no data set"):
        DataConfig("digits,folder:")
    with pytest.raises(DataError, match="nowhere is not a folder"):
        open_source(DataConfig(f"digits,folder:{tmp_path}/nowhere"))


def test_joined_files_may_have_moved_when_a_run_is_resumed():
    before = to_flat(TrainConfig(data=DataConfig("folder:a,tar:b.tar"), run=RunConfig(run_dir="r")))
    moved = TrainConfig(data=DataConfig("folder:c,tar:d.tar"), run=RunConfig(run_dir="r"))
    assert changed_training_settings(moved, before) == []
    other = TrainConfig(data=DataConfig("folder:c"), run=RunConfig(run_dir="r"))
    assert changed_training_settings(other, before) == ["--dataset (was folder:a,tar:b.tar, is folder:c)"]
