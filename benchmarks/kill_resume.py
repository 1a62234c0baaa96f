"""Tests that a run loses nothing when it is killed, stopped, out of disk space, or finds damaged checkpoints.

    python benchmarks/kill_resume.py --json=kill_resume.json          # all studies, minutes on two CPU cores
    python benchmarks/kill_resume.py --studies kill --replicas 2 --trials 20
    python benchmarks/kill_resume.py --studies kill --replicas 1 --data jpeg_cut jpeg-pack_cut --trials 10

Each trial trains a small encoder, on the built-in digits or what `--data` names, through the command line's own
`main`, in a separate process. It is disturbed at a moment derived from its seed, continues with `--resume`, and is
compared with an undisturbed run: every variable of the last checkpoint, and every record of metrics.jsonl and of
TensorBoard. `space` mounts a small tmpfs and must run as root.
"""

import contextlib
import itertools
import json
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

from benchmark_tools import Row, argument_parser, markdown, write_json
from kill_resume_outcome import outcome
from kill_resume_runs import (
    CHECKPOINT_EVERY,
    PATIENCE,
    STEPS,
    Runs,
    checkpoint_steps,
    last_step,
    said,
    stop_inside_a_write,
    wait_until,
    writing,
)

STEP_SECONDS = 0.05  # approximate; a kill comes at most this long after a step


def kill(runs: Runs, reference: Path, seed: int) -> Row:
    """kill -9 at a moment derived from the seed; odd seeds kill while a checkpoint is being written or deleted."""
    rng = random.Random(seed)
    step, delay, inside = rng.randrange(STEPS), rng.random() * STEP_SECONDS, seed % 2 == 1
    run_dir = runs.folder / f"kill-{seed}"
    process = runs.start(run_dir)
    wait_until(lambda: last_step(run_dir) >= step, process)
    if inside:
        stop_inside_a_write(run_dir, process)
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
    """SIGTERM: time until the process ends, its exit code, and the step of its checkpoint."""
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
    """A small tmpfs that fills up during the run and is freed before the run is resumed."""
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
    """Flips the lowest bit of the middle byte of a file."""
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
    """Damages the newest checkpoint."""
    run_dir = runs.folder / name.replace(" ", "-")
    shutil.copytree(reference, run_dir)
    *_, before, newest = checkpoint_steps(reference)
    DAMAGES[name](run_dir / "checkpoints" / f"step-{newest}")
    code, message = runs.finish(run_dir, "--resume")
    return {"resumed_from": before, "said": message} | outcome(run_dir, reference, code, message)


def damage_all(runs: Runs, reference: Path, name: str) -> Row:
    """Damages every checkpoint: the run must be rejected, and all checkpoints must stay unchanged."""
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
    """Returns the cases of a study: seeds, or kinds of damage."""
    if study == "damage":
        return list(DAMAGES)
    if study == "damage_all":
        return ["bit flipped in data"]
    return list(range(first_seed, first_seed + (trials if study == "kill" else min(3, trials))))


COLUMNS = (
    "study",
    "replicas",
    "data",
    "case",
    "killed_at",
    "in_write",
    "exit_then",
    "seconds_to_end",
    "resumed_from",
    "exit",
    "identical",
    "largest_difference",
    "records_equal",
    "events_equal",
    "untouched",
)  # of the table; the JSON also has messages


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2], help="numbers of CPU replicas to test")
    parser.add_argument("--data", nargs="+", default=["digits"], help="what runs read; see disturbed_inputs.py")
    parser.add_argument("--trials", type=int, default=20, help="trials of `kill`; the other studies run at most three")
    parser.add_argument("--first_seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="parallel trials; tracing occupies one core")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for replicas, data in itertools.product(arguments.replicas, arguments.data):
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
            runs = Runs(Path(folder), replicas, data)
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
                rows.append({"study": study, "replicas": replicas, "data": data, "case": case, **trial.result()})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                write_json(arguments.json, rows)
    print(markdown(rows, [name for name in COLUMNS if any(name in row for row in rows)]))


if __name__ == "__main__":
    main()
