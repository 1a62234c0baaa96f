"""One training of a classifier: its steps, its looks at held-out images, its checkpoints, and its best weights."""

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from aag_tf.finetuning.trial import TrialResult, damaged
from aag_tf.finetuning.trial_looks import HeldOutLooks, Looks, NewestWeights
from aag_tf.finetuning.trial_networks import TrialNetworks
from aag_tf.finetuning.trial_progress import TrialProgress
from aag_tf.finetuning.trial_steps import train_steps
from aag_tf.finetuning.trial_work import TrialWork
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.training.callbacks import GracefulStop, MetricsFile, TensorBoardWriter
from aag_tf.training.step_range import StepRange
from aag_tf.training.writer import Writer
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import StoppedError
from aag_tf.utils.json_files import read_json_object


def run_trial(work: TrialWork, *, told: Callable[[float], None] = lambda seconds: None) -> TrialResult:
    """Trains a classifier, or goes on where an earlier process stopped; returns at once where it has finished.

    Args:
        work: what is trained, with held-out images to choose by.
        told: is told once how many seconds a whole training takes at most.

    Raises:
        StoppedError: a signal came; a checkpoint holds what was done.
        FinetuneError: the result of an earlier process is damaged.
        OSError: the directory cannot be written.
    """
    if work.result_file.is_file():
        return TrialResult.read(work.result_file)
    held_out, trial = work.images.held_out, work.trial
    assert held_out is not None
    networks = _networks(work)
    looks = HeldOutLooks(networks, held_out, work.tuning.patience)
    ran = _Training(work, networks, looks, told=told).run()
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
    _finish(work, dataclasses.asdict(result))
    return result


def run_refit(work: TrialWork) -> bool:
    """Trains to a step that is known, with nothing to choose by; otherwise as `run_trial`.

    Returns:
        Whether the loss stayed finite, so that its last weights can be kept.
    """
    if not work.result_file.is_file():
        networks = _networks(work)
        ran = _Training(work, networks, NewestWeights(networks)).run()
        _finish(work, {**dataclasses.asdict(work.trial), **ran._asdict()})
    return _stayed_finite(work.result_file)


def _networks(work: TrialWork) -> TrialNetworks:
    work.directory.mkdir(parents=True, exist_ok=True)
    return TrialNetworks(work.trial, work.build, work.tuning, head=work.head, policy=work.policy)


def _finish(work: TrialWork, result: dict[str, Any]) -> None:
    write_atomically(work.result_file, json.dumps(result, indent=2) + "\n")
    shutil.rmtree(work.directory / "checkpoints", ignore_errors=True)


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
        work: TrialWork,
        networks: TrialNetworks,
        looks: Looks,
        *,
        told: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.work, self.networks, self.looks, self.told = work, networks, looks, told
        self.store = CheckpointStore(work.directory / "checkpoints")

    def run(self) -> _Ran:
        """Trains to the end, or to the end of patience."""
        began = time.perf_counter()
        done = self.networks.state.restore(self.store)
        metrics = MetricsFile(self.work.directory / "metrics.jsonl", start_step=done or -1)
        events = TensorBoardWriter(self.work.directory, start_step=done)
        try:
            step, diverged = self._train(done, began, (metrics, events))
        finally:
            events.close()
        self.networks.write_best(self.work.directory)
        return _Ran(step, diverged, time.perf_counter() - began)

    def _train(self, done: int, began: float, writers: tuple[Writer, ...]) -> tuple[int, bool]:
        """Returns the last step, and whether the loss was no longer finite."""
        diverged, step, trial = False, done, self.work.trial
        warm: tuple[int, float] | None = None  # step and time of the first look, before which all was compiled
        with (
            GracefulStop(StepRange(done, trial.last_step, trial.last_step)) as stop,
            TrialProgress(trial.title, trial.last_step, done) as progress,
        ):
            if done == 0:
                self._look(0, writers, progress)
            if self.looks.out_of_patience:
                return step, diverged
            for step, loss in train_steps(trial, self.networks, self.work.images, self.work.tuning, done):
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
