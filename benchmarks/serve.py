"""Latency at batch 1 and throughput at batch 64 through every way into an export, against the bare encoder call.

    aag-export --run_dir=runs/cifar10 --export_dir=served/cifar10 --formats=onnx,openvino,litert
    python benchmarks/serve.py --run_dir=runs/cifar10 --saved_model=served/cifar10 --json=serve.json

A few minutes on two CPU cores. Client and server share the machine. Each way is measured in rounds that alternate with
the bare encoder's (a graph function of the Keras model, uint8 arrays in and out), and its ratio is the median of the
rounds' ratios, so that what else the machine does meanwhile counts for both alike.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from rows import argument_parser, write_json
from ways_in import Embed, bare, ways_in

from aag_tf.data import open_source
from aag_tf.runs.exported import load_saved_model
from aag_tf.runs.run import load_run

BATCH = 64


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--run_dir", required=True)
    parser.add_argument("--saved_model", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=20, help="at batch 1, a round; at batch 64 a quarter of it")
    parser.add_argument("--kserve_python")
    arguments = parser.parse_args()

    run = load_run(arguments.run_dir)
    saved_model = load_saved_model(arguments.saved_model).path
    source = open_source(run.config.data)
    images = (source.test or source.train).images.numpy(np.arange(BATCH))
    encoder = bare(run.encoder, run.image_shape)
    print(f"{'':36} {'p50 ms':>8} {'p99 ms':>8} {'images/s':>9} {'of bare':>8}")
    rows: list[dict[str, Any]] = []
    for name, way in ways_in(arguments.kserve_python).items():
        with way(Path(saved_model)) as embed:
            row, reference = compare(embed, encoder, images, arguments.rounds, arguments.calls)
        if not rows:
            rows.append({"way": "bare encoder"} | reference)
            show(rows[-1])
        rows.append({"way": name} | row)
        show(rows[-1])
        write_json(arguments.json, rows)


def compare(
    embed: Embed, reference: Embed, images: np.ndarray, rounds: int, calls: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The figures of both, measured in turn."""
    one, many = images[:1], images
    for call in (embed, reference):
        call(one)
        call(many)
    single: tuple[list[float], list[float]] = ([], [])
    batch: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        # The one that comes first changes, since a processor remembers what it did last.
        for which, call in sorted(enumerate((embed, reference)), reverse=bool(number % 2)):
            single[which].extend(seconds(call, one) for _ in range(calls))
            batch[which].append(float(np.median([seconds(call, many) for _ in range(max(3, calls // 4))])))
    ratio = float(np.median(np.array(batch[1]) / np.array(batch[0])))
    return figures(single[0], batch[0], ratio), figures(single[1], batch[1], 1.0)


def seconds(call: Embed, images: np.ndarray) -> float:
    start = time.perf_counter()
    call(images)
    return time.perf_counter() - start


def figures(single: list[float], batch: list[float], ratio: float) -> dict[str, float]:
    p50, p99 = np.percentile(single, [50, 99]) * 1000
    return {
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "images_per_second": BATCH / float(np.median(batch)),
        "of_bare": ratio,
    }


def show(row: dict[str, Any]) -> None:
    figures = f"{row['p50_ms']:8.2f} {row['p99_ms']:8.2f} {row['images_per_second']:9.0f} {100 * row['of_bare']:7.1f}%"
    print(f"{row['way']:36} {figures}", flush=True)


if __name__ == "__main__":
    main()
