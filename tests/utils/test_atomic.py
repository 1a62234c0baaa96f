"""Files are written completely or not at all, with the permissions that the user's umask gives."""

import errno
import os
import signal

import pytest
from processes import Process

from aag_tf.utils import atomic
from aag_tf.utils.atomic import exchange, is_temporary, write_atomically


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    target = tmp_path / "record.json"
    write_atomically(target, "old")

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_is_as_private_as_the_users_own(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "views.png", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "views.png").stat().st_mode & 0o777 == mode


def test_the_longest_name_is_written(tmp_path):
    target = tmp_path / ("日" * 83 + ".html!")
    assert len(target.name.encode()) == 255
    write_atomically(target, "page")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_text() == "page"


def write_until_stopped(target, ready):
    def stop(descriptor):
        ready.touch()
        os.kill(os.getpid(), signal.SIGSTOP)

    atomic.os.fsync = stop
    write_atomically(target, "half")


@pytest.mark.parametrize("name", ["record.json", "n" * 250 + ".json"])
def test_what_a_killed_process_left_is_deleted_by_the_next_write_of_that_file_and_not_while_it_lives(tmp_path, name):
    folder, ready = tmp_path / "folder", tmp_path / "ready"
    folder.mkdir()
    target, others = folder / name, [folder / ".other.json.0123456789ab", folder / ".record.json.backup"]
    for path in others:
        path.touch()
    process = Process(write_until_stopped, target, ready, log=tmp_path / "log")
    process.wait_for(ready.exists)
    write_atomically(target, "new")
    (half,) = set(folder.iterdir()) - {target, *others}
    assert is_temporary(half, target)
    assert not is_temporary(half, folder / "other.json")
    process.kill()
    assert process.finish() == -signal.SIGKILL
    write_atomically(target, "newer")
    assert set(folder.iterdir()) == {target, *others}
    assert target.read_text() == "newer"


def test_names_are_exchanged(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    (first / "inside").touch()
    second.write_text("a file")
    assert exchange(first, second)
    assert first.read_text() == "a file"
    assert (second / "inside").exists()
    with pytest.raises(FileNotFoundError) as error:
        exchange(first, tmp_path / "none")
    assert (error.value.filename, error.value.filename2) == (str(first), str(tmp_path / "none"))


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL, errno.ENOTSUP])
def test_where_names_cannot_be_exchanged_nothing_changes(tmp_path, monkeypatch, code):
    class Libc:
        def renameat2(self, *_):
            return -1

    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: Libc())
    monkeypatch.setattr(atomic.ctypes, "get_errno", lambda: code)
    assert not exchange(tmp_path / "first", tmp_path / "second")
    monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: object())  # as of an old C library
    assert not exchange(tmp_path / "first", tmp_path / "second")
    assert [(tmp_path / name).read_text() for name in ("first", "second")] == ["first", "second"]
