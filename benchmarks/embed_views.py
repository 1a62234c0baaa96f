"""What an embedding gains from the mean over several fixed views of an image (`--embed_views`), and what it costs.

    python benchmarks/embed_views.py --run_dir=runs/cifar10_cpu --test
    python benchmarks/embed_views.py --report=docs/measurements/recipes.md     # from the rows, which are kept

Measures the encoder of a run by 20-NN and linear probe on held-out training images, with the other training images to
learn from; with `--test` on the test split too, with all of them. The milliseconds are those of an image in batches of
256, in float32: the median of `ROUNDS` batches, the numbers of views in turns. A run that is measured again gets new
rows.
"""

import argparse
import functools
import statistics
import sys
from pathlib import Path
from typing import Any

import ablation_files
import numpy as np
from ablation_run import evaluate_run
from benchmark_tools import Row, replace_table, table, timed
from provenance import provenance

NAMES = ("linear", "knn")
RESULTS = Path(__file__).parent / "results" / "embed_views.jsonl"
BATCH, ROUNDS = 256, 10


def milliseconds(encoder: Any, image_shape: tuple[int, int, int], counts: list[int]) -> dict[int, float]:
    """Returns milliseconds an image for each number of views, on this machine."""
    from aag_tf.evaluation import inference

    images = np.random.default_rng(0).integers(0, 256, (BATCH, *image_shape), np.uint8)
    works = {count: inference(encoder, image_shape, count) for count in counts}
    for work in works.values():
        work(images)
    seconds: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(ROUNDS):
        for count, work in works.items():
            seconds[count].append(timed(functools.partial(work, images))[1])
    return {count: 1000 * statistics.median(found) / BATCH for count, found in seconds.items()}


def measure(run_dir: str, counts: list[int], *, test: bool) -> list[Row]:
    """Returns a row for each number of views."""
    from aag_tf.runs.run import load_run

    run = load_run(run_dir)
    cost = milliseconds(run.encoder, run.record.image_shape, counts)
    rows = []
    for count in counts:
        found = evaluate_run(run_dir, test=test, embed_views=count)
        name = Path(run_dir).name
        rows.append({"key": f"{name}/{count}", "run": name, "views": count, "ms": cost[count], **found, **provenance()})
        print(rows[-1]["key"], found["validation"], file=sys.stderr, flush=True)
    return rows


def results(rows: list[Row]) -> str:
    """Returns a table: accuracies in percent, and milliseconds an image."""
    lines = []
    for row in rows:
        cells = [f"{100 * row[of][name]:.1f}" if of in row else "–" for of in ("validation", "test") for name in NAMES]
        lines.append((row["run"], row["views"], *cells, f"{row['ms']:.2f}"))
    header = ("run", "views", "linear probe, held out", "20-NN, held out", "linear probe, test", "20-NN, test")
    return table([*header, "ms an image"], lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_dir", help="the run to measure")
    parser.add_argument("--views", type=int, nargs="+", default=[1, 2, 5, 10])
    parser.add_argument("--test", action="store_true", help="also on the test split")
    parser.add_argument("--rows", type=Path, default=RESULTS, help="JSON lines, one for each number of views")
    parser.add_argument("--report", type=Path, help="write the table into a page, and stop")
    given = parser.parse_args()
    if not given.report and not given.run_dir:
        parser.error("give --run_dir, the run to measure, or --report.")
    return given


def main() -> None:
    given = arguments()
    if given.report:
        replace_table(given.report, "embed_views", results(list(ablation_files.read(given.rows).values())))
        return
    rows = measure(given.run_dir, given.views, test=given.test)
    for row in rows:
        ablation_files.append(given.rows, row)
    print(results(rows))


if __name__ == "__main__":
    main()
