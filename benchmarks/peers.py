"""The same contrastive training in this project, in a plain Keras loop with keras-cv's layers, and in PyTorch.

    python benchmarks/peers.py --peers_python=/path/to/python --json=peers.json    # about six minutes on two CPU cores

The work is in `peers_work.py`: ResNet-18 with the stem for small images, 32x32 colour images, batches of 64 in two
views, NT-Xent, SGD. PyTorch takes torchvision's ResNet-18 and lightly's loss, transform and `DataLoader` (a worker
process a core); the Keras loop takes Keras's own layers, keras-cv's in `tf.data.Dataset.map`, and a `tf.function` as
in Keras's own examples.

Every measurement runs in a process of its own. `step` is training on views that are in memory, `input` is drawing
views, `both` is training from images; images and encoder views a second. `start` is from the start of the process to
the end of the first step of `both`, `peak` that process's largest resident memory, with its workers. The last row is
this project with a third, auxiliary view: compare it by views.

`--peers_python` names the interpreter of an environment with torch, torchvision and lightly; without it, or where they
are not installed, their row is left out.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import psutil
from peers_work import BATCH, IMPLEMENTATIONS, IN_PEERS_PYTHON, PARTS
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
            peak = max(peak, resident(process))
            time.sleep(0.1)
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{name} failed:\n{errors.read().decode()[-2000:]}")
    found = json.loads(lines[-1])
    return None if found is None else found | {"peak_mib": peak / 2**20}


def resident(process: psutil.Process) -> int:
    """Bytes that a process and its children hold, pages that they share counted once for each."""
    try:
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def markdown(rows: list[dict[str, Any]]) -> str:
    """A row an implementation; ratios to the first row."""
    first = rows[0]
    lines = [
        "| | step, images/s | input, images/s | both, images/s | both, views/s | ratio | peak, MiB | start, s |",
        "| --- |" + " ---: |" * 7,
    ]
    for row in rows:
        lines.append(
            f"| {row['implementation']} | {row['step']:.0f} | {row['input']:,.0f} | {row['both']:.0f} "
            f"| {row['both'] * row['views']:.0f} | {row['both'] * row['views'] / (first['both'] * first['views']):.2f} "
            f"| {row['peak_mib']:.0f} | {row['start_seconds']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has torch and lightly")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of all of them")
    parser.add_argument("--seconds", type=float, default=12.0, help="of a measurement, after two batches")
    parser.add_argument("--only", nargs="+", choices=IMPLEMENTATIONS, default=list(IMPLEMENTATIONS))
    parser.add_argument("--measure", choices=IMPLEMENTATIONS, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        settings = {"precision": given.precision, "seconds": given.seconds}
        print(json.dumps(measure(given.measure, given.part, **settings)))
        return

    options = [f"--precision={given.precision}", f"--seconds={given.seconds}"]
    rows: list[dict[str, Any]] = []
    for name in given.only:
        python = given.peers_python if name in IN_PEERS_PYTHON else sys.executable
        row: dict[str, Any] = {"implementation": name, "views": IMPLEMENTATIONS[name].views, **vars_of(given)}
        for part in PARTS:
            found = measure_apart(name, part, python, options)
            if found is None:
                print(f"{name} is left out: it is not installed.", file=sys.stderr)
                break
            row[part] = found["images_per_second"]
            row |= {key: found[key] for key in ("peak_mib", "start_seconds")}  # of `both`, which comes last
            print(f"{name}, {part}: {found['images_per_second']:.1f} images/s", file=sys.stderr)
        else:
            rows.append(row)
    if not rows:
        raise SystemExit("nothing was measured.")
    print(markdown(rows))
    write_json(given.json, rows)


def vars_of(given: argparse.Namespace) -> dict[str, Any]:
    """The settings that a row keeps."""
    return {"precision": given.precision, "batch": BATCH, "seconds": given.seconds}


if __name__ == "__main__":
    main()
