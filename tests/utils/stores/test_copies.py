"""Local copies of what lies on a store."""

import os
import subprocess
import sys

import fsspec
import pytest
from object_store import names

from aag_tf.utils import stores
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.stores import MissingError, Store, StoreError


@pytest.fixture
def downloads(monkeypatch):
    """Names that are downloaded, in the order of their names."""
    found = []
    download = Store.download

    def noted(self, name, path, expected):
        found.append(name)
        download(self, name, path, expected)

    monkeypatch.setattr(Store, "download", noted)
    return found


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_copied_once_and_followed(memory, downloads):
    store = Store(f"{memory}/images")
    store.write("a/1 [x].png", b"one")
    store.write("b/2.png", b"two")
    folder = stores.fetched(f"{memory}/images")
    assert content(folder) == {"a/1 [x].png": b"one", "b/2.png": b"two"}

    downloads.clear()
    assert stores.fetched(f"{memory}/images") == folder
    assert downloads == []

    store.write("b/2.png", b"TWO")  # as many bytes
    store.remove("a/1 [x].png")
    store.write("c", b"three")
    stores.fetched(f"{memory}/images")
    assert content(folder) == {"b/2.png": b"TWO", "c": b"three"}
    assert sorted(downloads) == ["b/2.png", "c"]
    assert sorted(path.name for path in folder.iterdir()) == ["b", "c"]


def test_an_object_is_copied_as_a_file(memory):
    Store(memory).write("data.npz", b"array")
    file = stores.fetched(f"{memory}/data.npz")
    assert file.name == "data.npz"
    assert file.read_bytes() == b"array"


def test_a_changed_copy_is_replaced(memory):
    Store(memory).write("x/model", b"right")
    file = stores.fetched(f"{memory}/x") / "model"
    file.write_bytes(b"wrong")
    stores.fetched(f"{memory}/x")
    assert file.read_bytes() == b"right"


def test_a_copy_is_fresh_for_as_long_as_asked(memory):
    Store(memory).write("x/a", b"1")
    folder = stores.fetched(f"{memory}/x", fresh_seconds=60)
    Store(memory).write("x/b", b"2")
    assert sorted(content(stores.fetched(f"{memory}/x", fresh_seconds=60))) == ["a"]
    assert sorted(content(stores.fetched(f"{memory}/x"))) == ["a", "b"]
    assert folder.exists()


def test_nothing_there_is_an_error(memory):
    with pytest.raises(MissingError) as error:
        stores.fetched(f"{memory}/nothing")
    assert str(error.value) == f"{memory}/nothing does not exist, or holds nothing; mend the address."


def test_no_name_of_an_object_leads_out_of_the_copy(memory, tmp_path, caplog):
    files = fsspec.filesystem("memory")
    for key in ("/bucket/x/../../../../out", "/bucket/x/a/./b", "/bucket/x/ok"):
        files.store[key] = type(files.open("/bucket/y", "wb"))(files, key, b"data")
    folder = stores.fetched(f"{memory}/x")
    assert content(folder) == {"ok": b"data"}
    assert not list(tmp_path.rglob("out"))
    assert "2 names that no file can have" in caplog.text


def test_a_full_disk_is_said_before_the_first_byte(memory, monkeypatch, downloads):
    Store(memory).write("x/a", b"123")
    monkeypatch.setattr("shutil.disk_usage", lambda path: os.terminal_size((0, 0)) and type("D", (), {"free": 2}))
    with pytest.raises(
        StoreError, match=r"^memory://bucket/x needs 3e-09 GB in .* name another directory in AAG_CACHE_DIR"
    ):
        stores.fetched(f"{memory}/x")
    assert downloads == []


def test_paths_that_stand_for_addresses_are_named_by_them(memory, tmp_path):
    folder = stores.local_path(f"{memory}/runs/a")
    assert stores.named(folder / "run.json") == f"{memory}/runs/a/run.json"
    assert stores.named(folder) == f"{memory}/runs/a"
    assert stores.named(tmp_path / "x") == str(tmp_path / "x")
    assert stores.local_path("runs/a").as_posix() == "runs/a"


def test_a_file_that_is_written_to_a_copy_is_published(memory, tmp_path):
    file = stores.file_to_write(f"{memory}/results/a.json")
    assert not file.exists()
    file.write_text("{}")
    stores.publish(file)
    assert names(memory) == ["results/a.json"]
    assert stores.file_to_write(f"{memory}/results/a.json").read_text() == "{}"

    local = stores.file_to_write(tmp_path / "b.json")
    local.write_text("{}")
    stores.publish(local)
    assert names(memory) == ["results/a.json"]


def test_copies_of_two_endpoints_are_apart(memory, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    first = stores.copy_path("s3://bucket/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9000")
    assert stores.copy_path("s3://bucket/x") != first


def test_dots_in_an_address_are_refused(memory):
    with pytest.raises(ConfigError, match="has a part"):
        stores.copy_path("s3://bucket/../x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://b/x", True), ("memory://b", True), ("runs/a", False), ("C://x", False), ("a:b", False), ("/s3://b", False)],
)
def test_what_is_an_address(text, expected):
    assert stores.is_store(text) == expected


def test_a_folder_that_changes_while_it_is_copied_is_listed_again(memory, monkeypatch):
    """As that of a run that is being trained: a line is added, and an old checkpoint deleted."""
    store = Store(f"{memory}/run")
    for name in ("metrics.jsonl", "old", "other"):
        store.write(name, b"1")
    download = Store.download

    def late(self, name, path, expected):
        if name == "old":
            Store(f"{memory}/run").write("metrics.jsonl", b"12")
            Store(f"{memory}/run").remove("old")
        download(self, name, path, expected)

    monkeypatch.setattr(Store, "download", late)
    monkeypatch.setattr("aag_tf.utils.stores.copies.THREADS", 1)
    assert content(stores.fetched(f"{memory}/run")) == {"metrics.jsonl": b"12", "other": b"1"}


def test_local_paths_need_no_library_of_stores():
    code = (
        "import sys, aag_tf.preflight.train, aag_tf.preflight.embed, aag_tf.runs.stored_run_directory as stored\n"
        "from aag_tf.utils import stores\n"
        "with stored.training_directory('run') as run: run.check()\n"
        "assert stores.fetched('a').name == 'a' and not stores.is_store('a')\n"
        "print(sorted({'fsspec', 's3fs', 'aiohttp', 'botocore'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
