"""Run directories: nothing of a user's is lost, and files appear whole or not at all."""

import os
import subprocess
import sys

import pytest

from aag_tf.errors import RunDirectoryError
from aag_tf.files import write_atomically
from aag_tf.run_directory import RunDirectory


def finished_run(path):
    directory = RunDirectory(path)
    directory.create()
    directory.write_record({"flags": {"seed": 3}})
    return directory


def test_a_new_directory_is_made_with_its_parents(tmp_path):
    directory = RunDirectory(tmp_path / "a" / "b")
    directory.check()
    directory.create()
    assert directory.path.is_dir()
    assert list(directory.path.iterdir()) == []


def test_an_empty_directory_is_accepted(tmp_path):
    RunDirectory(tmp_path).check()


def test_an_existing_run_is_refused_without_a_flag_and_left_alone(tmp_path):
    directory = finished_run(tmp_path / "run")
    with pytest.raises(RunDirectoryError, match=r"--resume .* --overwrite"):
        directory.check()
    assert directory.read_record() == {"flags": {"seed": 3}}


def test_overwrite_deletes_a_run_and_nothing_but_a_run(tmp_path):
    directory = finished_run(tmp_path / "run")
    directory.check(overwrite=True)
    directory.create(overwrite=True)
    assert list(directory.path.iterdir()) == []

    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(RunDirectoryError, match="not a run's"):
        RunDirectory(tmp_path / "thesis").check(overwrite=True)
    assert (tmp_path / "thesis" / "chapter1.tex").exists()


def test_resume_needs_a_run(tmp_path):
    with pytest.raises(RunDirectoryError, match="no run to resume"):
        RunDirectory(tmp_path / "nothing").check(resume=True)
    finished_run(tmp_path / "run").check(resume=True)


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError, match="is a file"):
        RunDirectory(tmp_path / "file").check()


def test_an_unwritable_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError, match="cannot be written"):
        RunDirectory(tmp_path / "file" / "below").create()
    with pytest.raises(RunDirectoryError, match="cannot be written"):
        RunDirectory("/proc/run").create()


def test_reading_what_is_not_a_run(tmp_path):
    with pytest.raises(RunDirectoryError, match="does not exist"):
        RunDirectory(tmp_path / "absent").read_record()
    with pytest.raises(RunDirectoryError, match="not a run directory"):
        RunDirectory(tmp_path).read_record()
    directory = finished_run(tmp_path / "run")
    directory.record.write_text('{"flags": ')
    with pytest.raises(RunDirectoryError, match="damaged"):
        directory.read_record()


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


HOLDER = """
import sys, time
from aag_tf.run_directory import RunDirectory
with RunDirectory(sys.argv[1]).locked():
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_processes_cannot_train_in_one_directory_and_a_killed_one_holds_nothing(tmp_path):
    directory = finished_run(tmp_path / "run")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(directory.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        for attempt in (directory.refuse_if_locked, directory.locked().__enter__):
            with pytest.raises(RunDirectoryError, match=rf"trained in by another process \(process {holder.pid} on "):
                attempt()
    finally:
        holder.kill()
        holder.communicate()
    directory.refuse_if_locked()
    with directory.locked():
        assert directory.read_record() == {"flags": {"seed": 3}}


def test_the_lock_outlives_an_overwrite(tmp_path):
    directory = finished_run(tmp_path / "run")
    with directory.locked():
        directory.create(overwrite=True)
        assert list(directory.path.iterdir()) == [directory.lock]
        with pytest.raises(RunDirectoryError, match="another process"):
            RunDirectory(tmp_path / "run").refuse_if_locked()


def test_a_run_that_was_killed_at_birth_leaves_a_directory_that_is_free(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    with directory.locked():
        directory.create()
        directory.flags_file.write_text("--seed=3")  # run.json, which makes it a run, was not written
        (directory.path / ".run.json.x1y2").write_text("half of it")
    directory.check()
    with pytest.raises(RunDirectoryError, match="no run to resume"):
        directory.check(resume=True)
    directory.create()
    assert [path.name for path in directory.path.iterdir()] == [".lock"]
