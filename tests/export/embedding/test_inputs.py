"""Inputs: told apart, listed in a fixed order, and opened again as they were listed."""

import io
import os
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from tiny_data_sets import TinyShapes

from aag_tf.config import EmbedConfig
from aag_tf.data.files import regular_file
from aag_tf.export.embedding import inputs
from aag_tf.export.embedding.inputs import list_input, open_input, source_of
from aag_tf.preflight import embed as preflight
from aag_tf.utils.errors import ConfigError, DataError
from aag_tf.utils.text import shown


def config(source, **settings):
    return EmbedConfig(saved_model="m", output="o", input=str(source), **settings)


def opened(source, directory, **settings):
    directory.mkdir(exist_ok=True)
    listing = list_input(source_of(config(source, **settings)), directory)
    images = open_input(listing, directory)
    assert len(images) == listing["rows"]
    return images


def names(images, start=0, stop=None):
    return [item.name for item in images.items(start, len(images) if stop is None else stop)]


def refused(source, words, **settings):
    with pytest.raises(DataError, match=words) as refusal:
        source_of(config(source, **settings))
    assert "\n" not in str(refusal.value)


def picture(seed=0):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_the_early_check_knows_every_kind_of_input():
    assert {*preflight.KINDS, preflight.STORE} == set(inputs.KINDS)


def test_a_folder_is_sorted_by_the_parts_of_its_paths(tmp_path):
    root = tmp_path / "root"
    for name in ["b.png", "a/z.jpg", "a/b/c.png", "a.png", "a-b/x.png", ".hidden/x.png", "a/notes.txt", "é.png"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "a" / "loop").symlink_to(root)
    images = opened(root, tmp_path / "out")
    assert names(images) == ["a/b/c.png", "a/z.jpg", "a-b/x.png", "a.png", "b.png", "é.png"]
    assert names(images, 1, 3) == ["a/z.jpg", "a-b/x.png"]


def test_links_that_lead_out_of_a_folder_are_left_out_or_followed(tmp_path, caplog):
    for name in ("root/a.png", "elsewhere/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture())
    (tmp_path / "root/z").symlink_to(tmp_path / "elsewhere")
    assert names(opened(tmp_path / "root", tmp_path / "one")) == ["a.png"]
    assert f"{tmp_path}/root: left out 1 link (z -> {tmp_path}/elsewhere) leading out of it" in caplog.text
    assert names(opened(tmp_path / "root", tmp_path / "two", follow_symlinks=True)) == ["a.png", "z/b.png"]


def test_a_list_keeps_its_order_and_its_duplicates_and_any_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_bytes(b"b.png\r\n\n/abs/a.png\nb.png\ncaf\xe9.png")
    (tmp_path / "b.png").write_bytes(picture())
    Path(os.fsdecode(b"caf\xe9.png")).write_bytes(picture())
    images = opened("list.txt", tmp_path / "out")
    assert names(images) == ["b.png", "/abs/a.png", "b.png", os.fsdecode(b"caf\xe9.png")]
    monkeypatch.chdir("/")  # what is relative stays relative to where the list was read
    found = list(images.items(0, 4))
    for number in (0, 2, 3):
        with found[number].open() as file:
            assert file.read() == picture()
    with pytest.raises(FileNotFoundError):
        found[1].open()


def test_a_mark_in_front_of_a_list_is_no_part_of_its_first_path(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfa.png\n\xef\xbb\xbfb.png")
    assert names(opened(tmp_path / "list.txt", tmp_path / "out")) == ["a.png", "\ufeffb.png"]


def test_files_that_change_after_the_listing_are_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for name in ("changed.png", "gone.png", "same.png", "touched.png"):
        (root / name).write_bytes(picture())
    (tmp_path / "list").write_text("\n".join(str(root / name) for name in ("late.png", "same.png")))
    images, listed = opened(root, tmp_path / "out"), opened(tmp_path / "list", tmp_path / "listed")
    (root / "changed.png").write_bytes(picture() + b" ")
    (root / "gone.png").unlink()
    (root / "late.png").write_bytes(picture())
    os.utime(root / "touched.png", ns=(1, 1))
    changed, gone, same, touched = images.items(0, 4)
    same.open().close()
    for item, words in [
        (changed, "changed after"),
        (touched, "changed after"),
        (next(listed.items(0, 1)), "came later"),
    ]:
        with pytest.raises(DataError, match=words):
            item.open()
    with pytest.raises(FileNotFoundError):
        gone.open()


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="not a regular file"):
        next(opened(tmp_path, tmp_path / "out").items(0, 1)).open()


def test_too_many_bytes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(regular_file, "MAX_BYTES", 20)
    (tmp_path / "a.png").write_bytes(picture())
    with pytest.raises(DataError, match="bytes are more than the 20"):
        next(opened(tmp_path, tmp_path / "out").items(0, 1)).open()


def prepare_tiny_shapes(directory):
    """Two files a split; returns where they lie."""
    builder = TinyShapes(data_dir=str(directory))
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2))
    return Path(builder.data_dir)


def test_a_split_of_tfds_is_read_file_after_file_and_undecoded(tmp_path):
    files = sorted(prepare_tiny_shapes(tmp_path / "data").glob("*-many.tfrecord-*"))
    expected = []
    for file in files:
        for number, record in enumerate(tf.data.TFRecordDataset(str(file)).as_numpy_iterator()):
            picture = tf.train.Example.FromString(record).features.feature["image"].bytes_list.value[0]
            expected.append((f"{file.name}__{number}", picture))
        assert number == 19  # TFDS itself would go to the next file and back after 16
    prepared = {"data_dir": str(tmp_path / "data")}
    images = opened("tfds:tiny_shapes/many", tmp_path / "out", **prepared)
    assert [(item.name, item.open().read()) for item in images.items(0, 40)] == expected
    assert names(images, 18, 22) == [name for name, _ in expected[18:22]]
    part = opened("tfds:tiny_shapes/many[10:30]", tmp_path / "part", **prepared)
    assert [(item.name, item.open().read()) for item in part.items(2, 14)] == expected[12:24]
    refused("tfds:tiny_shapes/mnay", "has no split mnay; name one of .*many", **prepared)
    refused("tfds:tiny_shapes", "names no split", **prepared)


def test_a_data_set_of_tfds_that_was_prepared_anew_is_refused(tmp_path):
    prepared = prepare_tiny_shapes(tmp_path / "data")
    listing = list_input(source_of(config("tfds:tiny_shapes/many", data_dir=str(tmp_path / "data"))), tmp_path)
    assert len(open_input(listing, tmp_path)) == 40
    shutil.rmtree(prepared)
    prepare_tiny_shapes(tmp_path / "data")
    with pytest.raises(
        DataError,
        match=r"tfds:tiny_shapes/1\.0\.0/many was prepared again since it was listed; embed",
    ):
        open_input(listing, tmp_path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("missing", "is neither a folder nor a file"),
        ("folder:missing", "is not a folder"),
        ("list:missing", "cannot be read .No such file"),
        ("missing*.tfrecord", "matches no file"),
        ("folder:", "names nothing"),
        ("tfds:no_such_set/train", "neither known to TFDS nor prepared"),
    ],
)
def test_refuses_what_is_not_there(tmp_path, monkeypatch, source, words):
    monkeypatch.chdir(tmp_path)
    refused(source, words)


@pytest.mark.parametrize("kind", ["", "folder:", "list:", "tfrecord:"])
def test_refuses_a_user_that_is_not_there(kind):
    with pytest.raises(ConfigError, match="begins with a user that this machine does not know"):
        source_of(config(f"{kind}~no such user/x.tfrecord"))


@pytest.mark.parametrize("listing", [{"kind": "folder", "rows": 1}, {"kind": "tfrecord", "rows": 1}, {"kind": "disc"}])
def test_refuses_a_listing_that_lacks_something(tmp_path, listing):
    with pytest.raises(DataError, match=r"does not say which images these are .*; embed with --overwrite"):
        open_input(listing, tmp_path)


def test_refuses_a_picture_for_a_list(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    refused(tmp_path / "a.png", "is no text")


def test_refuses_an_input_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'empty'} holds no images")):
        list_input(source_of(config(tmp_path / "empty")), tmp_path)


def test_refuses_a_list_that_was_tampered_with(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    listing = list_input(source_of(config(tmp_path)), tmp_path)
    with (tmp_path / "input.jsonl").open("a") as file:
        file.write("[]\n")
    with pytest.raises(DataError, match="was changed since it was written"):
        open_input(listing, tmp_path)


def test_a_data_set_of_tfds_that_is_gone_is_one_sentence(tmp_path):
    listing = {"kind": "tfds", "source": "tfds:cifar10/test", "name": "cifar10", "split": "test"}
    listing |= {"data_dir": str(tmp_path), "rows": 1, "digest": ""}
    with pytest.raises(DataError, match="tfds:cifar10/test is not prepared here; restore it"):
        open_input(listing, tmp_path)


def test_a_path_is_shown_as_it_is_but_for_what_moves_a_cursor():
    assert shown("Straße/日本 1.png") == "Straße/日本 1.png"
    assert shown("\x1b]0;\n\udce9.png") == "\\x1b]0;\\n\\udce9.png"


def test_a_list_is_read_as_training_reads_it(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(picture())
    (tmp_path / "in" / "list.txt").write_text('# mine\n"a.png"\n.\\a.png\n')
    monkeypatch.chdir("/")
    images = opened(tmp_path / "in" / "list.txt", tmp_path / "out")
    assert names(images) == ["a.png", ".\\a.png"]
    for item in images.items(0, 2):
        with item.open() as file:
            assert file.read() == picture()


def test_a_table_names_paths_in_a_column(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "t.csv").write_text("label;file name\nx;a.png\ny;gone.png\n")
    images = opened(tmp_path / "t.csv", tmp_path / "out")
    assert names(images) == ["a.png", "gone.png"]
    with next(images.items(0, 1)).open() as file:
        assert file.read() == picture()
    (tmp_path / "other.csv").write_text("one,two\n1,2\n")
    with pytest.raises(DataError, match="and no column is known to have paths of images"):
        opened(tmp_path / "other.csv", tmp_path / "other")


def test_images_of_archives_are_opened_in_place(tmp_path):
    for number in range(2):
        with tarfile.open(tmp_path / f"s-{number}.tar", "w") as tar:
            for seed in range(2):
                info = tarfile.TarInfo(f"{seed}.png")
                info.size = len(picture(10 * number + seed))
                tar.addfile(info, io.BytesIO(picture(10 * number + seed)))
    images = opened(f"tar:{tmp_path}/s-*.tar", tmp_path / "out")
    assert names(images) == [f"{tmp_path}/s-{number}.tar/{seed}.png" for number in range(2) for seed in range(2)]
    for item, seed in zip(images.items(1, 4), (1, 10, 11), strict=True):
        with item.open() as file:
            assert file.read() == picture(seed)
    assert len(opened(tmp_path / "s-1.tar", tmp_path / "one")) == 2
    listing = list_input(source_of(config(tmp_path / "s-1.tar")), tmp_path / "one")
    (tmp_path / "s-1.tar").write_bytes(b"other")
    with pytest.raises(DataError, match=r"s-1\.tar was changed or removed after its images were listed; put it back"):
        open_input(listing, tmp_path / "one")
