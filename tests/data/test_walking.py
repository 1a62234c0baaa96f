"""Walking a tree: the order of sorted paths, each folder once, and what cannot be listed is said."""

import contextlib
import logging
import os
import subprocess
from pathlib import Path

import pytest

from aag_tf.data.layouts import walking
from aag_tf.data.layouts.walking import walk_pictures

TREE = ["b.png", "a/2.png", "a/10.png", "a/b/c.jpg", "a-b/x.png", "a.png", "é/z.webp", "z/y/x/w.gif"]


@pytest.fixture
def tree(tmp_path):
    for name in [*TREE, ".git/x.png", "__MACOSX/x.png", "a/.x.png", "a/notes.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_the_order_is_that_of_sorted_parts(tree):
    assert list(walk_pictures(tree)) == sorted(TREE, key=lambda name: Path(name).parts)


def test_files_that_are_no_images_by_name_are_counted(tree, caplog):
    for name in ("x.heic", "a/y.HEIC", "list"):
        (tree / name).touch()
    list(walk_pictures(tree))
    assert f"ignored files in {tree} whose names have no image suffix: 2 .heic, " in caplog.text
    assert "1 without suffix" in caplog.text


def test_links_are_followed_and_no_folder_is_entered_twice(tree):
    (tree / "a" / "up").symlink_to(tree)
    (tree / "linked").symlink_to(tree / "z")
    found = list(walk_pictures(tree))
    assert len(found) == len(set(found)) == len(TREE)
    assert "linked/y/x/w.gif" in found
    assert "z/y/x/w.gif" not in found


def test_a_link_to_itself_hides_nothing(tree):
    (tree / "me").symlink_to(tree / "me")
    assert len(list(walk_pictures(tree))) == len(TREE)


def test_folders_may_be_nested_deeper_than_calls(tmp_path):
    with contextlib.chdir(tmp_path):
        for _ in range(1_100):
            os.mkdir("d")
            os.chdir("d")
        Path("x.png").touch()
    assert list(walk_pictures(tmp_path)) == ["d/" * 1_100 + "x.png"]
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # what clears up after tests would run out of calls


def test_a_folder_that_cannot_be_listed_is_named(tree, monkeypatch, caplog):
    scan = walking.os.scandir

    def refuse(folder):
        if folder.endswith("a-b"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(walking.os, "scandir", refuse)
    with caplog.at_level(logging.WARNING, "aag_tf"):
        assert len(list(walk_pictures(tree))) == len(TREE) - 1
    assert f"skipped the folder {tree / 'a-b'}, which cannot be listed: Permission denied" in caplog.text
