"""Versions outlive `kill -9` at every step of publishing, and the next export clears what was left."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from killed_steps import killed_at_every_step

from aag_tf.export import publishing
from aag_tf.export.publishing import recover, staged
from aag_tf.preflight.export import plan_version
from aag_tf.utils.errors import ExportError

OLD, NEW = {"old": "1", "variables/old": "2"}, {"new": "3", "variables/new": "4"}


def write(directory, content):
    for name, text in content.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)


def read(directory):
    return {path.relative_to(directory).as_posix(): path.read_text() for path in directory.rglob("*") if path.is_file()}


def publish(target, content, exchanges=True):
    """What `export` does with a version."""
    if not exchanges:
        publishing.exchange = lambda first, second: False
    recover(target.parent)
    with staged(target, overwrite=True) as staging:
        write(staging, content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("before", [OLD, {}])
def test_a_version_outlives_a_kill_at_every_step(tmp_path, before, exchanges):
    models, seen = tmp_path / "models", []

    def prepare():
        shutil.rmtree(models, ignore_errors=True)
        (models / "1").mkdir(parents=True)
        write(models / "1", before)
        if not before:
            (models / "1").rmdir()

    target = models / "1"
    for _ in killed_at_every_step(publish, target, NEW, exchanges, folder=models, prepare=prepare):
        seen.append(read(target) if target.exists() else None)
        recover(models)
        if before:
            assert read(target) in (OLD, NEW)
        with staged(models / "2", overwrite=False) as staging:
            write(staging, NEW)
        assert names(models) == [*(["1"] if target.exists() else []), "2"]
    assert len(seen) >= (8 if before else 4)
    assert (NEW in seen) == bool(before)  # killed while it deleted the old one
    assert (None in seen) == (not exchanges or not before)
    assert all(found in (None, before, NEW) for found in seen)


def test_a_version_is_there_at_every_moment(tmp_path):
    target = tmp_path / "1"
    publish(target, OLD)
    missing, ended = [], threading.Event()

    def watch():
        while not ended.is_set():
            if not os.path.exists(target):
                missing.append(True)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(30):
        publish(target, NEW)
        publish(target, OLD)
    ended.set()
    watcher.join()
    assert missing == []
    assert names(tmp_path) == ["1"]


def test_what_a_living_export_writes_is_left_alone(tmp_path):
    with staged(tmp_path / "1", overwrite=False) as first:
        write(first, NEW)
        with staged(tmp_path / "2", overwrite=False) as second:
            write(second, NEW)
        assert read(first) == NEW
    assert names(tmp_path) == ["1", "2"]


def test_only_what_exports_left_is_cleared(tmp_path):
    ours = [".1.0123abcd", ".12.ffffffff", ".3.replaced-01234567"]
    others = [".git", ".1.backup", ".1.0123abcde", "3", "notes"]
    for name in (*ours, *others):
        (tmp_path / name).mkdir()
        write(tmp_path / name, {"file": name})
    (tmp_path / ".2.0123abcd").write_text("a file")
    recover(tmp_path)
    with staged(tmp_path / "4", overwrite=False):
        pass
    assert names(tmp_path) == sorted([*others, "4", ".2.0123abcd"])
    assert read(tmp_path / "3") == {"file": "3"}


def test_a_version_that_lost_its_name_has_it_back_before_another_is_counted(tmp_path):
    (tmp_path / ".3.replaced-01234567").mkdir()
    write(tmp_path / ".3.replaced-01234567", OLD)
    recover(tmp_path)
    assert read(tmp_path / "3") == OLD
    assert plan_version(tmp_path, None, overwrite=False) == tmp_path / "4"
    with pytest.raises(ExportError, match="exists"):
        plan_version(tmp_path, 3, overwrite=False)


def test_a_failure_without_exchanges_gives_the_old_version_back(tmp_path, monkeypatch):
    publish(tmp_path / "1", OLD)
    monkeypatch.setattr(publishing, "exchange", lambda first, second: False)
    rename = Path.rename

    def failing(path, place):
        if path.name.startswith(".1.") and "replaced" not in path.name:
            raise OSError(5, "Input/output error")
        return rename(path, place)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ExportError, match=r"1 could not be published \(Input/output error\)"):
        publish(tmp_path / "1", NEW, exchanges=True)
    monkeypatch.undo()
    assert read(tmp_path / "1") == OLD
    assert names(tmp_path) == ["1"]
