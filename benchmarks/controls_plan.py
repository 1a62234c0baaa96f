"""The runs of the controls, their order and their flags, as pure functions of the study and its results.

Stages, each of which starts once the results that decide it are there:

    compute  every arm at κ = 1 and 0 with the shared settings, at equal encoder views; seeds outermost
    epochs   the arms with three default views or an auxiliary one, as long in epochs as the arms with two views
    tune     the two finalists (best arm of two views, best arm with an auxiliary view, on held-out images), each at
             both κ, with every setting of the grid; evaluated on held-out images only
    final    the finalists with the setting that their trials chose, with new seeds, at equal encoder views
    length   the finalist with the auxiliary view, at equal epochs
    pull     κ = 1 and 0 for ten times as long, at the temperature where the upstream gradient of κ = 1 is below 0.5
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping

import numpy as np
from benchmark_tools import Row as Record
from controls_arms import (
    ARMS,
    AT_EQUAL_EPOCHS,
    AUXILIARY,
    BATCH,
    COLOR_STRENGTH,
    COUPLINGS,
    GRID,
    SHARED,
    TEMPERATURES,
    TWO_VIEWS,
    Setting,
)

STAGES = ("compute", "epochs", "tune", "final", "length", "pull")
LONGER = 10  # how many times as long the runs of `pull` are
WEAK_PULL = 0.5
Records = Mapping[str, Record]


@dataclasses.dataclass(frozen=True)
class Study:
    """The size of the study; records contain it, so that two studies cannot be mixed.

    Args:
        common: flags of every run: encoder, precision and the like.
        dataset: the data set.
        views: encoder views of a run at equal compute.
        seeds: of `compute` and `epochs`.
        tune_seeds: of the trials.
        final_seeds: of `final` and `length`.
        pull_seeds: of `pull`.
    """

    common: tuple[str, ...] = ("--encoder=tiny", "--width=0.5", "--precision=mixed_bfloat16")
    dataset: str = "tfds:cifar10"
    views: int = 1_000_000
    seeds: tuple[int, ...] = (10, 11, 12, 13, 14, 15)
    tune_seeds: tuple[int, ...] = (1000, 1001)
    final_seeds: tuple[int, ...] = (20, 21, 22, 23, 24, 25)
    pull_seeds: tuple[int, ...] = (30, 31, 32, 33, 34, 35)


@dataclasses.dataclass(frozen=True)
class Job:
    """One run."""

    stage: str
    arm: str
    coupling: int
    seed: int
    setting: Setting = SHARED

    @property
    def key(self) -> str:
        """Name of the run in the results: `compute/AAG, main crop 0.20/κ1/seed10`."""
        trial = f"τ{self.setting.temperature:g}-lr{self.setting.learning_rate:g}"
        parts = [self.stage, self.arm, f"κ{self.coupling}", *([trial] if self.stage == "tune" else [])]
        return "/".join([*parts, f"seed{self.seed}"])

    @property
    def batch(self) -> int:
        """The global batch size."""
        return BATCH

    @property
    def uses_test(self) -> bool:
        """Whether the run is evaluated on the test split: all but trials, each of them once."""
        return self.stage != "tune"


def pending(study: Study, records: Records, stages: Iterable[str] = STAGES) -> list[Job]:
    """Returns the runs that can start now, in order."""
    return [job for job in all_jobs(study, records, stages) if job.key not in records]


def all_jobs(study: Study, records: Records, stages: Iterable[str] = STAGES) -> list[Job]:
    """Returns every run whose settings the results so far decide, in order."""
    jobs = first_jobs(study)
    arms = finalists(study, records)
    if arms:
        jobs += tune_jobs(study, arms)
        jobs += _tuned_jobs(study, records, arms)
    wanted = set(stages)
    return [job for job in jobs if job.stage in wanted]


def first_jobs(study: Study) -> list[Job]:
    """Returns the runs with the shared settings: a round of every arm for each seed."""
    jobs = []
    for seed in study.seeds:
        jobs += [Job("compute", arm, coupling, seed) for arm in ARMS for coupling in COUPLINGS]
        jobs += [Job("epochs", arm, coupling, seed) for arm in AT_EQUAL_EPOCHS for coupling in COUPLINGS]
    return jobs


def finalists(study: Study, records: Records) -> tuple[str, str] | None:
    """Returns the best arm of two views and the best with an auxiliary view; `None` until all have ended.

    Best is the highest mean linear probe on held-out images over all seeds and both κ. The test split has no part.
    """
    means = {arm: mean_validation([_found(records, job) for job in _own(study, arm)]) for arm in ARMS}
    if any(mean is None for mean in means.values()):
        return None
    first, second = (max(family, key=lambda arm: means[arm] or 0.0) for family in (TWO_VIEWS, AUXILIARY))
    return first, second


def _own(study: Study, arm: str) -> list[Job]:
    return [job for job in first_jobs(study) if (job.stage, job.arm) == ("compute", arm)]


def _found(records: Records, job: Job) -> Record | None:
    return records.get(job.key)


def mean_validation(found: Iterable[Record | None]) -> float | None:
    """Returns the mean linear probe on held-out images; `None` if a run is missing."""
    records = list(found)
    scores = [record["validation"]["linear"] for record in records if record is not None]
    return float(np.mean(scores)) if len(scores) == len(records) else None


def tune_jobs(study: Study, arms: Iterable[str]) -> list[Job]:
    """Returns the trials: each finalist at each κ tries the same settings; seeds outermost."""
    tried = itertools.product(study.tune_seeds, GRID, list(arms), COUPLINGS)
    return [Job("tune", arm, coupling, seed, setting) for seed, setting, arm, coupling in tried]


def _tuned_jobs(study: Study, records: Records, arms: tuple[str, str]) -> list[Job]:
    """Returns the runs that the trials decide: none until all trials have ended."""
    chosen = {(arm, coupling): best_setting(study, records, arm, coupling) for arm in arms for coupling in COUPLINGS}
    jobs = []
    for seed in study.final_seeds:
        for stage, own in (("final", arms), ("length", arms[1:])):
            for arm, coupling in itertools.product(own, COUPLINGS):
                setting = chosen[arm, coupling]
                if setting is None:
                    return []
                jobs.append(Job(stage, arm, coupling, seed, setting))
    temperature = pull_temperature(study, records, arms[1])
    for seed, arm, coupling in itertools.product(study.pull_seeds, reversed(arms), COUPLINGS):
        setting = best_setting(study, records, arm, coupling, temperature)
        assert setting is not None
        jobs.append(Job("pull", arm, coupling, seed, setting))
    return jobs


def best_setting(
    study: Study, records: Records, arm: str, coupling: int, temperature: float | None = None
) -> Setting | None:
    """Returns the setting with the best mean linear probe on held-out images over the seeds of the trials.

    Args:
        study: settings of the study.
        records: results by key.
        arm: the finalist.
        coupling: κ.
        temperature: only settings with this one; `None` for all.

    Returns:
        The setting; `None` until all trials have ended.
    """
    tried = [setting for setting in GRID if temperature in (None, setting.temperature)]
    means = {setting: mean_validation(_trials(study, records, arm, coupling, setting)) for setting in tried}
    if any(mean is None for mean in means.values()):
        return None
    return max(tried, key=lambda setting: means[setting] or 0.0)


def _trials(study: Study, records: Records, arm: str, coupling: int, setting: Setting) -> list[Record | None]:
    return [_found(records, Job("tune", arm, coupling, seed, setting)) for seed in study.tune_seeds]


def pull_temperature(study: Study, records: Records, arm: str) -> float:
    """Returns the highest temperature at which the trials of κ = 1 end with a weak upstream gradient, or the lowest.

    The upstream gradient of a temperature is its mean over the second half of each trial, and over trials.
    """
    for temperature in TEMPERATURES:  # the highest first
        settings = [setting for setting in GRID if setting.temperature == temperature]
        found = [record for setting in settings for record in _trials(study, records, arm, 1, setting)]
        if np.mean([second_half(record["curves"]["positive_pull"]) for record in found if record]) < WEAK_PULL:
            return temperature
    return TEMPERATURES[-1]


def second_half(values: list[float]) -> float:
    """Returns the mean over the second half of a curve."""
    return float(np.mean(values[len(values) // 2 :]))


def encoder_views(study: Study, job: Job) -> int:
    """Returns the encoder views of a run, to the nearest step."""
    if job.stage in ("epochs", "length"):
        return study.views * len(ARMS[job.arm]) // 2
    return study.views * (LONGER if job.stage == "pull" else 1)


def job_flags(study: Study, job: Job) -> list[str]:
    """Returns the flags of a run for `controls_train.py`, without its directory and without `--arm`.

    `--aux` gives the number of views only; the arm decides which branch draws each of them.
    """
    views = len(ARMS[job.arm])
    return [
        f"--dataset={study.dataset}",
        *study.common,
        f"--aux={'none' if views == 2 else 'default'}",
        f"--coupling={job.coupling}",
        f"--global_batch_size={job.batch}",
        f"--train_steps={max(1, round(encoder_views(study, job) / (views * job.batch)))}",
        f"--temperature={job.setting.temperature:g}",
        f"--learning_rate={job.setting.learning_rate:g}",
        f"--color_strength={COLOR_STRENGTH:g}",
        f"--seed={job.seed}",
    ]
