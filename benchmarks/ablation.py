"""The study behind the defaults: does AAG do what its abstract claims, at the scale of one small machine?

    python benchmarks/ablation.py --plan          # what it will run, and the estimated hours
    python benchmarks/ablation.py                 # continues from any interruption
    python benchmarks/ablation.py --hours=3       # starts no run after three hours
    python benchmarks/ablation.py --jobs=2        # two runs at a time, each with its share of the cores
    python benchmarks/ablation_report.py          # tables and pictures from the results so far

`ablation_methods.py` and `ablation_plan.py` define what is compared and in which order. Every run is `aag-train` in a
separate process, followed by an evaluation with 20-NN and a linear probe. Settings are chosen on held-out training
images, and each final run uses the test split once. `--results` gets one JSON line per run, with settings, accuracies,
curves, seconds and peak memory; commit that file as it grows. Run directories are in `--runs`. An interrupted run
continues from its checkpoint, and checkpoints are deleted once a run has been evaluated.

A tiny study to try it (a few minutes):

    python benchmarks/ablation.py --results=/tmp/a.jsonl --runs=/tmp/a --dataset=digits --second= --trials=2 \\
        --views=6000 --tune_views=3000 --batches 32 64 --common="--encoder=tiny --width=0.25 --noflip"
"""

import argparse
import dataclasses
import functools
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ablation_files
from ablation_plan import STAGES, Job, Study, all_jobs, estimated_hours, job_flags, pending
from ablation_run import remove_checkpoints, run_job
from benchmark_tools import Row as Record
from benchmark_tools import table
from study_loop import add_runs, add_stages, run_jobs, study_parser

DEFAULT_VIEWS_PER_SECOND = 4000.0  # a tiny encoder of half width on one CPU core in bfloat16, until measured
DEFAULT_SECONDS_PER_RUN = 60.0


def fingerprint(study: Study) -> dict[str, Any]:
    """Returns what must be equal in all records of one file; seeds, batches and the second data set may be extended."""
    own = dataclasses.asdict(study)
    return {name: own[name] for name in ("common", "dataset", "views", "tune_views", "trials")} | {
        "common": list(study.common)
    }


def check_same_study(study: Study, records: dict[str, Record], results: Path) -> None:
    """Checks that all results are of the same study.

    Raises:
        SystemExit: a record has different settings.
    """
    for record in records.values():
        for name, value in fingerprint(study).items():
            if record["study"][name] != value:
                raise SystemExit(
                    f"{results} contains results with {name}={record['study'][name]}, not {name}={value}; "
                    "use the same settings or another --results."
                )
        if record["stage"] == "second" and study.second and f"--dataset={study.second}" not in record["flags"]:
            raise SystemExit(f"{results} contains {record['key']} on another data set than --second={study.second}.")


def speed(records: dict[str, Record]) -> tuple[float, float]:
    """Returns encoder views per second, measured by the runs so far, and seconds of a run outside its steps."""
    done = [record for record in records.values() if record["curves"]["views"]]
    if not done:
        return DEFAULT_VIEWS_PER_SECOND, DEFAULT_SECONDS_PER_RUN
    rates = [record["curves"]["views"][-1] / record["train_seconds"] for record in done]
    return statistics.median(rates), DEFAULT_SECONDS_PER_RUN  # clocks also run while a run is suspended


def show_plan(study: Study, records: dict[str, Record], stages: list[str], jobs_at_a_time: int) -> None:
    """Prints the remaining runs as a table by stage, with hours."""
    jobs = all_jobs(study, records, stages)
    views_per_second, seconds_per_run = speed(records)
    at_a_time = "one run at a time" if jobs_at_a_time == 1 else f"{jobs_at_a_time} runs at a time"
    overhead = f"{seconds_per_run:.0f} s of other time per run"
    print(f"{at_a_time}, {views_per_second:,.0f} encoder views per second and {overhead}:\n")

    def hours(left: list[Job]) -> float:
        alone = estimated_hours(study, left, views_per_second=views_per_second, seconds_per_run=seconds_per_run)
        return alone / jobs_at_a_time

    remaining, rows = [], []
    for stage in STAGES:
        own = [job for job in jobs if job.stage == stage]
        left = [job for job in own if job.key not in records]
        remaining += left
        if own:
            rows.append((stage, len(own), len(own) - len(left), f"{hours(left):.1f}"))
    rows.append(("all", len(jobs), len(jobs) - len(remaining), f"{hours(remaining):.1f}"))
    print(table(["stage", "runs", "done", "hours left"], rows))
    ready = pending(study, records, stages)
    if ready:
        print(f"\nNext: {ready[0].key}\n    aag-train {' '.join(job_flags(study, ready[0], records))}")


def arguments() -> argparse.Namespace:
    default = Study()
    parser = study_parser(__doc__, results=ablation_files.RESULTS, dataset=default.dataset)
    add_stages(parser, STAGES)
    add_runs(parser, runs=Path("runs/ablation"), common=default.common)
    parser.add_argument("--second", default=default.second, help="the second data set, never tuned on; empty for none")
    parser.add_argument("--views", type=int, default=default.views, help="encoder views in a final run")
    parser.add_argument("--tune_views", type=int, default=default.tune_views, help="encoder views in a trial")
    parser.add_argument("--trials", type=int, default=default.trials, help="trials per method and batch size")
    parser.add_argument("--seeds", type=int, nargs="+", default=default.seeds, help="seeds of the final runs")
    parser.add_argument(
        "--more_seeds", type=int, nargs="*", default=default.more_seeds, help="of SimCLR and AAG at the smallest batch"
    )
    parser.add_argument("--batches", type=int, nargs="+", default=default.batches, help="global batch sizes")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    study = Study(
        common=tuple(given.common.split()),
        dataset=given.dataset,
        second=given.second,
        views=given.views,
        tune_views=given.tune_views,
        trials=given.trials,
        seeds=tuple(given.seeds),
        more_seeds=tuple(given.more_seeds),
        batches=tuple(sorted(given.batches)),
    )
    records = ablation_files.read(given.results)
    check_same_study(study, records, given.results)
    if given.plan:
        show_plan(study, records, given.stages, given.jobs)
        return
    run(study, given)


def run(study: Study, given: argparse.Namespace) -> None:
    """Runs the remaining jobs, `--jobs` at a time, and stores each result."""

    def work(job: Job, records: Mapping[str, Record], cores: int) -> Record:
        record = run_job(job, job_flags(study, job, records), given.runs, cores)
        return record | {"study": fingerprint(study)}

    stored = functools.partial(remove_checkpoints, runs=given.runs)
    run_jobs(lambda records: pending(study, records, given.stages), work, given, stored=stored)


if __name__ == "__main__":
    main()
