"""Mirrors upload what has changed, in an order, and delete what is gone."""

import pytest
from object_store import fail_after, names

from aag_tf.utils.stores import Mirror, Store, StoreError

MARK = "mark"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "local").mkdir()
    return tmp_path / "local"


def mirror(memory, folder, **options):
    return Mirror(Store(f"{memory}/m"), folder, lambda name: int(name == MARK), **options)


@pytest.fixture
def changes(monkeypatch):
    """Names that are uploaded or deleted, in order."""
    found = []

    def note(method, sign):
        function = getattr(Store, method)

        def noted(self, *arguments):
            function(self, *arguments)
            found.append(sign + arguments[-1])

        monkeypatch.setattr(Store, method, noted)

    note("upload", "+")
    note("remove", "-")
    return found


def test_what_has_changed_is_uploaded_and_the_mark_last(memory, folder, changes):
    this = mirror(memory, folder)
    for name in (MARK, "a", "z"):
        (folder / name).write_text("1")
    this.push()
    assert sorted(changes[:2]) == ["+a", "+z"]
    assert changes[2:] == ["+mark"]

    changes.clear()
    this.push()
    assert changes == []

    with (folder / "a").open("a") as file:
        file.write("2")
    (folder / "z").unlink()
    this.push()
    assert changes == ["+a", "-z"]
    assert Store(f"{memory}/m").read("a") == b"12"


def test_what_marks_others_is_deleted_before_them(memory, folder, changes):
    this = mirror(memory, folder)
    for name in (MARK, "a"):
        (folder / name).write_text("1")
    this.push()
    changes.clear()
    for path in folder.iterdir():
        path.unlink()
    this.push()
    assert changes == ["-mark", "-a"]


def test_hidden_files_and_those_of_others_stay_where_they_are(memory, folder):
    Store(f"{memory}/m").write("thesis.tex", b"years of work")
    (folder / ".lock").touch()
    (folder / ".unfinished").mkdir()
    (folder / ".unfinished" / "a").touch()
    (folder / "b").touch()
    this = mirror(memory, folder, owned=lambda name: name == "b")
    this.push()
    assert names(f"{memory}/m") == ["b", "thesis.tex"]
    this.clear(last="b")
    assert names(f"{memory}/m") == ["thesis.tex"]
    this.pull()
    assert sorted(path.name for path in folder.iterdir()) == [".lock", ".unfinished"]


def test_a_pulled_folder_is_not_uploaded_again(memory, folder, changes):
    Store(f"{memory}/m").write("a/b", b"1")
    Store(f"{memory}/m").write("half", b"1")
    this = mirror(memory, folder)
    this.pull(lambda name, all_names: name != "half")
    assert (folder / "a" / "b").read_bytes() == b"1"
    this.push()
    assert changes == ["-half"]


def test_an_upload_that_failed_is_continued(memory, folder, monkeypatch):
    this = mirror(memory, folder)
    for name in (MARK, "a", "b"):
        (folder / name).write_text("1")
    with monkeypatch.context() as patch:
        fail_after(patch, 1)
        with pytest.raises(StoreError):
            this.push()
    assert MARK not in names(f"{memory}/m")
    assert len(names(f"{memory}/m")) == 1
    this.push()
    assert names(f"{memory}/m") == ["a", "b", MARK]
