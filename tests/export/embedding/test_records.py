"""TFRecord files: plain or compressed, damaged or not, each record a row."""

import gzip
import io
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aag_tf.config import EmbedConfig
from aag_tf.export.embedding.inputs import list_input, open_input, source_of
from aag_tf.utils.errors import DataError

UNUSED = Path("of the output, where records leave nothing")


def listed(pattern, **settings):
    return list_input(source_of(EmbedConfig(saved_model="m", output="o", input=str(pattern), **settings)), UNUSED)


def opened(pattern, **settings):
    return open_input(listed(pattern, **settings), UNUSED)


def names(images, start=0, stop=None):
    return [item.name for item in images.items(start, len(images) if stop is None else stop)]


def picture(seed=0):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)).save(file, "PNG")
    return file.getvalue()


def example(encoded, feature="image/encoded"):
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
    return tf.train.Example(features=tf.train.Features(feature={feature: value})).SerializeToString()


def write_records(path, serialized):
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in serialized:
            writer.write(record)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder, count in (("a", 1), ("b", 2)):
        write_records(tmp_path / folder / "train.tfrecord", [example(picture(number)) for number in range(count)])
    images = opened(tmp_path / "*" / "train.tfrecord")
    assert names(images) == ["a/train.tfrecord#0", "b/train.tfrecord#0", "b/train.tfrecord#1"]


def test_records_are_read_from_several_files_plain_and_compressed(tmp_path):
    write_records(tmp_path / "b.tfrecord-0", [example(picture(number), "image") for number in range(3)])
    write_records(tmp_path / "plain", [example(picture(number)) for number in range(3, 5)])
    (tmp_path / "a.tfrecord.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    images = opened(tmp_path / "*.tfrecord*")
    expected = ["a.tfrecord.gz#0", "a.tfrecord.gz#1", "b.tfrecord-0#0", "b.tfrecord-0#1", "b.tfrecord-0#2"]
    assert names(images) == expected
    assert names(images, 1, 4) == expected[1:4]
    assert [item.open().read() for item in images.items(0, 5)] == [picture(number) for number in (3, 4, 0, 1, 2)]
    assert names(opened(f"tfrecord:{tmp_path / 'plain'}")) == ["plain#0", "plain#1"]


@pytest.mark.parametrize("length", [0x0178, 0x5E78, 0x9C78, 0xDA78, 0x8B1F])
def test_a_plain_file_may_begin_with_the_bytes_of_a_compressed_one(tmp_path, length):
    # A record's length comes first, with its lowest byte in front: 78 01 as zlib, 1f 8b as gzip.
    contents = (bytes(size) for size in range(length - 40, length))
    content = next(content for content in contents if len(example(content)) == length)
    write_records(tmp_path / "plain", [example(content), example(picture())])
    assert (tmp_path / "plain").read_bytes()[:2] == length.to_bytes(2, "little")
    (tmp_path / "packed").write_bytes(zlib.compress((tmp_path / "plain").read_bytes()))
    for name in ("plain", "packed"):
        images = opened(f"tfrecord:{tmp_path / name}")
        assert [item.open().read() for item in images.items(0, len(images))] == [content, picture()]


def test_a_pattern_passes_over_what_is_no_file(tmp_path):
    write_records(tmp_path / "in" / "a", [example(picture())])
    (tmp_path / "in" / "b").mkdir()
    os.mkfifo(tmp_path / "in" / "c")
    assert names(opened(f"tfrecord:{tmp_path / 'in' / '*'}")) == ["a#0"]
    (tmp_path / "empty" / "b").mkdir(parents=True)
    with pytest.raises(DataError, match="matches no file"):
        listed(f"tfrecord:{tmp_path / 'empty' / '*'}")


def test_records_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    write_records(tmp_path / "a.tfrecord", [example(picture())])
    monkeypatch.setattr("aag_tf.data.sources.tfrecords.open_records", refuse)
    with pytest.raises(DataError, match=r"a\.tfrecord cannot be read .Permission denied"):
        opened(tmp_path / "a.tfrecord")


def test_a_damaged_record_is_one_broken_image_and_ends_its_file(tmp_path):
    file = tmp_path / "a.tfrecord"
    write_records(file, [example(picture(number)) for number in range(4)])
    content = bytearray(file.read_bytes())
    content[len(content) * 5 // 8] ^= 1  # in the third of four
    file.write_bytes(content)
    write_records(tmp_path / "b.tfrecord", [example(picture())])
    images = opened(tmp_path / "*.tfrecord")
    assert names(images) == ["a.tfrecord#0", "a.tfrecord#1", "a.tfrecord#2", "b.tfrecord#0"]
    third, last = images.items(2, 4)
    with pytest.raises(DataError, match="the record is damaged"):
        third.open()
    assert last.open().read() == picture()


def test_records_without_a_picture_say_what_they_hold(tmp_path):
    write_records(tmp_path / "a.tfrecord", [example(b"x", "label"), b"\xff\xff no example", example(picture(), "jpeg")])
    images = opened(tmp_path / "a.tfrecord")
    for item, words in zip(
        images.items(0, 2), ["image/encoded or image; the record has label", "no tf.train"], strict=True
    ):
        with pytest.raises(DataError, match=words):
            item.open()
    named = opened(tmp_path / "a.tfrecord", image_feature="jpeg")
    assert next(iter(named.items(2, 3))).open().read() == picture()


def test_records_that_change_after_they_were_counted_are_refused(tmp_path):
    write_records(tmp_path / "a.tfrecord", [example(picture())])
    listing = listed(tmp_path / "a.tfrecord")
    write_records(tmp_path / "a.tfrecord", [example(picture())] * 2)
    with pytest.raises(DataError, match="changed or removed after its records were counted"):
        open_input(listing, tmp_path)
