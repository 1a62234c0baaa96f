"""Runs the jobs of a study, several at a time, and stores each result as it ends; stopped, it continues."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import ablation_files
from ablation_run import StudyJob
from benchmark_tools import Row as Record


def study_parser(description: str | None, *, results: Path, dataset: str) -> argparse.ArgumentParser:
    """Returns a parser with the arguments of every study; `results` and `dataset` are defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=float("inf"), help="start no run after this many hours")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each with its share of the cores")
    parser.add_argument("--results", type=Path, default=results, help="JSON lines, one per run")
    parser.add_argument("--dataset", default=dataset, help="the data set to tune and compare on")
    return parser


def add_stages(parser: argparse.ArgumentParser, stages: Sequence[str], *, plan: bool = True) -> None:
    """Adds the choice of stages, and if `plan` a way to look at what remains."""
    if plan:
        parser.add_argument("--plan", action="store_true", help="print the remaining runs and their hours, and stop")
    parser.add_argument("--stages", nargs="+", choices=stages, default=list(stages), help="which stages to run")


def add_runs(parser: argparse.ArgumentParser, *, runs: Path, common: Sequence[str]) -> None:
    """Adds the arguments of a study that runs `aag-train`; `runs` and `common` are defaults."""
    parser.add_argument("--runs", type=Path, default=runs, help="parent of the run directories")
    parser.add_argument("--common", default=" ".join(common), help="aag-train flags of every run")


def run_jobs(
    pending: Callable[[Mapping[str, Record]], list[Any]],
    work: Callable[[Any, Mapping[str, Record], int], Record],
    given: argparse.Namespace,
    *,
    stored: Callable[[str], None] = lambda key: None,
) -> None:
    """Runs what is pending until nothing is, each job with its share of the cores.

    Args:
        pending: returns the jobs that can start now, in order, given the results so far by key.
        work: runs a job, given the results and the number of cores, and returns its record.
        given: arguments of `study_parser`: where results go, jobs at a time, hours.
        stored: is told the key of a job whose record has been stored.

    Raises:
        SystemExit: a job failed, or another process works on the results.
    """
    results, at_a_time, hours = given.results, given.jobs, given.hours
    with ablation_files.exclusive(results):
        records = ablation_files.read(results)
        began, cores = time.monotonic(), max(1, (os.cpu_count() or 1) // at_a_time)
        running: dict[Future[Record], StudyJob] = {}
        failed: SystemExit | Exception | None = None
        with ThreadPoolExecutor(at_a_time) as pool:
            while True:
                started = {job.key for job in running.values()}
                waiting = [job for job in pending(records) if job.key not in started]
                if time.monotonic() - began > 3600 * hours:
                    print(f"{hours:g} hours have passed; {len(waiting)} more runs could start now.", file=sys.stderr)
                    waiting = []
                if failed is not None:
                    waiting = []
                for job in waiting[: at_a_time - len(running)]:
                    print(f"[{len(records)} done] {job.key}", file=sys.stderr)
                    running[pool.submit(work, job, dict(records), cores)] = job
                if not running:
                    break
                for ended in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[ended]
                    try:
                        record = ended.result()
                    except (SystemExit, Exception) as error:  # parallel runs are still completed and stored
                        failed = error
                        continue
                    ablation_files.append(results, record)
                    stored(record["key"])
                    records[record["key"]] = record
                    found = record.get("test") or record.get("validation", "done")
                    print(f"    {record['key']}: {found}", file=sys.stderr)
    if failed is not None:
        raise failed
