"""Accuracy with few labels: images that aag-search --select chooses, against images drawn at random.

    aag-train --recipe=cifar10_cpu
    aag-export --run_dir=runs/cifar10_cpu --export_dir=served/cifar10_cpu
    aag-embed --saved_model=served/cifar10_cpu --input=tfds:cifar10/train --output=embedded/cifar10_train
    aag-embed --saved_model=served/cifar10_cpu --input=tfds:cifar10/test --output=embedded/cifar10_test
    python benchmarks/select_labels.py --train=embedded/cifar10_train --test=embedded/cifar10_test --json=rows.json
    python benchmarks/select_labels.py --report=rows.json    # the tables of docs/measurements/selection.md

Images are chosen from 20 000 training images, by their embeddings alone, and get their labels. A linear probe and a
kNN classifier learn from them. Every way of choosing is tried with seeds 0 to 4, at 10, 50 and 250 labels. Which way
of `--select_by` is better is decided on 10 000 other training images; then all are measured on the test split.

A file of --json that exists is continued: its rows are kept. Intervals are Welch's 95 % intervals over draws, of one
encoder and one set of images.
"""

import functools
import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.stats
from benchmark_tools import Row, argument_parser, table, timed, write_json
from provenance import provenance

WAYS = ("random", "typical", "center")
BUDGETS = (10, 50, 250)
DRAWS = 5
POOL, HELD_OUT = 20_000, 10_000
MEASURES = {"linear": "linear probe", "knn": "kNN"}

Save = Callable[[], None]


class Labeled(NamedTuple):
    """Embeddings float32 [n, d] with labels int64 [n]."""

    vectors: np.ndarray
    labels: np.ndarray


def read_collection(path: str) -> Labeled:
    """Reads what aag-embed wrote of `tfds:NAME/SPLIT`, and the labels of its images by their ids."""
    import tensorflow_datasets as tfds

    from aag_tf.export.embedding import open_collection

    collection = open_collection(path)
    listed = collection.manifest.input
    config = tfds.ReadConfig(add_tfds_id=True)
    decoders = {"image": tfds.decode.SkipDecoding()}
    examples = tfds.as_numpy(tfds.load(listed["name"], split=listed["split"], read_config=config, decoders=decoders))
    label_of = {example["tfds_id"].decode(): int(example["label"]) for example in examples}
    return Labeled(
        np.concatenate(list(collection.vectors())), np.array([label_of[own] for own in collection.paths()], np.int64)
    )


def choose(vectors: np.ndarray, count: int, way: str, seed: int) -> np.ndarray:
    """Returns rows to label, by embeddings alone."""
    from aag_tf.export.search import select_to_label
    from aag_tf.utils import seeds

    if way == "random":
        return seeds.generator(seed, "select_labels", count).choice(len(vectors), count, replace=False)
    return select_to_label(vectors, count, by=way, seed=seed).rows


def accuracies(known: Labeled, queries: Labeled) -> Row:
    """Returns the accuracy of both classifiers in [0, 1]; the probe's regularization is chosen by cross-validation."""
    from aag_tf.evaluation.few_labels import fit_few
    from aag_tf.evaluation.knn import knn_accuracy, usual_k

    k = usual_k(known.labels, len(known.labels))
    predicted = fit_few(known.vectors, known.labels).predict(queries.vectors)
    return {
        "linear": float(np.mean(predicted == queries.labels)),
        "knn": knn_accuracy(known.vectors, known.labels, queries.vectors, queries.labels, k=k),
    }


def measure(pool: Labeled, queries: dict[str, Labeled], ways: Iterable[str], rows: list[Row], save: Save) -> None:
    """Adds a row for each way, budget, draw and set of queries that has none yet.

    Args:
        pool: that images are chosen from.
        queries: sets that accuracy is measured on, by name.
        ways: of `WAYS`.
        rows: earlier ones, and the new ones.
        save: called after each new row.
    """
    for way, count, seed in itertools.product(ways, BUDGETS, range(DRAWS)):
        key = {"way": way, "labels": count, "seed": seed}
        same = [row for row in rows if key.items() <= row.items()]
        missing = {split: images for split, images in queries.items() if all(row["split"] != split for row in same)}
        if not missing:
            continue
        earlier = next((row for row in same if "chosen" in row), None)
        if earlier is None:
            own, seconds = timed(lambda key=(count, way, seed): choose(pool.vectors, *key))
        else:
            own, seconds = np.array(earlier["chosen"].split(), np.int64), earlier["seconds"]
        known = Labeled(pool.vectors[own], pool.labels[own])
        facts = {"classes": len(np.unique(known.labels)), "seconds": round(seconds, 1)}
        facts["chosen"] = " ".join(map(str, own.tolist()))
        for split, images in missing.items():
            rows.append(key | {"split": split} | accuracies(known, images) | facts)
            save()
            print({name: value for name, value in rows[-1].items() if name != "chosen"}, flush=True)


def values(rows: list[Row], split: str, way: str, labels: int, name: str) -> np.ndarray:
    """Returns a measure of every draw, in percent for accuracies."""
    own = [row for row in rows if (row["split"], row["way"], row["labels"]) == (split, way, labels)]
    return np.array([row[name] for row in own]) * (1 if name in ("classes", "seconds") else 100)


def better_way(rows: list[Row]) -> str:
    """Returns the way other than random with the higher accuracy on held-out images, averaged over all of them."""

    def mean(way: str) -> float:
        return float(np.mean([values(rows, "held-out", way, count, name) for count in BUDGETS for name in MEASURES]))

    return max(WAYS[1:], key=mean)


def welch(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Returns the difference of two means, first - second, with Welch's 95 % interval."""
    difference = float(first.mean() - second.mean())
    if first.std() == second.std() == 0:
        return difference, difference, difference
    found = scipy.stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    return difference, float(found.low), float(found.high)


def report(results: Row) -> str:
    """Returns a Markdown table for each split."""
    rows, parts = results["rows"], []
    for split in dict.fromkeys(row["split"] for row in rows):
        ways = [way for way in WAYS if any(row["way"] == way and row["split"] == split for row in rows)]
        lines = []
        for count in BUDGETS:
            for name, title in MEASURES.items():
                drawn = values(rows, split, "random", count, name)
                cells: list[object] = [count, title, f"{drawn.mean():.1f} ± {drawn.std(ddof=1):.1f}"]
                for way in ways[1:]:
                    own = values(rows, split, way, count, name)
                    difference, low, high = welch(own, drawn)
                    cells += [
                        f"{own.mean():.1f} ± {own.std(ddof=1):.1f}",
                        f"{difference:+.1f} [{low:+.1f}, {high:+.1f}]",
                    ]
                lines.append(cells)
            found = [values(rows, split, way, count, "classes").mean() for way in ways]
            lines.append([count, "classes seen", f"{found[0]:.1f}", *(c for n in found[1:] for c in (f"{n:.1f}", ""))])
        header = ["labels", "", "random", *(cell for way in ways[1:] for cell in (way, f"{way} − random"))]
        parts.append(f"**{split}**\n\n" + table(header, lines, text_columns=2))
    return "\n\n".join(parts)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--train", help="embeddings of the training split, from aag-embed --input=tfds:NAME/train")
    parser.add_argument("--test", help="embeddings of the test split")
    parser.add_argument("--report", type=Path, help="print the tables of a file that --json wrote, and stop")
    given = parser.parse_args()
    if given.report:
        print(report(json.loads(given.report.read_text(encoding="utf-8"))))
        return
    from aag_tf.utils import seeds

    train = read_collection(given.train)
    order = seeds.generator(0, "held_out").permutation(len(train.labels))
    held_out, pool = (Labeled(*(part[own] for part in train)) for own in (order[:HELD_OUT], order[HELD_OUT:][:POOL]))
    results: Row = {"pool": len(pool.labels), "dim": train.vectors.shape[1], "rows": [], **provenance()}
    if given.json and Path(given.json).exists():
        results["rows"] = json.loads(Path(given.json).read_text(encoding="utf-8"))["rows"]
    save = functools.partial(write_json, given.json, results)
    measure(pool, {"held-out": held_out}, WAYS, results["rows"], save)
    results["better"] = better_way(results["rows"])
    print(f"Better on held-out training images: {results['better']}", flush=True)
    measure(pool, {"test": read_collection(given.test)}, WAYS, results["rows"], save)
    save()
    print(report(results))


if __name__ == "__main__":
    main()
