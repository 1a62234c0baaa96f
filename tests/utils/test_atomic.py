"""Files are written completely or not at all, with the permissions that the user's umask gives."""

import os

import pytest

from aag_tf.utils.atomic import write_atomically


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
