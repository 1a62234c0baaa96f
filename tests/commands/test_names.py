"""Directories of any name: images, run, export and embeddings of one name, through every command."""

import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from command_runs import FAST, ended, shallow_tiny
from killed_training import train_until_killed
from PIL import Image
from processes import Process
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aag_tf.export.embedding.records import files_of
from aag_tf.runs.run import load_run
from aag_tf.utils.literal import is_pattern, literal

pytestmark = pytest.mark.usefixtures("shallow")

NAMES = ("odd [1] b\\c", "ü 日本 #1 100%", "-v2:{best}*?\n # ")


def save_pictures(root: Path) -> list[str]:
    """Writes ten pictures of two classes, dark and light, into folders; returns their names in order."""
    names = [f"{kind}/{number}.png" for kind in ("dark", "light") for number in range(10)]
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 6 * number + (120 if number >= 10 else 0), np.uint8)).save(root / name)
    return names


def train_shallow_until_killed(step: int, *flags: str) -> None:
    """`train_until_killed` of what `shallow` makes of `--encoder=tiny`, in a process of its own."""
    shallow_tiny(pytest.MonkeyPatch())
    train_until_killed(step, *flags)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_as_it_is(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = Path(name)
    pictures = save_pictures(root / "images")
    images, run, exports, embedded = (root / part / name for part in ("data", "runs", "exports", "embedded"))
    images.parent.mkdir()
    shutil.move(root / "images", images)

    def succeeds(*argv: object) -> str:
        code, text = ended(capsys, monkeypatch, *map(str, argv))
        assert code == 0, text
        assert "damaged" not in text
        return text

    settings = (
        f"--dataset=folder:{images}",
        f"--run_dir={run}",
        *FAST,
        "--checkpoint_every_steps=1",
        "--validation_fraction=0.3",
    )
    killed = Process(train_shallow_until_killed, 2, *settings, log=tmp_path / "log")
    assert killed.finish() == -signal.SIGKILL, killed.messages
    assert [path.name for path in sorted((run / "checkpoints").iterdir())] == [".unfinished-step-2", "step-1"]
    succeeds("aag-train", f"--flagfile={run}/flags.txt", "--resume")
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-1", "step-2"]
    assert load_run(run).record.config.data.dataset == f"folder:{images}"
    events = EventAccumulator(str(run))
    events.Reload()
    assert events.Tags()["tensors"]

    measured = ("--split=validation", "--measures=knn", "--baselines=none")
    succeeds("aag-evaluate", f"--run_dir={run}", *measured)
    assert (run / "evaluation.json").is_file()
    assert (run / "report.html").is_file()

    verify = "--verify" if name == NAMES[0] else "--noverify"  # which takes seconds: another process loads TensorFlow
    text = succeeds("aag-export", f"--run_dir={run}", f"--export_dir={exports}", "--signatures=serving_default", verify)
    assert ("is a pattern to TensorFlow" in text) == is_pattern(exports)
    succeeds("aag-evaluate", f"--saved_model={exports}", *measured, "--noreport")

    succeeds("aag-embed", f"--saved_model={exports}", f"--input={images}", f"--output={embedded}")
    assert (embedded / "paths.txt").read_text().splitlines() == pictures
    vectors = np.load(embedded / "embeddings.npy")
    pixels = np.stack([np.array(Image.open(images / path)) for path in pictures])[..., np.newaxis]
    np.testing.assert_allclose(vectors, load_run(run).encoder(pixels), atol=1e-5)

    page = root / f"{name}.html"
    query = images / pictures[3]
    text = succeeds("aag-search", f"--embeddings={embedded}", f"--query={query}", f"--gallery={page}")
    assert f"the query itself: {pictures[3]}" in text
    assert page.is_file()


def test_no_link_is_left_behind(tmp_path, monkeypatch):
    odd = tmp_path / "odd [1]"
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))  # a TMPDIR with such a name is no better
    with literal(odd) as directory:
        assert not set("[]*?{}\\") & set(str(directory))
        (directory / "file").write_text("here")
        assert directory.parent.stat().st_mode & 0o077 == 0
    assert (odd / "file").read_text() == "here"
    assert [path.name for path in odd.iterdir()] == ["file"]
    assert not directory.parent.exists()
    with literal(tmp_path) as directory:
        assert directory == tmp_path


def test_a_file_of_a_patterns_name_is_the_file(tmp_path):
    for name in ("a[1].tfrecord", "a1.tfrecord"):
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            writer.write(b"")
    assert files_of(str(tmp_path / "a[1].tfrecord")) == [str(tmp_path / "a[1].tfrecord")]
    (tmp_path / "a[1].tfrecord").unlink()
    assert files_of(str(tmp_path / "a[1].tfrecord")) == [str(tmp_path / "a1.tfrecord")]
