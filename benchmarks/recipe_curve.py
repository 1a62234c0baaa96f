"""How the accuracy of runs rises while they are trained: held-out images, over hours, from `metrics.jsonl`.

    python benchmarks/recipe_curve.py runs/cifar10_overnight --picture=docs/images/cifar10_overnight.png

prints some points of each curve, and draws all of them. Hours are those of the steps and of the monitor, over all
sittings, so that a run which was stopped and resumed counts only what it worked.
"""

import json
from pathlib import Path

from ablation_run import step_seconds
from rows import argument_parser, markdown, write_json

from aag_tf.runs.run_directory import RunDirectory

NAMES = {"knn_accuracy": "kNN", "linear_accuracy": "linear probe"}


def curve(run_dir: Path) -> list[dict[str, float]]:
    """Points of a run: step, hours so far, and accuracies in [0, 1], where they were measured."""
    batch = RunDirectory(run_dir).read_record().config.schedule.global_batch_size
    logged = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    points, monitor = [], 0.0
    for record in (record for record in logged if "knn_accuracy" in record):
        monitor += record["monitor_seconds"]
        done = [other for other in logged if other["step"] <= record["step"]]
        point = {"step": record["step"], "hours": (step_seconds(done, batch) + monitor) / 3600}
        points.append(point | {name: record[name] for name in NAMES if name in record})
    return points


def thinned(points: list[dict[str, float]], most: int) -> list[dict[str, float]]:
    """At most so many of the points, evenly spread, with the last one."""
    stride = max(1, -(-len(points) // most))
    return points[::-1][::stride][::-1]


def draw(curves: dict[str, list[dict[str, float]]], picture: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4))
    for index, (run, points) in enumerate(curves.items()):
        for style, (name, label) in zip(("-", "--"), NAMES.items(), strict=True):
            known = [point for point in points if name in point]
            values = [100 * point[name] for point in known]
            axis.plot([p["hours"] for p in known], values, style, color=f"C{index}", label=f"{run}, {label}")
    axis.set(xlabel="hours", ylabel="accuracy on held-out images, %")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(picture, dpi=110, bbox_inches="tight")


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="run directories")
    parser.add_argument("--picture", type=Path, help="PNG file to draw")
    parser.add_argument("--points", type=int, default=12, help="most points of a run that are printed")
    given = parser.parse_args()
    curves = {run.name if len(given.runs) == 1 else str(run): curve(run) for run in given.runs}
    rows = [
        {
            "run": run,
            "step": point["step"],
            "hours": f"{point['hours']:.2f}",
            **{f"{label}, %": f"{100 * point[name]:.1f}" for name, label in NAMES.items() if name in point},
        }
        for run, points in curves.items()
        for point in thinned(points, given.points)
    ]
    print(markdown(rows))
    write_json(given.json, curves)
    if given.picture:
        draw(curves, given.picture)


if __name__ == "__main__":
    main()
