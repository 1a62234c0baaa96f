"""The commands that are killed: what they need, their flags, and how they are started."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kill_steps import kill_before_change

PICTURES = 60
PATIENCE = 600.0
TRAIN = (
    *("--dataset=digits", "--encoder=tiny", "--width=0.25", "--projector_width=8", "--projector_dim=4"),
    *("--global_batch_size=64", "--train_steps=4", "--aux=none"),
)
QUICK_EXPORT = ("--signatures=serving_default", "--noverify")


class Work(NamedTuple):
    """A command that is killed.

    Args:
        command: its name without `aag-`.
        flags: of the command, given the folder of everything.
        output: name of its output below the folder.
        before: commands whose results are there before.
        again: changes the flags of the command that follows the kill.
    """

    command: str
    flags: Callable[[Path], list[str]]
    output: str
    before: tuple[str, ...] = ()
    again: Callable[[Path, list[str]], list[str]] = lambda output, flags: flags


def _export(folder: Path, *more: str) -> list[str]:
    return [f"--run_dir={folder / 'run'}", f"--export_dir={folder / 'models'}", *QUICK_EXPORT, *more]


def _resumed(output: Path, flags: list[str]) -> list[str]:
    begun = any((output / name).exists() for name in ("manifest.json", "predictions.json"))
    return [*flags, "--resume"] if begun else flags


def _export_classifier(folder: Path, *more: str) -> list[str]:
    return [f"--classifier={folder / 'classifier'}", f"--export_dir={folder / 'models'}", "--noverify", *more]


WORKS = {
    "export": Work("export", _export, "models"),
    "export_over": Work("export", lambda folder: _export(folder, "--version=1", "--overwrite"), "models", ("export",)),
    "evaluate": Work(
        "evaluate",
        lambda folder: [
            f"--run_dir={folder / 'run'}",
            "--measures=knn",
            f"--output={folder / 'results/evaluation.json'}",
        ],
        "results",
    ),
    "embed": Work(
        "embed",
        lambda folder: [
            f"--saved_model={folder / 'encoder'}",
            f"--input={folder / 'pictures'}",
            f"--output={folder / 'embedded'}",
            "--shard_size=20",
        ],
        "embedded",
        again=_resumed,
    ),
    "search": Work(
        "search",
        lambda folder: [
            f"--embeddings={folder / 'embedded'}",
            "--like=3",
            "--index=hnsw",
            f"--gallery={folder / 'embedded/gallery.html'}",
        ],
        "embedded",
        ("embed",),
    ),
    "classifier_over": Work(
        "export",
        lambda folder: _export_classifier(folder, "--version=1", "--overwrite"),
        "models",
        ("export",),
    ),
    "predict": Work(
        "predict",
        lambda folder: [
            f"--saved_model={folder / 'served'}",
            f"--input={folder / 'pictures'}",
            f"--output={folder / 'predicted'}",
            "--shard_size=20",
        ],
        "predicted",
        again=_resumed,
    ),
}


def child(command: str, flags: list[str], messages: str, count: int | None, folder: Path) -> None:
    """A command, in a fresh process."""
    descriptor = os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if count is not None:
        kill_before_change(count, folder)
    sys.argv = [f"aag-{command}", *flags]
    __import__(f"aag_tf.commands.{command}", fromlist=["run"]).run()


class Commands:
    """Starts commands in processes forked from one that has imported everything but executed nothing.

    Args:
        folder: of everything; messages go beside it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.messages = folder, folder.with_suffix(".txt")
        self._processes = multiprocessing.get_context("forkserver")
        rooms = (
            "training.train",
            "export",
            "export.embedding",
            "export.search",
            "export.prediction",
            "evaluation",
            "report",
        )
        self._processes.set_forkserver_preload([f"aag_tf.{room}" for room in rooms])

    def run(self, command: str, flags: list[str], *, kill_at: int | None = None, after: float | None = None) -> int:
        """Runs a command; returns its exit code.

        Args:
            command: its name without `aag-`.
            flags: its flags.
            kill_at: number of changes after which it is killed.
            after: seconds after which it is killed.
        """
        output = self.folder
        process = self._processes.Process(target=child, args=(command, flags, str(self.messages), kill_at, output))
        process.start()
        process.join(PATIENCE if after is None else after)
        if process.exitcode is None:
            process.kill()
            process.join()
            if after is None:
                raise RuntimeError(f"aag-{command} did not end in time:\n{self.messages.read_text()}")
        return process.exitcode

    def must(self, command: str, flags: list[str]) -> float:
        """Runs a command that must succeed; returns its seconds."""
        began = time.monotonic()
        if self.run(command, flags) != 0:
            raise RuntimeError(f"aag-{command} failed:\n{self.messages.read_text(errors='replace')}")
        return time.monotonic() - began


def prepare(commands: Commands) -> None:
    """Makes a run, an encoder and pictures."""
    import numpy as np
    from PIL import Image

    folder = commands.folder
    commands.must("train", [*TRAIN, f"--run_dir={folder / 'run'}"])
    commands.must("export", [f"--run_dir={folder / 'run'}", f"--export_dir={folder / 'encoder'}", *QUICK_EXPORT])
    _make_classifier(folder / "classifier")
    commands.must(
        "export", [f"--classifier={folder / 'classifier'}", f"--export_dir={folder / 'served'}", "--noverify"]
    )
    (folder / "pictures").mkdir()
    for number in range(PICTURES):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{number:03}.png")


def _make_classifier(directory: Path) -> None:
    import keras

    from aag_tf.runs.classifier_files import write_classifier
    from aag_tf.runs.classifier_record import ClassifierRecord

    directory.mkdir()
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 1))
    embedding = keras.layers.Dense(8, name="embedding")(keras.layers.Flatten()(pixels))
    model = keras.Model(pixels, keras.layers.Dense(3)(embedding) / 100)
    write_classifier(
        directory, model, ClassifierRecord(class_names=["a", "b", "c"], temperature=1.0, image_shape=(8, 8, 1))
    )
