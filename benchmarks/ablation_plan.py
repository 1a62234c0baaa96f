"""The runs of the ablation study, their order and their flags, as pure functions of its settings and its results.

Stages:

    tune     every method at every batch size tries the same list of (temperature, learning rate, color strength) for
             `tune_views`; the best by linear probe on held-out training images is used
    compute  final runs at equal encoder views, over seeds; evaluated on held-out images and once on test
    same     methods at the smallest batch whose trials chose other settings than SimCLR's, again with SimCLR's settings
    epochs   final runs at equal epochs, if their length differs (methods with three views)
    around   one setting at a time changed from the better AAG at the smallest batch, evaluated on held-out images
    second   the main comparison on another data set, with the settings tuned on the first

The order follows the value of the results: first the main comparison (every method at the smallest batch, SimCLR at
every batch, more seeds of SimCLR and AAG at the smallest), then the runs that choose defaults, then the rest, again
with the smallest batch first.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np
from ablation_methods import AAG, AROUND, METHODS, REFERENCE_BATCH, SIMCLR, num_views, trial_settings
from benchmark_tools import Row as Record

STAGES = ("tune", "compute", "same", "epochs", "around", "second")
TUNE_SEED = 1000  # not used by any final run


@dataclasses.dataclass(frozen=True)
class Study:
    """The size of a study; records contain it, so that two studies cannot be mixed.

    Args:
        common: flags of every run: encoder, precision and the like.
        dataset: the data set to tune and compare on.
        second: the second data set; empty skips the stage.
        views: encoder views in a final run.
        tune_views: encoder views in a trial.
        trials: trials per method and batch size.
        seeds: seeds of the final runs.
        more_seeds: additional seeds of SimCLR and AAG at the smallest batch, at equal encoder views.
        batches: global batch sizes, the smallest first.
    """

    common: tuple[str, ...] = ("--encoder=tiny", "--width=0.5", "--precision=mixed_bfloat16")
    dataset: str = "tfds:cifar10"
    second: str = "tfds:fashion_mnist"
    views: int = 1_000_000
    tune_views: int = 250_000
    trials: int = 6
    seeds: tuple[int, ...] = (0, 1, 2)
    more_seeds: tuple[int, ...] = (3, 4, 5)
    batches: tuple[int, ...] = (64, 256, 1024)


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of the study."""

    stage: str
    method: str
    batch: int
    seed: int
    trial: int | None = None
    variant: str | None = None

    @property
    def key(self) -> str:
        """Name of the run in the results: `compute/AAG κ=0/64/seed0`."""
        detail = f"trial{self.trial}" if self.trial is not None else f"seed{self.seed}"
        return "/".join([self.stage, self.method, str(self.batch), *([self.variant] if self.variant else []), detail])

    @property
    def uses_test(self) -> bool:
        """Whether the run is evaluated on the test split: final runs only, each of them once."""
        return self.stage in ("compute", "same", "epochs", "second")


def all_jobs(study: Study, records: Mapping[str, Record], stages: Iterable[str] = STAGES) -> list[Job]:
    """Returns every run of these stages in order; all possible runs if results have not yet decided which."""
    smallest, *larger = study.batches
    winner = winning_aag(study, records) or AAG[0]
    jobs = _tuned_jobs(study, smallest, METHODS)
    for batch in larger:
        jobs += _tuned_jobs(study, batch, [SIMCLR])
    jobs += [Job("compute", method, smallest, seed) for seed in study.more_seeds for method in (SIMCLR, *AAG)]
    jobs += _final_jobs(
        study, "same", smallest, [m for m in METHODS if has_settings_of_simclr(study, records, m) is not True]
    )
    jobs += around_jobs(study, winner)
    for batch in larger:
        jobs += _tuned_jobs(study, batch, [method for method in METHODS if method != SIMCLR])
    three_views = [method for method in METHODS if num_views(METHODS[method]) > 2]
    for batch in study.batches:
        jobs += _final_jobs(study, "epochs", batch, three_views)
        if study.second:
            jobs += _final_jobs(study, "second", batch, METHODS if batch == smallest else [SIMCLR])
    wanted = set(stages)
    return [job for job in jobs if job.stage in wanted]


def _tuned_jobs(study: Study, batch: int, methods: Iterable[str]) -> list[Job]:
    """Returns the trials of some methods at a batch size, and the final runs with the chosen settings."""
    methods = list(methods)
    trials = [Job("tune", m, batch, TUNE_SEED, trial=trial) for trial in range(study.trials) for m in methods]
    return trials + _final_jobs(study, "compute", batch, methods)


def _final_jobs(study: Study, stage: str, batch: int, methods: Iterable[str]) -> list[Job]:
    methods = list(methods)
    return [Job(stage, method, batch, seed) for seed in study.seeds for method in methods]


def around_jobs(study: Study, method: str) -> list[Job]:
    """Returns the variations of the winner at the smallest batch; the unchanged winner is part of `compute`."""
    batch = study.batches[0]
    return [Job("around", method, batch, seed, variant=variant) for variant in AROUND for seed in study.seeds]


def pending(study: Study, records: Mapping[str, Record], stages: Iterable[str] = STAGES) -> list[Job]:
    """Returns the runs that can start now, in order; runs that wait for results come with a later call.

    Args:
        study: settings of the study.
        records: results by key.
        stages: stages to run.
    """
    return [job for job in all_jobs(study, records, stages) if job.key not in records and _decided(study, records, job)]


def _decided(study: Study, records: Mapping[str, Record], job: Job) -> bool:
    """Whether the results that determine a run are available."""
    if job.stage == "tune":
        return True
    if job.stage == "same":
        return has_settings_of_simclr(study, records, job.method) is False
    if job.stage == "around" and winning_aag(study, records) is None:
        return False
    return best_trial(study, records, job.method, job.batch) is not None


def has_settings_of_simclr(study: Study, records: Mapping[str, Record], method: str) -> bool | None:
    """Whether a method's trials at the smallest batch chose SimCLR's settings; `None` until all have ended."""
    own, simclr = (best_trial(study, records, name, study.batches[0]) for name in (method, SIMCLR))
    if method == SIMCLR:
        return True
    return None if own is None or simclr is None else own == simclr


def best_trial(study: Study, records: Mapping[str, Record], method: str, batch: int) -> int | None:
    """Returns the trial with the best linear probe on held-out images; `None` until all have ended."""
    found = [records.get(Job("tune", method, batch, TUNE_SEED, trial=trial).key) for trial in range(study.trials)]
    done = [record for record in found if record is not None]
    if len(done) < study.trials:
        return None
    return int(np.argmax([record["validation"]["linear"] for record in done]))


def mean_validation(study: Study, records: Mapping[str, Record], method: str, batch: int) -> float | None:
    """Returns the mean over `seeds` of the linear probe on held-out images; `None` until all have ended."""
    found = [records.get(Job("compute", method, batch, seed).key) for seed in study.seeds]
    done = [record for record in found if record is not None]
    if len(done) < len(study.seeds):
        return None
    return float(np.mean([record["validation"]["linear"] for record in done]))


def winning_aag(study: Study, records: Mapping[str, Record]) -> str | None:
    """Returns AAG with the better κ at the smallest batch on held-out images; `None` until both have ended."""
    scores = {method: mean_validation(study, records, method, study.batches[0]) for method in AAG}
    if any(score is None for score in scores.values()):
        return None
    return max(scores, key=lambda method: scores[method] or 0.0)


def job_flags(study: Study, job: Job, records: Mapping[str, Record]) -> list[str]:
    """Returns the flags of a run, without its directory.

    Raises:
        ValueError: the trials that determine its settings have not ended.
    """
    tuned_for = SIMCLR if job.stage == "same" else job.method
    trial = job.trial if job.stage == "tune" else best_trial(study, records, tuned_for, job.batch)
    if trial is None:
        raise ValueError(f"{job.key} waits for the trials of its method and batch size")
    temperature, learning_rate, color_strength = trial_settings(study.trials)[trial]
    changed = AROUND[job.variant] if job.variant else ()
    views = 2 if job.stage == "epochs" else num_views([*METHODS[job.method], *changed])
    total = study.tune_views if job.stage == "tune" else study.views
    return [
        f"--dataset={study.second if job.stage == 'second' else study.dataset}",
        *study.common,
        *METHODS[job.method],
        f"--global_batch_size={job.batch}",
        f"--train_steps={max(1, round(total / (views * job.batch)))}",
        f"--temperature={temperature:g}",
        f"--learning_rate={learning_rate * math.sqrt(job.batch / REFERENCE_BATCH):.3g}",
        f"--color_strength={color_strength:g}",
        *changed,
        f"--seed={job.seed}",
    ]


def encoder_views(study: Study, job: Job) -> int:
    """Returns the encoder views of a run, to the nearest step."""
    if job.stage == "tune":
        return study.tune_views
    own = num_views([*METHODS[job.method], *(AROUND[job.variant] if job.variant else ())])
    return study.views * own // 2 if job.stage == "epochs" else study.views


def estimated_hours(study: Study, jobs: Iterable[Job], *, views_per_second: float, seconds_per_run: float) -> float:
    """Estimates the hours of jobs from their views and the other time of a run (startup, evaluation)."""
    jobs = list(jobs)
    views = sum(encoder_views(study, job) for job in jobs)
    return (views / views_per_second + seconds_per_run * len(jobs)) / 3600
