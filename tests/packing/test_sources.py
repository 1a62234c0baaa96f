"""Every kind of source is packed with its pictures, labels, names and splits."""

import io
import json
import shutil
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from PIL import Image
from tiny_data_sets import TinyShapes

from aag_tf.config import DataConfig
from aag_tf.data import fingerprint, open_source
from aag_tf.data.files.reading import Reading
from aag_tf.data.pack.images import PackImages
from aag_tf.data.pack.manifest import read_manifest
from aag_tf.data.pack.shards import ShardedRecords
from aag_tf.data.pack.table import read_labels, read_paths
from aag_tf.utils.errors import DataError, PackError

from .conftest import pack_to, same


def png(value, size=(10, 14)):
    file = io.BytesIO()
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def read_all(output):
    """`{split: (paths, labels, value of the first pixel of every image)}` of a pack."""
    manifest = read_manifest(output)
    found = {}
    for split, packed in manifest.splits.items():
        images = PackImages(output, ShardedRecords(output, split, packed), (8, 8, 3), Reading())
        labels = read_labels(output, split, packed)
        values = images.numpy(np.arange(len(images)))[:, 0, 0, 0].tolist()
        found[split] = (read_paths(output, split, packed), labels if labels is None else labels.tolist(), values)
    return found


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def prepared(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    TinyShapes(data_dir=str(directory), file_format=request.param).download_and_prepare()
    return directory


def test_tensorflow_data_sets_of_any_format(prepared, tmp_path):
    pack_to(tmp_path / "out", "tfds:tiny_shapes", data={"data_dir": str(prepared)}, shard_size=5)
    found = read_all(tmp_path / "out")
    assert {split: len(paths) for split, (paths, _, _) in found.items()} == {"train": 12, "validation": 6, "test": 5}
    _, labels, values = found["train"]
    assert sorted(values) == [number * 20 for number in range(12)]
    assert labels == [int(value > 100) for value in values]
    assert found["test"][1] is None  # its labels are secret
    assert read_manifest(tmp_path / "out").class_names == ["dark", "light"]


def test_other_parts_of_tensorflow_data_sets(prepared, tmp_path):
    data = {"data_dir": str(prepared), "train_split": "train[:25%]+many"}
    pack_to(tmp_path / "out", "tfds:tiny_shapes", data=data)
    assert len(read_all(tmp_path / "out")["train"][0]) == 3 + 40


def example(value, label=None, names=("image/encoded", "image/class/label")):
    feature = {names[0]: tf.train.Feature(bytes_list=tf.train.BytesList(value=[png(value)]))}
    if isinstance(label, int):
        feature[names[1]] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    elif label is not None:
        feature[names[1]] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[label.encode()]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write_records(path, examples):
    path.parent.mkdir(exist_ok=True, parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for each in examples:
            writer.write(each)


def test_tfrecords_with_splits_in_their_names(tmp_path):
    write_records(tmp_path / "in" / "train-00000-of-00002.tfrecord", [example(n, n % 3) for n in range(5)])
    write_records(tmp_path / "in" / "train-00001-of-00002.tfrecord", [example(n, n % 3) for n in range(5, 9)])
    write_records(tmp_path / "in" / "validation-00000-of-00001.tfrecord", [example(50, 1), example(51, 2)])
    pack_to(tmp_path / "out", f"tfrecord:{tmp_path / 'in'}", shard_size=4)
    found = read_all(tmp_path / "out")
    paths, labels, values = found["train"]
    assert values == list(range(9))
    assert labels == [n % 3 for n in range(9)]
    assert paths[0] == "train-00000-of-00002.tfrecord#0"
    assert found["validation"][1:] == ([1, 2], [50, 51])


def test_tfrecords_with_names_of_classes_and_a_damaged_end(tmp_path):
    path = tmp_path / "pictures.tfrecord"
    write_records(path, [example(n, ["cat", "ant"][n % 2], ("photo", "kind")) for n in range(6)])
    data = path.read_bytes()
    path.write_bytes(data[:-7])
    report = pack_to(tmp_path / "out", f"tfrecord:{path}", image_feature="photo", label_feature="kind")
    assert read_manifest(tmp_path / "out").class_names == ["ant", "cat"]
    assert read_all(tmp_path / "out")["train"][1:] == ([1, 0, 1, 0, 1], [0, 1, 2, 3, 4])
    assert report.skipped == {"pictures.tfrecord#5": "the record is damaged, and so is the rest of its file"}


def test_parquet_of_hugging_face(tmp_path):
    features = {"info": {"features": {"label": {"names": ["ant", "bee"], "_type": "ClassLabel"}}}}
    for split, count in (("train", 7), ("test", 3)):
        rows = [{"bytes": png(n), "path": f"{n}.png"} for n in range(count)]
        table = pa.table({"image": rows, "label": [n % 2 for n in range(count)], "text": ["x"] * count})
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
        (tmp_path / "in" / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, tmp_path / "in" / "data" / f"{split}-00000-of-00001.parquet", row_group_size=2)
    pack_to(tmp_path / "out", f"parquet:{tmp_path / 'in'}", shard_size=3)
    found = read_all(tmp_path / "out")
    assert found["train"][1:] == ([0, 1, 0, 1, 0, 1, 0], list(range(7)))
    assert found["test"][1:] == ([0, 1, 0], [0, 1, 2])
    assert read_manifest(tmp_path / "out").class_names == ["ant", "bee"]


@pytest.mark.parametrize("new", [pa.ipc.new_stream, pa.ipc.new_file])
def test_a_data_set_that_hugging_face_saved_to_disk(tmp_path, new):
    for split, count in (("train", 7), ("test", 3)):
        table = pa.table({"img": [{"bytes": png(n), "path": None} for n in range(count)], "fine_label": ["x"] * count})
        folder = tmp_path / "in" / split
        folder.mkdir(parents=True)
        with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file, new(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        (folder / "cache-123.arrow").write_bytes(b"a result of a computation")
        (folder / "state.json").write_text("{}")
    pack_to(tmp_path / "out", f"parquet:{tmp_path / 'in'}", shard_size=3)
    found = read_all(tmp_path / "out")
    assert found["train"][1:] == ([0] * 7, list(range(7)))
    assert found["test"][2] == [0, 1, 2]


def test_parquet_of_plain_bytes_and_names(tmp_path):
    table = pa.table({"jpg": [png(1), png(2), None, png(3)], "cls": ["b", "a", "a", None]})
    pq.write_table(table, tmp_path / "x.parquet")
    report = pack_to(tmp_path / "out", f"parquet:{tmp_path / 'x.parquet'}", label_feature="cls")
    assert report.skipped == {"x.parquet#2": "no bytes in its row"}
    assert read_all(tmp_path / "out")["train"][1:] == (None, [1, 2, 3])  # one has no label
    pack_to(tmp_path / "without", f"parquet:{tmp_path / 'x.parquet'}", label_feature="none")
    assert read_manifest(tmp_path / "without").class_names is None


@pytest.mark.parametrize("dataset", ["digits", "scattered_digits"])
def test_built_in_data_sets(tmp_path, dataset):
    pack_to(tmp_path / "out", dataset)
    first, second = open_source(DataConfig(dataset)), open_source(DataConfig(f"pack:{tmp_path / 'out'}"))
    assert fingerprint(first.train.images) == fingerprint(second.train.images)
    assert (first.test.labels == second.test.labels).all()


@pytest.mark.parametrize(
    ("dataset", "settings", "message"),
    [
        ("parquet:none.parquet", {}, "matches no Parquet or Arrow file; name a file"),
        ("tfrecord:none*", {}, "matches no file; name TFRecord files"),
        ("parquet:x.parquet", {}, "has no column image or img, only picture_url, label; name that of the pictures"),
        ("parquet:x.parquet", {"image_feature": "label", "label_feature": "kind"}, "has no column kind, only"),
        ("parquet:cut.parquet", {}, "is no whole Parquet or Arrow file"),
    ],
)
def test_sources_that_cannot_be_packed(tmp_path, monkeypatch, dataset, settings, message):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"picture_url": ["http://x"], "label": [1]}), "x.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "x.parquet").read_bytes()[:-30])
    with pytest.raises(DataError, match=message):
        pack_to(tmp_path / "out", dataset, **settings)
    assert not (tmp_path / "out").exists()


def test_pixels_become_no_jpegs(tmp_path):
    with pytest.raises(PackError, match=r"--side=32 makes JPEGs of files, and digits has pixels; leave it out\."):
        pack_to(tmp_path / "out", "digits", side=32)


def test_files_that_are_read_in_order_are_packed_before_training(tmp_path):
    with pytest.raises(DataError, match=r"pack them once with `aag-pack --dataset=parquet:x --output=packed` and use"):
        open_source(DataConfig("parquet:x"))


def test_a_list_a_table_and_an_archive(folder, tmp_path):
    files = sorted(folder.glob("train/*/1*.jpg"))
    (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in files))
    (tmp_path / "table.csv").write_text(
        "path,label\n" + "".join(f"{path},{'odd' if int(path.stem) % 2 else 'even'}\n" for path in files)
    )
    with tarfile.open(tmp_path / "shard-000.tar", "w") as tar:
        for path in files:
            tar.add(path, f"{path.stem}.jpg")
            label = tarfile.TarInfo(f"{path.stem}.cls")
            label.size = 1
            tar.addfile(label, io.BytesIO(b"%d" % (int(path.stem) % 2)))
    for name in ("list:list.txt", "csv:table.csv", "tar:shard-000.tar"):
        kind, _, file = name.partition(":")
        dataset = f"{kind}:{tmp_path / file}"
        pack_to(tmp_path / kind, dataset)
        same(open_source(DataConfig(dataset)), open_source(DataConfig(f"pack:{tmp_path / kind}")))
    assert read_manifest(tmp_path / "csv").class_names == ["even", "odd"]
    assert read_manifest(tmp_path / "tar").class_names == ["0", "1"]


def test_several_data_sets(folder, packed, tmp_path):
    both = f"folder:{folder / 'train'},folder:{folder / 'test'}"
    pack_to(tmp_path / "out", both)
    assert same(open_source(DataConfig(both)), open_source(DataConfig(f"pack:{tmp_path / 'out'}")))
    joined = open_source(DataConfig(f"pack:{packed},pack:{tmp_path / 'out'}"))
    assert sum(map(len, (joined.train, joined.validation, joined.test))) == 30 + 30
    with pytest.raises(PackError, match=r"pack each by itself, and join the packs in training"):
        pack_to(tmp_path / "no", f"folder:{folder},parquet:b")


@pytest.mark.parametrize("form", [{"side": 16}, {"form": "raw", "data": {"image_size": 12}}, {}])
def test_a_pack_is_packed_in_another_form_as_its_files_would_be(folder, packed, tmp_path, form):
    pack_to(tmp_path / "again", f"pack:{packed}", **form)
    pack_to(tmp_path / "files", f"folder:{folder}", **form)
    files = {path.name: path.read_bytes() for path in (tmp_path / "files").glob("pack-*")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").glob("pack-*")} == files
    assert read_manifest(tmp_path / "again").class_names == ["a", "b"]
    assert read_labels(tmp_path / "again", "train", read_manifest(tmp_path / "again").splits["train"]).sum() == 11


def test_a_pack_of_pixels_is_packed_in_another_size(packed, tmp_path):
    pack_to(tmp_path / "raw", f"pack:{packed}", form="raw", data={"image_size": 16})
    pack_to(tmp_path / "smaller", f"pack:{tmp_path / 'raw'}", form="raw", data={"image_size": 8})
    assert read_manifest(tmp_path / "smaller").shape == (8, 8, 3)
    with pytest.raises(PackError, match=r"--side=16 makes JPEGs of files, and pack:.*raw has pixels; leave it out"):
        pack_to(tmp_path / "side", f"pack:{tmp_path / 'raw'}", side=16)


def test_a_pack_that_loses_a_file_while_it_is_packed_again_is_named(packed, tmp_path):
    copy = shutil.copytree(packed, tmp_path / "copy")
    shard = sorted(copy.glob("pack-train*"))[-1]
    shard.write_bytes(bytes(shard.stat().st_size))
    with pytest.raises(PackError, match=r"pack:.*copy cannot be read: .*-of-00004 can no longer be read"):
        pack_to(tmp_path / "again", f"pack:{copy}")
