"""A pack that was killed and resumed is the same to the byte; nothing is mixed up or overwritten."""

import concurrent.futures
import dataclasses
import json
import os
import random
import shutil
import signal

import numpy as np
import pytest
from killed_packing import pack_until_killed
from processes import Process

from aag_tf.config import DataConfig, PackConfig
from aag_tf.data import evaluation_batches, open_source, report_lost_files
from aag_tf.utils.errors import DataError, PackError

from .conftest import content, pack_to, save_picture

# In the order of the work, so that each attempt comes further than the one before.
KILLS = (
    ("os.rename", "pack.json"),
    ("open", ".pack-train.array_record-00000-of-00004"),
    ("os.rename", "pack-train.array_record-00000-of-00004"),
    ("open", ".train-00000.parquet"),
    ("os.rename", "train-00001.parquet"),
    ("os.rename", "pack-train.array_record-00003-of-00004"),
    ("os.rename", "pack-test.array_record-00001-of-00002"),
    ("os.rename", "train.parquet"),
    ("os.rename", "pack.json"),
    ("os.remove", "train-00002.parquet"),
)


def test_killed_ten_times_it_is_the_same_to_the_byte(folder, packed, tmp_path):
    out = tmp_path / "out"
    config = PackConfig(output=str(out), shard_size=7, data=DataConfig(f"folder:{folder}"))
    for event, name in KILLS:
        here = dataclasses.replace(config, resume=(out / "pack.json").exists())
        process = Process(pack_until_killed, here, event, name, log=tmp_path / "log")
        assert process.finish() == -signal.SIGKILL, (name, process.messages)
    pack_to(out, f"folder:{folder}", shard_size=7, resume=True)
    assert content(out) == content(packed)


@pytest.fixture
def copy(packed, tmp_path):
    return shutil.copytree(packed, tmp_path / "copy")


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_shard_is_one_sentence_and_is_written_again(folder, packed, copy, monkeypatch):
    monkeypatch.setattr("aag_tf.data.pack.source.KEPT_IN_MEMORY", 0)
    shard = copy / "pack-train.array_record-00001-of-00004"
    record = shard.read_bytes()
    shard.write_bytes(record.replace(record[2000:2100], bytes(100)))
    with pytest.raises(
        DataError, match=r"00001-of-00004 can no longer be read \(.*\); restore it, or give its aag-pack"
    ):
        open_source(DataConfig(f"pack:{copy}")).train.images.numpy(np.arange(20))
    pack_to(copy, f"folder:{folder}", shard_size=7, resume=True)
    assert content(copy) == content(packed)


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: os.truncate(path, 1000)])
@pytest.mark.parametrize("name", ["pack-test.array_record-00001-of-00002", "train.parquet"])
def test_lost_files_are_one_sentence_and_are_written_again(folder, packed, copy, name, change):
    change(copy / name)
    with pytest.raises(DataError, match=name) as caught:
        open_source(DataConfig(f"pack:{copy}"))
    assert "aag-pack command again with --resume" in str(caught.value)
    pack_to(copy, f"folder:{folder}", shard_size=7, resume=True)
    assert content(copy) == content(packed)


def test_no_flipped_bit_of_a_table_is_read_as_another_label(folder, packed, copy):
    table = copy / "train.parquet"
    good = table.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(good)), 300):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        table.write_bytes(flipped)
        with pytest.raises(DataError) as error:
            open_source(DataConfig(f"pack:{copy}"))
        assert str(error.value) == (
            f"{table} is missing or damaged (it is not as it was written); give the aag-pack command again with "
            "--resume."
        )
    pack_to(copy, f"folder:{folder}", shard_size=7, resume=True)
    assert content(copy) == content(packed)


def test_a_pack_without_digests_of_its_tables_is_read_and_resumed(folder, packed, copy):
    manifest = json.loads((copy / "pack.json").read_text())
    del manifest["sha256"]
    for split in manifest["splits"].values():
        del split["table"]
    (copy / "pack.json").write_text(json.dumps(manifest))
    labels = [open_source(DataConfig(f"pack:{path}")).train.labels for path in (copy, packed)]
    np.testing.assert_array_equal(*labels)
    before = content(copy)
    pack_to(copy, f"folder:{folder}", shard_size=7, resume=True)
    assert content(copy) == before


def test_a_pack_that_is_not_finished_is_not_read(folder, tmp_path):
    process = Process(
        pack_until_killed,
        PackConfig(output=str(tmp_path / "out"), shard_size=7, data=DataConfig(f"folder:{folder}")),
        "os.rename",
        "test.parquet",
        log=tmp_path / "log",
    )
    process.finish()
    with pytest.raises(DataError, match=r"is not finished; give its aag-pack command again with --resume\."):
        open_source(DataConfig(f"pack:{tmp_path / 'out'}"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"already exists; add --resume"),
        ({"resume": True, "shard_size": 8}, r"was begun with --shard_size=7; give the command that began it, or"),
        ({"resume": True, "shard_size": 7, "side": 16}, r"was begun with --form=original; give"),
    ],
)
def test_what_does_not_fit_a_pack_is_refused(folder, copy, settings, message):
    before = content(copy)
    with pytest.raises(PackError, match=message):
        pack_to(copy, f"folder:{folder}", **settings)
    assert content(copy) == before


def test_a_changed_data_set_is_not_mixed_in(tmp_path):
    for number in range(4):
        save_picture(tmp_path / "in" / f"{number}.png", number)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}")
    save_picture(tmp_path / "in" / "4.png", 4)
    with pytest.raises(PackError, match=r"has changed since .* was begun"):
        pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", resume=True)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", overwrite=True)
    assert len(open_source(DataConfig(f"pack:{tmp_path / 'out'}", validation_fraction=0.0)).train) == 5


def test_files_of_the_user_stay(tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(PackError, match="holds files that aag-pack did not write"):
        pack_to(out, f"folder:{folder}", overwrite=True)
    (out / "thesis.txt").rename(tmp_path / "thesis.txt")
    pack_to(out, f"folder:{folder}")
    (tmp_path / "thesis.txt").rename(out / "thesis.txt")
    pack_to(out, f"folder:{folder}", overwrite=True)
    assert (out / "thesis.txt").read_text() == "mine"


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"none of the 1 pictures in the train part .* can be read; for example a\.png"):
        pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}")


def test_a_disk_that_is_too_small_is_noticed_before(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(PackError, match=r"its disk has 0\.0 GiB free; make room"):
        pack_to(tmp_path / "out", f"folder:{folder}")
    assert not (tmp_path / "out" / "pack.json").exists()


def test_a_shard_that_is_damaged_meanwhile_ends_a_pipeline_with_one_sentence(copy, monkeypatch):
    monkeypatch.setattr("aag_tf.data.pack.source.KEPT_IN_MEMORY", 0)
    images = open_source(DataConfig(f"pack:{copy}")).train.images
    for shard in copy.glob("pack-train*"):
        damaged = shard.read_bytes()
        with shard.open("r+b") as file:  # the same file, as it is already open
            file.write(damaged[:100] + bytes(4000))
    with pytest.raises(DataError, match=r"can no longer be read \(.*--resume, and start again"), report_lost_files():
        list(evaluation_batches(images, 4))


def test_several_threads_read_at_once(packed, monkeypatch):
    monkeypatch.setattr("aag_tf.data.pack.source.KEPT_IN_MEMORY", 0)
    monkeypatch.setattr("aag_tf.data.pack.shards.MOST_OPEN", 2)  # of four, so that they are opened again and again
    images = open_source(DataConfig(f"pack:{packed}", image_size=8)).train.images
    wanted = images.numpy(np.arange(len(images)))

    def read(seed):
        numbers = np.random.default_rng(seed).integers(0, len(images), 9)
        return (images.numpy(numbers) == wanted[numbers]).all()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(60)))
