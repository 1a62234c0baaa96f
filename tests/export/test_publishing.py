"""Versions: counted, replaced on demand only, and published whole or not at all."""

import importlib
from pathlib import Path

import pytest
import tensorflow as tf
from small_runs import STEP

from aag_tf.config import ExportConfig
from aag_tf.export import export
from aag_tf.export.publishing import staged
from aag_tf.preflight.export import plan_version
from aag_tf.utils.errors import ConfigError, ExportError, RunDirectoryError

publishing = importlib.import_module("aag_tf.export.publishing")


def dry_run(run_dir, directory, **settings):
    return export(ExportConfig(run_dir=str(run_dir), export_dir=str(directory), verify=False, dry_run=True, **settings))


def content(directory):
    return sorted(entry.name for entry in Path(directory).iterdir())


@pytest.fixture
def precious(tmp_path):
    """A version that is there."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "precious").write_text("kept")
    return tmp_path / "1"


def test_versions_are_counted(tmp_path):
    assert plan_version(tmp_path / "new" / "model", None, overwrite=False) == tmp_path / "new" / "model" / "1"
    (tmp_path / "9").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "99.txt").touch()
    assert plan_version(tmp_path, None, overwrite=False).name == "10"
    assert plan_version(tmp_path, 4, overwrite=False).name == "4"


def test_an_existing_version_is_replaced_only_on_demand(precious):
    with pytest.raises(ExportError, match="add --overwrite to replace it"):
        plan_version(precious.parent, 1, overwrite=False)
    target = plan_version(precious.parent, 1, overwrite=True)
    with staged(target, overwrite=True) as directory:
        (directory / "new").touch()
        assert content(target) == ["precious"]
    assert content(target) == ["new"]
    assert content(precious.parent) == ["1"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failure_in_the_middle_leaves_everything_as_it_was(precious, overwrite):
    target = precious if overwrite else precious.with_name("2")

    def fail():
        with staged(target, overwrite=overwrite) as directory:
            (directory / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert content(precious.parent) == ["1"]
    assert content(precious) == ["precious"]


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "No space left on device"), OSError(28, "No space left")]
)
def test_a_full_disk_is_one_sentence_and_publishes_nothing(tmp_path, error):
    with (
        pytest.raises(ExportError, match=r"1 cannot be written \(No space left.*\); fix that and export again"),
        staged(tmp_path / "1", overwrite=False),
    ):
        raise error
    assert content(tmp_path) == []


def test_a_race_for_a_version_has_one_winner(tmp_path):
    target = tmp_path / "1"

    def lose():
        with staged(target, overwrite=False):
            target.mkdir()
            (target / "winner").touch()

    with pytest.raises(ExportError, match="another export wrote it meanwhile"):
        lose()
    assert content(tmp_path) == ["1"]
    assert content(target) == ["winner"]


def test_a_directory_that_cannot_be_written_is_refused_before_the_run_is_loaded(tmp_path):
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ExportError, match="cannot be written"):
            dry_run("no run", directory)
    with pytest.raises(ConfigError, match="begins with a user that this machine does not know"):
        dry_run("no run", "~no such user/model")


def test_a_directory_that_comes_to_be_a_file_is_one_sentence(tmp_path):
    target = plan_version(tmp_path / "model", None, overwrite=False)
    (tmp_path / "model").touch()
    with (
        pytest.raises(ExportError, match=r"^--export_dir=.*model cannot be written .*; name one that"),
        staged(target, overwrite=False),
    ):
        raise AssertionError("there is nothing to fill")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_version_is_whole_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch, overwrite):
    target = tmp_path / "2"
    if overwrite:
        target.mkdir()
    synced = []
    monkeypatch.setattr(publishing, "sync", lambda path: synced.append((Path(path), (target / "a").exists())))
    with staged(target, overwrite=overwrite) as staging:
        (staging / "b").mkdir()
        for name in ("a", "b/c"):
            (staging / name).touch()
    *before, after = synced
    assert sorted(before) == sorted((staging / name, False) for name in ("", "a", "b", "b/c"))
    assert before.index((staging / "b" / "c", False)) < before.index((staging / "b", False))
    assert after == (tmp_path, True)


def test_a_disk_that_fails_at_the_last_leaves_the_version_and_says_so(tmp_path, monkeypatch):
    target, sync = tmp_path / "1", publishing.sync

    def failing(path):
        if path == tmp_path:
            raise OSError(5, "Input/output error")
        sync(path)

    def publish():
        with staged(target, overwrite=False) as staging:
            (staging / "new").touch()

    monkeypatch.setattr(publishing, "sync", failing)
    with pytest.raises(
        ExportError, match=r"^.*/1 is published, and its disk .* \(Input/output error\); check the disk"
    ):
        publish()
    assert content(tmp_path) == ["1"]
    assert content(target) == ["new"]


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(run, tmp_path):
    directory = tmp_path / "new" / "model"
    report = dry_run(run[0], directory, version=4)
    assert list(tmp_path.iterdir()) == []
    assert report.path == directory / "4"
    assert report.metadata.version == 4
    assert str(report).startswith(f"Would export {run[0]}, step {STEP}, to {directory / '4'}\n")
    assert "nothing was written" in str(report)


def test_a_dry_run_refuses_what_the_export_would(precious):
    with pytest.raises(ExportError, match="add --overwrite to replace it"):
        dry_run("no run", precious.parent, version=1)
    with pytest.raises(RunDirectoryError, match="does not exist"):
        dry_run(precious.parent / "nothing", precious.parent)
