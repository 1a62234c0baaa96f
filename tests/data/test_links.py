"""Symbolic links in a tree of files: those within it are followed, others only if asked for, and no walk is endless."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aag_tf.config import DataConfig, PackConfig
from aag_tf.config.layout import LayoutConfig
from aag_tf.data.layouts.links import Links
from aag_tf.data.layouts.walking import walk_pictures
from aag_tf.data.sources.file_kinds import list_files
from aag_tf.packing.sources.tables import open_tables
from aag_tf.utils.errors import ConfigError, DataError
from aag_tf.utils.paths import matching


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), len(name), np.uint8)).save(root / name)


@pytest.fixture
def tree(tmp_path):
    """A folder with one class of its own, beside folders that are none of its."""
    touch(tmp_path, "data/cat/1.png", "data/cat/2.png", "elsewhere/dog/3.png", "elsewhere/4.png", "other/5.png")
    return tmp_path / "data"


def walk(root, *, follow=False):
    links = Links(follow)
    return list(walk_pictures(root, links)), links


def test_links_that_lead_out_are_left_out_and_named_in_one_line(tree, caplog):
    (tree / "dog").symlink_to("../elsewhere/dog")
    (tree / "cat" / "4.png").symlink_to(tree.parent / "elsewhere" / "4.png")
    (tree / "notes.txt").symlink_to("/etc/hostname")  # nobody would read it
    found, links = walk(tree)
    assert found == ["cat/1.png", "cat/2.png"]
    assert links.left_out == 2
    assert caplog.messages[-1] == (
        f"{tree}: left out 2 links (dog -> {tree.parent}/elsewhere/dog, cat/4.png -> {tree.parent}/elsewhere/4.png) "
        "leading out of it; --follow_symlinks reads what they lead to."
    )


def test_many_links_are_counted(tree, caplog):
    for number in range(1_200):
        (tree / f"{number:04d}.png").symlink_to("../elsewhere/4.png")
    assert walk(tree)[0] == ["cat/1.png", "cat/2.png"]
    assert "left out 1,200 links (0000.png -> " in caplog.text
    assert ", and 1,197 more) leading out of it" in caplog.text


def test_links_that_lead_out_are_followed_if_asked_for(tree, caplog):
    (tree / "dog").symlink_to("../elsewhere/dog")
    (tree / "cat" / "4.png").symlink_to("../../elsewhere/4.png")
    found, links = walk(tree, follow=True)
    assert found == ["cat/1.png", "cat/2.png", "cat/4.png", "dog/3.png"]
    assert links.left_out == 0
    assert "left out" not in caplog.text


def test_the_folder_itself_may_be_a_link(tree, tmp_path):
    (tmp_path / "shortcut").symlink_to(tree)
    (tree / "again").symlink_to(tmp_path / "shortcut" / "cat")
    assert walk(tmp_path / "shortcut")[0] == ["again/1.png", "again/2.png"]  # no folder is entered twice
    (tree / "same.png").symlink_to("cat/1.png")
    assert "same.png" in walk(tmp_path / "shortcut")[0]


def test_a_link_whose_file_is_missing_is_a_picture_that_cannot_be_read(tree):
    (tree / "gone.png").symlink_to("/nowhere/gone.png")
    found, links = walk(tree)
    assert found == ["cat/1.png", "cat/2.png", "gone.png"]
    assert links.left_out == 0


def test_a_file_that_a_link_leads_to_is_not_opened_to_see_what_it_is(tree, monkeypatch):
    (tree / "secret").symlink_to(tree.parent / "elsewhere" / "4.png")  # without a suffix
    opened = []
    real = os.open

    def watched(path, *rest, **more):
        opened.append(os.fspath(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", watched)
    assert walk(tree)[0] == ["cat/1.png", "cat/2.png"]
    assert opened == []
    assert walk(tree, follow=True)[0] == ["cat/1.png", "cat/2.png", "secret"]
    assert opened == [f"{tree}/secret"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")
@pytest.mark.parametrize("target", ["/proc/self/task", "/proc", "/proc/self/root", "/"])
def test_a_link_to_the_file_system_of_the_kernel_is_not_walked(tree, caplog, target):
    (tree / "z").symlink_to(target)
    for follow in (False, True):
        began = time.monotonic()
        found, links = walk(tree, follow=follow)
        assert time.monotonic() - began < 5  # it took minutes
        assert found == ["cat/1.png", "cat/2.png"]
        assert links.left_out == 1
    assert "to folders around it, of the system, or behind another link" in caplog.text


def test_a_walk_goes_through_one_link_that_leads_out_and_no_further(tree, tmp_path):
    (tree / "dog").symlink_to("../elsewhere/dog")
    (tmp_path / "elsewhere/dog/inner").symlink_to(tmp_path / "other")
    (tmp_path / "elsewhere/dog/up").symlink_to(tmp_path)
    (tmp_path / "elsewhere/dog/back").symlink_to(tree / "cat")
    (tmp_path / "elsewhere/dog/6.png").symlink_to(tmp_path / "other/5.png")  # a file leads no further
    found, links = walk(tree, follow=True)
    assert found == ["cat/1.png", "cat/2.png", "dog/3.png", "dog/6.png"]
    assert links.left_out == 2


def test_pipes_and_devices_behind_links_are_not_waited_for(tree):
    os.mkfifo(tree.parent / "pipe")
    (tree / "pipe.png").symlink_to(tree.parent / "pipe")
    (tree / "null").symlink_to("/dev/zero")
    assert walk(tree)[0] == ["cat/1.png", "cat/2.png"]
    assert walk(tree, follow=True)[0] == ["cat/1.png", "cat/2.png", "pipe.png"]  # refused when it is opened


def test_names_of_links_cannot_move_the_cursor(tree, caplog):
    (tree / "a\x1b[2J.png").symlink_to("../elsewhere/4.png")
    walk(tree)
    assert "a\\x1b[2J.png -> " in caplog.text


def config(tree, *, follow):
    return DataConfig(f"folder:{tree}", layout=LayoutConfig(follow_symlinks=follow))


def test_classes_may_be_links(tree, tmp_path):
    touch(tmp_path, "data/dog/7.png")
    (tree / "bird").symlink_to(tmp_path / "elsewhere")
    listing = list_files(config(tree, follow=True))
    assert list(listing.class_names) == ["bird", "cat", "dog"]
    assert len(listing.rows("train")) == 5
    assert len(list_files(config(tree, follow=False)).rows("train")) == 3


def test_a_folder_of_links_alone_names_the_flag(tmp_path):
    touch(tmp_path, "store/1.png")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/1.png").symlink_to("../store/1.png")
    with pytest.raises(DataError) as error:
        list_files(config(tmp_path / "links", follow=False))
    assert str(error.value) == (
        f"{tmp_path}/links has no image files of its own, and 1 link (1.png -> {tmp_path}/store/1.png) leading out "
        "of it; --follow_symlinks reads what they lead to."
    )
    assert len(list_files(config(tmp_path / "links", follow=True)).rows("train")) == 1


def test_other_data_sets_refuse_the_flag():
    with pytest.raises(ConfigError, match="--follow_symlinks are for folder:"):
        DataConfig("digits", layout=LayoutConfig(follow_symlinks=True))
    assert (
        DataConfig("folder:a", layout=LayoutConfig(follow_symlinks=True)).for_other("digits").layout == LayoutConfig()
    )


def test_tables_behind_links_are_left_out_and_named(tmp_path, caplog):
    table = pa.table({"image": [b"x"]})
    for name in ("data/a.parquet", "elsewhere/b.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / name)
    (tmp_path / "data/more").symlink_to("../elsewhere")
    (tmp_path / "data/c.parquet").symlink_to("../elsewhere/b.parquet")
    packing = PackConfig(output=str(tmp_path / "out"), data=DataConfig(f"parquet:{tmp_path}/data"))
    assert sum(open_tables(f"{tmp_path}/data", packing).splits.values()) == 1
    assert "left out 2 links (c.parquet -> " in caplog.text
    assert "name files behind them by a pattern" in caplog.text
    assert sum(open_tables(f"{tmp_path}/data/*/*.parquet", packing).splits.values()) == 1


def test_a_column_that_a_table_has_twice_is_refused(tmp_path):
    column = pa.array([b"x"])
    pq.write_table(pa.table([column, column], names=["image", "image"]), tmp_path / "a.parquet")
    packing = PackConfig(output=str(tmp_path / "out"), data=DataConfig(f"parquet:{tmp_path}"))
    with pytest.raises(DataError, match="the files have 2 columns image, and which of them is meant cannot be told"):
        open_tables(str(tmp_path), packing)


def test_a_pattern_enters_no_links(tmp_path):
    for name in ("a/b/x.rec", "a/y.rec", "z.rec", ".hidden/w.rec"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "proc").symlink_to("/proc")
    names = ["a/b/x.rec", "a/y.rec", "z.rec"]
    assert matching(f"{tmp_path}/**/*.rec") == [f"{tmp_path}/{name}" for name in names]
    every = matching(f"{tmp_path}/**")
    assert [path for path in every if path.endswith("rec")] == [f"{tmp_path}/{name}" for name in names]
    assert matching(f"{tmp_path}/a/**/*.rec") == [f"{tmp_path}/{name}" for name in names[:2]]
    assert matching(f"{tmp_path}/*.rec") == [f"{tmp_path}/z.rec"]
    assert matching(f"{tmp_path}/*/up/z.rec") == [f"{tmp_path}/a/up/z.rec"]


def test_folders_that_would_be_missing_are_asked_about(tree, caplog):
    (tree / "dog").symlink_to("../elsewhere/dog")
    (tree / "bird").mkdir()
    (tree / "bird" / "5.png").symlink_to("../../other/5.png")
    touch(tree, *(f"cat/{number}.png" for number in range(10, 40)))
    with pytest.raises(DataError) as error:
        list_files(config(tree, follow=None))
    assert str(error.value) == (
        f"{tree}: 2 folders (dog -> {tree.parent}/elsewhere/dog, bird) would be missing, since links lead out of it; "
        "--follow_symlinks reads what they lead to, --nofollow_symlinks leaves it out."
    )
    assert caplog.text == ""
    assert len(list_files(config(tree, follow=True)).rows("train")) == 34
    assert len(list_files(config(tree, follow=False)).rows("train")) == 32
    assert "left out 2 links" in caplog.text


@pytest.mark.parametrize(("links", "is_asked"), [(3, False), (4, True)])
def test_a_few_files_that_would_be_missing_are_named_and_many_are_asked_about(tree, caplog, links, is_asked):
    touch(tree, *(f"cat/{number}.png" for number in range(3, 28)))  # 27 with the two that are there
    for number in range(links):
        (tree / "cat" / f"link{number}.png").symlink_to("../../other/5.png")
    if not is_asked:
        assert len(list_files(config(tree, follow=None)).rows("train")) == 27
        assert "left out 3 links" in caplog.text
        return
    with pytest.raises(DataError) as error:
        list_files(config(tree, follow=None))
    assert str(error.value) == (
        f"{tree}: 4 of 31 images would be missing, since they are links leading out of it (cat/link0.png -> "
        f"{tree.parent}/other/5.png); --follow_symlinks reads what they lead to, --nofollow_symlinks leaves it out."
    )


def test_what_is_never_followed_is_not_asked_about(tree, caplog):
    (tree / "up").symlink_to("..")
    assert len(list_files(config(tree, follow=None)).rows("train")) == 2
    assert "left out 1 link (up -> " in caplog.text
