"""`tar:`: archives as WebDataset writes them, and trees of images, read in place."""

import gzip
import io
import json
import tarfile
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from aag_tf.config import DataConfig, LayoutConfig
from aag_tf.data import open_source
from aag_tf.data.sources.file_kinds import list_files
from aag_tf.data.sources.tar import archive_paths
from aag_tf.utils.errors import DataError


def png(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue(), pixels


def write(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def samples(labels, suffix="cls", start=0):
    files = {}
    for number, label in enumerate(labels, start):
        files[f"{number:06}.png"] = png(number)[0]
        files[f"{number:06}.{suffix}"] = (
            json.dumps({"label": label}).encode() if suffix == "json" else str(label).encode()
        )
    return files


@pytest.mark.parametrize("suffix", ["cls", "json"])
def test_samples_with_labels(tmp_path, suffix):
    write(tmp_path / "shard-000.tar", samples([10, 2, 10], suffix))
    source = open_source(DataConfig(f"tar:{tmp_path}/shard-000.tar", validation_fraction=0.0))
    assert source.class_names == ["2", "10"]
    assert source.train.labels.tolist() == [1, 0, 1]
    for row in range(3):
        np.testing.assert_array_equal(source.train.images.numpy([row])[0, ..., 0], png(row)[1])


def test_shards_are_splits_by_their_names(tmp_path):
    write(tmp_path / "in" / "pets-train-000000.tar", samples("xy"))
    write(tmp_path / "in" / "pets-train-000001.tar", samples("yx"))
    write(tmp_path / "in" / "pets-val-000000.tar", samples("xx"))
    for name in (f"{tmp_path}/in", f"{tmp_path}/in/*.tar"):
        listing = list_files(DataConfig(f"tar:{name}"))
        assert listing.splits == ["train"] * 4 + ["validation"] * 2
        assert listing.labels.tolist() == [0, 1, 1, 0, 0, 0]
        assert listing.layout.splits == "train=pets-train,validation=pets-val"
    listing = list_files(DataConfig(f"tar:{tmp_path}/in", layout=LayoutConfig(splits="none")))
    assert listing.splits == ["train"] * 6


def test_a_range_of_shards_as_webdataset_writes_it(tmp_path):
    for number in range(12):
        write(tmp_path / f"s-{number:03}.tar", {f"{number}.png": b""})
    names = [path.name for path in archive_paths(f"{tmp_path}/s-{{001..010}}.tar")]
    assert names == [f"s-{number:03}.tar" for number in range(1, 11)]


def test_a_tree_in_an_archive_is_read_as_a_folder(tmp_path):
    files = {
        f"./data/{split}/{own}/{n}.png": png(n)[0] for split in ("train", "test") for own in "ab" for n in range(2)
    }
    write(tmp_path / "all.tar", files | {"./data/train/._a.png": b"x", "./__MACOSX/b.png": b"x", "notes.txt": b"x"})
    listing = list_files(DataConfig(f"tar:{tmp_path}/all.tar"))
    assert sorted(listing.splits) == ["test"] * 4 + ["train"] * 4
    assert listing.class_names == ["a", "b"]


def test_archives_are_classes_by_their_names(tmp_path):
    for own in ("cat", "dog"):
        write(tmp_path / f"{own}.tar", {f"{n}.png": png(n)[0] for n in range(3)})
    assert list_files(DataConfig(f"tar:{tmp_path}/*.tar")).class_names == ["cat", "dog"]


def test_broken_images_are_skipped_and_named(tmp_path, caplog):
    write(tmp_path / "s.tar", samples("xyx") | {"9.png": b"no picture", "9.cls": b"x"})
    source = open_source(DataConfig(f"tar:{tmp_path}/s.tar", validation_fraction=0.0))
    assert list(source.skipped) == [f"{tmp_path}/s.tar/9.png"]
    assert len(source.train) == 3


def test_archives_that_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"tar:.*none\.tar names no archive; name a \.tar file, a folder of "):
        list_files(DataConfig(f"tar:{tmp_path}/none.tar"))
    write(tmp_path / "s.tar", samples("xy"))
    whole = (tmp_path / "s.tar").read_bytes()
    (tmp_path / "s.tar.gz").write_bytes(gzip.compress(whole))
    message = rf"s\.tar\.gz is compressed, .*; unpack it with `gzip --decompress --stdout {tmp_path}/s\.tar\.gz > "
    with pytest.raises(DataError, match=message):
        list_files(DataConfig(f"tar:{tmp_path}/s.tar.gz"))
    (tmp_path / "cut.tar").write_bytes(whole[:700])
    with pytest.raises(DataError, match=r"cut\.tar (is cut off within 000001\.png|has no image files|cannot be read)"):
        list_files(DataConfig(f"tar:{tmp_path}/cut.tar"))
    (tmp_path / "no.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DataError, match=r"no\.tar cannot be read as a tar archive"):
        list_files(DataConfig(f"tar:{tmp_path}/no.tar"))
    write(tmp_path / "empty.tar", {"a.txt": b"x"})
    with pytest.raises(DataError, match=r"tar:.*empty\.tar has no image files"):
        list_files(DataConfig(f"tar:{tmp_path}/empty.tar"))


def add(tar, name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("second", ["a/1.png", "./a/1.png", "../a/1.png", "/a/1.png"])
def test_an_image_that_an_archive_holds_twice_is_refused(tmp_path, second):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, seed in (("a/1.png", 0), ("a/2.png", 1), (second, 2)):
            add(tar, name, png(seed)[0])
    with pytest.raises(DataError) as error:
        list_files(DataConfig(f"tar:{tmp_path}/x.tar"))
    assert str(error.value) == (
        f"{tmp_path}/x.tar holds a/1.png twice, and which of them is meant cannot be told; write it again."
    )


def test_a_label_that_an_archive_holds_twice_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        add(tar, "1.png", png(0)[0])
        add(tar, "1.cls", b"3")
        add(tar, "1.cls", b"4")
    with pytest.raises(DataError, match=r"x\.tar holds 1\.cls twice"):
        list_files(DataConfig(f"tar:{tmp_path}/x.tar"))


def test_links_within_an_archive_are_its_images_and_others_are_named(tmp_path, caplog):
    link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        add(tar, "b/5.png", type=link, linkname="../a/1.png")  # before what it leads to
        add(tar, "a/1.png", png(1)[0])
        add(tar, "a/2.png", type=hard, linkname="a/1.png")
        add(tar, "a/3.png", type=link, linkname="2.png")
        add(tar, "all", type=link, linkname="a")
        add(tar, "a/4.png", type=link, linkname="/etc/passwd")
        add(tar, "b/6.png", type=link, linkname="6.png")
        add(tar, "far", type=link, linkname="../../else")
        add(tar, "README.md", type=link, linkname="/else/README.md")
    source = open_source(DataConfig(f"tar:{tmp_path}/x.tar", validation_fraction=0.0))
    assert len(source.train) == 4
    for row in range(4):
        np.testing.assert_array_equal(source.train.images.numpy([row])[0, ..., 0], png(1)[1])
    assert (
        f"{tmp_path}/x.tar: left out 3 links (a/4.png -> /etc/passwd, b/6.png -> b/6.png, far -> ../../else) leading "
        "out of it; write the files themselves into it, as tar --dereference --hard-dereference does."
    ) in caplog.text


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path):
    """Names and attributes may stand in headers of any length; this one is a hole in the file."""
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 3 * 2**30
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT))
    with (tmp_path / "x.tar").open("r+b") as file:
        file.truncate(4 * 2**30)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"cannot be read as a tar archive \(a header of more bytes than are read"):
        list_files(DataConfig(f"tar:{tmp_path}/x.tar"))
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 16 * 2**20
