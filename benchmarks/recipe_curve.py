"""Learning curves of runs: accuracy on held-out images over hours of training, from `metrics.jsonl`.

    python benchmarks/recipe_curve.py runs/cifar10_overnight --picture=docs/images/cifar10_overnight.png

prints some points of each curve and draws all of them. Hours are those of steps and monitoring, summed over all
resumptions; pauses between them do not count.
"""

import json
from pathlib import Path

from ablation_run import step_seconds
from benchmark_tools import argument_parser, markdown, pyplot, read_json_lines, write_json

NAMES = {"knn_accuracy": "kNN", "linear_accuracy": "linear probe"}


def curve(run_dir: Path) -> list[dict[str, float]]:
    """Returns the points of a run: step, hours so far, and the measured accuracies in [0, 1]."""
    batch = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))["flags"]["global_batch_size"]
    logged = read_json_lines(run_dir / "metrics.jsonl")
    points, monitor = [], 0.0
    for record in (record for record in logged if "knn_accuracy" in record):
        monitor += record["monitor_seconds"]
        done = [other for other in logged if other["step"] <= record["step"]]
        point = {"step": record["step"], "hours": (step_seconds(done, batch) + monitor) / 3600}
        points.append(point | {name: record[name] for name in NAMES if name in record})
    return points


def thinned(points: list[dict[str, float]], most: int) -> list[dict[str, float]]:
    """Returns at most `most` of the points, evenly spaced, including the last one."""
    stride = max(1, -(-len(points) // most))
    return points[::-1][::stride][::-1]


def draw(curves: dict[str, list[dict[str, float]]], picture: Path) -> None:
    figure, axis = pyplot().subplots(figsize=(7, 4))
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
    parser.add_argument("--points", type=int, default=12, help="largest number of points printed per run")
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
