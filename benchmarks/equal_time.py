"""Which settings give the best encoder in the same time? Each trains for the same seconds; held-out images judge.

    python benchmarks/equal_time.py --rows=benchmarks/results/equal_time.jsonl          # five minutes of training each
    python benchmarks/equal_time.py --rows=... --arms "recipe" "muon, 0.01" --seeds 0 1 2
    python benchmarks/equal_time.py --rows=... --report=docs/measurements/equal_time.md

The recipe `cifar10_cpu` with one change each. A short run measures the speed of an arm; from it follows how many steps
it does in `--seconds` of training, so that the learning rate falls to zero within them. Each is judged by 20-NN and
linear probe on held-out training images; the test split takes no part. A line of `--rows` is a run; those that it has
are not done again. Run nothing else meanwhile: what disturbs an arm takes steps from it.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from ablation_run import run_job, train
from ablation_statistics import mean_and_deviation, paired_difference
from benchmark_tools import Row, read_json_lines, replace_table, table

RECIPE = "recipe"
COMMON = ("--recipe=cifar10_cpu",)
ARMS = {
    RECIPE: (),
    "two main views": ("--aux=none",),
    "2 auxiliary views of 16 px": ("--aux_views=2", "--aux_size=16"),
    "4 auxiliary views of 16 px": ("--aux_views=4", "--aux_size=16"),
    "2 auxiliary views of 20 px": ("--aux_views=2", "--aux_size=20"),
    "muon, 0.0035": ("--optimizer=muon",),
    "muon, 0.01": ("--optimizer=muon", "--learning_rate=0.01"),
    "muon, 0.02": ("--optimizer=muon", "--learning_rate=0.02"),
    "adamw, 0.007": ("--learning_rate=0.007",),
    "one softmax, out, κ = 1": ("--positives=out", "--coupling=1"),
    "one softmax, in": ("--positives=in",),
    "DCLW": ("--dclw_sigma=0.5",),
    "RINCE, q = 0.1": ("--rince_q=0.1",),
    "gradient not scaled by the norm": ("--normalization_gradient=unscaled",),
}
TRIAL_STEPS = 150
BATCH = 64  # of the recipe


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that is trained for some seconds."""

    arm: str
    seed: int
    steps: int

    @property
    def key(self) -> str:
        """Name of its directory."""
        return f"{self.arm}/seed{self.seed}"

    @property
    def batch(self) -> int:
        """The global batch size."""
        return BATCH

    @property
    def uses_test(self) -> bool:
        """Nothing here looks at the test split."""
        return False


def steps_per_second(root: Path, flags: list[str], steps: int, batch: int) -> float:
    """Trains for a few steps and returns the speed of the second half of them, by the median of what was logged."""
    run_dir = root / f"speed_{len(list(root.iterdir()))}"
    train([*flags, f"--train_steps={steps}"], run_dir, os.environ)
    logged = [row for row in read_json_lines(run_dir / "metrics.jsonl") if "images_per_second" in row]
    speeds = [row["images_per_second"] for row in logged if row["step"] > steps / 2]
    return sorted(speeds)[len(speeds) // 2] / batch


def steps_in(seconds: float, speed: float) -> int:
    """Returns the steps of a training of some seconds, at least one."""
    return max(1, round(seconds * speed))


def run_arm(arm: str, seeds: list[int], given: argparse.Namespace, root: Path) -> None:
    """Runs an arm with the seeds that are missing, and appends their rows."""
    flags = [*COMMON, *ARMS[arm], *([f"--data_dir={given.data_dir}"] if given.data_dir else [])]
    speed = steps_per_second(root, flags, TRIAL_STEPS, BATCH)
    for seed in seeds:
        job = Job(arm, seed, steps_in(given.seconds, speed))
        record = run_job(job, [*flags, f"--seed={seed}", f"--train_steps={job.steps}"], root, os.cpu_count() or 1)
        row = {"seconds_wanted": given.seconds, **record}
        with given.rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{job.key}: {100 * row['validation']['linear']:.1f} % linear", file=sys.stderr, flush=True)


def results(rows: list[Row]) -> str:
    """Returns a table: steps, seconds, accuracies on held-out images, and differences from the recipe, in percent."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        cells: list[object] = [arm, len(own), round(sum(row["steps"] for row in own) / len(own))]
        cells.append(round(sum(row["train_seconds"] for row in own) / len(own)))
        for measure in ("linear", "knn"):
            accuracy = {
                each: {row["seed"]: 100 * row["validation"][measure] for row in rows if row["arm"] == each}
                for each in (arm, RECIPE)
            }
            cells.append(mean_and_deviation(accuracy[arm].values()))
            if arm == RECIPE or not accuracy[RECIPE].keys() & accuracy[arm].keys():
                cells.append("–")
                continue
            cells.append(paired_difference(accuracy[arm], accuracy[RECIPE]).text())
        lines.append(cells)
    return table(["arm", "seeds", "steps", "seconds", "linear probe", "above", "20-NN", "above"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, required=True, help="file with a JSON object a line, of a run each")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), metavar="ARM", help="some of them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="of training (default: %(default)s)")
    parser.add_argument("--data_dir", help="where TFDS keeps its data sets")
    parser.add_argument("--report", type=Path, help="write the table into a page, and stop")
    given = parser.parse_args()
    rows = read_json_lines(given.rows) if given.rows.exists() else []
    if given.report:
        replace_table(given.report, "equal_time", results(rows))
        return
    if any(row["seconds_wanted"] != given.seconds for row in rows):
        parser.error(f"{given.rows} has runs of other seconds; give those, or another file")
    done = {(row["arm"], row["seed"]) for row in rows}
    with tempfile.TemporaryDirectory() as root:
        for arm in given.arms:
            seeds = [seed for seed in given.seeds if (arm, seed) not in done]
            if seeds:
                run_arm(arm, seeds, given, Path(root))
    print(results(read_json_lines(given.rows)))


if __name__ == "__main__":
    main()
