"""Reads an `evaluation.json` back and checks it, since it may be old, damaged or from somebody else."""

import dataclasses
from pathlib import Path
from typing import Any

from aag_tf.evaluation.evaluation import SCHEMA, Evaluation
from aag_tf.evaluation.measure import Measure
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError, brief, one_line
from aag_tf.utils.json_fields import read_fields
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.stores import named
from aag_tf.utils.text import command_line

MOST_BYTES = 16 * 2**20  # a whole evaluation takes some 20 kB

# Spelling of earlier files.
RENAMED_MEASURES = {"neighbour_purity": "neighbor_purity"}
RENAMED_SETTINGS = {"floors": "baselines"}


@dataclasses.dataclass(frozen=True)
class _DataFacts:
    """What every evaluation tells about its images."""

    dataset: str
    split: str
    num_bank: int
    num_queries: int
    num_classes: int | None = None
    class_names: list[str] | None = None
    conversion: str = ""


@dataclasses.dataclass(frozen=True)
class _SubjectFacts:
    """What an evaluation may tell about its encoder that other parts use."""

    embed_views: int = 1


@dataclasses.dataclass(frozen=True)
class _DetailFacts:
    """Details of measures that verdicts and titles are made of."""

    k: int | None = None
    largest: float | None = None
    mean_squared_distance: float | None = None


def is_evaluation(path: Path) -> bool:
    """Returns whether a file is an evaluation, of whatever version, and so may be replaced by a new one."""
    try:
        return path.stat().st_size <= MOST_BYTES and bool(read_json_object(path, "schema", "results"))
    except (OSError, ValueError):
        return False


def read_evaluation(run: str) -> Evaluation:
    """Reads the evaluation in a run directory, or a JSON file that `--output` named.

    Names of earlier versions are replaced by those of today.

    Raises:
        EvaluationError: there is none, it is damaged, or it was written by another version.
    """
    directory = RunDirectory(run)
    directory.fetch(checkpoints=False)
    path = directory.path
    if path.is_dir():
        path = directory.evaluation
    if not path.is_file():
        is_run = RunDirectory(path.parent).record.is_file()
        advice = f"evaluate it first: {_command(path)}" if is_run else "name a run, or a file of --output"
        raise EvaluationError(f"{run} has not been evaluated (there is no {named(path)}); {advice}.")
    if path.stat().st_size > MOST_BYTES:
        raise EvaluationError(f"{named(path)} is too large to be an evaluation; name a file that aag-evaluate wrote.")
    try:
        content = read_json_object(path)
    except ValueError as error:
        raise EvaluationError(
            f"{named(path)} is damaged ({one_line(error, 200)}); evaluate again: {_command(path)}."
        ) from error
    schema = content.get("schema")
    if schema != SCHEMA:
        raise EvaluationError(
            f"{named(path)} has schema {brief(schema)} and this version reads schema {SCHEMA}; evaluate again: "
            f"{_command(path)}."
        )
    try:
        return _checked(path, content)
    except ValueError as error:
        raise EvaluationError(
            f"{named(path)} is damaged ({one_line(error, 200)}); evaluate again: {_command(path)}."
        ) from error


def _command(path: Path) -> str:
    """Returns the command that writes an evaluation."""
    directory = RunDirectory(path.parent)
    if path == directory.evaluation and directory.record.is_file():
        return command_line("aag-evaluate", f"--run_dir={directory.name}")
    return f"aag-evaluate with --output={named(path)}"


def _checked(path: Path, content: dict[str, Any]) -> Evaluation:
    evaluation = read_fields(Evaluation, {"seeds": {}, "seconds": 0.0} | content, feature_set=None, path=path)
    if not evaluation.results:
        raise ValueError("it has no 'results'")
    data = evaluation.data
    read_fields(_DataFacts, data, inside="data")
    read_fields(_SubjectFacts, evaluation.subject, inside="subject")
    if "conversion" in data:
        data["conversion"] = data["conversion"].replace("grey", "gray")
    for old, new in RENAMED_SETTINGS.items():
        if old in evaluation.settings:
            evaluation.settings[new] = evaluation.settings.pop(old)
    results = [
        dataclasses.replace(result, measures=list(map(_checked_measure, result.measures)))
        for result in evaluation.results
    ]
    return dataclasses.replace(evaluation, results=results)


def _checked_measure(measure: Measure) -> Measure:
    if (measure.low is None) != (measure.high is None):
        raise ValueError(f"the interval of {measure.name!r} has one end")
    read_fields(_DetailFacts, measure.details, inside=f"{measure.name}.details")
    return dataclasses.replace(measure, name=RENAMED_MEASURES.get(measure.name, measure.name))
