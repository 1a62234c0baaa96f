"""Starts the runs that are to be disturbed, and reads their progress."""

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from disturbed_inputs import data_flags

STEPS = 40
CHECKPOINT_EVERY = 4
FLAGS = [
    "--encoder=tiny",
    "--width=0.25",
    "--projector_width=16",
    "--projector_dim=8",
    "--global_batch_size=128",  # ten steps an epoch
    f"--train_steps={STEPS}",
    f"--checkpoint_every_steps={CHECKPOINT_EVERY}",
    "--log_every_steps=1",
    "--knn_every_epochs=1",
    "--ema_momentum=0.9",
]
PATIENCE = 300.0  # seconds until a run counts as hanging


def child(flags: list[str], messages: str) -> None:
    """The command `aag-train`, in a fresh process."""
    descriptor = os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["aag-train", *flags]
    from aag_tf.commands import train

    train.run()


class Runs:
    """Starts runs in processes forked from one that has imported everything but executed nothing.

    Args:
        folder: parent of the run directories.
        replicas: number of CPU replicas of a run.
        data: what the runs read; see `disturbed_inputs.data_flags`.
    """

    def __init__(self, folder: Path, replicas: int, data: str) -> None:
        self.folder = folder
        self.flags = [*FLAGS, *data_flags(data, folder / "pictures")]
        if replicas > 1:
            self.flags.append(f"--cpu_replicas={replicas}")
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["aag_tf.training.train", "aag_tf.commands.train"])

    def start(self, run_dir: Path, *more: str) -> multiprocessing.Process:
        """Starts a run and returns its process."""
        flags = [*self.flags, f"--run_dir={run_dir}", *more]
        process = self.processes.Process(target=child, args=(flags, str(self.messages(run_dir))))
        process.start()
        return process

    def finish(self, run_dir: Path, *more: str) -> tuple[int, str]:
        """Runs to the end without disturbance; returns exit code and messages."""
        process = self.start(run_dir, *more)
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            raise RuntimeError(f"{run_dir} did not end in time:\n{self.messages(run_dir).read_text()}")
        return process.exitcode, said(self.messages(run_dir))

    def messages(self, run_dir: Path) -> Path:
        """Path of the output of the newest process of a run."""
        return self.folder / f"{run_dir.name}.txt"


def said(messages: Path) -> str:
    """Reads the output of a command, without progress lines."""
    lines = messages.read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("step ", "I0000", "W0000", "WARNING: All log")))


def last_step(run_dir: Path) -> int:
    """Returns the newest step in metrics.jsonl, 0 if there is none."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[-1])["step"])
    return 0


def checkpoint_steps(run_dir: Path) -> list[int]:
    """Returns the steps of the checkpoints in a run directory."""
    return sorted(int(path.name.split("-")[1]) for path in (run_dir / "checkpoints").glob("step-*"))


def writing(run_dir: Path) -> bool:
    """Whether a checkpoint is currently being written or deleted."""
    return any((run_dir / "checkpoints").glob(".unfinished-*"))


def stop_inside_a_write(run_dir: Path, process: multiprocessing.Process) -> None:
    """Waits until a checkpoint is being written or deleted, and suspends the process there.

    A write takes milliseconds; suspending the process makes sure that it does not finish meanwhile.
    """
    while wait_until(lambda: writing(run_dir), process, poll=0.0):
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, process)
        if writing(run_dir):
            return
        os.kill(process.pid, signal.SIGCONT)


def wait_until(condition: Callable[[], bool], process: multiprocessing.Process, poll: float = 0.002) -> bool:
    """Waits for a condition; returns false if the process ended or the time ran out first."""
    began = time.monotonic()
    while process.is_alive() and time.monotonic() - began < PATIENCE:
        if condition():
            return True
        time.sleep(poll)
    return False
