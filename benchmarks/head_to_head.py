"""How good is the encoder after so many minutes? This package's recipe, lightly in PyTorch, and a plain Keras loop.

    python benchmarks/head_to_head.py --peers_python=PYTHON --speeds   # five minutes; nothing else may run
    python benchmarks/head_to_head.py --peers_python=PYTHON --jobs=2   # five hours; other work takes nothing from it
    python benchmarks/head_to_head.py --report=docs/measurements/head_to_head.md --picture=docs/images/head_to_head.png

The network, the batch size and the strength of the views are the same (`head_to_head_methods.py`). Minutes are those of
a process from its start, on an idle machine: short trainings measure steps a second and the seconds of a start, and
from them follow the steps of a run. Each method is tuned alike, in runs of `--tune_minutes`: three learning rates at a
temperature of 0.17, then two other temperatures at the best of them, by linear probe on held-out images. A final run
looks at held-out images on the way (20-NN, from 10,000 training images), and in the end once at test, by all training
images. Rows that `--results` has are not measured again.

`--peers_python` is the interpreter of an environment with torch, torchvision, lightly and psutil.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ablation_files
import numpy as np
from benchmark_tools import Row, pyplot, replace_table, run_for_json, table
from equal_time import steps_in
from head_to_head_methods import METHODS
from provenance import provenance
from study_loop import add_stages, run_jobs, study_parser

RESULTS = Path(__file__).parent / "results" / "head_to_head.jsonl"
WORK = Path(__file__).parent / "head_to_head_work.py"
TEMPERATURES = (0.17, 0.1, 0.25)  # the first while the learning rate is chosen
TRIAL_STEPS, TRIAL_ROUNDS = 150, 2
TUNE_SEED = 1000
STAGES = ("tune", "final")


@dataclasses.dataclass(frozen=True)
class Job:
    """A training: how long, and with which setting."""

    stage: str
    method: str
    minutes: float
    learning_rate: float
    temperature: float
    seed: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        setting = f"lr{self.learning_rate:g}/τ{self.temperature:g}/seed{self.seed}"
        return f"{self.stage}/{self.method}/{self.minutes:g} min/{setting}"

    @property
    def uses_test(self) -> bool:
        """Whether it is evaluated on the test split."""
        return self.stage == "final"


def speed_key(method: str) -> str:
    """Returns the key of the row with the speed of a method."""
    return f"speed/{method}"


def tuning(method: str, minutes: float, records: Mapping[str, Row]) -> list[Job]:
    """Returns the trials of a method that the results so far decide: of rates, then of temperatures at the best."""

    def trial(rate: float, temperature: float) -> Job:
        return Job("tune", method, minutes, rate, temperature, TUNE_SEED)

    trials = [trial(rate, TEMPERATURES[0]) for rate in METHODS[method].rates]
    best = best_of(trials, records)
    return trials + [trial(best.learning_rate, temperature) for temperature in TEMPERATURES[1:]] if best else trials


def best_of(trials: list[Job], records: Mapping[str, Row]) -> Job | None:
    """Returns the trial with the best linear probe on held-out images; `None` until all have ended."""
    if any(trial.key not in records for trial in trials):
        return None
    return max(trials, key=lambda trial: records[trial.key]["held_out"]["linear"])


def jobs(given: argparse.Namespace, records: Mapping[str, Row]) -> list[Job]:
    """Returns the runs whose settings the results so far decide, in order."""
    trials = [tuning(method, given.tune_minutes, records) for method in given.methods]
    found = [trial for own in trials for trial in own] if "tune" in given.stages else []
    for seed in given.seeds:
        for minutes in given.minutes:
            for own in trials:
                best = best_of(own, records)
                if best is not None and "final" in given.stages:
                    found.append(dataclasses.replace(best, stage="final", minutes=minutes, seed=seed))
    return found


def measure_speed(method: str, given: argparse.Namespace, data: Path) -> Row:
    """Returns a row with steps a second and seconds of the start, the medians of short trainings."""
    found = [work(method, TRIAL_STEPS, given, data) for _ in range(TRIAL_ROUNDS)]
    names = ("steps_per_second", "start_seconds")
    medians = {name: float(np.median([each[name] for each in found])) for name in names}
    return {"key": speed_key(method), "method": method, **medians, **provenance()}


def run(job: Job, records: Mapping[str, Row], cores: int, given: argparse.Namespace, data: Path) -> Row:
    """Trains and judges; the minutes of a look are those of its steps on an idle machine."""
    start, speed = (records[speed_key(job.method)][name] for name in ("start_seconds", "steps_per_second"))
    steps = steps_in(60 * job.minutes - start, speed)
    looks = given.looks if job.uses_test else 1
    with tempfile.TemporaryDirectory() as output:
        flags = [f"--{name}={getattr(job, name)}" for name in ("learning_rate", "temperature", "seed")]
        found = work(job.method, steps, given, data, f"--output={output}", f"--looks={looks}", *flags, cores=cores)
        judged = judge([Path(output) / look["file"] for look in found["looks"]], data, test=job.uses_test)
    curve = [
        {"minutes": (start + look["step"] / speed) / 60, "step": look["step"], "knn": knn}
        for look, knn in zip(found["looks"], judged.pop("curve"), strict=True)
    ]
    return {"key": job.key, **dataclasses.asdict(job), "steps": steps, **judged, "curve": curve, **provenance()}


def work(method: str, steps: int, given: argparse.Namespace, data: Path, *more: str, cores: int = 0) -> dict[str, Any]:
    """Trains in a process of its own, with some threads for each operation, by default as many as cores."""
    python = given.peers_python if METHODS[method].in_peers_python else sys.executable
    names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
    environment = os.environ | ({name: str(cores) for name in names} if cores else {})
    command = [python, str(WORK), f"--method={method}", f"--data={data}", f"--steps={steps}", *more]
    return run_for_json(command, environment)


def judge(files: list[Path], data: Path, *, test: bool) -> Row:
    """Returns 20-NN of every look, and accuracies of the last one, by the labels of the data."""
    from aag_tf.evaluation import fit_linear_probe, knn_accuracy
    from aag_tf.utils.progress import no_progress

    labels = {name: np.load(data / f"{name}_labels.npy") for name in ("train", "held_out", "test")}

    def knn(known: np.ndarray, queries: np.ndarray, of: str) -> float:
        return float(knn_accuracy(known, labels["train"][: len(known)], queries, labels[of], k=20))

    curve = []
    for file in files:
        with np.load(file) as look:
            features = {name: look[name].astype(np.float32) for name in look.files}
        curve.append(knn(features["train"][:10_000], features["held_out"], "held_out"))
    judged: Row = {"curve": curve}
    with no_progress():
        probe = fit_linear_probe(features["train"], labels["train"])
    for of in ("held_out", *(["test"] if test else [])):
        linear = float(np.mean(probe.predict(features[of]) == labels[of]))
        judged[of] = {"knn": knn(features["train"], features[of], of), "linear": linear}
    return judged


def write_data(dataset: str, directory: Path) -> None:
    """Writes the splits of a data set as the recipe has them: `NAME.npy` and `NAME_labels.npy`."""
    from aag_tf.config import DataConfig
    from aag_tf.data import open_source

    source = open_source(DataConfig(dataset))
    for name, split in (("train", source.train), ("held_out", source.validation), ("test", source.test)):
        assert split is not None
        np.save(directory / f"{name}.npy", split.images.numpy(np.arange(len(split.images))))
        np.save(directory / f"{name}_labels.npy", split.labels)


def finals(records: Iterable[Row]) -> list[Row]:
    """Returns the rows of final runs."""
    return [row for row in records if row.get("stage") == "final"]


def results(records: Iterable[Row]) -> str:
    """Returns a table of the final runs, in percent."""
    lines = []
    for row in finals(records):
        accuracies = [f"{100 * row[of][name]:.1f}" for of in ("test", "held_out") for name in ("linear", "knn")]
        setting = f"{row['learning_rate']:g}", f"{row['temperature']:g}", row["seed"]
        lines.append((row["method"], f"{row['curve'][-1]['minutes']:.1f}", row["steps"], *setting, *accuracies))
    header = ("method", "minutes", "steps", "learning rate", "temperature", "seed", "linear probe", "20-NN")
    return table([*header, "linear, held out", "20-NN, held out"], lines)


def draw(records: Iterable[Row], picture: Path) -> None:
    """Draws 20-NN on held-out images over minutes, a line a run."""
    figure, axis = pyplot().subplots(figsize=(7, 4))
    colors = {method: f"C{index}" for index, method in enumerate(METHODS)}
    for row in finals(records):
        minutes = [point["minutes"] for point in row["curve"]]
        accuracy = [100 * point["knn"] for point in row["curve"]]
        label = f"{row['method']}, {row['minutes']:g} minutes"
        axis.plot(minutes, accuracy, "o-", color=colors[row["method"]], label=label, markersize=3)
    axis.set(xlabel="minutes", ylabel="20-NN on held-out images, %")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(picture, dpi=110, bbox_inches="tight")


def arguments() -> argparse.Namespace:
    parser = study_parser(__doc__, results=RESULTS, dataset="tfds:cifar10")
    add_stages(parser, STAGES, plan=False)
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch and lightly")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--minutes", type=float, nargs="+", default=[15.0, 30.0], help="of final runs")
    parser.add_argument("--tune_minutes", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of final runs")
    parser.add_argument("--looks", type=int, default=8, help="at the encoder in a final run")
    parser.add_argument("--speeds", action="store_true", help="measure those that are missing, and stop")
    parser.add_argument("--report", type=Path, help="write the table into a page, and stop")
    parser.add_argument("--picture", type=Path, help="PNG file to draw, with --report")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    records = ablation_files.read(given.results)
    if given.report:
        replace_table(given.report, "head_to_head", results(records.values()))
        if given.picture:
            draw(records.values(), given.picture)
        return
    unknown = [method for method in given.methods if speed_key(method) not in records]
    if unknown and not given.speeds:
        raise SystemExit(f"the speed of {'; '.join(unknown)} is not known; measure it first by --speeds.")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write_data(given.dataset, data)
        if given.speeds:
            with ablation_files.exclusive(given.results):
                for method in unknown:
                    ablation_files.append(given.results, measure_speed(method, given, data))
            return
        run_jobs(
            lambda found: [job for job in jobs(given, found) if job.key not in found],
            lambda job, found, cores: run(job, found, cores, given, data),
            given,
        )
    print(results(ablation_files.read(given.results).values()))


if __name__ == "__main__":
    main()
