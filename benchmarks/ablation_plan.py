"""What the ablation study runs, in which order and with which flags: pure functions of its settings and its results.

Stages:

    tune     every method at every batch size tries the same list of (temperature, learning rate, colour strength) at
             `tune_views`; the best by linear probe on held-out training images goes on
    compute  final runs at equal encoder views, over seeds; judged on held-out images and once on test
    epochs   final runs at equal epochs, where that is another length (methods with three views)
    around   one setting at a time changed from the better AAG at the smallest batch, judged on held-out images
    second   the main comparison on another data set, with the settings tuned on the first

Runs come in the order in which they are worth having: first what the verdict needs (every method at the smallest batch,
SimCLR at every batch), then what chooses defaults, then the rest, again with the smallest batch first.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

STAGES = ("tune", "compute", "epochs", "around", "second")
TUNE_SEED = 1000  # no final run has it

METHODS: dict[str, tuple[str, ...]] = {
    "SimCLR, two views κ=1": ("--aux=none", "--coupling=1"),
    "two views κ=0": ("--aux=none", "--coupling=0"),
    "three main views κ=0": ("--aux=main", "--coupling=0"),
    "AAG κ=1": ("--aux=default", "--coupling=1"),
    "AAG κ=0": ("--aux=default", "--coupling=0"),
}
SIMCLR = "SimCLR, two views κ=1"
AAG = ("AAG κ=1", "AAG κ=0")

AROUND: dict[str, tuple[str, ...]] = {
    "aux=main": ("--aux=main",),
    "aux=cutout": ("--aux=cutout",),
    "aux=geometric": ("--aux=geometric",),
    "aux=randaugment": ("--aux=randaugment",),
    "aux_strength=0.5": ("--aux_strength=0.5",),
    "aux_strength=1.5": ("--aux_strength=1.5",),
    "aux_weight=0.5": ("--aux_weight=0.5",),
    "aux_weight=2": ("--aux_weight=2",),
    "noaux_negatives": ("--noaux_negatives",),
    "coupling=0.1": ("--coupling=0.1",),
    "coupling=0.5": ("--coupling=0.5",),
    "aux_views=2": ("--aux_views=2",),
}

# Ranges of the trials, each on a logarithmic scale. The learning rate is that of a batch of 64 and grows with the
# root of the batch, as the noise of Adam's steps asks for.
TEMPERATURES = (0.07, 0.6)
LEARNING_RATES = (7e-4, 5e-3)
COLOR_STRENGTHS = (0.25, 1.0)
REFERENCE_BATCH = 64

Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Study:
    """The size of a study; records keep it, so that two studies cannot be mixed up.

    Args:
        common: flags of every run: encoder, precision and the like.
        dataset: what is tuned and compared on.
        second: the second data set; empty leaves the stage out.
        views: encoder views in a final run.
        tune_views: encoder views in a trial.
        trials: trials a method and batch size.
        seeds: of the final runs.
        batches: global batch sizes, the smallest first.
    """

    common: tuple[str, ...] = ("--encoder=tiny", "--width=0.5", "--precision=mixed_bfloat16")
    dataset: str = "tfds:cifar10"
    second: str = "tfds:fashion_mnist"
    views: int = 1_000_000
    tune_views: int = 250_000
    trials: int = 6
    seeds: tuple[int, ...] = (0, 1, 2)
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
        """Names the run in results: `compute/AAG κ=0/64/seed0`."""
        detail = f"trial{self.trial}" if self.trial is not None else f"seed{self.seed}"
        return "/".join([self.stage, self.method, str(self.batch), *([self.variant] if self.variant else []), detail])

    @property
    def uses_test(self) -> bool:
        """Whether the run is judged on the test split: final runs only, each of them once."""
        return self.stage in ("compute", "epochs", "second")


def all_jobs(study: Study, stages: Iterable[str] = STAGES, winner: str | None = None) -> list[Job]:
    """Every run of these stages, in order; `around` only where the better AAG is known, which results decide."""
    stages = tuple(stages)
    smallest, *larger = study.batches
    jobs = _tuned_jobs(study, stages, smallest, METHODS)
    for batch in larger:
        jobs += _tuned_jobs(study, stages, batch, [SIMCLR])
    if "around" in stages and winner is not None:
        jobs += around_jobs(study, winner)
    for batch in larger:
        jobs += _tuned_jobs(study, stages, batch, [method for method in METHODS if method != SIMCLR])
    three_views = [method for method in METHODS if num_views(METHODS[method]) > 2]
    last = {"epochs": three_views, "second": list(METHODS) if study.second else []}
    for batch in study.batches:
        for stage, methods in last.items():
            jobs += _final_jobs(study, stage, batch, methods) if stage in stages else []
    return jobs


def _tuned_jobs(study: Study, stages: Iterable[str], batch: int, methods: Iterable[str]) -> list[Job]:
    """The trials of some methods at a batch size, and the final runs with what they chose."""
    methods, jobs = list(methods), []
    if "tune" in stages:
        jobs += [Job("tune", m, batch, TUNE_SEED, trial=trial) for trial in range(study.trials) for m in methods]
    if "compute" in stages:
        jobs += _final_jobs(study, "compute", batch, methods)
    return jobs


def _final_jobs(study: Study, stage: str, batch: int, methods: Iterable[str]) -> list[Job]:
    methods = list(methods)
    return [Job(stage, method, batch, seed) for seed in study.seeds for method in methods]


def around_jobs(study: Study, method: str) -> list[Job]:
    """The runs around the winner, at the smallest batch; the winner as it is has been run at equal views."""
    batch = study.batches[0]
    return [Job("around", method, batch, seed, variant=variant) for variant in AROUND for seed in study.seeds]


def pending(study: Study, records: Mapping[str, Record], stages: Iterable[str] = STAGES) -> list[Job]:
    """What can be run now and has not been, in order; runs that wait for others come with a later call.

    Args:
        study: its settings.
        records: results by key.
        stages: which are wanted.
    """
    ready = [
        job
        for job in all_jobs(study, stages, winning_aag(study, records))
        if job.stage == "tune" or best_trial(study, records, job.method, job.batch) is not None
    ]
    return [job for job in ready if job.key not in records]


def best_trial(study: Study, records: Mapping[str, Record], method: str, batch: int) -> int | None:
    """The trial with the best linear probe on held-out images, the first of equals; `None` until all have ended."""
    found = [records.get(Job("tune", method, batch, TUNE_SEED, trial=trial).key) for trial in range(study.trials)]
    done = [record for record in found if record is not None]
    if len(done) < study.trials:
        return None
    return int(np.argmax([record["validation"]["linear"] for record in done]))


def mean_validation(study: Study, records: Mapping[str, Record], method: str, batch: int) -> float | None:
    """The mean over seeds of final runs' linear probe on held-out images; `None` until all have ended."""
    found = [records.get(Job("compute", method, batch, seed).key) for seed in study.seeds]
    done = [record for record in found if record is not None]
    if len(done) < len(study.seeds):
        return None
    return float(np.mean([record["validation"]["linear"] for record in done]))


def winning_aag(study: Study, records: Mapping[str, Record]) -> str | None:
    """The better κ of AAG at the smallest batch, by held-out images; `None` until both have ended."""
    scores = {method: mean_validation(study, records, method, study.batches[0]) for method in AAG}
    if any(score is None for score in scores.values()):
        return None
    return max(scores, key=lambda method: scores[method] or 0.0)


def trial_settings(trials: int) -> list[tuple[float, float, float]]:
    """(temperature, learning rate at batch 64, colour strength) of every trial: the same list for every method.

    A Latin hypercube: each range is cut into as many strata as there are trials, and each is visited once.
    """
    rng = np.random.default_rng(0)
    columns = [(rng.permutation(trials) + 0.5) / trials for _ in range(3)]
    ranges = (TEMPERATURES, LEARNING_RATES, COLOR_STRENGTHS)
    values = [
        [float(f"{math.exp(math.log(low) + u * math.log(high / low)):.2g}") for u in column]
        for (low, high), column in zip(ranges, columns, strict=True)
    ]
    return list(zip(*values, strict=True))


def num_views(flags: Sequence[str]) -> int:
    """Views of an image under these flags; later ones override."""
    values = dict(flag.removeprefix("--").partition("=")[::2] for flag in flags)
    return 2 if values.get("aux") == "none" else 2 + int(values.get("aux_views", 1))


def job_flags(study: Study, job: Job, records: Mapping[str, Record]) -> list[str]:
    """The flags of a run but for its directory.

    Raises:
        ValueError: the trials that decide its settings have not ended.
    """
    trial = job.trial if job.stage == "tune" else best_trial(study, records, job.method, job.batch)
    if trial is None:
        raise ValueError(f"{job.key} waits for the trials of its method and batch size")
    temperature, learning_rate, color_strength = trial_settings(study.trials)[trial]
    own = [*METHODS[job.method], *(AROUND[job.variant] if job.variant else ())]
    views = 2 if job.stage == "epochs" else num_views(own)
    total = study.tune_views if job.stage == "tune" else study.views
    return [
        f"--dataset={study.second if job.stage == 'second' else study.dataset}",
        *study.common,
        *own,
        f"--global_batch_size={job.batch}",
        f"--train_steps={max(1, round(total / (views * job.batch)))}",
        f"--temperature={temperature:g}",
        f"--learning_rate={learning_rate * math.sqrt(job.batch / REFERENCE_BATCH):.3g}",
        f"--color_strength={color_strength:g}",
        f"--seed={job.seed}",
    ]


def encoder_views(study: Study, job: Job) -> int:
    """Encoder views that a run costs, to the nearest step."""
    if job.stage == "tune":
        return study.tune_views
    own = num_views([*METHODS[job.method], *(AROUND[job.variant] if job.variant else ())])
    return study.views * own // 2 if job.stage == "epochs" else study.views


def estimated_hours(study: Study, jobs: Iterable[Job], *, views_per_second: float, seconds_per_run: float) -> float:
    """What jobs will take: their views at a speed, and the rest of a run (start, judging)."""
    jobs = list(jobs)
    views = sum(encoder_views(study, job) for job in jobs)
    return (views / views_per_second + seconds_per_run * len(jobs)) / 3600
