"""Run directories: nothing of a user's is lost, and files appear whole or not at all."""

import pytest
from processes import Process
from small_runs import hold_lock

from aag_tf.config import ScheduleConfig, TrainConfig
from aag_tf.runs import RunRecord
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import ConfigError, RunDirectoryError

RECORD = RunRecord(config=TrainConfig(schedule=ScheduleConfig(seed=3)), image_shape=(8, 8, 1))


def finished_run(path):
    directory = RunDirectory(path)
    directory.create()
    directory.write_record(RECORD)
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
    assert directory.read_record() == RECORD


def test_overwrite_deletes_a_run_and_nothing_but_a_run(tmp_path):
    directory = finished_run(tmp_path / "run")
    directory.check(overwrite=True)
    directory.create(overwrite=True)
    assert list(directory.path.iterdir()) == []

    directory = finished_run(tmp_path / "run")
    others = [directory.path / name for name in ("saved_model/1/model.json", "notes.txt", ".gitignore", "events.txt")]
    shown = ["events.out.tfevents.1.host", "events.kept", "projector_config.pbtxt", "projector/labels.tsv"]
    shown += ["plugins/profile/today/host.xplane.pb", "tensorboard/events.out.tfevents.1.host"]
    results = [directory.checkpoints / "step-3" / "data", directory.report, directory.evaluation]
    for path in [*others, *results, *(directory.path / name for name in shown)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    directory.create(overwrite=True)
    assert {path for path in directory.path.rglob("*") if path.is_file()} == set(others)

    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(RunDirectoryError, match="not a run's"):
        RunDirectory(tmp_path / "thesis").check(overwrite=True)
    assert (tmp_path / "thesis" / "chapter1.tex").exists()


def test_events_lie_in_the_directory_that_names_the_run_or_where_an_earlier_version_wrote_them(tmp_path):
    directory = finished_run(tmp_path / "run")
    assert directory.events == directory.path
    (directory.path / "tensorboard").mkdir()
    assert directory.events == directory.path / "tensorboard"
    directory.create(overwrite=True)
    assert directory.events == directory.path


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
    for place in (tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(RunDirectoryError, match="cannot be written"):
            RunDirectory(place).check()
    with pytest.raises(ConfigError, match="~nobody-of-this-name/run begins with a user that"):
        RunDirectory("~nobody-of-this-name/run")
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
    for damaged in ("{}", "[]", "[" * 100_000):
        directory.record.write_text(damaged)
        with pytest.raises(RunDirectoryError, match="is damaged"):
            directory.read_record()


def test_two_processes_cannot_train_in_one_directory_and_a_killed_one_holds_nothing(tmp_path):
    directory = finished_run(tmp_path / "run")
    holder = Process(hold_lock, directory.path, log=tmp_path / "log.txt")
    try:
        holder.wait_for(lambda: "locked" in holder.messages)
        for attempt in (directory.check_unlocked, directory.locked().__enter__):
            with pytest.raises(RunDirectoryError, match=rf"trained in by another process \(process {holder.pid} on "):
                attempt()
    finally:
        holder.kill()
        holder.finish()
    directory.check_unlocked()
    with directory.locked():
        assert directory.read_record() == RECORD


def test_the_lock_outlives_an_overwrite(tmp_path):
    directory = finished_run(tmp_path / "run")
    with directory.locked():
        directory.create(overwrite=True)
        assert list(directory.path.iterdir()) == [directory.lock]
        with pytest.raises(RunDirectoryError, match="another process"):
            RunDirectory(tmp_path / "run").check_unlocked()


def test_a_run_that_was_killed_at_birth_leaves_a_directory_that_is_free(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    with directory.locked():
        directory.create()
        (directory.path / ".run.json.0123456789ab").write_text("half of it")  # what makes it a run was not written
    directory.check()
    with pytest.raises(RunDirectoryError, match="no run to resume"):
        directory.check(resume=True)
    directory.create()
    assert [path.name for path in directory.path.iterdir()] == [".lock"]


def test_a_users_own_flags_and_what_an_editor_left_are_no_leftovers(tmp_path):
    directory = finished_run(tmp_path / "run")
    swap = directory.path / ".flags.txt.swp"
    swap.write_text("mine")
    directory.create()
    assert swap.read_text() == "mine"
    new = RunDirectory(tmp_path / "new")
    new.path.mkdir()
    new.flags_file.write_text("# mine")
    with pytest.raises(RunDirectoryError, match="already exists"):
        new.check()
