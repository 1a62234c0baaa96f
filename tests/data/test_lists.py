"""`list:` and the texts behind it: paths as editors and other systems write them."""

import os

import pytest

from aag_tf.config import DataConfig, LayoutConfig
from aag_tf.data.layouts import lists
from aag_tf.data.sources.file_kinds import list_files
from aag_tf.utils.errors import DataError


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Empty files `in/{a,b}/{0,1}.png` and a working directory beside `in`."""
    for name in ("in/a/0.png", "in/a/1.png", "in/b/0.png", "in/b/1.png", "work/c.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def paths(root, text, name="in/list.txt", encoding="utf-8"):
    file = root / name
    file.write_bytes(text.encode(encoding))
    return [os.path.relpath(line.path, root) for line in lists.read_list(file)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a/0.png\nb/1.png\n", ["in/a/0.png", "in/b/1.png"]),
        ("a/0.png\r\nb/1.png", ["in/a/0.png", "in/b/1.png"]),
        ("\ufeffa/0.png\n", ["in/a/0.png"]),
        ("\n  \n# a comment\na/0.png\n", ["in/a/0.png"]),
        ("\"a/0.png\"\n'b/1.png'\n", ["in/a/0.png", "in/b/1.png"]),
        ("a\\0.png\n.\\b\\1.png\n", ["in/a/0.png", "in/b/1.png"]),
        ("c.png\n", ["work/c.png"]),
        ("../in/a/0.png\n", ["in/a/0.png"]),
        ("nowhere.png\n", ["in/nowhere.png"]),
    ],
)
def test_lines_as_they_are_written(root, text, found):
    assert paths(root, text) == found


def test_absolute_paths_and_utf_16(root):
    text = f"{root}/in/a/0.png\n{root}/in/b/0.png\n"
    assert paths(root, text, "elsewhere.txt") == ["in/a/0.png", "in/b/0.png"]
    assert paths(root, "\ufeff" + text, "elsewhere.txt", "utf-16-le") == ["in/a/0.png", "in/b/0.png"]


def test_names_that_begin_like_a_comment_or_hold_quotes(root):
    for name in ("#1.png", '"q".png', "a\\b.png"):
        (root / "in" / name).touch()
    assert paths(root, '#1.png\n"q".png\na\\b.png\n#2.png\n') == ["in/#1.png", 'in/"q".png', "in/a\\b.png"]


def test_a_list_beside_its_files_comes_before_the_working_directory(root):
    (root / "in/c.png").touch()
    assert paths(root, "c.png\n") == ["in/c.png"]


def test_folders_above_the_files_are_their_layout(root):
    (root / "in/l.txt").write_text("a/0.png\nb/0.png\na/1.png\n")
    listing = list_files(DataConfig(f"list:{root}/in/l.txt"))
    assert [os.path.relpath(path, root) for path in listing.paths] == ["in/a/0.png", "in/b/0.png", "in/a/1.png"]
    assert listing.class_names == ["a", "b"]
    assert listing.labels.tolist() == [0, 1, 0]
    assert list_files(DataConfig(f"list:{root}/in/l.txt", layout=LayoutConfig(labels="none"))).class_names is None


def test_test_images_of_a_list_are_not_trained_on(root):
    for split in ("train", "test"):
        (root / split).mkdir()
        (root / split / "0.png").touch()
    (root / "l.txt").write_text("train/0.png\ntest/0.png\n")
    listing = list_files(DataConfig(f"list:{root}/l.txt"))
    assert listing.splits == ["train", "test"]
    listing = list_files(DataConfig(f"list:{root}/l.txt", layout=LayoutConfig(splits="none", labels="none")))
    assert listing.splits == ["train", "train"]


def test_files_that_are_missing_or_listed_twice_are_counted_and_named(root):
    (root / "in/l.txt").write_text("a/0.png\nb/0.png\nx.png\na/0.png\ny.png\n")
    listing = list_files(DataConfig(f"list:{root}/in/l.txt"))
    assert len(listing.paths) == 2
    assert [str(each) for each in listing.left_out] == ["2 that are missing (x.png, y.png)", "1 listed again (a/0.png)"]


def test_what_is_no_list_is_refused(root):
    with pytest.raises(DataError, match=r"none\.txt is not a file; --dataset=list:<path> names a text with a path a"):
        list_files(DataConfig("list:none.txt"))
    (root / "l.txt").write_text("x.png\ny.png\n")
    message = r"none of the 2 files of list:.*l\.txt exists; x\.png, for one, would be .*/x\.png: write paths that are"
    with pytest.raises(DataError, match=message):
        list_files(DataConfig(f"list:{root}/l.txt"))
    (root / "l.txt").write_text("# nothing\n")
    with pytest.raises(DataError, match=r"l\.txt names no files; write a path of an image a line\."):
        list_files(DataConfig(f"list:{root}/l.txt"))
    (root / "l.txt").write_bytes(b"PK\3\4\0\0")
    with pytest.raises(DataError, match=r"is no text, .*; for an archive of NumPy, give --dataset=npz:"):
        list_files(DataConfig(f"list:{root}/l.txt"))
