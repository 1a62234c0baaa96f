"""Versions: counted, replaced on demand only, and published whole or not at all."""

import importlib
from pathlib import Path

import pytest
import tensorflow as tf
from small_runs import STEP

from aag_tf.config import ExportConfig
from aag_tf.export import export, load_saved_model
from aag_tf.utils.errors import ConfigError, ExportError, RunDirectoryError

export_module = importlib.import_module("aag_tf.export.export")
publishing = importlib.import_module("aag_tf.export.publishing")


def quick(run, directory, **settings):
    return export(
        ExportConfig(run_dir=run[0], export_dir=str(directory), signatures="serving_default", verify=False, **settings)
    )


def content(directory):
    return sorted(entry.name for entry in Path(directory).iterdir())


def test_versions_are_counted(run, tmp_path):
    assert quick(run, tmp_path / "new" / "model").path.name == "1"
    (tmp_path / "9").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "99.txt").touch()
    assert quick(run, tmp_path).path.name == "10"
    assert quick(run, tmp_path, version=4).path.name == "4"
    assert load_saved_model(tmp_path).path.name == "10"
    assert load_saved_model(tmp_path / "4").metadata["version"] == 4


def test_an_existing_version_is_replaced_only_on_demand(run, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "precious").write_text("kept")
    with pytest.raises(ExportError, match="add --overwrite to replace it"):
        quick(run, tmp_path, version=1)
    assert content(tmp_path / "1") == ["precious"]
    quick(run, tmp_path, version=1, overwrite=True)
    assert "saved_model.pb" in content(tmp_path / "1")
    assert "precious" not in content(tmp_path / "1")
    assert content(tmp_path) == ["1"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("step", ["write_saved_model", "write_metadata"])
def test_a_failure_in_the_middle_leaves_everything_as_it_was(run, tmp_path, monkeypatch, step, overwrite):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "precious").write_text("kept")
    work = getattr(export_module, step)

    def half_done(*arguments):
        work(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(export_module, step, half_done)
    with pytest.raises(KeyboardInterrupt):
        quick(run, tmp_path, version=1 if overwrite else None, overwrite=overwrite)
    assert content(tmp_path) == ["1"]
    assert content(tmp_path / "1") == ["precious"]


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "No space left on device"), OSError(28, "No space left")]
)
def test_a_full_disk_is_one_sentence_and_publishes_nothing(run, tmp_path, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(export_module, "write_saved_model", fail)
    with pytest.raises(ExportError, match=r"1 cannot be written \(No space left.*\); mend that and export again"):
        quick(run, tmp_path)
    assert content(tmp_path) == []


def test_a_race_for_a_version_has_one_winner(run, tmp_path, monkeypatch):
    work = export_module.write_metadata

    def lose(*arguments):
        work(*arguments)
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "winner").touch()

    monkeypatch.setattr(export_module, "write_metadata", lose)
    with pytest.raises(ExportError, match="another export wrote it meanwhile"):
        quick(run, tmp_path)
    assert content(tmp_path) == ["1"]
    assert content(tmp_path / "1") == ["winner"]


def test_a_directory_that_cannot_be_written_is_refused_before_the_run_is_loaded(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(export_module, "load_run", None)
    with pytest.raises(ExportError, match="cannot be written"):
        quick(run, tmp_path / "file")
    with pytest.raises(ConfigError, match="begins with a user that this machine does not know"):
        quick(run, "~no such user/model")


def test_a_directory_that_comes_to_be_a_file_is_one_sentence(run, tmp_path, monkeypatch):
    load = export_module.load_run

    def load_slowly(*arguments):
        (tmp_path / "model").touch()
        return load(*arguments)

    monkeypatch.setattr(export_module, "load_run", load_slowly)
    with pytest.raises(ExportError, match=r"model cannot be made .*; name a directory"):
        quick(run, tmp_path / "model")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_version_is_whole_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch, overwrite):
    target = tmp_path / "2"
    if overwrite:
        target.mkdir()
    synced = []
    monkeypatch.setattr(publishing, "sync", lambda path: synced.append((Path(path), (target / "a").exists())))
    with publishing.staged(target, overwrite=overwrite) as staging:
        (staging / "b").mkdir()
        for name in ("a", "b/c"):
            (staging / name).touch()
    *before, after = synced
    assert sorted(before) == sorted((staging / name, False) for name in ("", "a", "b", "b/c"))
    assert before.index((staging / "b" / "c", False)) < before.index((staging / "b", False))
    assert after == (tmp_path, True)


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(run, tmp_path):
    directory = tmp_path / "new" / "model"
    report = quick(run, directory, dry_run=True)
    assert list(tmp_path.iterdir()) == []
    assert report.path == directory / "1"
    assert str(report).startswith(f"Would export {run[0]}, step {STEP}, to {directory / '1'}\n")
    assert "nothing was written" in str(report)


def test_a_dry_run_refuses_what_the_export_would(run, tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ExportError, match="add --overwrite to replace it"):
        quick(run, tmp_path, version=1, dry_run=True)
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ExportError, match="cannot be written"):
            quick(run, directory, dry_run=True)
    with pytest.raises(RunDirectoryError, match="does not exist"):
        export(ExportConfig(run_dir=str(tmp_path / "nothing"), export_dir=str(tmp_path), dry_run=True))
