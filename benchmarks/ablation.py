"""The study behind the defaults: does AAG do what its abstract says, at the scale of one small machine?

    python benchmarks/ablation.py --plan          # what it will run, and about how many hours that takes
    python benchmarks/ablation.py                 # goes on where it was stopped, however it was stopped
    python benchmarks/ablation.py --hours=3       # starts no run after three hours
    python benchmarks/ablation.py --jobs=2        # two runs at a time, each on its share of the cores
    python benchmarks/ablation_report.py          # tables and pictures from what has ended so far

`ablation_methods.py` and `ablation_plan.py` say what is compared and in which order. Every run is `aag-train` in a
process of its own, then judged by 20-NN and a linear probe; settings are chosen on held-out training images, and the
test split is used once by each final run. One JSON line a run goes to `--results`, with settings, accuracies, curves,
seconds and peak memory; commit that file as it grows. Run directories lie in `--runs`; a run that was cut off goes on
from its checkpoint, and checkpoints are deleted once a run has been judged.

Tiny, to see that it works (a few minutes):

    python benchmarks/ablation.py --results=/tmp/a.jsonl --runs=/tmp/a --dataset=digits --second= --trials=2 \\
        --views=6000 --tune_views=3000 --batches 32 64 --common="--encoder=tiny --width=0.25 --noflip"
"""

import argparse
import dataclasses
import os
import statistics
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import ablation_files
from ablation_plan import (
    STAGES,
    Job,
    Record,
    Study,
    all_jobs,
    estimated_hours,
    job_flags,
    pending,
)
from ablation_run import remove_checkpoints, run_job

HERE = Path(__file__).parent
DEFAULT_VIEWS_PER_SECOND = 4000.0  # half as wide a tiny encoder in bfloat16 on one CPU core, until runs have told
DEFAULT_SECONDS_PER_RUN = 60.0


def fingerprint(study: Study) -> dict[str, Any]:
    """What must be the same in all records of one file; seeds, batches and the second data set may be extended."""
    own = dataclasses.asdict(study)
    return {name: own[name] for name in ("common", "dataset", "views", "tune_views", "trials")} | {
        "common": list(study.common)
    }


def check_same_study(study: Study, records: dict[str, Record], results: Path) -> None:
    """Refuses to mix results.

    Raises:
        SystemExit: a record was made with other settings.
    """
    for record in records.values():
        for name, value in fingerprint(study).items():
            if record["study"][name] != value:
                raise SystemExit(
                    f"{results} holds results with {name}={record['study'][name]}, and this is {name}={value}; "
                    "give the same settings, or another --results."
                )
        if record["stage"] == "second" and study.second and f"--dataset={study.second}" not in record["flags"]:
            raise SystemExit(f"{results} holds {record['key']} on another data set than --second={study.second}.")


def speed(records: dict[str, Record]) -> tuple[float, float]:
    """Encoder views a second as measured by the runs so far, and seconds of a run beside its steps."""
    done = [record for record in records.values() if record["curves"]["views"]]
    if not done:
        return DEFAULT_VIEWS_PER_SECOND, DEFAULT_SECONDS_PER_RUN
    rates = [record["curves"]["views"][-1] / record["train_seconds"] for record in done]
    return statistics.median(rates), DEFAULT_SECONDS_PER_RUN  # clocks of runs that were suspended went on


def show_plan(study: Study, records: dict[str, Record], stages: list[str], jobs_at_a_time: int) -> None:
    """Prints what is left as a table by stage, with hours."""
    jobs = all_jobs(study, records, stages)
    views_per_second, seconds_per_run = speed(records)
    at_a_time = "one run at a time" if jobs_at_a_time == 1 else f"{jobs_at_a_time} runs at a time"
    print(
        f"{at_a_time}, {views_per_second:,.0f} encoder views a second and {seconds_per_run:.0f} s beside them a run:\n"
    )
    print("| stage | runs | done | hours left |\n| --- | ---: | ---: | ---: |")

    def hours(left: list[Job]) -> float:
        alone = estimated_hours(study, left, views_per_second=views_per_second, seconds_per_run=seconds_per_run)
        return alone / jobs_at_a_time

    left_over = []
    for stage in STAGES:
        own = [job for job in jobs if job.stage == stage]
        left = [job for job in own if job.key not in records]
        left_over += left
        if own:
            print(f"| {stage} | {len(own)} | {len(own) - len(left)} | {hours(left):.1f} |")
    print(f"| all | {len(jobs)} | {len(jobs) - len(left_over)} | {hours(left_over):.1f} |")
    ready = pending(study, records, stages)
    if ready:
        print(f"\nNext: {ready[0].key}\n    aag-train {' '.join(job_flags(study, ready[0], records))}")


def arguments() -> argparse.Namespace:
    default = Study()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", action="store_true", help="print what is left to run and its hours, and stop")
    parser.add_argument("--hours", type=float, default=float("inf"), help="start no run after so many hours")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each with its share of the cores")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), help="which stages to run")
    parser.add_argument(
        "--results", type=Path, default=HERE / "results" / "ablation.jsonl", help="JSON lines, one a run"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"), help="where run directories lie")
    parser.add_argument("--common", default=" ".join(default.common), help="aag-train flags of every run")
    parser.add_argument("--dataset", default=default.dataset, help="what is tuned and compared on")
    parser.add_argument("--second", default=default.second, help="the second data set, never tuned on; empty for none")
    parser.add_argument("--views", type=int, default=default.views, help="encoder views in a final run")
    parser.add_argument("--tune_views", type=int, default=default.tune_views, help="encoder views in a trial")
    parser.add_argument("--trials", type=int, default=default.trials, help="trials a method and batch size")
    parser.add_argument("--seeds", type=int, nargs="+", default=default.seeds, help="of the final runs")
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
    with ablation_files.only_one(given.results):
        run(study, given)


def run(study: Study, given: argparse.Namespace) -> None:
    """Runs what is left, `--jobs` at a time, and keeps each as it ends."""
    records = ablation_files.read(given.results)
    began, cores = time.monotonic(), max(1, (os.cpu_count() or 1) // given.jobs)
    running: dict[Future[Record], str] = {}
    failed: SystemExit | None = None
    with ThreadPoolExecutor(given.jobs) as pool:
        while True:
            waiting = [job for job in pending(study, records, given.stages) if job.key not in running.values()]
            if time.monotonic() - began > 3600 * given.hours:
                print(f"{given.hours:g} hours are over; {len(waiting)} more runs could start now.", file=sys.stderr)
                waiting = []
            if failed is not None:
                waiting = []
            for job in waiting[: given.jobs - len(running)]:
                print(f"[{len(records)} done] {job.key}", file=sys.stderr)
                flags = job_flags(study, job, records)
                running[pool.submit(run_job, job, flags, given.runs, cores)] = job.key
            if not running:
                break
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                del running[ended]
                try:
                    record = ended.result() | {"study": fingerprint(study)}
                except (SystemExit, Exception) as error:  # what runs beside it is kept yet
                    failed = error
                    continue
                ablation_files.append(given.results, record)
                remove_checkpoints(record["key"], given.runs)
                records[record["key"]] = record
                print(f"    {record['key']}: {record.get('test') or record['validation']}", file=sys.stderr)
    if failed is not None:
        raise failed


if __name__ == "__main__":
    main()
