"""The controls: does the auxiliary branch gain, or only stronger augmentation? See docs/measurements/controls.md.

    python benchmarks/controls.py --plan          # what it will run, and the estimated hours
    python benchmarks/controls.py --jobs=2        # two runs at a time; continues from any interruption
    python benchmarks/controls.py --progress      # one line: runs done by stage, of the runs known so far

`controls_arms.py` and `controls_plan.py` define what is compared and in which order. As in `ablation.py`, each run is
trained and evaluated in separate processes and becomes one line of `--results`. Rounds are complete: every arm has run
with one seed before the next seed starts.

A tiny study to try it (a few minutes):

    python benchmarks/controls.py --results=/tmp/c.jsonl --runs=/tmp/c --dataset=digits --views=3000 --seeds 10 \\
        --stages compute epochs --common="--encoder=tiny --width=0.25 --noflip"
"""

import argparse
import functools
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ablation_files
from ablation_run import remove_checkpoints, run_job
from benchmark_tools import Row as Record
from benchmark_tools import table
from controls_arms import ARMS
from controls_plan import STAGES, Job, Study, all_jobs, encoder_views, job_flags, pending
from study_loop import add_runs, add_stages, run_jobs, study_parser

RESULTS = Path(__file__).parent / "results" / "controls.jsonl"
TRAINER = Path(__file__).parent / "controls_train.py"
VIEWS_PER_SECOND = 4000.0  # on one core, until measured
SECONDS_PER_RUN = 60.0  # startup, monitoring and evaluation, until measured


def fingerprint(study: Study) -> dict[str, Any]:
    """Returns what must be equal in all records of one file; seeds may be extended."""
    return {"common": list(study.common), "dataset": study.dataset, "views": study.views}


def check_same_study(study: Study, records: Mapping[str, Record], results: Path) -> None:
    """Checks that all results are of the same study.

    Raises:
        SystemExit: a record has different settings.
    """
    for record in records.values():
        if record["study"] != fingerprint(study):
            raise SystemExit(
                f"{results} contains results of {record['study']}, not of {fingerprint(study)}; "
                "use the same settings or another --results."
            )


def by_stage(study: Study, records: Mapping[str, Record], stages: list[str]) -> dict[str, tuple[int, list[Job]]]:
    """Returns, for each stage that has runs: how many are done, and those that are left."""
    jobs = all_jobs(study, records, stages)
    found = {}
    for stage in stages:
        own = [job for job in jobs if job.stage == stage]
        left = [job for job in own if job.key not in records]
        if own:
            found[stage] = (len(own) - len(left), left)
    return found


def seconds_of(study: Study, jobs: list[Job], records: Mapping[str, Record]) -> float:
    """Estimates the seconds of jobs, one after the other, from those that are done."""
    rate, other = VIEWS_PER_SECOND, SECONDS_PER_RUN
    if records:
        rate = statistics.median(r["curves"]["views"][-1] / r["train_seconds"] for r in records.values())
        other = statistics.median(r["seconds"] - r["train_seconds"] for r in records.values())
    return sum(encoder_views(study, job) for job in jobs) / rate + other * len(jobs)


def show_plan(study: Study, records: Mapping[str, Record], stages: list[str], at_a_time: int) -> None:
    """Prints the remaining runs by stage, with hours; stages that wait for results are missing."""
    rows = []
    for stage, (done, left) in by_stage(study, records, stages).items():
        hours = seconds_of(study, left, records) / 3600 / at_a_time
        rows.append((stage, done + len(left), done, f"{hours:.1f}"))
    print(table(["stage", "runs", "done", "hours left"], rows))
    ready = pending(study, records, stages)
    if ready:
        print(f"\nNext: {ready[0].key}\n    --arm={ready[0].arm!r} {' '.join(job_flags(study, ready[0]))}")


def show_progress(study: Study, records: Mapping[str, Record], stages: list[str], at_a_time: int) -> None:
    """Prints one line: runs done by stage, complete rounds of seeds, hours left of the stages known so far."""
    found = by_stage(study, records, stages)
    counts = [f"{stage} {done}/{done + len(left)}" for stage, (done, left) in found.items()]
    jobs = all_jobs(study, records, ["compute", "epochs"])
    rounds = sum(all(job.key in records for job in jobs if job.seed == seed) for seed in study.seeds)
    hours = seconds_of(study, [job for _, left in found.values() for job in left], records) / 3600 / at_a_time
    print(f"{', '.join(counts)}; {rounds} of {len(study.seeds)} rounds complete; {hours:.1f} hours left of these")


def arguments() -> argparse.Namespace:
    default = Study()
    parser = study_parser(__doc__, results=RESULTS, dataset=default.dataset)
    add_stages(parser, STAGES)
    add_runs(parser, runs=Path("runs/controls"), common=default.common)
    parser.add_argument("--progress", action="store_true", help="print one line about what is done, and stop")
    parser.add_argument("--views", type=int, default=default.views, help="encoder views of a run at equal compute")
    parser.add_argument("--seeds", type=int, nargs="+", default=default.seeds, help="seeds of compute and epochs")
    parser.add_argument("--tune_seeds", type=int, nargs="+", default=default.tune_seeds, help="seeds of the trials")
    parser.add_argument("--final_seeds", type=int, nargs="+", default=default.final_seeds, help="of final and length")
    parser.add_argument("--pull_seeds", type=int, nargs="+", default=default.pull_seeds, help="seeds of pull")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    study = Study(
        common=tuple(given.common.split()),
        dataset=given.dataset,
        views=given.views,
        seeds=tuple(given.seeds),
        tune_seeds=tuple(given.tune_seeds),
        final_seeds=tuple(given.final_seeds),
        pull_seeds=tuple(given.pull_seeds),
    )
    records = ablation_files.read(given.results)
    check_same_study(study, records, given.results)
    if given.plan or given.progress:
        show = show_plan if given.plan else show_progress
        show(study, records, given.stages, given.jobs)
        return

    def work(job: Job, _: Mapping[str, Record], cores: int) -> Record:
        trainer = [str(TRAINER), f"--arm={job.arm}"]
        record = run_job(job, job_flags(study, job), given.runs, cores, trainer)
        return record | {"branches": list(ARMS[job.arm]), "study": fingerprint(study)}

    stored = functools.partial(remove_checkpoints, runs=given.runs)
    run_jobs(lambda found: pending(study, found, given.stages), work, given, stored=stored)


if __name__ == "__main__":
    main()
