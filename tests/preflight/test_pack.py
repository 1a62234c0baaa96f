"""What `aag-pack`, and training on packs, refuse before TensorFlow is imported."""

import json

import numpy as np
import pytest

from aag_tf.config import DataConfig, EmbedConfig, PackConfig, ReadingConfig, ScheduleConfig, TrainConfig
from aag_tf.preflight import check
from aag_tf.preflight.datasets import check_dataset
from aag_tf.utils.errors import ConfigError, DataError, PackError


def write_manifest(path, **changes):
    shard = {"images": 9, "bytes": 1, "sha256": "", "skipped": {}}
    reading = {"value_range": None, "fit": "crop", "pages": "first", "max_pixels": 1000}
    content = {
        "format": "aag_tf.pack",
        "format_version": 1,
        "source": {"dataset": "folder:x", "digest": ""},
        "settings": {
            "form": "original",
            "side": None,
            "quality": 90,
            "image_size": None,
            "shard_size": 9,
            "reading": {},
        },
        "shape": [8, 8, 3],
        "channels": [3],
        "reading": reading,
        "splits": {"train": {"shards": [shard], "labeled": True}},
    }
    path.mkdir(exist_ok=True)
    (path / "pack.json").write_text(json.dumps(content | changes))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"pack\.json is damaged \(it holds no object\); give the aag-pack command again with --overwrite\."),
        ("{", r"pack\.json is damaged"),
        ('{"format": "other"}', r"was not written by aag-pack; name a directory that it wrote\."),
        (
            '{"format": "aag_tf.pack", "format_version": 2}',
            r"has format version 2 and this package reads 1; give the aag-pack",
        ),
        ('{"format": "aag_tf.pack", "format_version": 1}', r"is damaged \(it has no 'source'\)"),
    ],
)
def test_damaged_manifests(tmp_path, content, message):
    (tmp_path / "pack.json").write_text(content)
    with pytest.raises(DataError, match=message):
        check_dataset(DataConfig(f"pack:{tmp_path}"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits": None}, r"is not finished; give its aag-pack command again with --resume\."),
        ({"splits": {"test": {"shards": [], "labeled": True}}}, r"its 'splits' are not complete"),
        ({"splits": {"train": {"shards": [], "labeled": True}, "../x": {"shards": [], "labeled": True}}}, r"'splits'"),
        ({"splits": {"train": {"shards": [{"images": -1}], "labeled": True}}}, r"is damaged"),
        ({"source": {"dataset": 3}}, r"its 'source' has no 'dataset'"),
        ({"shape": [2**50, 1, 3]}, r"its 'shape', or one of its 'channels', is out of range"),
        ({"reading": {"fit": "bend"}}, r"is damaged"),
    ],
)
def test_manifests_that_somebody_changed(tmp_path, changes, message):
    write_manifest(tmp_path, **changes)
    with pytest.raises(DataError, match=message):
        check_dataset(DataConfig(f"pack:{tmp_path}"))


def test_a_batch_larger_than_a_pack(tmp_path):
    write_manifest(tmp_path / "pack")
    data = DataConfig(f"pack:{tmp_path / 'pack'}", validation_fraction=0.0)
    check_dataset(data, 8)  # of 9, of which a fifth becomes test
    with pytest.raises(ConfigError, match=r"--global_batch_size=9 is more than the 8 training images; use 8 or less"):
        check(TrainConfig(data=data, schedule=ScheduleConfig(global_batch_size=9)))


def test_what_is_no_pack(tmp_path):
    with pytest.raises(DataError, match=r"none is not a folder; pack:<path> names a directory that aag-pack wrote\."):
        check_dataset(DataConfig(f"pack:{tmp_path / 'none'}"))
    with pytest.raises(DataError, match=r"was not written by aag-pack \(it has no pack\.json\)"):
        check_dataset(DataConfig(f"pack:{tmp_path}"))
    write_manifest(tmp_path)
    with pytest.raises(ConfigError, match=r"did you mean pack:"):
        DataConfig(str(tmp_path))


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize(
    ("dataset", "settings", "error", "message"),
    [
        ("digits", {"resume": True}, PackError, r"holds nothing to resume; leave --resume out to start\."),
        ("parquet:none.parquet", {}, DataError, r"--dataset=parquet:none\.parquet matches no file; name a file, a"),
        ("tfrecord:none*", {}, DataError, r"matches no file"),
        ("folder:none", {}, DataError, r"is not a folder"),
        ("own", {}, DataError, r"--dataset=own is what a run records if images were passed to train\(\)"),
    ],
)
def test_what_packing_refuses(dataset, settings, error, message):
    with pytest.raises(error, match=message):
        check(PackConfig(output="out", data=DataConfig(dataset), **settings))


def test_files_that_are_read_in_order_may_be_packed_and_not_trained_on(tmp_path):
    np.save(tmp_path / "x.parquet.npy", np.zeros(1))
    (tmp_path / "x [1].parquet").write_bytes(b"")
    check(PackConfig(output=str(tmp_path / "out"), data=DataConfig(f"parquet:{tmp_path / 'x [1].parquet'}")))
    with pytest.raises(DataError, match=r"is read in order only, and training needs its images in any order"):
        check_dataset(DataConfig(f"parquet:{tmp_path / 'x [1].parquet'}"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resume": True, "overwrite": True}, "--resume continues a pack, --overwrite deletes it; give one"),
        ({"form": "jpeg"}, "--form=jpeg needs the size that pictures are scaled to; add --side=256, say"),
        ({"form": "raw", "side": 64}, "--side=64 makes JPEGs, and --form=raw does not; leave one of the two out"),
        ({"data": DataConfig(image_size=64)}, "--image_size=64 is the size of raw pixels; add --form=raw"),
        ({"data": DataConfig(validation_fraction=0.2)}, "--validation_fraction=0.2 is for training"),
        ({"data": DataConfig(reading=ReadingConfig(pages="each"))}, "--pages=each is not packed"),
        ({"data": DataConfig(reading=ReadingConfig(value_range="0..9"))}, r"--value_range=0\.\.9 is for training"),
        ({"side": 8}, "--side=8 is out of range; it must be 16 to 4096"),
        ({"output": ""}, "--output is missing; name the directory that the pack may be written to"),
    ],
)
def test_settings_that_contradict_each_other(settings, message):
    with pytest.raises(ConfigError, match=message):
        PackConfig(**{"output": "out"} | settings)


def test_an_input_that_is_a_pack_is_known_by_its_directory(tmp_path):
    write_manifest(tmp_path, splits=None)
    (tmp_path / "saved_model.pb").touch()
    config = EmbedConfig(saved_model=str(tmp_path), input=str(tmp_path), output=str(tmp_path / "out"))
    with pytest.raises(DataError, match="is not finished"):
        check(config)
