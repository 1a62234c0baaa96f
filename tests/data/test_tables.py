"""`csv:` and `--labels=FILE`: tables as spreadsheets and competitions write them."""

import os

import pytest

from aag_tf.config import DataConfig, LayoutConfig
from aag_tf.data.sources.file_kinds import list_files
from aag_tf.utils.errors import DataError

NAMES = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]


@pytest.fixture
def root(tmp_path):
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def read(root, text, encoding="utf-8", **layout):
    (root / "t.csv").write_bytes(text.encode(encoding))
    listing = list_files(DataConfig(f"csv:{root}/t.csv", layout=LayoutConfig(**layout)))
    names = listing.class_names or []
    labels = [names[label] if label >= 0 else None for label in listing.labels]
    return [os.path.relpath(path, root) for path in listing.paths], listing.splits, labels


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("path,label\na/0.png,x\nb/0.png,y\n", {}),
        ("\ufeffpath,label\r\na/0.png,x\r\nb/0.png,y\r\n", {}),
        ('image,class\n"a/0.png","x"\n"b/0.png","y"\n', {}),
        ("Image Path;Target\na/0.png;x\nb/0.png;y\n", {}),
        ("file_name\tcategory\na/0.png\tx\nb/0.png\ty\n", {}),
        ("id,species,filename\n1,x,a/0.png\n2,y,b/0.png\n", {}),
        ("label,path\nx,a\\0.png\ny,.\\b\\0.png\n", {}),
        ("a/0.png,x\nb/0.png,y\n", {}),
        ("one,two\na/0.png,x\nb/0.png,y\n", {"columns": "one,two"}),
        ("no,p,q,l\n1,a/0.png,9,x\n2,b/0.png,9,y\n", {"columns": "2,4"}),
        ("1,a/0.png,9,x\n2,b/0.png,9,y\n", {"columns": "2,4"}),
        ("path,label,label_name\na/0.png,0,x\nb/0.png,1,y\n", {"columns": "path,label_name"}),
    ],
)
def test_columns_are_found_or_named(root, text, layout):
    assert read(root, text, **layout) == (["a/0.png", "b/0.png"], ["train", "train"], ["x", "y"])


def test_numbers_are_names_in_the_order_of_their_values(root):
    text = "path,label\na/0.png,10\na/1.png,2\nb/0.png,10\n"
    assert read(root, text)[2] == ["10", "2", "10"]
    (root / "t.csv").write_text(text)
    assert list_files(DataConfig(f"csv:{root}/t.csv")).class_names == ["2", "10"]


@pytest.mark.parametrize("column", ["split", "Subset", "partition", "set"])
def test_a_column_of_splits(root, column):
    text = f"path,label,{column}\na/0.png,x,train\na/1.png,y,Testing\nb/0.png,y,train\nb/1.png,x,val\n"
    paths, splits, labels = read(root, text)
    assert paths == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    assert splits == ["train", "test", "train", "validation"]
    assert labels == ["x", "y", "y", "x"]
    assert read(root, text, splits="none")[1] == ["train"] * 4
    assert read(root, text, splits="train=train,test=val")[:2] == (
        ["a/0.png", "b/0.png", "b/1.png"],
        ["train", "train", "test"],
    )


def test_folds_are_named(root):
    text = "path,label,split\na/0.png,x,0\na/1.png,y,1\nb/0.png,y,0\n"
    with pytest.raises(DataError, match=r"column split of csv:.* has 0, 1, which name no splits; .*--splits=train=0,"):
        read(root, text)
    assert read(root, text, splits="train=0,test=1")[1] == ["train", "test", "train"]
    assert read(root, text.replace("split", "fold"))[1] == ["train"] * 3


def test_splits_come_from_folders_where_no_column_has_them(root):
    for split in ("train", "test"):
        (root / split).mkdir()
        (root / split / "0.png").touch()
    assert read(root, "path,label\ntrain/0.png,x\ntest/0.png,y\n")[1:] == (["train", "test"], ["x", "y"])


def test_a_table_without_labels_takes_them_from_folders(root):
    text = "path\n" + "\n".join(NAMES)
    assert read(root, text)[2] == ["a", "a", "b", "b"]
    assert read(root, text, labels="none")[2] == [None] * 4


def test_missing_files_and_repeated_rows_are_counted_and_named(root):
    text = "path,label\na/0.png,x\nb/0.png,y\na/0.png,x\nc.png,y\n"
    (root / "t.csv").write_text(text)
    listing = list_files(DataConfig(f"csv:{root}/t.csv"))
    assert [str(each) for each in listing.left_out] == ["1 that are missing (c.png)", "1 listed again (a/0.png)"]
    with pytest.raises(DataError, match=r"a/0\.png is listed with the labels x and y; keep one of them, or train"):
        read(root, "path,label\na/0.png,x\na/0.png,y\n")
    assert read(root, "path,label\na/0.png,x\na/0.png,y\nb/0.png,y\n", labels="none")[2] == [None, None]


def test_rows_without_a_label_are_left_out_if_they_are_few(root):
    text = "path,label\na/0.png,x\na/1.png,y\nb/0.png,\nb/1.png,y\n"
    assert read(root, text)[0] == ["a/0.png", "a/1.png", "b/1.png"]


def test_tables_that_are_refused(root):
    with pytest.raises(DataError, match=r"t\.csv begins with one, two, and no column is known to have paths of "):
        read(root, "one,two\na/0.png,x\n")
    with pytest.raises(DataError, match=r"t\.csv has no column three, only one, two; name these with --columns\."):
        read(root, "one,two\na/0.png,x\n", columns="one,three")
    for columns in (None, "path,label"):
        doubled = r"t\.csv has 2 columns label, and which of them is meant cannot be told; count the columns"
        with pytest.raises(DataError, match=doubled):
            read(root, "path,label,label\na/0.png,x,y\n", columns=columns)
    with pytest.raises(DataError, match=r"t\.csv is empty; write a line with the names of columns"):
        read(root, "\n\n")
    with pytest.raises(DataError, match=r"t\.csv has no rows below the names of its columns"):
        read(root, "path,label\n")
    with pytest.raises(DataError, match=r"none of the 1 files of csv:.* exists; z\.png, for one, would be "):
        read(root, "path,label\nz.png,x\n")


@pytest.mark.parametrize(
    "rows",
    [
        ["a/0.png,x", "a/1.png,y", "b/0.png,y", "b/1.png,x"],
        ["./a/0.png,x", "a\\1.png,y", "b/0.png,y", "b/1.png,x"],
    ],
)
def test_a_table_labels_a_folder(root, rows):
    (root / "t.csv").write_text("id,breed\n" + "\n".join(rows))
    layout = LayoutConfig(labels=f"{root}/t.csv")
    listing = list_files(DataConfig(f"folder:{root}", layout=layout))
    assert (listing.class_names, listing.labels.tolist()) == (["x", "y"], [0, 1, 1, 0])


def test_a_table_labels_by_names_without_folder_or_suffix(tmp_path):
    for split, name in (("train", "17"), ("train", "18"), ("test", "19")):
        (tmp_path / "all" / split).mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / split / f"{name}.jpg").touch()
    (tmp_path / "t.csv").write_text("id,breed\n17,x\n18,y\n20,x\n")
    layout = LayoutConfig(labels=f"{tmp_path}/t.csv")
    listing = list_files(DataConfig(f"folder:{tmp_path}/all", layout=layout))
    assert list(zip(listing.splits, listing.labels.tolist(), strict=True)) == [("test", -1), ("train", 0), ("train", 1)]
    (tmp_path / "t.csv").write_text("id,breed\n20,x\n")
    with pytest.raises(DataError, match=r"--labels=.*t\.csv has no label for the files of folder:.*; its first row"):
        list_files(DataConfig(f"folder:{tmp_path}/all", layout=layout))
