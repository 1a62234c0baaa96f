"""Speed of the same contrastive training in this project, in a plain Keras loop with keras-cv's layers, and in PyTorch.

    python benchmarks/peers.py --peers_python=/path/to/python --json=peers.json    # forty minutes on two CPU cores

`peers_work.py` contains the work: ResNet-18 with the stem for small images, 32x32 color images, batches of 64 in two
views, NT-Xent, SGD. PyTorch uses torchvision's ResNet-18 and lightly's loss, transform and `DataLoader` (one worker
process per core), in the memory format of their examples and in `channels_last`. The Keras loop uses Keras's own
layers, keras-cv's in `tf.data.Dataset.map`, and a `tf.function` as in Keras's own examples. Every package chooses its
number of threads.

Every measurement runs in its own process, and the implementations alternate `--rounds` times; the table has medians,
and the range of `both`. `step` is training on views in memory, `input` is drawing views, `both` is training from
images, in images and encoder views per second. `start` is the time from the start of the process to the end of the
first step of `both`. `peak` is the largest proportional memory of that process with its workers (a shared page is
divided by the number of processes that share it). The last row is this project with a third, auxiliary view: compare it
by views.

`--peers_python` names the interpreter of an environment with torch, torchvision and lightly; without it, or if they are
not installed, their rows are left out.
"""

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time

import psutil
from benchmark_tools import Row, argument_parser, table, timed, write_json
from peers_work import BATCH, IMPLEMENTATIONS, IN_PEERS_PYTHON, PARTS, PRECISIONS


def measure(name: str, part: str, *, precision: str, seconds: float) -> dict[str, float] | None:
    """Measures one part in this process; returns `None` if a package is not installed."""
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
        taken.append(timed(step)[1])
    return {"images_per_second": BATCH * len(taken) / sum(taken), "start_seconds": started}


def measure_in_process(name: str, part: str, python: str, options: list[str]) -> dict[str, float] | None:
    """Measures one part in a fresh process, with the peak memory of the process and its workers."""
    with tempfile.TemporaryFile() as errors:
        command = [python, __file__, f"--measure={name}", f"--part={part}", *options]
        process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory_of(process))
            time.sleep(0.5)
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{name} failed:\n{errors.read().decode()[-2000:]}")
    found = json.loads(lines[-1])
    return None if found is None else found | {"peak_mib": peak / 2**20}


def memory_of(process: psutil.Process) -> int:
    """Returns the proportional memory of a process and its children, in bytes."""
    total = 0
    for one in [process, *children_of(process)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just exited
            continue
    return total


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def medians(rounds: list[dict[str, float]]) -> Row:
    """Returns the median of every value, and the range of `both`."""
    both = [found["both"] for found in rounds]
    row = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    return row | {"rounds": len(rounds), "both_range": [min(both), max(both)]}


def results_table(rows: list[Row]) -> str:
    """Returns a table with one row per implementation; ratios are relative to the first."""
    names = ("step, images/s", "input, images/s", "both, images/s", "both, views/s", "ratio", "peak, MiB", "start, s")
    views_per_second = [row["both"] * row["views"] for row in rows]
    lines = []
    for row, views in zip(rows, views_per_second, strict=True):
        low, high = row["both_range"]
        both, ratio = f"{row['both']:.1f} ({low:.1f} to {high:.1f})", f"{views / views_per_second[0]:.2f}"
        memory, start = f"{row['peak_mib']:.0f}", f"{row['start_seconds']:.1f}"
        step, drawing = f"{row['step']:.1f}", f"{row['input']:,.0f}"
        lines.append((row["implementation"], step, drawing, both, f"{views:.0f}", ratio, memory, start))
    return table(["", *names], lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch and lightly")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="a table for each")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all implementations")
    parser.add_argument("--seconds", type=float, default=12.0, help="per measurement, after two batches")
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
                values = measure_parts(name, precision, given)
                if values is not None:
                    found.setdefault((precision, name), []).append(values)
                    print(f"round {turn + 1}, {precision}, {name}: {values['both']:.1f} images/s", file=sys.stderr)
    if not found:
        raise SystemExit("nothing was measured.")
    shared = {"batch": BATCH, "seconds": given.seconds}
    rows = [
        {"implementation": name, "precision": precision, "views": IMPLEMENTATIONS[name].views, **shared}
        | medians(rounds)
        for (precision, name), rounds in found.items()
    ]
    for precision in given.precisions:
        print(f"\n{precision}:\n\n{results_table([row for row in rows if row['precision'] == precision])}")
    write_json(given.json, rows)


def measure_parts(name: str, precision: str, given: argparse.Namespace) -> dict[str, float] | None:
    """Returns images per second of every part, with memory and start of `both`; `None` if a package is missing."""
    python = given.peers_python if name in IN_PEERS_PYTHON else sys.executable
    values: dict[str, float] = {}
    for part in PARTS:
        found = measure_in_process(name, part, python, [f"--precisions={precision}", f"--seconds={given.seconds}"])
        if found is None:
            print(f"{name} is left out: it is not installed.", file=sys.stderr)
            return None
        values[part] = found["images_per_second"]
        values |= {key: found[key] for key in ("peak_mib", "start_seconds")}  # of `both`, which comes last
    return values


if __name__ == "__main__":
    main()
