"""Which settings give the best encoder in the same time? Each trains for the same seconds; held-out images judge.

    python benchmarks/equal_time.py --speeds                   # nothing else may run: how many steps a second each does
    python benchmarks/equal_time.py                            # then one run each, several at a time with --jobs
    python benchmarks/equal_time.py --arms "recipe" "muon, 0.01" --seeds 0 1 2
    python benchmarks/equal_time.py --report=docs/measurements/equal_time.md

Arm `recipe` has the settings that the recipe `cifar10_cpu` had until this study (`COMMON`), the others one change each,
or two. Short trainings measure the speed of an arm, all in turns and with nothing beside them (an arm whose steps do
the same work as another's has its speed). From it follows how many steps an arm does in `--seconds` of training, so
that the learning rate falls to zero within them; what runs beside the runs themselves takes nothing from them. Each is
judged by 20-NN and linear probe on held-out training images; the test split takes no part. A line of `--results` is a
run; those that it has are not done again, and one that was interrupted is resumed.
"""

import argparse
import dataclasses
import functools
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ablation_files
from ablation_run import TRAIN, remove_checkpoints, run_job, train
from ablation_statistics import mean_and_deviation, paired_difference
from benchmark_tools import Row, read_json_lines, replace_table, table
from equal_time_arms import ARMS, RECIPE
from provenance import provenance
from study_loop import add_runs, run_jobs, study_parser

RESULTS = Path(__file__).parent / "results" / "equal_time.jsonl"
SPEEDS = Path(__file__).parent / "results" / "equal_time_speeds.json"
TRIAL_STEPS = 150
ROUNDS = 2  # of short trainings, in turns
BATCH = 64
# The recipe `cifar10_cpu` as it was until this study, so that its rows stay comparable.
COMMON = (
    "--encoder=tiny",
    "--width=1.5",
    "--embedding_grid=2",
    f"--global_batch_size={BATCH}",
    "--optimizer=adamw",
    "--learning_rate=0.0035",
    "--temperature=0.17",
    "--color_strength=0.45",
    "--coupling=0",
)


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that is trained for some seconds."""

    arm: str
    seed: int
    seconds_wanted: float

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.arm}/{self.seconds_wanted:g} s/seed{self.seed}"

    @property
    def batch(self) -> int:
        """The global batch size."""
        return batch_of(self.arm)

    @property
    def uses_test(self) -> bool:
        """Nothing here looks at the test split."""
        return False


def batch_of(arm: str) -> int:
    """Returns the global batch size that the flags of an arm ask for, or that of all."""
    given = [flag.partition("=")[2] for flag in ARMS[arm].flags if flag.startswith("--global_batch_size=")]
    return int(given[-1]) if given else BATCH


def trainer_of(arm: str) -> Sequence[str]:
    """Returns what Python runs to train an arm, before the flags."""
    role = ARMS[arm].role
    return TRAIN if role is None else (str(Path(__file__).parent / "asymmetric_train.py"), f"--role={role}")


def steps_per_second(flags: list[str], steps: int, batch: int) -> float:
    """Trains for a few steps and returns the speed of the second half of them, by the median of what was logged."""
    with tempfile.TemporaryDirectory() as root:
        train([*flags, f"--train_steps={steps}"], Path(root) / "run", os.environ)
        logged = read_json_lines(Path(root) / "run" / "metrics.jsonl")
    speeds = [row["images_per_second"] for row in logged if "images_per_second" in row and row["step"] > steps / 2]
    return statistics.median(speeds) / batch


def measure_speeds(arms: list[str], common: list[str]) -> dict[str, Any]:
    """Measures the steps a second of each arm, by the median of `ROUNDS` short trainings in turns."""
    found: dict[str, list[float]] = {arm: [] for arm in arms}
    for turn in range(ROUNDS):
        for arm in arms:
            found[arm].append(steps_per_second([*common, *ARMS[arm].flags], TRIAL_STEPS, batch_of(arm)))
            print(f"{arm}, turn {turn + 1}: {found[arm][-1]:.2f} steps/s", file=sys.stderr, flush=True)
    return {arm: {"steps_per_second": statistics.median(speeds), "all": speeds} for arm, speeds in found.items()}


def steps_in(seconds: float, speed: float) -> int:
    """Returns the steps of a training of some seconds, at least one."""
    return max(1, round(seconds * speed))


def results(rows: list[Row]) -> str:
    """Returns a table: steps, accuracies on held-out images, and differences from the recipe, in percent."""
    lines = []
    for arm, seconds in dict.fromkeys((row["arm"], row["seconds_wanted"]) for row in rows):
        alike = [row for row in rows if row["seconds_wanted"] == seconds]
        own = [row for row in alike if row["arm"] == arm]
        cells: list[object] = [arm, f"{seconds:g}", len(own), round(statistics.mean(row["steps"] for row in own))]
        for measure in ("linear", "knn"):
            accuracy = {
                each: {row["seed"]: 100 * row["validation"][measure] for row in alike if row["arm"] == each}
                for each in (arm, RECIPE)
            }
            cells.append(mean_and_deviation(accuracy[arm].values()))
            if arm == RECIPE or not accuracy[RECIPE].keys() & accuracy[arm].keys():
                cells.append("–")
                continue
            cells.append(paired_difference(accuracy[arm], accuracy[RECIPE]).text())
        lines.append(cells)
    return table(["arm", "seconds", "seeds", "steps", "linear probe", "above", "20-NN", "above"], lines)


def arguments() -> argparse.Namespace:
    parser = study_parser(__doc__, results=RESULTS, dataset="tfds:cifar10")
    add_runs(parser, runs=Path("runs/equal_time"), common=COMMON)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), metavar="ARM", help="some of them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="of training (default: %(default)s)")
    parser.add_argument("--speeds_file", type=Path, default=SPEEDS, help="file of the steps a second")
    parser.add_argument("--speeds", action="store_true", help="measure those that are missing, and stop")
    parser.add_argument("--report", type=Path, help="write the table into a page, and stop")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    speeds = json.loads(given.speeds_file.read_text(encoding="utf-8")) if given.speeds_file.exists() else {}
    timed = {arm: ARMS[arm].as_fast_as or arm for arm in given.arms}
    missing = [arm for arm in dict.fromkeys(timed.values()) if arm not in speeds]
    common = [*given.common.split(), f"--dataset={given.dataset}"]
    if given.report:
        replace_table(given.report, "equal_time", results(list(ablation_files.read(given.results).values())))
        return
    if given.speeds:
        measured = measure_speeds(missing, common)
        speeds |= {arm: found | provenance() for arm, found in measured.items()}
        given.speeds_file.write_text(json.dumps(speeds, indent=1) + "\n", encoding="utf-8")
        return
    if missing:
        raise SystemExit(f"the speed of {'; '.join(missing)} is not known; measure it first by --speeds.")

    def pending(found: Mapping[str, Row]) -> list[Job]:
        jobs = [Job(arm, seed, given.seconds) for seed in given.seeds for arm in given.arms]
        return [job for job in jobs if job.key not in found]

    def work(job: Job, _: Mapping[str, Row], cores: int) -> Row:
        steps = steps_in(job.seconds_wanted, speeds[timed[job.arm]]["steps_per_second"])
        flags = [*common, *ARMS[job.arm].flags, f"--seed={job.seed}", f"--train_steps={steps}"]
        return run_job(job, flags, given.runs, cores, trainer_of(job.arm))

    run_jobs(pending, work, given, stored=functools.partial(remove_checkpoints, runs=given.runs))
    print(results(list(ablation_files.read(given.results).values())))


if __name__ == "__main__":
    main()
