"""How good is the encoder after so many minutes? This package's recipe, lightly in PyTorch, and a plain Keras loop.

    python benchmarks/head_to_head.py --peers_python=PYTHON --stages speed tune   # 90 minutes; nothing else may run
    python benchmarks/head_to_head.py --peers_python=PYTHON --stages final        # three hours
    python benchmarks/head_to_head.py --report=docs/measurements/head_to_head.md --picture=docs/images/head_to_head.png

The network, the batch size, the optimizer and the strength of the views are the same (`head_to_head_methods.py`).
Minutes are those of a process from its start to its last step, without the looks at the encoder on the way. Short
trainings measure steps a second and the seconds of a start; from them follow the steps of a run. Each method is tuned
alike, in runs of `--tune_minutes`: three learning rates at a temperature of 0.17, then two other temperatures at the
best of them, by linear probe on held-out images. A final run looks at held-out images on the way (20-NN, from 10,000
training images), and in the end once at test, by all training images. Rows that `--results` has are not measured again.

`--peers_python` is the interpreter of an environment with torch, torchvision, lightly and psutil.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import ablation_files
import numpy as np
from benchmark_tools import Row, pyplot, replace_table, run_for_json, table
from equal_time import steps_in
from head_to_head_methods import IN_PEERS_PYTHON, METHODS
from provenance import provenance

RESULTS = Path(__file__).parent / "results" / "head_to_head.jsonl"
WORK = Path(__file__).parent / "head_to_head_work.py"
RATES, TEMPERATURES = (0.00175, 0.0035, 0.007), (0.1, 0.17, 0.25)
TRIAL_STEPS, TRIAL_ROUNDS = 150, 2
STAGES = ("speed", "tune", "final")
OURS = "aag_tf"


class Run(NamedTuple):
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


class Bench:
    """Measures what is missing from the results, and appends it."""

    def __init__(self, given: argparse.Namespace, data: Path) -> None:
        self.given, self.data = given, data
        self.records = ablation_files.read(given.results)
        self.labels = {name: np.load(data / f"{name}_labels.npy") for name in ("train", "held_out", "test")}

    def speed(self, method: str) -> Row:
        """Steps a second and seconds of the start, the medians of short trainings."""
        key = f"speed/{method}"
        if key not in self.records:
            found = [self._work(method, TRIAL_STEPS) for _ in range(TRIAL_ROUNDS)]
            names = ("steps_per_second", "start_seconds")
            self._keep({"key": key, "method": method, **{n: float(np.median([f[n] for f in found])) for n in names}})
        return self.records[key]

    def tuned(self, method: str) -> tuple[float, float]:
        """The learning rate and the temperature that held-out images choose."""
        rates = {rate: self._trial(method, rate, TEMPERATURES[1]) for rate in RATES}
        rate = max(rates, key=lambda each: rates[each])
        temperatures = {
            each: rates[rate] if each == TEMPERATURES[1] else self._trial(method, rate, each) for each in TEMPERATURES
        }
        return rate, max(temperatures, key=lambda each: temperatures[each])

    def final(self, method: str, minutes: float, seed: int) -> Row:
        """A run of some minutes with the tuned setting, looked at on the way, and at test in the end."""
        return self._run(Run("final", method, minutes, *self.tuned(method), seed), looks=self.given.looks)

    def _trial(self, method: str, rate: float, temperature: float) -> float:
        trial = Run("tune", method, self.given.tune_minutes, rate, temperature, seed=1000)
        return self._run(trial, looks=1)["held_out"]["linear"]

    def _run(self, run: Run, *, looks: int) -> Row:
        if run.key not in self.records:
            speed = self.speed(run.method)
            steps = steps_in(60 * run.minutes - speed["start_seconds"], speed["steps_per_second"])
            with tempfile.TemporaryDirectory() as output:
                flags = [f"--{name}={getattr(run, name)}" for name in ("learning_rate", "temperature", "seed")]
                found = self._work(run.method, steps, f"--output={output}", f"--looks={looks}", *flags)
                files = [Path(output) / look["file"] for look in found["looks"]]
                judged = self._judged(files, test=run.stage == "final")
            curve = [
                {"minutes": look["seconds"] / 60, "step": look["step"], "knn": knn}
                for look, knn in zip(found["looks"], judged.pop("curve"), strict=True)
            ]
            self._keep({"key": run.key, **run._asdict(), "steps": steps, **judged, "curve": curve})
        return self.records[run.key]

    def _judged(self, files: list[Path], *, test: bool) -> Row:
        from aag_tf.evaluation import fit_linear_probe, knn_accuracy
        from aag_tf.utils.progress import no_progress

        labels = self.labels

        def knn(known: np.ndarray, queries: np.ndarray, bank: str, of: str) -> float:
            return float(knn_accuracy(known, labels[bank][: len(known)], queries, labels[of], k=20))

        curve = []
        for file in files:
            with np.load(file) as look:
                features = {name: look[name].astype(np.float32) for name in look.files}
            curve.append(knn(features["train"][:10_000], features["held_out"], "train", "held_out"))
        judged: Row = {"curve": curve}
        with no_progress():
            probe = fit_linear_probe(features["train"], labels["train"])
        for of in ("held_out", *(["test"] if test else [])):
            linear = float(np.mean(probe.predict(features[of]) == labels[of]))
            judged[of] = {"knn": knn(features["train"], features[of], "train", of), "linear": linear}
        return judged

    def _work(self, method: str, steps: int, *more: str) -> dict[str, Any]:
        python = self.given.peers_python if method in IN_PEERS_PYTHON else sys.executable
        return run_for_json([python, str(WORK), f"--method={method}", f"--data={self.data}", f"--steps={steps}", *more])

    def _keep(self, row: Row) -> None:
        row = row | provenance()
        ablation_files.append(self.given.results, row)
        self.records[row["key"]] = row
        print(row["key"], row.get("held_out", ""), file=sys.stderr, flush=True)


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch and lightly")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--dataset", default="tfds:cifar10")
    parser.add_argument("--minutes", type=float, nargs="+", default=[15.0, 30.0], help="of final runs")
    parser.add_argument("--tune_minutes", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of final runs")
    parser.add_argument("--looks", type=int, default=8, help="at the encoder in a final run")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", type=Path, help="write the table into a page, and stop")
    parser.add_argument("--picture", type=Path, help="PNG file to draw, with --report")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.report:
        records = list(ablation_files.read(given.results).values())
        replace_table(given.report, "head_to_head", results(records))
        if given.picture:
            draw(records, given.picture)
        return
    with tempfile.TemporaryDirectory() as data, ablation_files.exclusive(given.results):
        write_data(given.dataset, Path(data))
        bench = Bench(given, Path(data))
        for method in given.methods:
            if "speed" in given.stages:
                bench.speed(method)
        for method in given.methods:
            if "tune" in given.stages:
                bench.tuned(method)
        for seed in given.seeds:
            for minutes in given.minutes:
                for method in given.methods:
                    if "final" in given.stages:
                        bench.final(method, minutes, seed)
    print(results(bench.records.values()))


if __name__ == "__main__":
    main()
