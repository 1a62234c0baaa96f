"""Measures what `scale_model.py` is told and `input.py` does not measure.

    python benchmarks/scale_costs.py --json=scale_costs.json       # about five minutes on two idle cores

- `python_ms`: time in which a thread holds Python's lock for one image, for each way to read it, by py-spy. One process
  reads for all GPUs of a machine, so that this caps its images/s whatever its cores.
- `image_bytes`: size of an image, of a JPEG of 500x375 and in packs of it.
- `order_seconds`, `order_bytes`: of shuffling an epoch, for an example.
- `packing_ms`: processor time of `aag-pack --side=256` for an image.
- `cpu_ms`: as `input.py` measures it, once only; where there are rows of `input.py`, the model takes those.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from benchmark_tools import Row, argument_parser, markdown, peak_bytes, run_for_json, write_json
from input import BATCH, NAMES, SIZES, WARM_UP, WAYS, cpu_seconds, make_files
from interpreter_lock import LockSampling, find_py_spy
from provenance import machine

SIZE = "500x375"
MEASURED = ("source_2", "source_3", "pack_256_2", "pack_256_3", "pack_raw")
PLACES = {"files": "files", "pack_256": "pack_256", "pack_raw": "pack_raw"}
EXAMPLES = 20_000_000  # whose order is shuffled
FEW = 8  # files, whose packing is little but its start


def main() -> None:
    """Measures all and prints the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="that py-spy samples each way")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--files", type=int, default=SIZES[SIZE])
    parser.add_argument("--way", choices=MEASURED, help="used by the script itself")
    parser.add_argument("--order", action="store_true", help="used by the script itself")
    parser.add_argument("--data", help="used by the script itself")
    given = parser.parse_args()
    if given.way:
        print(json.dumps(read_for(given.way, Path(given.data), given.seconds)))
    elif given.order:
        print(json.dumps(order_costs(given.examples)))
    else:
        with tempfile.TemporaryDirectory() as root:
            rows = table_of(Path(root) / SIZE, given)
        print(markdown(rows, ["what", "of", "value"]))
        write_json(given.json, rows)


def table_of(data: Path, given: argparse.Namespace) -> list[Row]:
    """Returns a row for each cost."""
    width, height = map(int, SIZE.split("x"))
    make_files(data, width, height, given.files)
    rows: list[Row] = []

    def add(what: str, of: str, value: float) -> None:
        rows.append({"what": what, "of": of, "value": float(f"{value:.4g}"), "machine": machine()})

    for way in MEASURED:
        command = [sys.executable, __file__, f"--way={way}", f"--data={data}", f"--seconds={given.seconds}"]
        for what, value in run_for_json(command).items():
            if value is not None:
                add(what, NAMES[way], value)
    for name, place in PLACES.items():
        pattern = "*.jpg" if name == "files" else "pack-*"
        add("image_bytes", name, sum(path.stat().st_size for path in (data / place).glob(pattern)) / given.files)
    for what, value in run_for_json([sys.executable, __file__, "--order", f"--examples={given.examples}"]).items():
        add(what, "an example", value)
    add("packing_ms", "an image", packing_ms(data, given.files))
    return rows


def read_for(way: str, data: Path, seconds: int) -> Row:
    """Reads batches; processor time and time of Python's lock for one image."""
    batches = WAYS[way](data)
    for _ in range(WARM_UP[SIZE]):
        next(batches)
    images, cpu, began = 0, cpu_seconds(), time.perf_counter()
    while time.perf_counter() - began < seconds / 2:
        next(batches)
        images += BATCH
    row: Row = {"cpu_ms": 1000 * (cpu_seconds() - cpu) / images, "python_ms": None}
    py_spy, images = find_py_spy(), 0
    if py_spy is None:
        return row
    sampling, began = LockSampling(py_spy, seconds), time.perf_counter()
    while sampling.goes_on():
        next(batches)
        images += BATCH
    taken, share = time.perf_counter() - began, sampling.share()
    return row if share is None else row | {"python_ms": 1000 * share * taken / images}


def order_costs(examples: int) -> Row:
    """Shuffles an epoch as training does, up to its first batch; seconds and peak memory of an example."""
    import tensorflow as tf

    from aag_tf.data import order

    order.epoch_order(1000, 0, 0)
    before, began = psutil.Process().memory_info().rss, time.perf_counter()
    visited = order.shuffled(examples, order.epoch_seed(0, 0))
    numbers = tf.data.Dataset.from_tensor_slices(tf.reshape(visited, [-1, 1000]))
    next(iter(numbers))
    return {
        "order_seconds": (time.perf_counter() - began) / examples,
        "order_bytes": (peak_bytes() - before) / examples,
    }


def packing_ms(data: Path, files: int) -> float:
    """Processor time of packing an image with `--side=256`, without that of starting."""
    few = data / "few"
    few.mkdir()
    for path in sorted((data / "files").iterdir())[:FEW]:
        os.link(path, few / path.name)  # links that lead out of a folder are not followed
    seconds = {}
    for place, count in ((data / "files", files), (few, FEW)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        pack = [f"--dataset=folder:{place}", "--side=256", f"--output={data / f'packed-{place.name}'}"]
        subprocess.run(
            [sys.executable, "-m", "aag_tf.commands.pack", *pack],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds[count] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * (seconds[files] - seconds[FEW]) / (files - FEW)


if __name__ == "__main__":
    main()
