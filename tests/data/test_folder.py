import gc
import os
import threading
import weakref

import numpy as np
import pytest

from aag_tf.config import DataConfig, LayoutConfig
from aag_tf.data import ArrayImages, FileImages, evaluation_batches, open_source
from aag_tf.data.files import pictures
from aag_tf.data.images import memory
from aag_tf.utils.errors import ConfigError, DataError
from aag_tf.utils.log import logger


@pytest.fixture
def said(monkeypatch):
    """What is logged as a warning."""
    lines: list[str] = []
    monkeypatch.setattr(logger, "warning", lambda text, *values: lines.append(text % values))
    return lines


def open_folder(path, **settings):
    return open_source(DataConfig(dataset=f"folder:{path}", **settings))


def test_labels_are_subfolders_and_a_fifth_is_test(save_noise, tmp_path):
    for number in range(20):
        save_noise(f"{'cat' if number < 10 else 'ant'}/{number}.png", seed=number)
    source = open_folder(tmp_path)
    assert source.name == f"folder:{tmp_path}"
    assert source.class_names == ["ant", "cat"]
    assert source.image_shape == (12, 12, 3)
    assert (len(source.train), len(source.validation), len(source.test)) == (15, 1, 4)
    assert np.bincount(source.test.labels).tolist() == [2, 2]


def test_flat_folder_is_unlabeled_and_sorted(save_noise, tmp_path):
    from PIL import Image

    paths = [save_noise(f"{name}.png", seed=seed) for seed, name in enumerate("cab")]
    source = open_folder(tmp_path, validation_fraction=0.0)
    assert source.train.labels is None
    assert source.test is None
    assert source.class_names is None
    expected = np.stack([np.asarray(Image.open(path)) for path in sorted(paths)])
    np.testing.assert_array_equal(source.train.images.numpy(range(3)), expected)


def test_one_subfolder_is_no_labeling(save_noise, tmp_path):
    for number in range(3):
        save_noise(f"all/{number}.png")
    assert open_folder(tmp_path).train.labels is None


def test_a_few_pictures_beside_the_subfolders_are_left_out_and_named(save_noise, tmp_path, said):
    for name in ("a/1.png", "b/2.png", "3.png"):
        save_noise(name)
    source = open_folder(tmp_path, validation_fraction=0.0)
    assert source.train.labels.tolist() == [0, 1]
    assert said == [f"left out of folder:{tmp_path}: 1 beside the class folders (--labels) (3.png)."]


def test_many_pictures_beside_the_subfolders_leave_it_unlabeled(save_noise, tmp_path, said):
    for name in ("a/1.png", "b/2.png", "3.png", "4.png", "5.png", "6.png"):
        save_noise(name)
    source = open_folder(tmp_path, validation_fraction=0.0)
    assert source.train.labels is None
    assert len(source.train) == 6
    assert said == [
        f"train images of folder:{tmp_path} are unlabeled: not all lie in two or more sub-folders; --labels=folders "
        "leaves out the others."
    ]
    layout = LayoutConfig(labels="folders")
    assert open_folder(tmp_path, validation_fraction=0.0, layout=layout).train.labels.tolist() == [0, 1]
    layout = LayoutConfig(labels="none")
    assert open_folder(tmp_path, validation_fraction=0.0, layout=layout).train.labels is None


@pytest.mark.parametrize("validation", ["val", "validation"])
def test_split_folders(save_noise, tmp_path, validation):
    for split, count in (("train", 4), (validation, 2), ("test", 3)):
        for number in range(count):
            save_noise(f"{split}/{'xy'[number % 2]}/{number}.png")
    source = open_folder(tmp_path)
    assert (len(source.train), len(source.validation), len(source.test)) == (4, 2, 3)
    assert source.train.labels.tolist() == [0, 0, 1, 1]
    assert source.test.labels.tolist() == [0, 0, 1]


def test_a_class_called_train_is_a_class(save_noise, tmp_path):
    for name in ("car/1.png", "train/2.png", "car/3.png"):
        save_noise(name)
    assert open_folder(tmp_path).class_names == ["car", "train"]


def test_unlabeled_test_beside_labeled_train(save_noise, tmp_path):
    for name in ("train/a/1.png", "train/b/2.png", "test/3.png"):
        save_noise(name)
    source = open_folder(tmp_path)
    assert source.train.labels.tolist() == [0, 1]
    assert source.test.labels is None


@pytest.mark.parametrize("images", ["images", "a"])
def test_a_test_folder_within_a_folder_is_labeled_by_the_classes_of_train_only(save_noise, tmp_path, images):
    for name in ("train/a/1.png", "train/b/2.png", f"test/{images}/3.png"):
        save_noise(name)
    source = open_folder(tmp_path)
    assert source.class_names == ["a", "b"]
    assert source.train.labels.tolist() == [0, 1]
    if images == "a":
        assert source.test.labels.tolist() == [0]
    else:
        assert source.test.labels is None


def test_all_gray_gives_one_channel(save_noise, tmp_path):
    for number, mode in enumerate(("L", "1", "LA")):
        save_noise(f"{number}.png", mode=mode)
    assert open_folder(tmp_path).image_shape == (12, 12, 1)
    save_noise("color.png")
    assert open_folder(tmp_path).image_shape == (12, 12, 3)


def test_mixed_files_of_every_kind(save_noise, tmp_path):
    sizes = {
        "a.jpg": (30, 20),
        "b.png": (12, 40),
        "c.gif": (16, 16),
        "d.bmp": (17, 33),
        "e.webp": (9, 9),
        "f.tif": (8, 20),
    }
    for name, size in sizes.items():
        save_noise(name, size, mode="P" if name == "c.gif" else "RGB")
    save_noise("g.png", (20, 10), "RGBA")
    assert open_folder(tmp_path).image_shape == (224, 224, 3)
    assert open_folder(tmp_path, image_size=16).image_shape == (16, 16, 3)


def test_other_files_and_hidden_ones_are_passed_over(save_noise, tmp_path, said):
    for name in ("a.png", "b.png", ".hidden/c.png", "__MACOSX/d.png", ".e.png"):
        save_noise(name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert len(open_folder(tmp_path, validation_fraction=0.0).train) == 2
    assert said == [f"ignored files in {tmp_path} whose names have no image suffix: 1 .txt."]


def test_link_that_leads_back_is_not_followed_for_ever(save_noise, tmp_path):
    for name in ("a/1.png", "b/2.png"):
        save_noise(name)
    os.symlink(tmp_path, tmp_path / "a" / "up")
    source = open_folder(tmp_path, validation_fraction=0.0)
    assert len(source.train) + len(source.test or []) == 2


def test_broken_files_are_skipped_counted_and_named(save_noise, tmp_path, said):
    for number in range(4):
        save_noise(f"{number}.png", seed=number)
    whole = save_noise("truncated.png", (40, 12), seed=9).read_bytes()
    (tmp_path / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "zero.jpg").write_bytes(b"")
    (tmp_path / "text.png").write_text("not a picture")
    source = open_folder(tmp_path, image_size=8, validation_fraction=0.0)
    assert len(source.train) == 4
    assert len(said) == 1
    assert said[0].startswith(f"skipped 3 of 7 image files of folder:{tmp_path}: ")
    for name in ("truncated.png", "zero.jpg", "text.png"):
        assert str(tmp_path / name) in said[0]


def test_only_the_first_broken_files_are_named(save_noise, tmp_path, said):
    save_noise("z1.png")
    save_noise("z2.png")
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    open_folder(tmp_path)
    assert "4.png" in said[0]
    assert "5.png" not in said[0]
    assert said[0].endswith("; and 3 more")


def test_above_the_memory_limit_files_are_decoded_on_the_fly(save_noise, tmp_path, monkeypatch, said):
    for number in range(8):
        save_noise(f"{'ab'[number % 2]}/{number}.png", seed=number)
    whole = save_noise("a/truncated.png", seed=9).read_bytes()
    (tmp_path / "a/truncated.png").write_bytes(whole[:-60])
    in_memory = open_folder(tmp_path, validation_fraction=0.0)
    monkeypatch.setattr(memory, "MEMORY_LIMIT", 12 * 12 * 3 * 8)
    on_disk = open_folder(tmp_path, validation_fraction=0.0)
    assert said[0] == said[1]
    for source, kind in ((in_memory, ArrayImages), (on_disk, FileImages)):
        assert type(source.train.images._images) is kind  # the splits are selections of all images, one deep
    assert on_disk.train.labels.tolist() == in_memory.train.labels.tolist()
    pairs = zip(evaluation_batches(on_disk.train.images, 3), evaluation_batches(in_memory.train.images, 3), strict=True)
    for left, right in pairs:
        np.testing.assert_array_equal(left, right)


def test_errors_of_a_folder(save_noise, tmp_path):
    with pytest.raises(DataError, match="nowhere is not a folder; --dataset=folder:<path> names a tree"):
        open_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"has no image files; their names end in \.avif, "):
        open_folder(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of the 2 image files of .*; for example .*a\.png: a text file, which"):
        open_folder(tmp_path)
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").unlink()
    save_noise("train/a.png")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="test has no image files"):
        open_folder(tmp_path)
    (tmp_path / "test" / "b.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of the image files in the test part of .* can be read; repair"):
        open_folder(tmp_path)
    save_noise("val/a.png")
    save_noise("validation/a.png")
    with pytest.raises(DataError, match="has several sub-folders for one split, val, validation, so that it is not"):
        open_folder(tmp_path)


def test_no_threads_are_left_by_reading(save_noise, tmp_path):
    for number in range(4):
        save_noise(f"{number}.png")
    open_folder(tmp_path)
    before = {thread.ident for thread in threading.enumerate()}
    open_folder(tmp_path)
    assert {thread.ident for thread in threading.enumerate()} <= before


def test_a_broken_file_decides_neither_size_nor_channels(save_noise, tmp_path, said):
    for number in range(3):
        save_noise(f"{number}.png", (12, 12), mode="L", seed=number)
    broken = save_noise("3.png", (40, 12))
    broken.write_bytes(broken.read_bytes()[:-200])
    source = open_folder(tmp_path, validation_fraction=0.0)
    assert source.image_shape == (12, 12, 1)
    assert len(source.train) == 3
    assert sum("skipped 1 of 4" in line for line in said) == 1
    assert not any("several sizes" in line for line in said)


def test_a_file_that_fails_keeps_none_of_its_pixels(save_noise, tmp_path, monkeypatch):
    kept, alive = [], []
    decode = pictures.decode_noted

    def fail(path, shape, reading, page):
        if path.endswith(("0.png", "1.png")):
            return decode(path, shape, reading, page)
        pixels = np.zeros(shape, np.uint8)
        kept.append(weakref.ref(pixels))
        try:
            raise ValueError(pixels.shape)
        except ValueError as error:
            raise DataError("broken") from error

    def look(text, *values):  # while errors are held to be named
        gc.collect()
        alive.append([each() is not None for each in kept])

    for number in range(4):
        save_noise(f"{number}.png", seed=number)
    monkeypatch.setattr(pictures, "decode_noted", fail)
    monkeypatch.setattr(logger, "warning", look)
    open_folder(tmp_path)
    assert alive[0] == [False] * 2


def test_a_class_whose_name_is_no_text_is_written_as_text(save_noise, tmp_path):
    for number in range(10):
        save_noise(f"{os.fsdecode(b'caf' + bytes([0xE9])) if number < 5 else 'bar'}/{number}.png", seed=number)
    assert open_folder(tmp_path).class_names == ["bar", r"caf\xe9"]
    with pytest.raises(ConfigError, match=r"--dataset='folder:caf\\udce9' holds bytes that are no UTF-8"):
        DataConfig(dataset="folder:caf\udce9")


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("Train", "Val", "TEST")])
def test_splits_by_other_names(save_noise, tmp_path, names):
    for number, name in enumerate(names):
        for index in range(number + 2):
            save_noise(f"{name}/{index}.png", seed=index)
    source = open_folder(tmp_path)
    assert (len(source.train), len(source.validation), len(source.test)) == (2, 3, 4)


@pytest.mark.parametrize("evaluated", ["test", "val"])
def test_splits_beside_other_folders_are_asked_about(save_noise, tmp_path, said, evaluated):
    for name in ("train", evaluated, "extra"):
        for index in range(5):
            save_noise(f"{name}/{index}.png", seed=index)
    with pytest.raises(DataError, match=r"has sub-folders named like splits \(.*\) and others \(extra\), so that"):
        open_folder(tmp_path)
    assert open_folder(tmp_path, layout=LayoutConfig("none")).class_names == sorted(["extra", evaluated, "train"])
    role = {"val": "validation"}.get(evaluated, evaluated)
    source = open_folder(tmp_path, layout=LayoutConfig(f"train=train,{role}={evaluated}"), validation_fraction=0.0)
    assert (len(source.train), len(source.test), source.class_names) == (5, 5, None)
    assert said[-1] == (
        f"left out of folder:{tmp_path}: 5 in no split (--splits) (extra/0.png, extra/1.png, extra/2.png, extra/3.png, "
        "extra/4.png)."
    )
    early = open_folder(tmp_path, layout=LayoutConfig("early"))
    assert early.class_names == sorted(["extra", evaluated, "train"])


def test_labels_that_are_missing_are_told_where_folders_might_have_named_them(save_noise, tmp_path, said):
    save_noise("1.png")
    save_noise("2.png", seed=2)
    open_folder(tmp_path)
    assert said == []
    save_noise("all/3.png", seed=3)
    open_folder(tmp_path)
    assert said == [f"train images of folder:{tmp_path} are unlabeled: not all lie in two or more sub-folders."]


def test_runs_of_0_1_0_are_read_as_they_were(save_noise, tmp_path, said):
    for name in ("train/a/1.png", "train/b/2.png", "test/a/3.png", "loose.png"):
        save_noise(name)
    early = LayoutConfig("early")
    source = open_folder(tmp_path, layout=early, validation_fraction=0.0)
    assert (source.train.labels.tolist(), source.test.labels.tolist()) == ([0, 1], [0])
    (tmp_path / "notes").mkdir()  # a folder without images made splits classes
    source = open_folder(tmp_path, layout=early, validation_fraction=0.0)
    assert (len(source.train), source.train.labels) == (4, None)
    (tmp_path / "loose.png").unlink()
    names = [f"{split}/{number}.png" for split in ("Training", "Testing") for number in range(4)]
    for name in names:
        save_noise(f"other/{name}")
    assert open_folder(tmp_path / "other", layout=early).class_names == ["Testing", "Training"]
