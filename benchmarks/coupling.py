"""What the coupling κ does to training, from the metrics of finished runs: pull, its spread, gradient norm, loss, kNN.

The runs (two or three minutes each on one CPU core; all that differs is κ, τ and the seed):

    for seed in 0 1; do for temperature in 0.2 0.07; do for coupling in 0 1; do
        aag-train --dataset=tfds:cifar10 --encoder=tiny --width=0.5 --aux=none --global_batch_size=64 \\
            --train_steps=4000 --precision=mixed_bfloat16 --learning_rate=0.002 --log_every_steps=10 \\
            --temperature=$temperature --coupling=$coupling --seed=$seed \\
            --run_dir=runs/coupling${coupling}_temperature${temperature}_seed$seed
    done; done; done

The figures:

    python benchmarks/coupling.py runs/coupling* --picture=docs/images/coupling.png --json=coupling.json

A line in the picture is the mean over seeds of a running mean over `WINDOW` records, its band reaches from the lowest
to the highest seed. The table describes the second half of each run, mean over seeds:

- `pull`, `pull spread`: mean and standard deviation over a batch's pairs of `1 - p`, the weight of a positive pair in
  the gradient;
- `gradient norm`, and `noise` of it: the standard deviation of its logarithm about the running mean, so that a loss
  of another scale is judged alike; `largest / median` shows spikes;
- `loss noise`: the standard deviation of the loss about its running mean;
- `kNN`: at the last step, and the difference between seeds.
"""

import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from rows import argument_parser, write_json

WINDOW = 20  # records in a running mean
PANELS = {
    "positive_pull": "mean pull on positives, 1 − p",
    "positive_pull_std": "spread of the pull in a batch",
    "gradient_norm": "gradient norm",
    "loss": "loss less its final value",
    "effective_negatives": "effective negatives",
    "knn_accuracy": "20-NN accuracy, held-out images",
}
COLORS = {0.0: "tab:blue", 1.0: "tab:orange"}  # of κ
LINES = ("-", "--", ":")  # of τ, the largest first

Series = dict[str, tuple[np.ndarray, np.ndarray]]  # of a figure: steps and values


@dataclasses.dataclass(frozen=True)
class Run:
    """κ, τ, and every figure of a run over its steps."""

    coupling: float
    temperature: float
    series: Series


def read_run(run_dir: Path) -> Run:
    flags = json.loads((run_dir / "run.json").read_text())["flags"]
    points: dict[str, dict[int, float]] = defaultdict(dict)
    for line in (run_dir / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        for name, value in record.items():
            points[name][record["step"]] = value
    series = {name: (np.array(list(found)), np.array(list(found.values()))) for name, found in points.items()}
    return Run(float(flags["coupling"]), float(flags["temperature"]), series)


def cut(runs: list[Run]) -> list[Run]:
    """The runs up to the last step that all have reached, so that unfinished ones are compared fairly."""
    last = min(run.series["loss"][0][-1] for run in runs)

    def until_last(points: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        steps, values = points
        return steps[steps <= last], values[steps <= last]

    return [
        dataclasses.replace(run, series={name: until_last(own) for name, own in run.series.items()}) for run in runs
    ]


def groups(runs: list[Run]) -> dict[tuple[float, float], list[Series]]:
    """The series of all seeds, by τ (the largest first) and κ."""
    found: dict[tuple[float, float], list[Series]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (-run.temperature, run.coupling)):
        found[run.temperature, run.coupling].append(run.series)
    return found


def running_mean(values: np.ndarray) -> np.ndarray:
    """Centerd mean over `WINDOW` records, over fewer at the ends."""
    window = np.ones(min(WINDOW, len(values)))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def steadiness(series: Series) -> dict[str, float]:
    """What the second half of a run was like."""
    half = len(series["loss"][1]) // 2
    late = {name: values[half:] for name, (_, values) in series.items() if len(values) > half}
    logarithm = np.log(late["gradient_norm"])
    return {
        "pull": float(late["positive_pull"].mean()),
        "pull spread": float(late["positive_pull_std"].mean()),
        "effective negatives": float(late["effective_negatives"].mean()),
        "gradient norm": float(np.exp(logarithm.mean())),
        "gradient noise": float(np.std(logarithm - running_mean(logarithm))),
        "largest / median": float(late["gradient_norm"].max() / np.median(late["gradient_norm"])),
        "loss noise": float(np.std(late["loss"] - running_mean(late["loss"]))),
        "kNN": float(series["knn_accuracy"][1][-1]),
    }


def rows(runs: list[Run]) -> list[dict[str, Any]]:
    """One row for each τ and κ: means over seeds, and how far seeds lie apart in kNN."""
    table = []
    for (temperature, coupling), series in groups(runs).items():
        found = [steadiness(one) for one in series]
        means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        accuracies = [one["kNN"] for one in found]
        apart = max(accuracies) - min(accuracies)
        table.append({"τ": temperature, "κ": coupling, "seeds": len(found), **means, "kNN range": apart})
    return table


def markdown(table: list[dict[str, Any]]) -> str:
    names = list(table[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " ---: |" * len(names)]
    lines += ["| " + " | ".join(f"{row[name]:.3g}" for name in names) + " |" for row in table]
    return "\n".join(lines)


def draw(runs: list[Run], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12, 6.5), layout="constrained")
    own = groups(runs)
    lines = dict(zip(sorted({temperature for temperature, _ in own}, reverse=True), LINES, strict=False))
    for axis, (name, title) in zip(axes.flat, PANELS.items(), strict=True):
        for (temperature, coupling), series in own.items():
            found = [one[name] for one in series]
            steps = found[0][0]
            values = np.stack([values if name == "knn_accuracy" else running_mean(values) for _, values in found])
            if name == "loss":
                values = values - values[:, -1:]
            style = {"color": COLORS.get(coupling), "linestyle": lines[temperature]}
            mark = "o" if name == "knn_accuracy" else None  # there may be a single one
            axis.plot(steps, values.mean(axis=0), marker=mark, label=f"κ = {coupling:g}, τ = {temperature:g}", **style)
            axis.fill_between(
                steps, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.2, linewidth=0
            )
        axis.set_title(title)
        axis.grid(alpha=0.3)
        if name == "gradient_norm":
            axis.set_ylim(bottom=0.0)
    axes[0, 0].legend()
    for axis in axes[1]:
        axis.set_xlabel("optimizer step")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("run_dirs", nargs="+", type=Path, help="run directories that differ in κ and seed only")
    parser.add_argument("--picture", type=Path, help="PNG file to draw")
    arguments = parser.parse_args()
    runs = cut([read_run(run_dir) for run_dir in arguments.run_dirs])
    table = rows(runs)
    print(markdown(table))
    if arguments.picture:
        draw(runs, arguments.picture)
    write_json(arguments.json, table)


if __name__ == "__main__":
    main()
