"""What a run loses when it is killed, stopped, out of disk space, or finds its checkpoints damaged: nothing.

    python benchmarks/kill_resume.py --json=kill_resume.json          # all studies, minutes on two CPU cores
    python benchmarks/kill_resume.py --studies kill --replicas 2 --trials 20

Each trial trains a small encoder on the built-in digits through the command line's own `main`, in a process of its own,
is disturbed at a moment that its seed decides, goes on with `--resume`, and is compared with a run that nothing
disturbed: every variable of the last checkpoint, and every record of metrics.jsonl and of TensorBoard. `space` mounts a
small tmpfs, for which it must be run as root.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

STEPS = 40
CHECKPOINT_EVERY = 4
FLAGS = [
    "--dataset=digits",
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
UNREPEATABLE = ("images_per_second", "data_wait_share", "monitor_seconds", "host_memory_gib")  # times and memory
SECONDS_A_STEP = 0.05  # about; a kill comes up to so much after a step
PATIENCE = 300.0  # seconds until a run is given up

Row = dict[str, Any]


def child(flags: list[str], messages: str) -> None:
    """The command `aag-train`, in a fresh process."""
    descriptor = os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["aag-train", *flags]
    from aag_tf.commands import train

    train.run()


class Runs:
    """Starts runs in processes that fork from one which has imported everything and used nothing.

    Args:
        folder: where run directories go.
        replicas: CPU replicas of a run.
    """

    def __init__(self, folder: Path, replicas: int) -> None:
        self.folder = folder
        self.flags = [*FLAGS, *([f"--cpu_replicas={replicas}"] if replicas > 1 else [])]
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["aag_tf.training", "aag_tf.commands.train"])

    def start(self, run_dir: Path, *more: str) -> multiprocessing.Process:
        """A run that is under way."""
        flags = [*self.flags, f"--run_dir={run_dir}", *more]
        process = self.processes.Process(target=child, args=(flags, str(self.messages(run_dir))))
        process.start()
        return process

    def finish(self, run_dir: Path, *more: str) -> tuple[int, str]:
        """Exit code and messages of a run that is let alone."""
        process = self.start(run_dir, *more)
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            raise RuntimeError(f"{run_dir} did not end:\n{self.messages(run_dir).read_text()}")
        return process.exitcode, said(self.messages(run_dir))

    def messages(self, run_dir: Path) -> Path:
        """What its newest process has printed."""
        return self.folder / f"{run_dir.name}.txt"


def said(messages: Path) -> str:
    """What a command printed, less progress."""
    lines = messages.read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("step ", "I0000", "W0000", "WARNING: All log")))


def last_step(run_dir: Path) -> int:
    """The newest step in metrics.jsonl."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[-1])["step"])
    return 0


def checkpoint_steps(run_dir: Path) -> list[int]:
    """Steps of the checkpoints that lie in a run directory."""
    return sorted(int(path.name.split("-")[1]) for path in (run_dir / "checkpoints").glob("step-*"))


def writing(run_dir: Path) -> bool:
    """Whether a checkpoint is being written or deleted right now."""
    return any((run_dir / "checkpoints").glob(".unfinished-*"))


def wait_until(condition: Callable[[], bool], process: multiprocessing.Process, poll: float = 0.002) -> bool:
    """Whether the condition came to hold before the process ended."""
    began = time.monotonic()
    while process.is_alive() and time.monotonic() - began < PATIENCE:
        if condition():
            return True
        time.sleep(poll)
    return False


def differences(run_dir: Path, reference: Path) -> Row:
    """How a finished run differs from the undisturbed one."""
    import numpy as np
    import tensorflow as tf

    states = [
        tf.train.load_checkpoint(str(path / "checkpoints" / f"step-{STEPS}" / "state")) for path in (run_dir, reference)
    ]
    names = set(states[1].get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    if names != set(states[0].get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        raise RuntimeError("the checkpoints hold different variables")
    pairs = [(states[0].get_tensor(name), states[1].get_tensor(name)) for name in sorted(names)]
    return {
        "identical": all(ours.tobytes() == theirs.tobytes() for ours, theirs in pairs),
        "largest_difference": max(float(np.max(np.abs(ours - theirs), initial=0.0)) for ours, theirs in pairs),
        "records_equal": records_equal(metrics(run_dir), metrics(reference)),
        "events_equal": records_equal(events(run_dir), events(reference)),
    }


def records_equal(ours: list[Row], theirs: list[Row]) -> bool:
    """The same records in the same order, with figures that agree to 1e-5 (rounding, on several replicas)."""
    return len(ours) == len(theirs) and all(
        one.keys() == other.keys()
        and all(abs(one[name] - other[name]) <= 1e-5 * max(1, abs(one[name])) for name in one)
        for one, other in zip(ours, theirs, strict=True)
    )


def metrics(run_dir: Path) -> list[Row]:
    """The records of metrics.jsonl, less times."""
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in UNREPEATABLE} for line in lines]


def events(run_dir: Path) -> list[Row]:
    """Steps of every scalar, picture and text in the event files as they lie on the disk, in order of tag.

    HParams, which each start of a run writes, are left out.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run_dir / "tensorboard"), size_guidance={"tensors": 0}, purge_orphaned_data=False)
    found.Reload()
    tags = sorted(tag for tag in found.Tags()["tensors"] if not tag.startswith("_hparams_"))
    return [{"tag": number, "step": event.step} for number, tag in enumerate(tags) for event in found.Tensors(tag)]


def outcome(run_dir: Path, reference: Path, code: int, message: str) -> Row:
    """How a run that was resumed ended."""
    return {
        "exit": code,
        **(differences(run_dir, reference) if code == 0 else {"identical": False, "message": message}),
    }


def kill(runs: Runs, reference: Path, seed: int) -> Row:
    """kill -9 at a moment that the seed decides; every second one inside the writing or deleting of a checkpoint."""
    rng = random.Random(seed)
    step, delay, inside = rng.randrange(STEPS), rng.random() * SECONDS_A_STEP, seed % 2 == 1
    run_dir = runs.folder / f"kill-{seed}"
    process = runs.start(run_dir)
    wait_until(lambda: last_step(run_dir) >= step, process)
    if inside:
        wait_until(lambda: writing(run_dir), process, poll=0.0)
    else:
        time.sleep(delay)
    process.kill()
    process.join()
    steps = checkpoint_steps(run_dir)
    facts = {
        "killed_at": last_step(run_dir),
        "in_write": writing(run_dir),
        "resumed_from": steps[-1] if steps else 0,
    }
    more = ["--resume"] if (run_dir / "run.json").exists() else []
    code, message = runs.finish(run_dir, *more)
    return facts | outcome(run_dir, reference, code, message)


def term(runs: Runs, reference: Path, seed: int) -> Row:
    """SIGTERM: how soon the process ends, with which code, and that the checkpoint is of the last step."""
    step = random.Random(seed).randrange(1, STEPS)
    run_dir = runs.folder / f"term-{seed}"
    process = runs.start(run_dir)
    wait_until(lambda: last_step(run_dir) >= step, process)
    os.kill(process.pid, signal.SIGTERM)
    began = time.monotonic()
    process.join(PATIENCE)
    facts = {
        "killed_at": last_step(run_dir),
        "exit_then": process.exitcode,
        "seconds_to_end": round(time.monotonic() - began, 2),
        "resumed_from": checkpoint_steps(run_dir)[-1],
        "said": said(runs.messages(run_dir)),
    }
    return facts | outcome(run_dir, reference, *runs.finish(run_dir, "--resume"))


def space(runs: Runs, reference: Path, seed: int) -> Row:
    """A small tmpfs that fills up while the run goes on, and is freed before it is resumed."""
    step = random.Random(seed).randrange(1, STEPS - CHECKPOINT_EVERY)
    disk = runs.folder / f"disk-{seed}"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], check=True)
    try:
        run_dir = disk / f"space-{seed}"
        process = runs.start(run_dir)
        wait_until(lambda: last_step(run_dir) >= step, process)
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        process.join(PATIENCE)
        facts = {
            "killed_at": last_step(run_dir),
            "exit_then": process.exitcode,
            "resumed_from": (checkpoint_steps(run_dir) or [0])[-1],
            "said": said(runs.messages(run_dir)),
        }
        (disk / "filler").unlink()
        return facts | outcome(run_dir, reference, *runs.finish(run_dir, "--resume"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def flip(path: Path) -> None:
    """Flips the lowest bit of the byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DATA, INDEX, MANIFEST = "state.data-00000-of-00001", "state.index", "manifest.json"
DAMAGES: dict[str, Callable[[Path], Any]] = {
    "data truncated": lambda path: os.truncate(path / DATA, (path / DATA).stat().st_size // 2),
    "bit flipped in data": lambda path: flip(path / DATA),
    "bit flipped in index": lambda path: flip(path / INDEX),
    "data missing": lambda path: (path / DATA).unlink(),
    "manifest missing": lambda path: (path / MANIFEST).unlink(),
    "bit flipped in manifest": lambda path: flip(path / MANIFEST),
}


def damage(runs: Runs, reference: Path, name: str) -> Row:
    """The newest checkpoint is damaged."""
    run_dir = runs.folder / name.replace(" ", "-")
    shutil.copytree(reference, run_dir)
    *_, before, newest = checkpoint_steps(reference)
    DAMAGES[name](run_dir / "checkpoints" / f"step-{newest}")
    code, message = runs.finish(run_dir, "--resume")
    return {"resumed_from": before, "said": message} | outcome(run_dir, reference, code, message)


def damage_all(runs: Runs, reference: Path, name: str) -> Row:
    """Every checkpoint is damaged: refused, and all are left as they were."""
    run_dir = runs.folder / "all-damaged"
    shutil.copytree(reference, run_dir)
    for path in (run_dir / "checkpoints").glob("step-*"):
        DAMAGES[name](path)
    before = checkpoint_steps(run_dir)
    code, message = runs.finish(run_dir, "--resume")
    return {"exit": code, "said": message, "untouched": checkpoint_steps(run_dir) == before}


STUDIES: dict[str, Callable[[Runs, Path, Any], Row]] = {
    "kill": kill,
    "term": term,
    "space": space,
    "damage": damage,
    "damage_all": damage_all,
}


def cases(study: str, first_seed: int, trials: int) -> list[Any]:
    """What a study is to try: seeds, or kinds of damage."""
    if study == "damage":
        return list(DAMAGES)
    if study == "damage_all":
        return ["bit flipped in data"]
    return list(range(first_seed, first_seed + (trials if study == "kill" else min(3, trials))))


COLUMNS = (
    "study", "replicas", "case", "killed_at", "in_write", "exit_then", "seconds_to_end", "resumed_from", "exit",
    "identical", "largest_difference", "records_equal", "events_equal", "untouched",
)  # fmt: skip


def table(rows: list[Row]) -> str:
    """A Markdown table of what the rows have in common; messages are in the JSON."""
    names = [name for name in COLUMNS if any(name in found for found in rows)]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return "\n".join(lines + ["| " + " | ".join(str(found.get(name, "")) for name in names) + " |" for found in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument(
        "--replicas", type=int, nargs="+", default=[1, 2], help="CPU replicas to try, one after another"
    )
    parser.add_argument("--trials", type=int, default=20, help="of `kill`; the others take at most three")
    parser.add_argument("--first_seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time; tracing keeps one core busy")
    parser.add_argument("--json", help="file to write the rows to")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for replicas in arguments.replicas:
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
            runs = Runs(Path(folder), replicas)
            reference = runs.folder / "reference"
            code, message = runs.finish(reference)
            if code:
                raise RuntimeError(f"the undisturbed run failed:\n{message}")
            trials = [
                (study, case, pool.submit(STUDIES[study], runs, reference, case))
                for study in arguments.studies
                for case in cases(study, arguments.first_seed, arguments.trials)
            ]
            for study, case, trial in trials:
                rows.append({"study": study, "replicas": replicas, "case": case, **trial.result()})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if arguments.json:
                    Path(arguments.json).write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
