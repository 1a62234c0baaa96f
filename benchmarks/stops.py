"""Stops runs that read their images while they train, at random moments, and counts those that do not end.

    nice python benchmarks/stops.py --json=stops.json              # 50 stops of each kind: half an hour or more
    python benchmarks/stops.py --data jpeg_cut --stops=5

Each trial is a process of its own: `aag-train` from its first line until Python itself has ended, forked from one that
has imported everything. It gets SIGTERM at a moment derived from the seed, before its first step (two of five) or
after some steps. The next trial goes on from what it left, until the run is complete and is compared with one that was
not stopped: every variable of the last checkpoint, every record of metrics.jsonl and of TensorBoard. Then a new run
begins.

`--data`: see disturbed_inputs.py. What is scaled is kept in no memory here, so that it is read all the time.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark_tools import Row, argument_parser, table, write_json
from disturbed_inputs import data_flags
from kill_resume_runs import FLAGS, checkpoint_steps, last_step, said

PATIENCE = 120.0  # seconds after which a process that was stopped counts as one that never ends
LONGEST = 600.0  # seconds for a run that is not stopped
BEFORE_STEPS = 0.4  # share of stops that come before the first step of their process
MOST_STEPS = 12  # that a process runs before the others
KINDS = ("jpeg_cut", "webp_cut", "jpeg_scaled", "jpeg-pack_cut")


class Run:
    """A process that trains.

    Args:
        run_dir: of the run.
        flags: of the run, but for its directory.
    """

    def __init__(self, run_dir: Path, flags: list[str]) -> None:
        self.run_dir = run_dir
        self.log = run_dir.with_suffix(".txt")
        self.started_at = last_step(run_dir)
        more = ["--resume"] if (run_dir / "run.json").exists() else []
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:  # returns by the exception of `sys.exit` through all of this script, so that Python ends
            _train(self.log, [*flags, f"--run_dir={run_dir}", *more])

    def code(self) -> int | None:
        """Returns the exit code as a shell shows it, `None` while the process runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def wait(self, seconds: float, steps: int | None = None) -> int | None:
        """Waits for the end, at most for some time or until so many steps are done; returns the exit code, if any."""
        until = time.monotonic() + seconds
        while (code := self.code()) is None and time.monotonic() < until:
            if steps is not None and last_step(self.run_dir) >= self.started_at + steps:
                break
            time.sleep(0.002)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process, which has not been waited for yet."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _train(log: Path, flags: list[str]) -> None:
    """Runs `aag-train`; never returns."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["aag-train", *flags]
    from aag_tf.commands import train
    from aag_tf.data.images import memory

    if "--crop_from=image" in flags:
        memory.MEMORY_LIMIT = 0
    train.run()


def stop(run: Run, seed: int, opening: float) -> Row:
    """Stops a run at a moment of its seed.

    Args:
        run: has just been started.
        seed: of the moment.
        opening: seconds that a process takes to its first step.

    Returns:
        What became of it; `ended` is false where it had to be killed.
    """
    generator = random.Random(seed)
    if generator.random() < BEFORE_STEPS:
        before, moment = True, generator.random() * opening
        code = run.wait(moment)
    else:
        before, steps, moment = False, generator.randint(1, MOST_STEPS), generator.random() * 0.1
        code = run.wait(LONGEST, steps)
        code = run.wait(moment) if code is None else code
    if code is not None:
        return {"seed": seed, "finished": True, "exit": code}
    seen = last_step(run.run_dir)
    run.signal(signal.SIGTERM)
    sent = time.monotonic()
    code = run.wait(PATIENCE)
    row = {"seed": seed, "before_first_step": before, "step_seen": seen, "exit": code, "ended": code is not None}
    if code is None:
        row["threads"] = _threads(run.pid)
        run.signal(signal.SIGKILL)
        run.wait(PATIENCE)
    saved = checkpoint_steps(run.run_dir)
    return row | {"seconds": round(time.monotonic() - sent, 2), "saved_step": saved[-1] if saved else 0}


def _threads(pid: int) -> list[str]:
    """What the threads of a process that does not end wait for, as the kernel names it."""
    return [path.read_text() for path in sorted(Path(f"/proc/{pid}/task").glob("*/wchan"))]


def study(kind: str, folder: Path, stops: int, first_seed: int) -> list[Row]:
    """Stops runs of a kind until there were so many stops; returns a row of each, and one of each complete run."""
    flags = [*FLAGS, *data_flags(kind, folder / "pictures")]
    reference = Run(folder / f"{kind}-reference", flags)
    code = reference.wait(LONGEST, steps=1)
    opening = time.monotonic() - reference.began
    if code is None and (code := reference.wait(LONGEST)) is None:
        reference.signal(signal.SIGKILL)
    if code != 0:
        raise RuntimeError(f"the undisturbed run of {kind} ended with {code}:\n{said(reference.log)}")
    rows: list[Row] = []
    number, done, seed = 0, 0, first_seed
    while done < stops:
        run = Run(folder / f"{kind}-{number}", flags)
        row = {"data": kind, "run": number} | stop(run, seed, opening)
        seed += 1
        if not row.get("finished"):
            done += 1
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
            if row["exit"] != 143:
                rows[-1]["said"] = said(run.log)
            continue
        rows.append(row | compared(run, reference.run_dir))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        number += 1
    last = Run(folder / f"{kind}-{number}", flags)
    row = {"data": kind, "run": number, "finished": True, "exit": last.wait(LONGEST)}
    rows.append(row | compared(last, reference.run_dir))
    return rows


def compared(run: Run, reference: Path) -> Row:
    """Compares a complete run with the undisturbed one, in a process of its own, since this one is forked from."""
    code = "import json, sys, pathlib, kill_resume_outcome as k; "
    code += "print(json.dumps(k.differences(*map(pathlib.Path, sys.argv[1:]))))"
    command = [sys.executable, "-c", code, str(run.run_dir), str(reference)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    if result.returncode:
        return {"identical": False, "said": said(run.log) + result.stderr[-500:]}
    return json.loads(result.stdout.splitlines()[-1])


def summary(rows: list[Row]) -> str:
    """Returns a table with a row of each kind."""
    lines = []
    for kind in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == kind]
        stopped, complete = [row for row in own if "ended" in row], [row for row in own if row.get("finished")]
        ended = [row for row in stopped if row["ended"]]
        seconds = [row["seconds"] for row in ended]
        lines.append(
            [
                f"`{kind}`",
                len(stopped),
                sum(row["before_first_step"] for row in stopped),
                len(stopped) - len(ended),
                sum(row["exit"] == 143 for row in ended),
                f"{statistics.median(seconds):.1f}" if seconds else "–",
                f"{max(seconds):.1f}" if seconds else "–",
                len(complete),
                sum(row.get("identical", False) and row["records_equal"] and row["events_equal"] for row in complete),
            ]
        )
    header = ["data", "stops", "before the first step", "never ended", "exit code 143", "seconds, median", "slowest"]
    return table([*header, "runs completed", "identical to the undisturbed"], lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--data", nargs="+", default=list(KINDS), help="what runs read; see disturbed_inputs.py")
    parser.add_argument("--stops", type=int, default=50, help="stops of each kind")
    parser.add_argument("--first_seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep the runs and their messages")
    arguments = parser.parse_args()
    # Imported here, and used in forked processes only.
    import aag_tf.commands.train
    import aag_tf.training.train  # noqa: F401

    folder = Path(tempfile.mkdtemp(prefix="stops-"))  # not a block, which the forked processes would leave too
    rows: list[Row] = []
    for kind in arguments.data:
        rows += study(kind, folder, arguments.stops, arguments.first_seed)
        write_json(arguments.json, rows)
    print(summary(rows))
    if arguments.keep:
        print(f"The runs are in {folder}.")
    else:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
