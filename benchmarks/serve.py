"""Latency at batch 1 and throughput at batch 64 of every client of an export, compared with the bare encoder call.

    aag-export --run_dir=runs/cifar10 --export_dir=served/cifar10 --formats=onnx,openvino,litert
    python benchmarks/serve.py --run_dir=runs/cifar10 --saved_model=served/cifar10 --json=serve.json

Takes a few minutes on two CPU cores. Client and server share the machine. The rounds of each client alternate with
those of the bare encoder (a graph function of the Keras model, uint8 arrays in and out). A ratio is the median of the
rounds' ratios, so that other load on the machine affects both alike.
"""

import numpy as np
from benchmark_tools import Row, timed, write_json
from ways_in import Embed, open_exported, parser_of, ways_in

BATCH = 64


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=20, help="calls per round at batch 1; a quarter of it at batch 64")
    arguments = parser.parse_args()

    exported = open_exported(arguments)
    images = (exported.source.test or exported.source.train).images.numpy(np.arange(BATCH))
    print(f"{'':36} {'p50 ms':>8} {'p99 ms':>8} {'images/s':>9} {'of bare':>8}")
    rows: list[Row] = []
    for name, way in ways_in(arguments.kserve_python).items():
        with way(exported.saved_model) as embed:
            row, reference = compare(embed, exported.encoder, images, arguments.rounds, arguments.calls)
        if not rows:
            rows.append({"way": "bare encoder"} | reference)
            show(rows[-1])
        rows.append({"way": name} | row)
        show(rows[-1])
        write_json(arguments.json, rows)


def compare(
    embed: Embed, reference: Embed, images: np.ndarray, rounds: int, calls: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Measures both alternately and returns the results of each."""
    one, many = images[:1], images
    for call in (embed, reference):
        call(one)
        call(many)
    single: tuple[list[float], list[float]] = ([], [])
    batch: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        # The order alternates, because the first call of a round may find colder caches.
        for which, call in sorted(enumerate((embed, reference)), reverse=bool(number % 2)):
            single[which].extend(seconds(call, one) for _ in range(calls))
            batch[which].append(float(np.median([seconds(call, many) for _ in range(max(3, calls // 4))])))
    ratio = float(np.median(np.array(batch[1]) / np.array(batch[0])))
    return summary(single[0], batch[0], ratio), summary(single[1], batch[1], 1.0)


def seconds(call: Embed, images: np.ndarray) -> float:
    return timed(lambda: call(images))[1]


def summary(single: list[float], batch: list[float], ratio: float) -> dict[str, float]:
    p50, p99 = np.percentile(single, [50, 99]) * 1000
    return {
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "images_per_second": BATCH / float(np.median(batch)),
        "of_bare": ratio,
    }


def show(row: Row) -> None:
    values = f"{row['p50_ms']:8.2f} {row['p99_ms']:8.2f} {row['images_per_second']:9.0f} {100 * row['of_bare']:7.1f}%"
    print(f"{row['way']:36} {values}", flush=True)


if __name__ == "__main__":
    main()
