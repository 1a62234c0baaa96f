"""One run of the ablation study: trained and judged, each in a process of its own, and its record.

python benchmarks/ablation_run.py --judge=runs/ablation/compute_AAG_κ=0_64_seed0 --test     # one JSON line
"""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ablation_methods import num_views
from ablation_plan import Job, Record

CURVE_POINTS = 60  # of each figure over a run, kept in its record
CURVES = ("loss", "gradient_norm", "positive_pull", "positive_pull_std", "effective_negatives")


def run_job(job: Job, flags: list[str], runs: Path, cores: int) -> Record:
    """Trains and judges one run, and returns its record; its checkpoint stays until that has been kept.

    Raises:
        SystemExit: training or judging did not end as it should; what there is is kept for the next call.
    """
    run_dir = directory_of(job.key, runs)
    environment = os.environ | {"TF_NUM_INTRAOP_THREADS": str(cores), "OPENBLAS_NUM_THREADS": str(cores)}
    peak_bytes = train(flags, run_dir, environment)
    judge = [sys.executable, str(Path(__file__)), f"--judge={run_dir}", *(["--test"] if job.uses_test else [])]
    finished = subprocess.run(judge, stdout=subprocess.PIPE, check=False, env=environment)
    if finished.returncode != 0:
        raise SystemExit(f"judging {run_dir} failed; its checkpoint is kept, and the next call judges again.")
    logged = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    views_per_step = job.batch * num_views(flags)
    return {
        "key": job.key,
        **{name: value for name, value in dataclasses.asdict(job).items() if value is not None},
        "flags": flags,
        **json.loads(finished.stdout.splitlines()[-1]),
        "knn_curve": knn_curve(logged, views_per_step),
        "curves": thinned_curves(logged, views_per_step),
        "train_seconds": round(step_seconds(logged, job.batch), 1),
        "peak_mib": round(peak_bytes / 2**20, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }


def directory_of(key: str, runs: Path) -> Path:
    """The run directory of a job."""
    return runs / key.replace("/", "_").replace(" ", "_").replace(",", "")


def remove_checkpoints(key: str, runs: Path) -> None:
    """Frees the disk of what a run, whose record has been kept, needs no more."""
    shutil.rmtree(directory_of(key, runs) / "checkpoints")


def train(flags: list[str], run_dir: Path, environment: Mapping[str, str]) -> int:
    """Trains, or goes on; returns the peak of resident bytes.

    Raises:
        SystemExit: training ended without its last step.
    """
    kept = ["--checkpoints_to_keep=1", "--knn_every_epochs=1", "--log_every_steps=10", "--projector_images=0"]
    again = ["--resume"] if (run_dir / "run.json").exists() else []
    process = subprocess.Popen(
        [sys.executable, "-m", "aag_tf.commands.train", *flags, *kept, f"--run_dir={run_dir}", *again],
        env=environment,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"training in {run_dir} stopped; the next call goes on with it.")
    return usage.ru_maxrss * 1024  # kilobytes on Linux


def judge(run_dir: str, *, test: bool) -> dict[str, Any]:
    """20-NN and linear probe of a run: on held-out images from the training ones, on test from both."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np

    from aag_tf.data import open_source
    from aag_tf.evaluation import embed, fit_linear_probe, inference, knn_accuracy
    from aag_tf.runs.run import load_run

    run = load_run(run_dir)
    source = open_source(run.config.data)
    if source.validation is None or (test and source.test is None):
        raise SystemExit(f"{source.name} needs held-out images (--validation_fraction) and a test split.")
    encoder = inference(run.encoder, run.image_shape)
    splits = [source.train, source.validation, *([source.test] if test else [])]
    features = [embed(encoder, split.images) for split in splits]
    labels = [split.labels for split in splits]

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
    """`CURVES` over encoder views, thinned to `CURVE_POINTS` by means of what is finite; NaN where nothing is."""
    steps = [record for record in logged if "loss" in record]
    size = max(1, -(-len(steps) // CURVE_POINTS))
    groups = [steps[i : i + size] for i in range(0, len(steps), size)]
    means = {name: [_mean([record[name] for record in group if name in record]) for group in groups] for name in CURVES}
    return {"views": [group[-1]["step"] * views_per_step for group in groups], **means}


def _mean(values: list[float]) -> float:
    return float(f"{sum(values) / len(values):.5g}") if values else float("nan")


def knn_curve(logged: list[dict[str, float]], views_per_step: int) -> list[list[float]]:
    """kNN accuracy on held-out images as [encoder views, accuracy]."""
    return [[record["step"] * views_per_step, record["knn_accuracy"]] for record in logged if "knn_accuracy" in record]


def step_seconds(logged: list[dict[str, float]], batch: int) -> float:
    """Seconds that the steps took, tracing included, over all sittings and without what happens beside them."""
    steps = [record for record in logged if "images_per_second" in record]
    before = [0, *(record["step"] for record in steps[:-1])]
    tracing = sum(record.get("first_step_seconds", 0.0) for record in steps)
    return tracing + sum((r["step"] - b) * batch / r["images_per_second"] for r, b in zip(steps, before, strict=True))


def machine() -> str:
    """Cores and their name: `2 cores of AMD EPYC`."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", required=True, metavar="RUN_DIR", help="the run to judge")
    parser.add_argument("--test", action="store_true", help="on the test split too")
    given = parser.parse_args()
    print(json.dumps(judge(given.judge, test=given.test)))


if __name__ == "__main__":
    main()
