"""Packs hold the pixels, labels, names and splits of what was packed, in every form."""

import io
import json
import types

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import tifffile
from array_record.python.array_record_data_source import ArrayRecordDataSource
from PIL import Image

from aag_tf.config import DataConfig, PackConfig, ReadingConfig
from aag_tf.data import describe_source, fingerprint, open_source
from aag_tf.data.files import pictures, sizes
from aag_tf.data.images import memory
from aag_tf.data.images.windows import Window
from aag_tf.data.pack.manifest import read_manifest
from aag_tf.data.pack.records import read_image
from aag_tf.packing.beginning import plan
from aag_tf.packing.sources import arrays as arrays_in_order
from aag_tf.utils.errors import DataError, PackError

from .conftest import BROKEN, content, pack_to, pixels, same, save_picture


@pytest.mark.parametrize("settings", [{}, {"image_size": 16}, {"image_size": "12x30"}])
def test_a_pack_of_originals_reads_as_its_folder(folder, packed, settings):
    as_folder = open_source(DataConfig(f"folder:{folder}", **settings))
    as_pack = open_source(DataConfig(f"pack:{packed}", **settings))
    assert same(as_folder, as_pack)
    assert as_pack.class_names == as_folder.class_names == ["a", "b"]
    assert fingerprint(as_pack.train.images) == fingerprint(as_folder.train.images)
    assert len(as_pack.train) + len(as_pack.validation) == 22
    assert len(as_pack.test) == 8


def test_images_that_do_not_fit_into_memory_are_read_alike(packed, monkeypatch):
    kept = open_source(DataConfig(f"pack:{packed}"))
    monkeypatch.setattr("aag_tf.data.pack.source.KEPT_IN_MEMORY", 0)
    read = open_source(DataConfig(f"pack:{packed}"))
    assert same(kept, read)
    order = np.array([9, 0, 9, 17])
    np.testing.assert_array_equal(read.train.images.fetch(order), kept.train.images.numpy(order))


def test_records_keep_the_bytes_of_the_files(folder, packed):
    rows = pq.read_table(packed / "train.parquet").to_pylist()
    shards = ArrayRecordDataSource(sorted(map(str, packed.glob("pack-train*"))))
    for number, row in enumerate(rows):
        assert read_image(shards[number]) == (folder / row["path"]).read_bytes()
    shapes = {row["path"]: (row["height"], row["width"], row["channels"]) for row in rows}
    assert shapes["train/b/03.jpg"] == (24, 20, 3)  # rotated by its EXIF
    assert shapes["train/a/04.jpg"] == (20, 24, 1)
    assert {row["path"]: row["label"] for row in rows}["train/b/01.jpg"] == 1


def test_broken_pictures_are_named_and_left_out_as_from_a_folder(folder, tmp_path, caplog):
    report = pack_to(tmp_path / "out", f"folder:{folder}")
    assert set(report.skipped) == set(BROKEN)
    assert {str(folder / path): why for path, why in report.skipped.items()} == dict(
        open_source(DataConfig(f"folder:{folder}")).skipped
    )
    assert "Packed 30 images (22 train, 8 test)" in str(report)
    assert "Not packed: 3 (" in str(report)
    assert all(f"  {path}: {why}" in str(report) for path, why in report.skipped.items())
    caplog.clear()
    source = open_source(DataConfig(f"pack:{tmp_path / 'out'}"))
    assert "skipped 3 of 33 image files of pack:" in caplog.text
    assert source.skipped == report.skipped


def test_tensorflow_datasets_reads_a_pack(folder, packed):
    builder = tfds.builder_from_directory(packed)
    assert builder.info.features["label"].names == ["a", "b"]
    source = builder.as_data_source(split="test")
    assert len(source) == 8
    found = source[1]
    assert found["path"] == b"test/a/02.png"
    assert found["label"] == 0
    np.testing.assert_array_equal(found["image"], Image.open(folder / "test/a/02.png"))


def test_larger_pictures_become_jpegs_and_others_stay(tmp_path):
    save_picture(tmp_path / "in" / "large.png", 0, size=(90, 60))
    save_picture(tmp_path / "in" / "small.png", 1, size=(90, 30))
    save_picture(tmp_path / "in" / "gray.png", 2, size=(64, 64), gray=True)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", side=32, quality=95)
    shards = ArrayRecordDataSource([str(path) for path in (tmp_path / "out").glob("pack-train*")])
    gray, large, small = (Image.open(io.BytesIO(read_image(shards[number]))) for number in range(3))
    assert (gray.format, gray.size, gray.mode) == ("JPEG", (32, 32), "L")
    assert (large.format, large.size, large.mode) == ("JPEG", (48, 32), "RGB")
    assert large.layer[0][1:3] == (1, 1)  # full color resolution
    assert (small.format, small.size) == ("PNG", (90, 30))
    wanted = Image.open(tmp_path / "in" / "large.png").resize((48, 32), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(large, int) - np.asarray(wanted, int)).mean() < 3


@pytest.mark.parametrize("size", [None, "10x14"])
def test_raw_pixels_are_those_of_the_folder_at_that_size(folder, tmp_path, size):
    pack_to(tmp_path / "out", f"folder:{folder}", data={"image_size": size}, form="raw")
    as_folder = open_source(DataConfig(f"folder:{folder}", image_size=size))
    assert same(as_folder, open_source(DataConfig(f"pack:{tmp_path / 'out'}")))


def test_raw_pixels_are_scaled_like_an_array(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 12, 10, 3), np.uint8)
    np.savez(tmp_path / "x.npz", images=images, labels=np.arange(30) % 4)
    pack_to(tmp_path / "out", f"npz:{tmp_path / 'x.npz'}")
    for settings in ({}, {"image_size": 8}):
        as_npz = open_source(DataConfig(f"npz:{tmp_path / 'x.npz'}", **settings))
        as_pack = open_source(DataConfig(f"pack:{tmp_path / 'out'}", **settings))
        assert same(as_npz, as_pack)
        assert fingerprint(as_pack.train.images) == fingerprint(as_npz.train.images)
    element = tfds.builder_from_directory(tmp_path / "out").as_data_source(split="train")[3]
    np.testing.assert_array_equal(element["image"], images[3])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "column by column"])
def test_a_compressed_archive_is_packed_whatever_its_size(tmp_path, monkeypatch, kind):
    images = np.random.default_rng(0).integers(0, 256, (30, 12, 10, 3), np.uint8)
    images = {"uint8": images, "uint16": images * np.uint16(9), "column by column": np.asfortranarray(images)}[kind]
    arrays = {"images": images, "labels": np.arange(30) % 4, "test_images": images[:7], "test_labels": np.arange(7)}
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    dataset = f"npz:{tmp_path / 'x.npz'}"
    as_npz = open_source(DataConfig(dataset))
    if kind != "column by column":
        monkeypatch.setattr(memory, "MEMORY_LIMIT", 7 * 12 * 10)
        with pytest.raises(DataError, match="above the limit of"):
            open_source(DataConfig(dataset))
    monkeypatch.setattr(arrays_in_order, "FETCHED_AT_ONCE", 4 * 360)
    pack_to(tmp_path / "out", dataset, shard_size=7)
    # A shard in the middle is written again, for which the archive is unpacked from its beginning.
    next((tmp_path / "out").glob("pack-train*00002-of*")).unlink()
    before = content(tmp_path / "out")
    pack_to(tmp_path / "out", dataset, shard_size=7, resume=True)
    assert before.items() <= content(tmp_path / "out").items()
    assert same(as_npz, open_source(DataConfig(f"pack:{tmp_path / 'out'}")))


def test_a_damaged_archive_is_not_packed(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", images=np.random.default_rng(0).integers(0, 256, (30, 12, 10, 3), np.uint8))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[5000] ^= 0xFF
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"npz:.*x\.npz can no longer be read \(.*\); restore it, and give the command"):
        pack_to(tmp_path / "out", f"npz:{tmp_path / 'x.npz'}")


def test_sizes_that_differ_are_said_when_a_pack_is_read(tmp_path, caplog):
    for number in range(4):
        save_picture(tmp_path / "in" / f"{number}.png", number, size=(40, 30 + number))
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}")
    assert read_manifest(tmp_path / "out").shape == (0, 0, 3)
    assert open_source(DataConfig(f"pack:{tmp_path / 'out'}")).image_shape == (*[sizes.DEFAULT_SIZE] * 2, 3)
    assert "images of several sizes" in caplog.text


def test_threads_and_shards_do_not_change_what_is_packed(folder, packed, tmp_path):
    pack_to(tmp_path / "out", f"folder:{folder}", shard_size=7, read_threads=1)
    assert content(tmp_path / "out") == content(packed)
    pack_to(tmp_path / "one", f"folder:{folder}")
    assert same(open_source(DataConfig(f"pack:{tmp_path / 'one'}")), open_source(DataConfig(f"pack:{packed}")))


def test_files_have_as_many_pictures_as_asked_for(packed):
    manifest = json.loads((packed / "pack.json").read_text())
    assert [shard["images"] for shard in manifest["splits"]["train"]["shards"]] == [6, 7, 6, 3]


@pytest.mark.parametrize(("images", "size"), [(10, 8192), (2_000_000, 8192), (10_000_000, 39_063)])
def test_the_number_of_files_is_bounded(images, size):
    facts = {"dataset": "x", "digest": "y"}
    source = types.SimpleNamespace(shape=None, splits={"train": images}, facts=facts, class_names=None)
    assert plan(PackConfig(output="x"), source).settings.shard_size == size


def save_deep(path, number, bands=0):
    values = np.random.default_rng(number).integers(
        100 + number, 4000, (20, 24, *([bands] if bands else [])), np.uint16
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, values, planarconfig="contig" if bands else None)


@pytest.mark.parametrize("bands", [0, 5])
@pytest.mark.parametrize("data", [{}, {"reading": ReadingConfig(value_range="0..4095")}, {"image_size": 8}])
def test_deep_and_many_banded_pictures_read_as_their_folder(tmp_path, bands, data, caplog):
    for number in range(12):
        save_deep(tmp_path / "in" / "ab"[number % 2] / f"{number:02}.tif", number, bands)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", shard_size=5)
    caplog.clear()
    as_folder = open_source(DataConfig(f"folder:{tmp_path / 'in'}", **data))
    said = caplog.text.replace(f"folder:{tmp_path / 'in'}", "IT")
    caplog.clear()
    as_pack = open_source(DataConfig(f"pack:{tmp_path / 'out'}", **data))
    assert same(as_folder, as_pack)
    assert as_pack.reading == as_folder.reading
    assert caplog.text.replace(f"pack:{tmp_path / 'out'}", "IT").count("IT has 12 images of more than 8 bits") == (
        said.count("IT has 12 images of more than 8 bits")
    )


def test_deep_pictures_lose_their_depth_in_smaller_ones(tmp_path):
    for number in range(6):
        save_deep(tmp_path / "in" / f"{number}.tif", number)
    for settings in ({"side": 16}, {"side": 32}, {"form": "raw"}):
        out = tmp_path / json.dumps(settings)
        pack_to(out, f"folder:{tmp_path / 'in'}", **settings)
        source = open_source(DataConfig(f"pack:{out}", validation_fraction=0.0))
        wanted = open_source(DataConfig(f"folder:{tmp_path / 'in'}", validation_fraction=0.0))
        assert source.reading.value_range == wanted.reading.value_range
        if settings != {"side": 16}:
            np.testing.assert_array_equal(pixels(source.train.images), pixels(wanted.train.images))
        with pytest.raises(DataError, match=r"--value_range=0\.\.1 does not fit .*, which was packed with 100\.\."):
            open_source(DataConfig(f"pack:{out}", reading=ReadingConfig(value_range="0..1")))


def test_pictures_of_many_bands_become_no_jpegs(tmp_path):
    save_deep(tmp_path / "in" / "a.tif", 0, bands=5)
    with pytest.raises(PackError, match=r"has pictures of 5 channels, which JPEG does not hold; leave out --side\."):
        pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", side=16)
    pack_to(tmp_path / "raw", f"folder:{tmp_path / 'in'}", form="raw")
    with pytest.raises(DataError, match=r"--channels=3 does not fit .*, whose pixels have 5; leave it out, or pack"):
        open_source(DataConfig(f"pack:{tmp_path / 'raw'}", reading=ReadingConfig(channels=3)))


def test_pictures_of_other_channels_are_refused_as_in_a_folder(tmp_path):
    save_deep(tmp_path / "in" / "a.tif", 0, bands=5)
    save_deep(tmp_path / "in" / "b.tif", 1, bands=3)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}")
    with pytest.raises(DataError, match=r"differ in their channels: 3, 5; give --channels=3 to read the first 3"):
        open_source(DataConfig(f"pack:{tmp_path / 'out'}"))
    settings = {"reading": ReadingConfig(channels=3), "validation_fraction": 0.0}
    found = open_source(DataConfig(f"pack:{tmp_path / 'out'}", **settings))
    wanted = open_source(DataConfig(f"folder:{tmp_path / 'in'}", **settings))
    assert same(found, wanted)


def test_several_pages_are_said(tmp_path, caplog):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "stack.tif", np.zeros((3, 9, 9), np.uint8), photometric="minisblack")
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}")
    assert "has 1 file of several pages, of which the first is read." in caplog.text


TWO_WINDOWS = Window(*(np.array(sides, np.float32) for sides in ([0.1, 0.0], [0.2, 0.0], [0.5, 1.0], [0.6, 1.0])))


@pytest.mark.parametrize("size", [16, 64])
def test_views_are_cut_from_packed_pictures_as_from_files(tmp_path, size):
    for number in range(10):
        options = {"format": "PNG" if number % 3 == 0 else "JPEG"}
        save_picture(tmp_path / "in" / f"{number}.jpg", number, size=(60, 50), gray=number == 4, **options)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", shard_size=4)
    found = []
    for dataset in (f"folder:{tmp_path / 'in'}", f"pack:{tmp_path / 'out'}"):
        source = open_source(DataConfig(dataset, image_size=size, validation_fraction=0.0), "auto")
        images = source.train.images
        assert images.has_sources == (size == 16)
        if not images.has_sources:
            continue
        sources = tf.data.Dataset.range(10).batch(4).map(images.sources).unbatch()
        assert [float(source["aspect"]) for source in sources] == [np.float32(1.2)] * 10
        views = sources.map(lambda source, images=images: images.crops(source, TWO_WINDOWS, [(16, 16)] * 2))
        found.append(np.stack(list(views.as_numpy_iterator())))
    if found:
        np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("form", "size", "cut"), [("--side", 28, True), ("--side", 36, False), ("original", 28, False)]
)
def test_views_are_cut_from_pictures_that_were_scaled_down_for_it(tmp_path, form, size, cut):
    """At 1.6 times the pixels of a view; of files as they are, those of twice as many."""
    for number in range(5):
        save_picture(tmp_path / "in" / f"{number}.jpg", number, size=(60, 50) if form == "--side" else (38, 32))
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", **({"side": 32} if form == "--side" else {}))
    source = open_source(DataConfig(f"pack:{tmp_path / 'out'}", image_size=size), "auto")
    assert source.train.images.has_sources == cut
    said = "cut from the pictures themselves (--crop_from)"
    assert (said in describe_source(source)["images"]) == cut
    for crop_from, expected in (("image", False), ("source", True)):
        chosen = open_source(DataConfig(f"pack:{tmp_path / 'out'}", image_size=size), crop_from)
        assert chosen.train.images.has_sources == expected


def without_decoders(table):
    """Makes a table, and what the manifest says of it, what an earlier version wrote."""
    pq.write_table(pq.read_table(table).drop_columns(["decoder"]), table)
    manifest = table.with_name("pack.json")
    written = json.loads(manifest.read_text())
    del written["splits"]["train"]["table"], written["sha256"]
    manifest.write_text(json.dumps(written))


def test_a_pack_of_an_earlier_version_is_cut_from_and_can_be_finished(tmp_path, monkeypatch):
    for number in range(6):
        options = {"format": "PNG" if number % 3 == 0 else "JPEG"}
        save_picture(tmp_path / "in" / f"{number}.jpg", number, size=(60, 50), **options)
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", shard_size=4)
    table = tmp_path / "out" / "train.parquet"
    assert pq.read_table(table)["decoder"].to_pylist() == [2, 1, 1] * 2
    before = content(tmp_path / "out")
    config = DataConfig(f"pack:{tmp_path / 'out'}", image_size=16, validation_fraction=0.0)
    known = open_source(config, "source").train.images
    without_decoders(table)
    unknown = open_source(config, "source").train.images
    seen = []
    read = pictures.read_header
    monkeypatch.setattr(pictures, "read_header", lambda *given: seen.append(1) or read(*given))
    for numbers in ([3, 4, 5], [5, 0, 4]):
        given = tf.constant(numbers, tf.int64)
        assert unknown.sources(given)["decoder"].numpy().tolist() == known.sources(given)["decoder"].numpy().tolist()
    assert len(seen) == 4  # each once
    # A damaged shard is written again, beside a table that lacks a column.
    shard = next((tmp_path / "out").glob("pack-train*00001-of*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    pack_to(tmp_path / "out", f"folder:{tmp_path / 'in'}", shard_size=4, resume=True)
    assert content(tmp_path / "out").keys() == before.keys()
    assert pq.read_table(table)["decoder"].to_pylist() == [None] * 4 + [1, 1]
    assert shard.read_bytes() == before[shard.name]
