"""Reads an `evaluation.json` back and checks it, since it may be old, damaged or from somebody else."""

import math
from pathlib import Path
from typing import Any

from aag_tf.evaluation.evaluation import SCHEMA, Evaluation
from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import FeatureResult
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError, one_line
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.stores import named
from aag_tf.utils.text import command_line

MOST_BYTES = 16 * 2**20  # a whole evaluation takes some 20 kB

# Spelling of earlier files.
RENAMED_MEASURES = {"neighbour_purity": "neighbor_purity"}
RENAMED_SETTINGS = {"floors": "baselines"}


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
            f"{named(path)} has schema {schema} and this version reads schema {SCHEMA}; evaluate again: "
            f"{_command(path)}."
        )
    try:
        return _checked(path, content)
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"{named(path)} is damaged, a part is missing or wrong; evaluate again: {_command(path)}."
        ) from error


def _command(path: Path) -> str:
    """Returns the command that writes an evaluation."""
    directory = RunDirectory(path.parent)
    if path == directory.evaluation and directory.record.is_file():
        return command_line("aag-evaluate", f"--run_dir={directory.name}")
    return f"aag-evaluate with --output={named(path)}"


def _checked(path: Path, content: dict[str, Any]) -> Evaluation:
    results = [
        FeatureResult(str(result["features"]), int(result["dim"]), [_measure(entry) for entry in result["measures"]])
        for result in content["results"]
    ]
    subject, data, settings, versions = (dict(content[name]) for name in ("subject", "data", "settings", "versions"))
    if not results or not {"dataset", "split", "num_bank", "num_queries"} <= set(data):
        raise ValueError("no results, or nothing about the data")
    if not all(isinstance(data[name], int) for name in ("num_bank", "num_queries")):
        raise ValueError("a number of images is no integer")
    if "conversion" in data:
        data["conversion"] = str(data["conversion"]).replace("grey", "gray")
    for old, new in RENAMED_SETTINGS.items():
        if old in settings:
            settings[new] = settings.pop(old)
    return Evaluation(
        results,
        subject,
        data,
        settings=settings,
        command=str(content["command"]),
        seeds=dict(content.get("seeds", {})),
        versions=versions,
        seconds=float(content.get("seconds", 0.0)),
        path=path,
    )


def _measure(entry: dict[str, Any]) -> Measure:
    measure = Measure(**entry)
    numbers = [number for number in (measure.value, measure.low, measure.high) if number is not None]
    if not all(math.isfinite(number) for number in numbers) or (measure.low is None) != (measure.high is None):
        raise ValueError("a metric is no finite number, or its interval has one end")
    name = str(measure.name)
    return Measure(**(entry | {"name": RENAMED_MEASURES.get(name, name), "details": dict(measure.details)}))
