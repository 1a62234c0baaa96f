"""The README's pictures of the demo, from a real run of it: its images and accuracies, and what a terminal shows.

    script --quiet --command 'make demo' demo.txt
    python benchmarks/demo_pictures.py --run_dir=runs/demo --terminal=demo.txt      # needs matplotlib

writes `demo.png` and `terminal.png` into --out (default: docs/images).
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_tools import pyplot

COLORS = {"raw pixels": "#b8bec6", "untrained encoder": "#8b95a1", "trained encoder": "#1f6fd1"}
MEASURES = {"knn": "20 nearest neighbors", "linear": "linear probe"}
ROWS, COLUMNS = 5, 6  # of images
DARK, LIGHT, COMMAND = "#17181c", "#dedede", "#8ab4f8"
COLUMNS_SHOWN = 132  # characters of a terminal's line; longer ones are wrapped
# A terminal's instructions: colors, cursor movements, and titles.
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_dir", required=True, type=Path, help="an evaluated run of the demo")
    parser.add_argument("--terminal", type=Path, help="what `make demo` wrote to a terminal, as recorded by script(1)")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder of the pictures")
    arguments = parser.parse_args()
    # Here, because it imports TensorFlow, which the rest does without.
    from aag_tf.config import DataConfig
    from aag_tf.data import open_source

    evaluation = json.loads((arguments.run_dir / "evaluation.json").read_text(encoding="utf-8"))
    source = open_source(DataConfig(dataset=evaluation["data"]["dataset"]))
    pictures = source.train.images.numpy(range(ROWS * COLUMNS))
    draw_results(pictures, evaluation, arguments.out / "demo.png")
    if arguments.terminal:
        recorded = arguments.terminal.read_bytes().decode()  # as it is: carriage returns have a meaning
        draw_terminal(shown_lines(recorded), arguments.out / "terminal.png")


def draw_results(pictures: np.ndarray, evaluation: dict[str, Any], path: Path) -> None:
    """Draws images, uint8 [30, h, w, 1], beside the accuracies of an `evaluation.json` and their intervals."""
    plt = pyplot()
    plt.rcParams.update({"font.size": 12, "font.family": "DejaVu Sans"})
    figure = plt.figure(figsize=(10, 4.3), facecolor="white")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.35))
    left.suptitle("Real digits at various sizes and places", fontsize=13)
    framed = np.pad(pictures[..., 0], ((0, 0), (1, 1), (1, 1)), constant_values=255)
    grid = framed.reshape(ROWS, COLUMNS, *framed.shape[1:]).swapaxes(1, 2)
    axis = left.add_axes((0.03, 0.03, 0.94, 0.85))
    axis.imshow(grid.reshape(ROWS * framed.shape[1], -1), cmap="gray", vmin=0, vmax=255)
    axis.set_axis_off()

    data = evaluation["data"]
    right.suptitle(f"Accuracy on {data['num_queries']} {data['split']} images, %", fontsize=13)
    axis = right.add_axes((0.33, 0.03, 0.62, 0.85))
    for place, (name, title) in enumerate(MEASURES.items()):
        for row, result in enumerate(evaluation["results"]):
            measure = next(measure for measure in result["measures"] if measure["name"] == name)
            value, low, high = (100 * measure[key] for key in ("value", "low", "high"))
            height, color = -(4 * place + row), COLORS[result["features"]]
            axis.barh(height, value, color=color, height=0.86)
            axis.errorbar(value, height, xerr=[[value - low], [high - value]], color="black", capsize=4, lw=1.3)
            axis.text(high + 2, height, f"{value:.1f}", va="center", weight="bold")
            axis.text(-2, height, result["features"], va="center", ha="right")
        axis.text(0, -4 * place + 0.62, title, va="bottom", weight="bold")
    axis.set(xlim=(0, 112), ylim=(-6.6, 1.3))
    axis.set_axis_off()
    figure.savefig(path, dpi=140)
    plt.close(figure)


def shown_lines(recorded: str) -> list[str]:
    """Returns the lines that stay on a terminal: of what was overwritten in place, the last state only."""
    kept = []
    for line in ESCAPES.sub("", recorded).replace("\r\n", "\n").split("\n"):
        if line.startswith(("Script started", "Script done")):
            continue
        states = [state for state in line.split("\r") if state.strip()]
        text = states[-1].rstrip() if states else ""
        # A terminal shows no machine's paths to the commands.
        text = re.sub(r"^\S*/bin/(?=aag-)", "", text)
        kept += [text[start : start + COLUMNS_SHOWN] for start in range(0, max(1, len(text)), COLUMNS_SHOWN)]
    return "\n".join(kept).strip("\n").split("\n")


def draw_terminal(lines: list[str], path: Path) -> None:
    """Draws lines of text as light on dark, the commands among them in blue."""
    plt = pyplot()
    lines = ["$ make demo", *lines]
    size, step = 10.5, 0.205  # points, inches
    width = 0.4 + max(map(len, lines)) * size * 0.602 / 72  # DejaVu Sans Mono: 0.602 of its size wide
    height = 0.5 + len(lines) * step
    figure = plt.figure(figsize=(width, height), facecolor=DARK)
    for number, line in enumerate(lines):
        color = COMMAND if line.startswith("aag-") else LIGHT
        at = 1 - (0.25 + (number + 0.7) * step) / height
        figure.text(0.2 / width, at, line, color=color, family="DejaVu Sans Mono", size=size, parse_math=False)
    figure.savefig(path, dpi=100, facecolor=DARK)
    plt.close(figure)


if __name__ == "__main__":
    main()
