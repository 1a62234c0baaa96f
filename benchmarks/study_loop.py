"""Runs the jobs of a study, several at a time, and stores each result as it ends; stopped, it continues."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import ablation_files
from ablation_run import StudyJob, remove_checkpoints
from benchmark_tools import Row as Record


def run_jobs(
    pending: Callable[[Mapping[str, Record]], list[Any]],
    work: Callable[[Any, Mapping[str, Record], int], Record],
    *,
    results: Path,
    runs: Path,
    at_a_time: int,
    hours: float,
) -> None:
    """Runs what is pending until nothing is, each job with its share of the cores.

    Args:
        pending: returns the jobs that can start now, in order, given the results so far by key.
        work: runs a job, given the results and the number of cores, and returns its record.
        results: gets one line per job.
        runs: parent of the run directories.
        at_a_time: jobs at a time.
        hours: no job starts after so many.

    Raises:
        SystemExit: a job failed, or another process works on `results`.
    """
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
                    remove_checkpoints(record["key"], runs)
                    records[record["key"]] = record
                    print(f"    {record['key']}: {record.get('test') or record['validation']}", file=sys.stderr)
    if failed is not None:
        raise failed
