"""Working directories end with their process, however it ends, and never before."""

import os
import re
import shutil
import signal

import pytest
from processes import Process

from aag_tf.utils import locks
from aag_tf.utils.scratch import clear_abandoned, scratch_directory

OWN = re.compile(r"work-[0-9a-f]{8}")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def make_and_die(folder, ready):
    with scratch_directory(folder, "work-", OWN) as path:
        (path / "half").touch()
        ready.touch()
        os.kill(os.getpid(), signal.SIGSTOP)


def test_a_directory_lives_as_long_as_its_block(tmp_path):
    with scratch_directory(tmp_path / "new", "work-", OWN) as path:
        (path / "file").touch()
        assert names(tmp_path / "new") == [path.name]
        assert OWN.fullmatch(path.name)
    assert names(tmp_path / "new") == []
    with scratch_directory(tmp_path / "new", "work-", OWN) as path:
        path.rename(tmp_path / "new" / "result")
    assert names(tmp_path / "new") == ["result"]


def test_that_of_a_killed_process_is_deleted_by_the_next_and_that_of_a_living_one_is_not(tmp_path):
    folder, ready = tmp_path / "folder", tmp_path / "ready"
    process = Process(make_and_die, folder, ready, log=tmp_path / "log")
    process.wait_for(ready.exists)
    (folder / "work-of-others").mkdir()
    with scratch_directory(folder, "work-", OWN) as path:
        assert len(names(folder)) == 3
        process.kill()
        assert process.finish() == -signal.SIGKILL
        clear_abandoned(folder, OWN)
        assert names(folder) == sorted(["work-of-others", path.name])
    assert names(folder) == ["work-of-others"]


def test_nothing_is_deleted_where_locks_are_missing(tmp_path, monkeypatch):
    (tmp_path / "work-01234567").mkdir()

    def no_locks(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    with scratch_directory(tmp_path, "work-", OWN) as path:
        assert names(tmp_path) == sorted(["work-01234567", path.name])
    assert names(tmp_path) == ["work-01234567"]


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked", "while it is locked"])
def test_one_that_is_taken_for_abandoned_before_it_is_locked_is_made_again(tmp_path, monkeypatch, moment):
    flock, opened, taken = locks.fcntl.flock, os.open, []

    def take(path):
        if not taken:
            taken.append(path)
            shutil.rmtree(path)

    def open_late(path, flags, *arguments, **settings):
        if moment == "before it is opened" and OWN.fullmatch(os.path.basename(path)):
            take(path)
        return opened(path, flags, *arguments, **settings)

    def lock_late(descriptor, operation):
        if not taken and moment == "while it is locked":
            taken.append(descriptor)
            raise BlockingIOError
        if moment == "before it is locked":
            take(os.readlink(f"/proc/self/fd/{descriptor}"))
        return flock(descriptor, operation)

    monkeypatch.setattr(os, "open", open_late)
    monkeypatch.setattr(locks.fcntl, "flock", lock_late)
    with scratch_directory(tmp_path, "work-", OWN) as path:
        assert len(taken) == 1
        assert path.is_dir()
        assert path.name in names(tmp_path)
