"""Fine-tuning with few labels, beside the linear probe of the same encoder and the same network from random weights.

    python benchmarks/finetune.py --init_from=runs/cifar10_cpu --dataset=tfds:cifar10 --rows=finetune_cifar10.jsonl
    python benchmarks/finetune.py --rows=finetune_cifar10.jsonl --report=docs/measurements/finetune.md

Each share of the labels is drawn `--draws` times, each draw with the seed of its number, and fine-tuned by
`aag-finetune` with its defaults and the flags behind `--`. A line of `--rows` is a draw; those that it has are not done
again, and one that was interrupted goes on (the classifiers are in `--outputs`). Intervals in the table are over draws:
Student's t of the paired differences. A draw takes eight trainings by default. Processes with different `--percents`
can work on the same rows at a time.
"""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from ablation_statistics import mean_and_deviation, paired_difference
from benchmark_tools import Row, read_json_lines, replace_table, table
from provenance import provenance

NAMES = {
    "fine-tuned": "fine_tuned",
    "linear probe": "probe",
    "from random weights": "scratch",
}
OTHERS = {
    "probe": "above its probe",
    "scratch": "above random weights",
}


def row_of(result: dict[str, Any]) -> Row:
    """Returns what a row keeps of a `finetune.json`."""
    found: Row = {}
    for each in result["results"]:
        if each["features"] not in NAMES:
            continue
        measures = {measure["name"]: measure["value"] for measure in each["measures"]}
        found[NAMES[each["features"]]] = measures["accuracy"]
        found[f"{NAMES[each['features']]}_balanced"] = measures["accuracy_balanced"]
    for name, states in result["calibration"].items():
        for state, calibration in states.items():
            found[f"{NAMES[name]}_calibration_error_{state}"] = calibration["error"]["value"]
    chosen = result["chosen"]
    found |= {name: chosen[name] for name in ("learning_rate", "best_step", "steps")}
    found |= {name: result["data"][name] for name in ("train", "held_out", "reported", "refit")}
    of_trials = ("start", "learning_rate", "steps_done", "best_step", "accuracy", "diverged")
    trials = [{name: each[name] for name in of_trials} for each in result["trials"]]
    return found | {"trials": trials, "seconds": round(sum(each["seconds"] for each in result["trials"]), 1)}


def run(given: argparse.Namespace, percent: float, draw: int, extra: list[str]) -> Row:
    """Fine-tunes one draw in a process of its own; one that was interrupted goes on.

    Raises:
        SystemExit: it failed or was stopped.
    """
    output = given.outputs / f"{percent:g}_percent_draw_{draw}"
    flags = [f"--init_from={given.init_from}", f"--dataset={given.dataset}", f"--label_percent={percent:g}"]
    flags += [f"--seed={draw}", *([] if draw < given.scratch_draws else ["--noscratch"]), *extra]
    again = ["--resume"] if (output / "started.json").exists() else []
    command = [sys.executable, "-m", "aag_tf.commands.finetune", *flags, f"--output={output}", *again]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"{output} stopped; the next call goes on with it.")
    result = json.loads((output / "finetune.json").read_text(encoding="utf-8"))
    kept = {"dataset": given.dataset, "percent": percent, "draw": draw, "flags": flags, "encoder": result["encoder"]}
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return kept | row_of(result) | {"finished": finished} | provenance()


def read_rows(path: Path) -> list[Row]:
    """Returns the rows that are there, by data set, share and draw."""
    rows = read_json_lines(path) if path.exists() else []
    return sorted(rows, key=lambda row: (row["dataset"], row["percent"], row["draw"]))


def accuracy_table(rows: list[Row]) -> str:
    """Returns accuracies, mean ± deviation over draws, and paired differences with their intervals, in percent."""
    header = ["data set", "labels", "draws", *(name.replace("_", " ") for name in NAMES.values()), *OTHERS.values()]
    lines = []
    for dataset, percent in sorted({(row["dataset"], row["percent"]) for row in rows}):
        own = [row for row in rows if (row["dataset"], row["percent"]) == (dataset, percent)]
        values = {name: {row["draw"]: 100 * row[name] for row in own if name in row} for name in NAMES.values()}
        cells = [mean_and_deviation(values[name].values()) for name in NAMES.values()]
        for name in OTHERS:
            if not values[name]:
                cells.append("–")
                continue
            cells.append(paired_difference(values["fine_tuned"], values[name]).text())
        labels = own[0]["train"] + own[0]["held_out"]
        lines.append([dataset, f"{percent:g} %, {labels:,}", len(own), *cells])
    return table(header, lines, text_columns=2)


def calibration_table(rows: list[Row]) -> str:
    """Returns calibration errors before and after temperature scaling, mean ± deviation over draws, in percent."""
    lines = []
    for dataset, percent in sorted({(row["dataset"], row["percent"]) for row in rows}):
        own = [row for row in rows if (row["dataset"], row["percent"]) == (dataset, percent)]
        cells = []
        for name in ("fine_tuned", "probe"):
            for state in ("before", "after"):
                key = f"{name}_calibration_error_{state}"
                cells.append(mean_and_deviation(100 * row[key] for row in own if key in row))
        lines.append([dataset, f"{percent:g} %", *cells])
    states = [f"{name}, {state}" for name in ("fine-tuned", "linear probe") for state in ("as trained", "scaled")]
    return table(["data set", "labels", *states], lines, text_columns=2)


def steps_table(rows: list[Row]) -> str:
    """Returns what was chosen, and the steps that were done until then, mean over draws."""
    lines, rates = [], sorted({trial["learning_rate"] for row in rows for trial in row["trials"]})
    for dataset, percent in sorted({(row["dataset"], row["percent"]) for row in rows}):
        own = [row for row in rows if (row["dataset"], row["percent"]) == (dataset, percent)]
        cells: list[object] = [sum(row["best_step"] == 0 for row in own)]
        cells += [sum(row["best_step"] > 0 and row["learning_rate"] == rate for row in own) for rate in rates]
        for start in ("encoder", "random"):
            trials = [[each["steps_done"] for each in row["trials"] if each["start"] == start] for row in own]
            done = [sum(each) for each in trials if each]
            cells.append(f"{np.mean(done):,.0f}" if done else "–")
        lines.append([dataset, f"{percent:g} %", len(own), *cells])
    header = ["data set", "labels", "draws", "probe kept", *(f"{rate:g} chosen" for rate in rates)]
    return table([*header, "steps from the encoder", "steps from random weights"], lines, text_columns=2)


TABLES = {"accuracy": accuracy_table, "calibration": calibration_table, "steps": steps_table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, required=True, help="file with a JSON object a line, of a draw each")
    parser.add_argument("--init_from", help="the encoder, as aag-finetune takes it")
    parser.add_argument("--dataset", default="tfds:cifar10", help="labeled images, as aag-finetune takes them")
    parser.add_argument("--percents", type=float, nargs="+", default=[1.0, 5.0, 10.0], help="shares of the labels")
    parser.add_argument("--draws", type=int, default=5, help="draws of each share")
    parser.add_argument(
        "--scratch_draws", type=int, default=5, help="the first draws, which train from random weights too"
    )
    parser.add_argument("--outputs", type=Path, default=Path("runs/finetune_study"), help="parent of the outputs")
    parser.add_argument("--report", type=Path, help="write the tables of the rows that are there into a page, and stop")
    parser.add_argument("extra", nargs="*", help="flags of aag-finetune, behind --")
    given = parser.parse_args()
    if not (given.report or given.init_from):
        parser.error("give --init_from or --report")
    done = {(row["dataset"], row["percent"], row["draw"]) for row in read_rows(given.rows)}
    for draw in range(0 if given.report else given.draws):  # every share once before any twice
        for percent in given.percents:
            if (given.dataset, percent, draw) in done:
                continue
            row = run(given, percent, draw, given.extra)
            with given.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{percent:g} %, draw {draw}: {100 * row['fine_tuned']:.1f} %", file=sys.stderr)
    rows = read_rows(given.rows)
    for name, build in TABLES.items():
        if given.report:
            replace_table(given.report, f"{given.rows.stem}_{name}", build(rows))
        else:
            print(build(rows), end="\n\n")


if __name__ == "__main__":
    main()
