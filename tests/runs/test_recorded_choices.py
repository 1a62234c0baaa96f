import dataclasses

import pytest

from aag_tf.config import AugmentConfig, DataConfig, LayoutConfig, RunConfig, TrainConfig
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.runs.recorded_choices import with_recorded_choices


def begun(path, crop_from="image", **layout):
    """A run directory with nothing but its record."""
    run = RunDirectory(path)
    run.create()
    data = DataConfig("folder:images", layout=LayoutConfig(**layout))
    begun = TrainConfig(data=data, augment=AugmentConfig(crop_from=crop_from))
    run.write_record(RunRecord(config=begun, image_shape=(8, 8, 1)))
    return TrainConfig(data=DataConfig("folder:images"), run=RunConfig(run_dir=str(path), resume=True))


@pytest.mark.parametrize("splits", ["none", "train=Training,test=Testing", "early"])
def test_a_resumed_run_keeps_its_layout(tmp_path, splits):
    config = begun(tmp_path / "run", splits=splits, labels="none")
    assert with_recorded_choices(config).data.layout == LayoutConfig(splits=splits, labels="none")
    other = dataclasses.replace(config, data=DataConfig("folder:images", layout=LayoutConfig(splits="train=a")))
    assert with_recorded_choices(other).data.layout == LayoutConfig(splits="train=a", labels="none")
    new = dataclasses.replace(config, run=RunConfig(run_dir=str(tmp_path / "new")))
    assert with_recorded_choices(new) is new


@pytest.mark.parametrize("labels", ["auto", "none"])
def test_a_resumed_run_follows_links_as_before(tmp_path, labels):
    for follow in (None, False, True):
        config = begun(tmp_path / str(follow), follow_symlinks=follow, splits="none", labels="none")
        chosen = LayoutConfig(splits="none", labels=labels)
        config = dataclasses.replace(config, data=DataConfig("folder:images", layout=chosen))
        assert with_recorded_choices(config).data.layout.follow_symlinks is follow
        chosen = dataclasses.replace(chosen, follow_symlinks=False)
        config = dataclasses.replace(config, data=DataConfig("folder:images", layout=chosen))
        assert with_recorded_choices(config).data.layout.follow_symlinks is False


def test_a_record_from_before_links_were_left_out_follows_them():
    for dataset, follow in (("folder:images", True), ("digits", None)):
        content = RunRecord(config=TrainConfig(data=DataConfig(dataset)), image_shape=(8, 8, 1)).to_json()
        assert RunRecord.from_json(content).config.data.layout.follow_symlinks is None
        del content["flags"]["follow_symlinks"]
        assert RunRecord.from_json(content).config.data.layout.follow_symlinks is follow


@pytest.mark.parametrize("crop_from", ["image", "source"])
def test_a_resumed_run_keeps_what_views_are_cut_from(tmp_path, crop_from):
    config = begun(tmp_path / "run", crop_from)
    assert with_recorded_choices(config).augment.crop_from == crop_from
    other = dataclasses.replace(config, augment=AugmentConfig(crop_from="source"))
    assert with_recorded_choices(other).augment.crop_from == "source"


def test_a_record_from_before_views_were_cut_from_files():
    content = RunRecord(config=TrainConfig(), image_shape=(8, 8, 1)).to_json()
    assert RunRecord.from_json(content).config.augment.crop_from == "auto"
    del content["flags"]["crop_from"]
    assert RunRecord.from_json(content).config.augment.crop_from == "image"


def test_a_record_without_a_layout_is_of_the_early_one():
    content = RunRecord(config=TrainConfig(data=DataConfig("folder:images")), image_shape=(8, 8, 1)).to_json()
    assert RunRecord.from_json(content).config.data.layout.splits == "auto"
    for name in ("splits", "labels", "follow_symlinks"):
        del content["flags"][name]
    assert RunRecord.from_json(content).config.data.layout == LayoutConfig(splits="early", follow_symlinks=True)
    content["flags"]["dataset"] = "digits"
    assert RunRecord.from_json(content).config.data.layout == LayoutConfig()
