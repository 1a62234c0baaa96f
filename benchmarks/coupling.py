"""Effect of the coupling κ on training, from the metrics of finished runs.

The runs (two or three minutes each on one CPU core) differ only in κ, τ and the seed:

    for seed in 0 1; do for temperature in 0.2 0.07; do for coupling in 0 1; do
        aag-train --dataset=tfds:cifar10 --encoder=tiny --width=0.5 --aux=none --global_batch_size=64 \\
            --train_steps=4000 --precision=mixed_bfloat16 --learning_rate=0.002 --log_every_steps=10 \\
            --temperature=$temperature --coupling=$coupling --seed=$seed \\
            --run_dir=runs/coupling${coupling}_temperature${temperature}_seed$seed
    done; done; done

The picture and the table:

    python benchmarks/coupling.py runs/coupling* --picture=docs/images/coupling.png --json=coupling.json

A line in the picture is the mean over seeds of a running mean over `WINDOW` records; its band covers all seeds. The
table describes the second half of each run, as means over seeds:

- `positive pull` and its spread: mean and standard deviation, over the pairs of a batch, of the recorded metric
  `positive_pull`, the weight `1 - p` of a positive pair in the gradient;
- `gradient norm`, and its noise: the standard deviation of its logarithm around the running mean, which does not
  depend on the scale of the loss; `largest / median` shows spikes;
- `loss noise`: the standard deviation of the loss around its running mean;
- `kNN`: at the last step, and the range over seeds.
"""

import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_tools import argument_parser, pyplot, read_json_lines, table, write_json

WINDOW = 20  # records in a running mean
PANELS = {
    "positive_pull": "mean positive pull, 1 − p",
    "positive_pull_std": "standard deviation of the positive pull in a batch",
    "gradient_norm": "gradient norm",
    "loss": "loss minus its final value",
    "effective_negatives": "effective negatives",
    "knn_accuracy": "20-NN accuracy, held-out images",
}
COLORS = {0.0: "tab:blue", 1.0: "tab:orange"}  # of κ
LINES = ("-", "--", ":")  # of τ, the largest first

Series = dict[str, tuple[np.ndarray, np.ndarray]]  # steps and values by metric


@dataclasses.dataclass(frozen=True)
class Run:
    """κ, τ, and every metric of a run over its steps."""

    coupling: float
    temperature: float
    series: Series


def read_run(run_dir: Path) -> Run:
    flags = json.loads((run_dir / "run.json").read_text())["flags"]
    points: dict[str, dict[int, float]] = defaultdict(dict)
    for record in read_json_lines(run_dir / "metrics.jsonl"):
        for name, value in record.items():
            points[name][record["step"]] = value
    series = {name: (np.array(list(found)), np.array(list(found.values()))) for name, found in points.items()}
    return Run(float(flags["coupling"]), float(flags["temperature"]), series)


def cut(runs: list[Run]) -> list[Run]:
    """Cuts the runs after the last step that all of them reached, so that unfinished ones are compared fairly."""
    last = min(run.series["loss"][0][-1] for run in runs)

    def until_last(points: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        steps, values = points
        return steps[steps <= last], values[steps <= last]

    return [
        dataclasses.replace(run, series={name: until_last(own) for name, own in run.series.items()}) for run in runs
    ]


def groups(runs: list[Run]) -> dict[tuple[float, float], list[Series]]:
    """Groups the series of all seeds by τ (the largest first) and κ."""
    found: dict[tuple[float, float], list[Series]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (-run.temperature, run.coupling)):
        found[run.temperature, run.coupling].append(run.series)
    return found


def running_mean(values: np.ndarray) -> np.ndarray:
    """Centered mean over `WINDOW` records, over fewer at the ends."""
    window = np.ones(min(WINDOW, len(values)))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def steadiness(series: Series) -> dict[str, float]:
    """Summarizes the second half of a run."""
    half = len(series["loss"][1]) // 2
    late = {name: values[half:] for name, (_, values) in series.items() if len(values) > half}
    logarithm = np.log(late["gradient_norm"])
    return {
        "positive pull": float(late["positive_pull"].mean()),
        "positive pull spread": float(late["positive_pull_std"].mean()),
        "effective negatives": float(late["effective_negatives"].mean()),
        "gradient norm": float(np.exp(logarithm.mean())),
        "gradient noise": float(np.std(logarithm - running_mean(logarithm))),
        "largest / median": float(late["gradient_norm"].max() / np.median(late["gradient_norm"])),
        "loss noise": float(np.std(late["loss"] - running_mean(late["loss"]))),
        "kNN": float(series["knn_accuracy"][1][-1]),
    }


def rows(runs: list[Run]) -> list[dict[str, Any]]:
    """Returns one row per τ and κ: means over seeds, and the range of kNN over seeds."""
    found_rows = []
    for (temperature, coupling), series in groups(runs).items():
        found = [steadiness(one) for one in series]
        means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        accuracies = [one["kNN"] for one in found]
        spread = max(accuracies) - min(accuracies)
        found_rows.append({"τ": temperature, "κ": coupling, "seeds": len(found), **means, "kNN range": spread})
    return found_rows


def draw(runs: list[Run], path: Path) -> None:
    figure, axes = pyplot().subplots(2, 3, figsize=(12, 6.5), layout="constrained")
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
            mark = "o" if name == "knn_accuracy" else None  # there may be only one point
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
    parser.add_argument("run_dirs", nargs="+", type=Path, help="run directories that differ only in κ, τ and seed")
    parser.add_argument("--picture", type=Path, help="PNG file to draw")
    arguments = parser.parse_args()
    runs = cut([read_run(run_dir) for run_dir in arguments.run_dirs])
    found = rows(runs)
    print(table(list(found[0]), [[f"{value:.3g}" for value in row.values()] for row in found], text_columns=0))
    if arguments.picture:
        draw(runs, arguments.picture)
    write_json(arguments.json, found)


if __name__ == "__main__":
    main()
