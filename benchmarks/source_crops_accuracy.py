"""Accuracy of encoders trained on views from the source picture and on views from its centered square, at 64 pixels.

    python benchmarks/source_crops_accuracy.py            # about half an hour of one core; continues from anywhere
    python benchmarks/source_crops_accuracy.py --report   # the tables of docs/measurements/source_crops.md

Needs the packages that `source_crops_photographs.py` names, which it fetches. Every collection is trained on with both
values of `--crop_from` and three seeds, by `aag-train`; all other flags are equal, and those that are not named are the
defaults. They were fixed before the first run, and nothing was tuned. What `aag-evaluate` measures on the held-out
pictures, and which of them are classified right, becomes one line of `--results`. Encoders are evaluated alike: on
whole (centered) pictures at 64 pixels.

Pictures that are twice as wide as high are also *searched*: among the right halves of all held-out pictures, the one
whose embedding is most similar to that of a left half should be of the same picture, and the other way round. The
halves have no pixel in common.
"""

import argparse
import dataclasses
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ablation_files
import numpy as np
from ablation_run import directory_of, remove_checkpoints
from ablation_statistics import paired_difference
from benchmark_tools import Row as Record
from benchmark_tools import table
from provenance import provenance
from source_crops_photographs import arrange
from study_loop import run_jobs

RESULTS = Path(__file__).parent / "results" / "source_crops_accuracy.jsonl"
ARMS = ("image", "source")
SEEDS = (0, 1, 2)
SIDE = 64
COMMON = (f"--image_size={SIDE}", "--encoder=tiny", "--width=0.5", "--validation_fraction=0", "--projector_images=0")
# Few pictures make small batches, since no picture may meet itself among its negatives.
LENGTHS = {
    "cells": ("--global_batch_size=64", "--train_steps=600"),
    "landscapes": ("--global_batch_size=36", "--train_steps=250"),
}
TITLES = {"knn": "kNN", "linear": "linear probe", "search": "other half found"}
TRAINED = "trained encoder"


@dataclasses.dataclass(frozen=True)
class Job:
    """One run: a collection of `source_crops_photographs.py`, what views are cut from, and the seed."""

    photographs: str
    crop_from: str
    seed: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.photographs} {self.crop_from} seed{self.seed}"

    def flags(self, data: Path) -> list[str]:
        """Returns the flags of `aag-train`, without the run directory."""
        own = (f"--dataset=folder:{data / self.photographs}", f"--crop_from={self.crop_from}", f"--seed={self.seed}")
        return [*own, *COMMON, *LENGTHS[self.photographs]]


JOBS = [Job(name, arm, seed) for name in LENGTHS for seed in SEEDS for arm in ARMS]


def run_job(job: Job, data: Path, runs: Path) -> Record:
    """Trains and evaluates one run in processes of their own; what an interrupted call left is continued.

    Raises:
        SystemExit: training or evaluation failed, or was stopped.
    """
    began, run_dir = time.monotonic(), directory_of(job.key, runs)
    digest = arrange(job.photographs, data / job.photographs)
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    again = ["--resume"] if (run_dir / "run.json").exists() else []
    train = [sys.executable, "-m", "aag_tf.commands.train", *job.flags(data), f"--run_dir={run_dir}", *again]
    if subprocess.run(train, env=environment, check=False).returncode != 0:
        raise SystemExit(f"training in {run_dir} stopped; the next call resumes it.")
    evaluation = [sys.executable, str(Path(__file__)), f"--evaluate={run_dir}"]
    found = subprocess.run(evaluation, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode != 0:
        raise SystemExit(f"evaluating {run_dir} failed; the next call evaluates it again.")
    return {
        "key": job.key,
        **dataclasses.asdict(job),
        "flags": job.flags(Path()),
        "pictures": digest,
        **json.loads(found.stdout.splitlines()[-1]),
        "seconds": round(time.monotonic() - began),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **provenance(),
    }


def evaluate_run(run_dir: str) -> Record:
    """Returns what `aag-evaluate --measures=knn,linear` measures on test, and the hits behind it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import aag_tf
    from aag_tf.utils.progress import no_progress

    protocol = aag_tf.ProtocolConfig(measures="knn,linear", split="test")
    with no_progress():
        evaluation = aag_tf.evaluate(aag_tf.EvaluateConfig(run_dir=run_dir, protocol=protocol))
        features = evaluation.feature_set
        assert features is not None
        right = {
            "knn": features.knn_predictions == features.query_labels,
            "linear": features.probe_predictions == features.query_labels,
        }
        record = json.loads((Path(run_dir) / "run.json").read_text(encoding="utf-8"))
        test = Path(record["flags"]["dataset"].removeprefix("folder:")) / "test"
        halves = left_and_right(sorted(test.rglob("*.jpg")))
        if halves is not None:
            assert features.embed is not None
            right["search"] = found_other(*(features.embed(images) for images in map(array_images, halves)))
    accuracies = {
        result.features: {measure.name: [measure.value, measure.low, measure.high] for measure in result.measures}
        for result in evaluation.results
    }
    for name in ("knn", "linear"):  # so that the hits are those of the accuracies
        assert abs(accuracies[TRAINED][name][0] - right[name].mean()) < 1e-9
    hits = {name: "".join(str(int(hit)) for hit in found) for name, found in right.items()}
    return {
        "steps": evaluation.subject["step"],
        "precision": record["flags"]["precision"],
        "accuracies": accuracies,
        "hits": hits,
    }


def left_and_right(paths: list[Path]) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns the left and the right square of pictures, uint8 [n, SIDE, SIDE, 3]; `None` unless all are that wide."""
    from PIL import Image

    squares: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for path in paths:
        with Image.open(path) as picture:
            width, height = picture.size
            if width < 2 * height:
                return None
            for side, left in zip(squares, (0, width - height), strict=True):
                # `resize(box=...)` would read pixels around the box too.
                half = picture.convert("RGB").crop((left, 0, left + height, height))
                side.append(np.asarray(half.resize((SIDE, SIDE), Image.Resampling.BILINEAR)))
    return (np.stack(squares[0]), np.stack(squares[1])) if paths else None


def array_images(array: np.ndarray) -> Any:
    from aag_tf.data import ArrayImages

    return ArrayImages(array)


def found_other(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Whether row i of the one is nearest to row i of the other by cosine similarity, both ways: bool [2 n]."""
    first, second = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (left, right))
    similarities = first @ second.T
    own = np.arange(len(left))
    return np.concatenate([similarities.argmax(axis=1) == own, similarities.argmax(axis=0) == own])


def paired_interval(first: str, second: str) -> tuple[float, float, float]:
    """Returns the difference `first - second` of accuracies, in points, with its 95 % bootstrap interval over pictures.

    Args:
        first: hits of a record, a 0 or 1 for each picture.
        second: those of another encoder on the same pictures.
    """
    from aag_tf.evaluation.bootstrap import mean_interval

    differences = np.array([int(a) - int(b) for a, b in zip(first, second, strict=True)], float)
    low, high = mean_interval(differences)
    return 100 * differences.mean(), 100 * low, 100 * high


def report(records: Mapping[str, Record]) -> str:
    """Returns the tables of the documentation."""
    parts = []
    for name in LENGTHS:
        seeds = [seed for seed in SEEDS if all(Job(name, arm, seed).key in records for arm in ARMS)]
        if not seeds:
            continue
        runs = {arm: [records[Job(name, arm, seed).key] for seed in seeds] for arm in ARMS}
        rows = [row for measure in TITLES for row in rows_of(measure, seeds, runs)]
        parts.append(f"**{name}**\n\n" + table(["", "seed", "image", "source", "source − image"], rows))
        known = runs["image"][0]["accuracies"]
        parts.append(
            "Baselines, seed 0: "
            + "; ".join(
                f"{features} {' and '.join(f'{100 * found[m][0]:.1f} ({TITLES[m]})' for m in ('knn', 'linear'))}"
                for features, found in known.items()
                if features != TRAINED
            )
            + f"; always the largest class {100 * known[TRAINED]['majority'][0]:.1f}."
        )
    return "\n\n".join(parts)


def rows_of(measure: str, seeds: list[int], runs: Mapping[str, list[Record]]) -> list[list[object]]:
    """Returns a row for each seed, and one for the mean of several with Student's interval over seeds."""
    if measure not in runs["image"][0]["hits"]:
        return []
    rows: list[list[object]] = []
    accuracies: dict[str, dict[int, float]] = {arm: {} for arm in ARMS}
    for number, seed in enumerate(seeds):
        hits = {arm: runs[arm][number]["hits"][measure] for arm in ARMS}
        for arm in ARMS:
            accuracies[arm][seed] = 100 * hits[arm].count("1") / len(hits[arm])
        difference = "{:+.1f} [{:+.1f}, {:+.1f}]".format(*paired_interval(hits["source"], hits["image"]))
        rows.append([TITLES[measure], seed, *(f"{accuracies[arm][seed]:.1f}" for arm in ARMS), difference])
    if len(seeds) == 1:  # a mean of one has no interval
        return rows
    means = [f"{np.mean(list(accuracies[arm].values())):.1f}" for arm in ARMS]
    over = paired_difference(accuracies["source"], accuracies["image"])
    rows.append([TITLES[measure], "mean", *means, f"**{over.mean:+.1f} [{over.low:+.1f}, {over.high:+.1f}]**"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON lines, one per run")
    parser.add_argument("--data", type=Path, default=Path("runs/photographs"), help="where the photographs are kept")
    parser.add_argument("--runs", type=Path, default=Path("runs/source_crops"), help="parent of the run directories")
    parser.add_argument("--hours", type=float, default=float("inf"), help="start no run after this many hours")
    parser.add_argument("--report", action="store_true", help="print the tables, and stop")
    parser.add_argument("--evaluate", metavar="RUN_DIR", help="used by the script itself")
    given = parser.parse_args()
    if given.evaluate:
        print(json.dumps(evaluate_run(given.evaluate)))
    elif given.report:
        print(report(ablation_files.read(given.results)))
    else:
        given.jobs = 1

        def pending(records: Mapping[str, Record]) -> list[Job]:
            return [job for job in JOBS if job.key not in records]

        stored = functools.partial(remove_checkpoints, runs=given.runs)
        run_jobs(pending, lambda job, *_: run_job(job, given.data, given.runs), given, stored=stored)


if __name__ == "__main__":
    main()
