"""One run of the ablation study: trains and evaluates it in separate processes, and returns its record.

python benchmarks/ablation_run.py --evaluate=runs/ablation/compute_AAG_κ=0_64_seed0 --test     # one JSON line
"""

import argparse
import dataclasses
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ablation_methods import num_views
from benchmark_tools import Row as Record
from benchmark_tools import read_json_lines
from provenance import provenance

CURVE_POINTS = 60  # per metric and run, stored in its record
CURVES = ("loss", "gradient_norm", "positive_pull", "positive_pull_std", "effective_negatives")
TRAIN = ("-m", "aag_tf.commands.train")
DIVERGED = 3  # exit code of a trainer whose loss became NaN: its last good checkpoint is evaluated


class StudyJob(Protocol):
    """One run of a study, a dataclass whose fields its record contains."""

    @property
    def key(self) -> str:
        """Its name in the results."""

    @property
    def batch(self) -> int:
        """The global batch size."""

    @property
    def uses_test(self) -> bool:
        """Whether it is evaluated on the test split."""


def run_job(job: Any, flags: list[str], runs: Path, cores: int, trainer: Sequence[str] = TRAIN) -> Record:
    """Trains and evaluates one run and returns its record; its checkpoint stays until the record is stored.

    Args:
        job: a dataclass with the properties of `StudyJob`.
        flags: of `aag-train`, without the run directory.
        runs: parent of the run directory.
        cores: threads of each operation.
        trainer: what Python runs to train, before the flags.

    Raises:
        SystemExit: training or evaluation failed; the next call continues from what exists.
    """
    began = time.monotonic()
    run_dir = directory_of(job.key, runs)
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": str(cores), "OPENBLAS_NUM_THREADS": str(cores)}
    usage = train(flags, run_dir, environment, trainer)
    evaluation = [sys.executable, str(Path(__file__)), f"--evaluate={run_dir}", *(["--test"] if job.uses_test else [])]
    finished = subprocess.run(evaluation, stdout=subprocess.PIPE, check=False, env=environment)
    if finished.returncode != 0:
        raise SystemExit(f"evaluating {run_dir} failed; its checkpoint is kept for the next call.")
    logged = read_json_lines(run_dir / "metrics.jsonl")
    views_per_step = job.batch * num_views(flags)
    return {
        "key": job.key,
        **{name: value for name, value in dataclasses.asdict(job).items() if value is not None},
        "flags": flags,
        **json.loads(finished.stdout.splitlines()[-1]),
        "knn_curve": knn_curve(logged, views_per_step),
        "curves": thinned_curves(logged, views_per_step),
        "train_seconds": round(step_seconds(logged, job.batch), 1),
        "seconds": round(time.monotonic() - began, 1),  # with startup and evaluation, and any pause of the machine
        # Of the process that did the last step: all of the run, unless it was resumed. No pause counts.
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss / 2**10, 1),  # ru_maxrss is in KiB on Linux
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": cores,
        **provenance(),
    }


def directory_of(key: str, runs: Path) -> Path:
    """Returns the run directory of a job."""
    return runs / key.replace("/", "_").replace(" ", "_").replace(",", "")


def remove_checkpoints(key: str, runs: Path) -> None:
    """Deletes the checkpoints of a run whose record has been stored."""
    shutil.rmtree(directory_of(key, runs) / "checkpoints")


def train(
    flags: list[str], run_dir: Path, environment: Mapping[str, str], trainer: Sequence[str] = TRAIN
) -> resource.struct_rusage:
    """Trains or resumes a run; returns the CPU time and the peak memory of the process.

    Raises:
        SystemExit: training ended before its last step.
    """
    kept = ["--checkpoints_to_keep=1", "--knn_every_epochs=1", "--log_every_steps=10", "--projector_images=0"]
    again = ["--resume"] if (run_dir / "run.json").exists() else []
    process = subprocess.Popen(
        [sys.executable, *trainer, *flags, *kept, f"--run_dir={run_dir}", *again],
        env=environment,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, DIVERGED):
        raise SystemExit(f"training in {run_dir} stopped; the next call resumes it.")
    return usage


def evaluate_run(run_dir: str, *, test: bool, embed_views: int = 1) -> dict[str, Any]:
    """Measures 20-NN and linear probe: on held-out images from training images, on test from both.

    Embeddings are means over `embed_views` fixed views of an image.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np

    from aag_tf.data import open_source
    from aag_tf.evaluation import embed, fit_linear_probe, inference, knn_accuracy
    from aag_tf.runs.run import load_run
    from aag_tf.utils.progress import no_progress

    run = load_run(run_dir)
    source = open_source(run.record.config.data)
    if source.validation is None or (test and source.test is None):
        raise SystemExit(f"{source.name} needs held-out images (--validation_fraction) and a test split.")
    encoder = inference(run.encoder, run.record.image_shape, embed_views)
    splits = [source.train, source.validation, *([source.test] if test else [])]
    with no_progress():
        features = [embed(encoder, split.images) for split in splits]
    labels = [split.labels for split in splits]

    @no_progress()
    def scores(bank: slice, queries: int) -> dict[str, float]:
        known, answers = np.concatenate(features[bank]), np.concatenate(labels[bank])
        probe = fit_linear_probe(known, answers)
        return {
            "knn": knn_accuracy(known, answers, features[queries], labels[queries], k=20),
            "linear": float(np.mean(probe.predict(features[queries]) == labels[queries])),
        }

    found: dict[str, Any] = {"steps": run.step, "validation": scores(slice(0, 1), 1)}
    return found | ({"test": scores(slice(0, 2), 2)} if test else {})


def thinned_curves(logged: list[dict[str, float]], views_per_step: int) -> dict[str, list[float]]:
    """Thins `CURVES` to `CURVE_POINTS` means over encoder views; missing values are skipped, NaN if all are missing."""
    steps = [record for record in logged if "loss" in record]
    size = max(1, -(-len(steps) // CURVE_POINTS))
    groups = [steps[i : i + size] for i in range(0, len(steps), size)]
    means = {name: [_mean([record[name] for record in group if name in record]) for group in groups] for name in CURVES}
    return {"views": [group[-1]["step"] * views_per_step for group in groups], **means}


def _mean(values: list[float]) -> float:
    return float(f"{sum(values) / len(values):.5g}") if values else float("nan")


def knn_curve(logged: list[dict[str, float]], views_per_step: int) -> list[list[float]]:
    """Returns kNN accuracy on held-out images as [encoder views, accuracy]."""
    return [[record["step"] * views_per_step, record["knn_accuracy"]] for record in logged if "knn_accuracy" in record]


def step_seconds(logged: list[dict[str, float]], batch: int) -> float:
    """Returns the seconds of all steps, including tracing, over all resumptions, without work outside the steps."""
    steps = [record for record in logged if "images_per_second" in record]
    before = [0, *(record["step"] for record in steps[:-1])]
    tracing = sum(record.get("first_step_seconds", 0.0) for record in steps)
    return tracing + sum((r["step"] - b) * batch / r["images_per_second"] for r, b in zip(steps, before, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluate", required=True, metavar="RUN_DIR", help="the run to evaluate")
    parser.add_argument("--test", action="store_true", help="also on the test split")
    given = parser.parse_args()
    print(json.dumps(evaluate_run(given.evaluate, test=given.test)))


if __name__ == "__main__":
    main()
