"""The same contrastive training in this project, in a plain Keras loop with keras-cv's layers, and in PyTorch.

    python benchmarks/peers.py --peers_python=/path/to/python --json=peers.json    # some forty minutes on two CPU cores

The work is in `peers_work.py`: ResNet-18 with the stem for small images, 32x32 color images, batches of 64 in two
views, NT-Xent, SGD. PyTorch takes torchvision's ResNet-18 and lightly's loss, transform and `DataLoader` (a worker
process a core), as their examples have it and with images in the order `channels_last`; the Keras loop takes Keras's
own layers, keras-cv's in `tf.data.Dataset.map`, and a `tf.function` as in Keras's own examples. Every package chooses
its own number of threads.

Every measurement runs in a process of its own, and the implementations take turns, `--rounds` times; the table has
medians, and the range of `both`. `step` is training on views that are in memory, `input` is drawing views, `both` is
training from images; images and encoder views a second. `start` is from the start of the process to the end of the
first step of `both`, `peak` that process's largest proportional memory (a page that processes share is divided by
them), with its workers. The last row is this project with a third, auxiliary view: compare it by views.

`--peers_python` names the interpreter of an environment with torch, torchvision and lightly; without it, or where they
are not installed, their rows are left out.
"""

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil
from peers_work import BATCH, IMPLEMENTATIONS, IN_PEERS_PYTHON, PARTS, PRECISIONS
from rows import argument_parser, write_json


def measure(name: str, part: str, *, precision: str, seconds: float) -> dict[str, float] | None:
    """One figure, in this process; `None` where something is not installed."""
    implementation = IMPLEMENTATIONS[name]
    try:
        for module in implementation.needs:
            importlib.import_module(module)
    except ImportError:
        return None
    step = getattr(implementation.make(precision), part)()
    step()
    started = time.time() - psutil.Process().create_time()
    step()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < seconds:
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return {"images_per_second": BATCH * len(taken) / sum(taken), "start_seconds": started}


def measure_apart(name: str, part: str, python: str, options: list[str]) -> dict[str, float] | None:
    """One figure from a fresh process, with the peak memory of the process and of its workers."""
    with tempfile.TemporaryFile() as errors:
        command = [python, __file__, f"--measure={name}", f"--part={part}", *options]
        process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        peak = 0
        while process.poll() is None:
            peak = max(peak, held(process))
            time.sleep(0.5)
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{name} failed:\n{errors.read().decode()[-2000:]}")
    found = json.loads(lines[-1])
    return None if found is None else found | {"peak_mib": peak / 2**20}


def held(process: psutil.Process) -> int:
    """Bytes that a process and its children hold, a page that processes share divided by them."""
    total = 0
    for one in [process, *children_of(process)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
            continue
    return total


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def medians(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """The median of every figure, and the range of `both`."""
    both = [found["both"] for found in rounds]
    row = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    return row | {"rounds": len(rounds), "both_range": [min(both), max(both)]}


def markdown(rows: list[dict[str, Any]]) -> str:
    """A row an implementation; ratios to the first row."""
    first = rows[0]
    lines = [
        "| | step, images/s | input, images/s | both, images/s | both, views/s | ratio | peak, MiB | start, s |",
        "| --- |" + " ---: |" * 7,
    ]
    for row in rows:
        low, high = row["both_range"]
        lines.append(
            f"| {row['implementation']} | {row['step']:.1f} | {row['input']:,.0f} "
            f"| {row['both']:.1f} ({low:.1f} to {high:.1f}) | {row['both'] * row['views']:.0f} "
            f"| {row['both'] * row['views'] / (first['both'] * first['views']):.2f} "
            f"| {row['peak_mib']:.0f} | {row['start_seconds']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch and lightly")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="a table each")
    parser.add_argument("--rounds", type=int, default=3, help="turns of all implementations")
    parser.add_argument("--seconds", type=float, default=12.0, help="of a measurement, after two batches")
    parser.add_argument("--only", nargs="+", choices=IMPLEMENTATIONS, default=list(IMPLEMENTATIONS))
    parser.add_argument("--measure", choices=IMPLEMENTATIONS, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        (precision,) = given.precisions
        print(json.dumps(measure(given.measure, given.part, precision=precision, seconds=given.seconds)))
        return

    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for turn in range(given.rounds):
        for precision in given.precisions:
            for name in given.only:
                figures = measure_parts(name, precision, given)
                if figures is not None:
                    found.setdefault((precision, name), []).append(figures)
                    print(f"round {turn + 1}, {precision}, {name}: {figures['both']:.1f} images/s", file=sys.stderr)
    if not found:
        raise SystemExit("nothing was measured.")
    shared = {"batch": BATCH, "seconds": given.seconds}
    rows = [
        {"implementation": name, "precision": precision, "views": IMPLEMENTATIONS[name].views, **shared}
        | medians(rounds)
        for (precision, name), rounds in found.items()
    ]
    for precision in given.precisions:
        print(f"\n{precision}:\n\n{markdown([row for row in rows if row['precision'] == precision])}")
    write_json(given.json, rows)


def measure_parts(name: str, precision: str, given: argparse.Namespace) -> dict[str, float] | None:
    """Images a second of every part, and of `both` also memory and start; `None` where something is not installed."""
    python = given.peers_python if name in IN_PEERS_PYTHON else sys.executable
    figures: dict[str, float] = {}
    for part in PARTS:
        found = measure_apart(name, part, python, [f"--precisions={precision}", f"--seconds={given.seconds}"])
        if found is None:
            print(f"{name} is left out: it is not installed.", file=sys.stderr)
            return None
        figures[part] = found["images_per_second"]
        figures |= {key: found[key] for key in ("peak_mib", "start_seconds")}  # of `both`, which comes last
    return figures


if __name__ == "__main__":
    main()
