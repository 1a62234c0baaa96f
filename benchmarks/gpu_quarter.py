"""What does a quarter of an hour on a GPU give? Two and three views at both κ for equal time, then the best for longer.

    python benchmarks/gpu_quarter.py --json=gpu_quarter.json   # about twelve minutes on one GPU
    python benchmarks/gpu_quarter.py --small                   # a tiny network on a CPU, a minute: tries the script

CIFAR-10, ResNet-18 at batch 64 in bfloat16, temperature 0.1. A short run measures the speed of each arm; from it
follows how many steps it does in `--seconds` of training, so that every arm has the same time and its learning rate
falls to zero within it. Each arm runs at κ = 1 and 0, in processes of its own, and is evaluated on held-out images
and once on test: 20-NN and linear probe. The arm that is best on held-out images (linear probe) then trains for
`--long_seconds`: its `seconds` are those from images to a judged encoder, with startup and compilation. Rows are
written as they come, so that a run that is cut short keeps those that it has. One seed; differences of a point are
chance.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from ablation_run import run_job
from benchmark_tools import Row, argument_parser, markdown, write_json
from equal_time import BATCH, steps_in, steps_per_second
from gpu_input import gpu_name

ARMS = {"SimCLR, crop 0.08": ("--aux=none", "--crop_min_area=0.08"), "AAG": ()}
COUPLINGS = (1, 0)
COLUMNS = ("arm", "coupling", "steps", "train_seconds", "seconds", "knn", "linear", "knn_held_out", "linear_held_out")
COMMON = (f"--global_batch_size={BATCH}", "--temperature=0.1")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How large the measurement is: flags of all runs, and steps of those that measure the speed."""

    flags: tuple[str, ...]
    trial_steps: int


FULL = Plan(
    (
        *("--dataset=tfds:cifar10", "--encoder=resnet18", "--stem=small", "--precision=mixed_bfloat16"),
        *("--optimizer=sgd", "--learning_rate=0.03", "--momentum=0.9", "--weight_decay=0.0005", "--replicas=1"),
    ),
    trial_steps=1000,
)
SMALL = Plan(("--dataset=digits", "--encoder=tiny", "--width=0.25", "--noflip", "--precision=float32"), trial_steps=40)


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that is trained for some seconds."""

    arm: str
    coupling: int
    steps: int
    length: str = "equal time"

    @property
    def key(self) -> str:
        """Name of its directory."""
        return f"{self.length}/{self.arm}/κ{self.coupling}"

    @property
    def batch(self) -> int:
        """The global batch size."""
        return BATCH

    @property
    def uses_test(self) -> bool:
        """Every run is evaluated on test, once."""
        return True


def main() -> None:
    """Runs the arms and then the best of them, and prints the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny network on digits")
    parser.add_argument("--seconds", type=float, default=45.0, help="of training an arm (default: %(default)s)")
    parser.add_argument("--long_seconds", type=float, default=200.0, help="of the best one (default: %(default)s)")
    parser.add_argument("--data_dir", help="where TFDS keeps its data sets")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        rows = measure(Path(root), SMALL if given.small else FULL, given)
    print(markdown(rows, list(COLUMNS)))


def measure(root: Path, plan: Plan, given: argparse.Namespace) -> list[Row]:
    """Returns a row for each run; each is written as soon as it is there."""
    common = [*plan.flags, *COMMON, *([f"--data_dir={given.data_dir}"] if given.data_dir else [])]
    rows: list[Row] = []

    def run(job: Job) -> None:
        flags = [*common, *ARMS[job.arm], f"--coupling={job.coupling}", f"--train_steps={job.steps}"]
        rows.append(row_of(run_job(job, flags, root, os.cpu_count() or 1)))
        write_json(given.json, rows)
        last = rows[-1]
        print(f"{job.key}: {last['linear']:.1f} % linear, {last['seconds']:.0f} s", file=sys.stderr, flush=True)

    speeds = {arm: steps_per_second([*common, *flags], plan.trial_steps, BATCH) for arm, flags in ARMS.items()}
    for arm, speed in speeds.items():
        for coupling in COUPLINGS:
            run(Job(arm, coupling, steps_in(given.seconds, speed)))
    best = max(rows, key=lambda row: row["linear_held_out"])
    steps = steps_in(given.long_seconds, speeds[best["arm"]])
    run(Job(best["arm"], best["coupling"], steps, length="longer"))
    return rows


def row_of(record: Row) -> Row:
    """Returns what is kept of a record, accuracies in percent."""
    accuracies = {
        f"{name}{suffix}": round(100 * record[split][name], 2)
        for split, suffix in (("test", ""), ("validation", "_held_out"))
        for name in ("knn", "linear")
    }
    kept = ("arm", "coupling", "length", "steps", "train_seconds", "seconds", "flags", "knn_curve", "finished")
    facts = ("commit", "versions", "machine", "cpu_flags")
    return {name: record[name] for name in kept} | accuracies | {"gpu": gpu_name()} | {n: record[n] for n in facts}


if __name__ == "__main__":
    main()
