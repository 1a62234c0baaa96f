"""One training of a classifier: its steps, its looks at held-out images, its checkpoints, and its best weights."""

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras

from aag_tf.config import TuningConfig
from aag_tf.finetuning.network import Head
from aag_tf.finetuning.trial import RESULT_FILE, Trial, TrialResult, damaged
from aag_tf.finetuning.trial_looks import HeldOutLooks, Looks, NewestWeights
from aag_tf.finetuning.trial_networks import TrialNetworks
from aag_tf.finetuning.trial_progress import TrialProgress
from aag_tf.finetuning.trial_steps import TrialImages, train_steps
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.training.callbacks import GracefulStop, MetricsFile, TensorBoardWriter
from aag_tf.training.step_range import StepRange
from aag_tf.training.writer import Writer
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import StoppedError
from aag_tf.utils.json_files import read_json_object


def run_trial(
    trial: Trial,
    build: Callable[[str], tuple[keras.Model, keras.Model]],
    images: TrialImages,
    tuning: TuningConfig,
    directory: Path,
    *,
    head: Head | None = None,
    policy: str = "float32",
    told: Callable[[float], None] = lambda seconds: None,
) -> TrialResult:
    """Trains a classifier, or goes on where an earlier process stopped; returns at once where it has finished.

    Args:
        trial: what is trained.
        build: returns an encoder and a classifier that shares its layers, newly built under a dtype policy.
        images: to learn from and to choose by.
        tuning: how.
        directory: of this trial.
        head: weights of the linear layer to start from; zeros by default.
        policy: dtype policy of what is trained; what is measured and kept is float32.
        told: is told once how many seconds a whole training takes at most.

    Raises:
        StoppedError: a signal came; a checkpoint holds what was done.
        FinetuneError: the result of an earlier process is damaged.
        OSError: the directory cannot be written.
    """
    result_file = directory / RESULT_FILE
    if result_file.is_file():
        return TrialResult.read(result_file)
    directory.mkdir(parents=True, exist_ok=True)
    assert images.held_out is not None
    networks = TrialNetworks(trial, build, tuning, head=head, policy=policy)
    looks = HeldOutLooks(networks, images.held_out, tuning.patience)
    ran = _Training(trial, networks, looks, images, tuning, directory=directory, told=told).run()
    found = looks.score_of_best()
    result = TrialResult(
        trial.start,
        trial.learning_rate,
        trial.steps,
        ran.step,
        int(networks.position.best_step),
        found.cross_entropy,
        found.accuracy,
        found.balanced_accuracy,
        ran.diverged,
        ran.seconds,
    )
    _finish(directory, dataclasses.asdict(result))
    return result


def run_refit(
    trial: Trial,
    build: Callable[[str], tuple[keras.Model, keras.Model]],
    images: TrialImages,
    tuning: TuningConfig,
    directory: Path,
    *,
    head: Head | None = None,
    policy: str = "float32",
) -> bool:
    """Trains to a step that is known, with nothing to choose by; otherwise as `run_trial`, whose arguments it has.

    Returns:
        Whether the loss stayed finite, so that its last weights can be kept.
    """
    result_file = directory / RESULT_FILE
    if not result_file.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        networks = TrialNetworks(trial, build, tuning, head=head, policy=policy)
        ran = _Training(trial, networks, NewestWeights(networks), images, tuning, directory=directory).run()
        _finish(directory, {**dataclasses.asdict(trial), **ran._asdict()})
    return _stayed_finite(result_file)


def _finish(directory: Path, result: dict[str, Any]) -> None:
    write_atomically(directory / RESULT_FILE, json.dumps(result, indent=2) + "\n")
    shutil.rmtree(directory / "checkpoints", ignore_errors=True)


def _stayed_finite(file: Path) -> bool:
    try:
        return read_json_object(file, "diverged")["diverged"] is False
    except ValueError as error:
        raise damaged(file, error) from error


class _Ran(NamedTuple):
    """How a training went: its last step, whether it ended since its loss was not finite, and its seconds."""

    step: int
    diverged: bool
    seconds: float


class _Training:
    """A trial that goes on from its newest checkpoint."""

    def __init__(
        self,
        trial: Trial,
        networks: TrialNetworks,
        looks: Looks,
        images: TrialImages,
        tuning: TuningConfig,
        *,
        directory: Path,
        told: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.trial, self.networks, self.looks, self.images = trial, networks, looks, images
        self.tuning, self.directory, self.told = tuning, directory, told
        self.store = CheckpointStore(directory / "checkpoints")

    def run(self) -> _Ran:
        """Trains to the end, or to the end of patience."""
        began = time.perf_counter()
        done = self.networks.state.restore(self.store)
        metrics = MetricsFile(self.directory / "metrics.jsonl", start_step=done or -1)
        events = TensorBoardWriter(self.directory, start_step=done)
        try:
            step, diverged = self._train(done, began, (metrics, events))
        finally:
            events.close()
        self.networks.write_best(self.directory)
        return _Ran(step, diverged, time.perf_counter() - began)

    def _train(self, done: int, began: float, writers: tuple[Writer, ...]) -> tuple[int, bool]:
        """Returns the last step, and whether the loss was no longer finite."""
        diverged, step, trial = False, done, self.trial
        warm: tuple[int, float] | None = None  # step and time of the first look, before which all was compiled
        with (
            GracefulStop(StepRange(done, trial.last_step, trial.last_step)) as stop,
            TrialProgress(trial.title, trial.last_step, done) as progress,
        ):
            if done == 0:
                self._look(0, writers, progress)
            if self.looks.out_of_patience:
                return step, diverged
            for step, loss in train_steps(trial, self.networks, self.images, self.tuning, done):
                stop.step = step
                progress.update()
                is_look = step % trial.steps_between_looks == 0 or step == trial.last_step
                if is_look:
                    diverged = not math.isfinite(float(loss))
                    if not diverged:
                        self._look(step, writers, progress)
                        self._save(step)
                    if warm is None:
                        warm = step, time.perf_counter()
                    elif step == warm[0] + trial.steps_between_looks:
                        each = (time.perf_counter() - warm[1]) / (step - warm[0])
                        self.told(warm[1] - began + each * (trial.steps - warm[0] + done))
                if diverged or self.looks.out_of_patience:
                    break
                if stop.received is not None:
                    if not is_look:
                        self._save(step)
                    raise StoppedError(
                        f"stopped at step {step:,} of {trial.last_step:,} of {trial.title}; the same command with "
                        "--resume goes on from there.",
                        stop.received,
                    )
        return step, diverged

    def _look(self, step: int, writers: tuple[Writer, ...], progress: TrialProgress) -> None:
        record = self.looks.look(step)
        for writer in writers:
            writer.write(record)
        progress.tell(record)

    def _save(self, step: int) -> None:
        self.store.write(step, self.networks.state.write)
        self.store.prune(1)
