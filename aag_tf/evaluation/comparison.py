"""Compares evaluations from their files on disk; nothing is trained or evaluated again."""

import dataclasses
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aag_tf.config import RunConfig, check_compared
from aag_tf.evaluation.evaluation import Evaluation
from aag_tf.evaluation.results import RAW_PIXELS, TABLE_NOTE, FeatureResult, table
from aag_tf.evaluation.saved_evaluation import read_evaluation
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError, RunDirectoryError
from aag_tf.utils.stores import local_path, named
from aag_tf.utils.text import shown, truncated

LONGEST_VALUE = 80  # characters of a setting in a message
SAME_DATA = ("dataset", "split", "num_bank", "num_queries")
# By the beginning of a metric's name: the settings that must be the same where both evaluations have the metric.
SAME_SETTINGS = {
    "knn": ("knn_k", "knn_temperature"),
    "linear_sgd": ("sgd_epochs", "sgd_augment"),
    "few_labels": ("label_draws",),
    "neighbor_purity": ("knn_k",),
    "fine_tune": ("label_draws", "fine_tune_steps", "fine_tune_learning_rate"),
}


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """One of the compared evaluations.

    Args:
        name: the shortest path that is unique among them.
        evaluation: read from a file.
        flags: the settings of its training; empty where unknown.
        metrics: the `metrics.jsonl` of its training; `None` where there is no run directory.
    """

    name: str
    evaluation: Evaluation
    flags: dict[str, Any]
    metrics: Path | None

    @property
    def title(self) -> str:
        """The name, with the number of views of an image that its embeddings are the mean of, where it is above 1."""
        views = self.evaluation.embed_views
        return f"{self.name} ({views} views)" if views > 1 else self.name

    @property
    def facts(self) -> dict[str, Any]:
        """File, command, subject and software versions of the evaluation, by name."""
        evaluation = self.evaluation
        file = evaluation.path and named(evaluation.path)
        return {"file": file, "command": evaluation.command} | evaluation.subject | evaluation.versions


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Evaluations on the same images with the same settings.

    Args:
        runs: two or more.
    """

    runs: list[ComparedRun]

    @property
    def results(self) -> list[FeatureResult]:
        """The results of each encoder under the name of its run, then those of raw pixels if all runs share them."""
        columns = [dataclasses.replace(run.evaluation.main_result, features=run.title) for run in self.runs]
        baselines = [run.evaluation.result(RAW_PIXELS) for run in self.runs]
        # Raw pixels are the same baseline only where all encoders saw the images in the same form.
        data = [run.evaluation.data for run in self.runs]
        forms = {(str(one.get("image_shape")), one.get("conversion", "")) for one in data}
        shared = baselines[0] if None not in baselines and len(forms) == 1 else None
        return columns if shared is None else [*columns, shared]

    @property
    def differences(self) -> dict[str, list[str]]:
        """The training flags that differ between the runs, with the value of each run."""
        names = dict.fromkeys(name for run in self.runs for name in run.flags)
        places = {field.name for field in dataclasses.fields(RunConfig)} | {"data_dir", "download"}
        values = {name: [str(run.flags.get(name, "–")) for run in self.runs] for name in names if name not in places}
        return {name: each for name, each in values.items() if len(set(each)) > 1}

    @property
    def title(self) -> str:
        """A sentence that names the images."""
        data = self.runs[0].evaluation.data
        return (
            f"{len(self.runs)} encoders on {data['dataset']}, {data['split']} split: {data['num_queries']:,} images, "
            f"evaluated with {data['num_bank']:,} others to learn from."
        )

    def __str__(self) -> str:
        """The table below a sentence that names the images."""
        return f"{shown(self.title)}\n{TABLE_NOTE}\n\n{table(self.results)}"


def compare(runs: Sequence[str | Path]) -> Comparison:
    """Puts evaluations side by side; `aag_tf.report.write_comparison` draws the result.

    Args:
        runs: two or more run directories, or files that `aag-evaluate --output` named.

    Raises:
        ConfigError: there are fewer than two runs, or one is named twice.
        EvaluationError: an evaluation is missing, damaged or of another schema, or two of them have different images
            or settings.
    """
    paths = [os.fspath(run) for run in runs]
    check_compared(paths)
    evaluations = {run: read_evaluation(run) for run in paths}
    _check_alike(evaluations)
    return Comparison([_compared(name, evaluations[run]) for run, name in _short_names(paths).items()])


def _check_alike(evaluations: dict[str, Evaluation]) -> None:
    for (first_name, first), (name, other) in itertools.combinations(evaluations.items(), 2):
        for key in SAME_DATA:
            if first.data[key] != other.data[key]:
                raise EvaluationError(
                    f"{first_name} was evaluated on {_images(first)}, {name} on {_images(other)}; evaluate both on the "
                    "same images (--dataset, --split)."
                )
        for key in _settings_of_both(first, other):
            if first.settings.get(key) != other.settings.get(key):
                raise EvaluationError(
                    f"{first_name} was evaluated with --{key}={_shown(first, key)}, {name} with "
                    f"{_shown(other, key)}; evaluate both with the same settings."
                )


def _settings_of_both(first: Evaluation, other: Evaluation) -> list[str]:
    def has(evaluation: Evaluation, beginning: str) -> bool:
        return any(measure.name.startswith(beginning) for measure in evaluation.main_result.measures)

    return [
        key
        for beginning, keys in SAME_SETTINGS.items()
        if has(first, beginning) and has(other, beginning)
        for key in keys
    ]


def _shown(evaluation: Evaluation, key: str) -> str:
    """Returns a setting, which a file of unknown origin has, as a user would write it."""
    return truncated(str(evaluation.settings.get(key)), LONGEST_VALUE)


def _images(evaluation: Evaluation) -> str:
    data = evaluation.data
    return f"{data['dataset']} ({data['split']} split, {data['num_bank']} + {data['num_queries']} images)"


def _compared(name: str, evaluation: Evaluation) -> ComparedRun:
    for place in _homes(evaluation):
        directory = RunDirectory(place)
        if directory.record.is_file():
            return ComparedRun(name, evaluation, _flags(directory), directory.metrics)
    return ComparedRun(name, evaluation, {}, None)


def _homes(evaluation: Evaluation) -> list[Path]:
    """Returns the places where the run may be: that of the file first, since a run may have been moved since."""
    run_dir = evaluation.subject.get("run_dir")
    assert evaluation.path is not None  # it was read from a file
    beside = evaluation.path.parent
    if not isinstance(run_dir, str):
        return []  # an export or a model of others, whose file may lie beside a run that is not its own
    own = evaluation.path == RunDirectory(beside).evaluation or Path(run_dir).name in ("", beside.absolute().name)
    return [*([beside] if own else []), local_path(run_dir)]


def _flags(directory: RunDirectory) -> dict[str, Any]:
    try:
        return directory.read_record().flags
    except RunDirectoryError:
        return {}


def _short_names(runs: Sequence[str]) -> dict[str, str]:
    """Returns for each path the fewest last parts that tell it from all others."""
    parts = {run: local_path(run).parts for run in runs}
    for length in range(1, max(map(len, parts.values())) + 1):
        names = {run: "/".join(part[-length:]) for run, part in parts.items()}
        if len(set(names.values())) == len(runs):
            return names
    return {run: run for run in runs}
