"""Several evaluations side by side, from what they left on disk: nothing is trained or judged again."""

import dataclasses
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aag_tf.config import RunConfig, check_compared
from aag_tf.evaluation.results import RAW_PIXELS, FeatureResult, table
from aag_tf.evaluation.saved_evaluation import SavedEvaluation, read_evaluation
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError, RunDirectoryError
from aag_tf.utils.paths import user_path

SAME_DATA = ("dataset", "split", "num_bank", "num_queries")
# Of measures by the beginning of their names: what must be the same where both evaluations have one.
SAME_SETTINGS = {
    "knn": ("knn_k", "knn_temperature"),
    "linear_sgd": ("sgd_epochs", "sgd_augment"),
    "few_labels": ("label_draws",),
    "neighbor_purity": ("knn_k",),
    "fine_tune": ("label_draws", "fine_tune_steps", "fine_tune_learning_rate"),
}
DEFAULT_OUTPUT = "comparison.html"


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """One of the evaluations.

    Args:
        name: what tells it from the others.
        evaluation: what was measured.
        flags: the settings of its training, empty where unknown.
        metrics: the records of its training, where a run directory has them.
    """

    name: str
    evaluation: SavedEvaluation
    flags: dict[str, Any]
    metrics: Path | None

    @property
    def facts(self) -> dict[str, Any]:
        """What was judged, how, and by which software."""
        saved = self.evaluation
        return {"file": saved.path, "command": saved.command} | saved.subject | saved.versions


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Evaluations on the same images with the same settings.

    Args:
        runs: two or more.
        path: the HTML file.
    """

    runs: list[ComparedRun]
    path: Path

    @property
    def results(self) -> list[FeatureResult]:
        """The judged features of each run under its name, and raw pixels as the baseline where all of them have one."""
        columns = [dataclasses.replace(run.evaluation.judged, features=run.name) for run in self.runs]
        baselines = [part for run in self.runs for part in run.evaluation.results if part.features == RAW_PIXELS]
        shared = len({run.evaluation.pixels for run in self.runs}) == 1
        return columns + baselines[:1] if shared and len(baselines) == len(self.runs) else columns

    @property
    def differences(self) -> dict[str, list[str]]:
        """The training flags in which the runs differ, with the value of each run."""
        names = dict.fromkeys(name for run in self.runs for name in run.flags)
        places = {field.name for field in dataclasses.fields(RunConfig)} | {"data_dir", "download"}
        values = {name: [str(run.flags.get(name, "–")) for run in self.runs] for name in names if name not in places}
        return {name: each for name, each in values.items() if len(set(each)) > 1}

    @property
    def title(self) -> str:
        """On what they were judged."""
        data = self.runs[0].evaluation.data
        return (
            f"{len(self.runs)} encoders on {data['dataset']}, {data['split']} split: {data['num_queries']:,} images "
            f"judged by {data['num_bank']:,} labeled ones."
        )

    def __str__(self) -> str:
        """The table with the sentence that says what it stands for."""
        return f"{self.title}\nAccuracy in per cent [95 % interval over the judged images].\n\n{table(self.results)}"


def compare(runs: Sequence[str | Path], output: str | Path | None = None) -> Comparison:
    """Puts evaluations side by side and draws them as one HTML file.

    Args:
        runs: two or more run directories, or files that `aag-evaluate --output` named.
        output: the HTML file; `comparison.html` by default.

    Raises:
        ConfigError: there are fewer than two runs, or one is named twice.
        EvaluationError: an evaluation is missing, damaged or of another schema, they were judged on different images
            or with different settings, or the page cannot be written.
    """
    from aag_tf.report import check_page_path, write_comparison  # what draws is loaded where pages are drawn

    named = [os.fspath(run) for run in runs]
    check_compared(named)
    path = user_path(output or DEFAULT_OUTPUT)
    check_page_path(path)
    evaluations = {run: read_evaluation(run) for run in named}
    _check_alike(evaluations)
    comparison = Comparison([_compared(name, evaluations[run]) for run, name in _short_names(named).items()], path)
    write_comparison(comparison, path)
    return comparison


def _check_alike(evaluations: dict[str, SavedEvaluation]) -> None:
    for (first_name, first), (name, other) in itertools.combinations(evaluations.items(), 2):
        for key in SAME_DATA:
            if first.data[key] != other.data[key]:
                raise EvaluationError(
                    f"{first_name} was judged on {_images(first)}, {name} on {_images(other)}; compare encoders on the "
                    "same images (aag-evaluate with --dataset and --split)."
                )
        for key in _settings_of_both(first, other):
            if first.settings.get(key) != other.settings.get(key):
                raise EvaluationError(
                    f"{first_name} was judged with --{key}={first.settings.get(key)}, {name} with "
                    f"{other.settings.get(key)}; judge them alike before you compare them."
                )


def _settings_of_both(first: SavedEvaluation, other: SavedEvaluation) -> list[str]:
    def has(evaluation: SavedEvaluation, beginning: str) -> bool:
        return any(measure.name.startswith(beginning) for measure in evaluation.judged.measures)

    return [
        key
        for beginning, keys in SAME_SETTINGS.items()
        if has(first, beginning) and has(other, beginning)
        for key in keys
    ]


def _images(evaluation: SavedEvaluation) -> str:
    data = evaluation.data
    return f"{data['dataset']} ({data['split']} split, {data['num_bank']} + {data['num_queries']} images)"


def _compared(name: str, evaluation: SavedEvaluation) -> ComparedRun:
    for place in _homes(evaluation):
        directory = RunDirectory(place)
        if directory.record.is_file():
            return ComparedRun(name, evaluation, _flags(directory), directory.metrics)
    return ComparedRun(name, evaluation, {}, None)


def _homes(evaluation: SavedEvaluation) -> list[Path]:
    """Where the run that was judged may be: beside its own file first, since runs are moved after they were judged."""
    run_dir = evaluation.subject.get("run_dir")
    beside = evaluation.path.parent
    if not isinstance(run_dir, str):
        return []  # an export, or somebody else's model, whose figures may lie anywhere
    own = evaluation.path == RunDirectory(beside).evaluation or Path(run_dir).name in ("", beside.absolute().name)
    return [*([beside] if own else []), user_path(run_dir)]


def _flags(directory: RunDirectory) -> dict[str, Any]:
    try:
        return dict(directory.read_record()["flags"])
    except (RunDirectoryError, KeyError, TypeError, ValueError):
        return {}


def _short_names(runs: Sequence[str]) -> dict[str, str]:
    """For each path, as many of its last parts as tell it from all others."""
    parts = {run: user_path(run).parts for run in runs}
    for length in range(1, max(map(len, parts.values())) + 1):
        names = {run: "/".join(part[-length:]) for run, part in parts.items()}
        if len(set(names.values())) == len(runs):
            return names
    return {run: run for run in runs}
