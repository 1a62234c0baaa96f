"""An `evaluation.json` read back, checked, since it may be old, damaged or somebody else's."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from aag_tf.evaluation.measure import Measure
from aag_tf.evaluation.results import GIVEN, SCHEMA, TRAINED, FeatureResult
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError, one_line
from aag_tf.utils.json_files import read_json_object
from aag_tf.utils.paths import user_path

MOST_BYTES = 16 * 2**20  # a whole evaluation takes some 20 kB


@dataclasses.dataclass(frozen=True)
class SavedEvaluation:
    """What was kept of an evaluation.

    Args:
        path: the file.
        results: one a set of features.
        subject, data, settings, versions: as in `Evaluation`.
        command: the command line that repeats it.
    """

    path: Path
    results: list[FeatureResult]
    subject: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, Any]
    command: str

    @property
    def judged(self) -> FeatureResult:
        """The figures of the encoder, or features, that it is about."""
        named = {result.features: result for result in self.results}
        return named.get(TRAINED) or named.get(GIVEN) or self.results[-1]

    @property
    def pixels(self) -> tuple[Any, ...]:
        """The form in which it saw the images: two evaluations share raw pixels as a baseline where it is the same."""
        return str(self.data.get("image_shape")), self.data.get("conversion", "")


def is_evaluation(path: Path) -> bool:
    """Whether a file may be written over by figures: it holds figures, of whatever version."""
    try:
        return path.stat().st_size <= MOST_BYTES and bool(read_json_object(path, "schema", "results"))
    except (OSError, ValueError):
        return False


def read_evaluation(run: str) -> SavedEvaluation:
    """Reads the evaluation in a run directory, or a JSON file that `--output` named.

    Raises:
        EvaluationError: there is none, it is damaged, or it was written by another version.
    """
    path = user_path(run)
    if path.is_dir():
        path = RunDirectory(path).evaluation
    if not path.is_file():
        raise EvaluationError(f"{run} has not been judged (there is no {path}); run aag-evaluate on it first.")
    if path.stat().st_size > MOST_BYTES:
        raise EvaluationError(f"{path} is too large to be an evaluation; name a file that aag-evaluate wrote.")
    try:
        content = read_json_object(path)
    except ValueError as error:
        raise EvaluationError(f"{path} is damaged ({one_line(error, 200)}); run aag-evaluate again.") from error
    schema = content.get("schema")
    if schema != SCHEMA:
        raise EvaluationError(
            f"{path} has schema {schema} and this version reads schema {SCHEMA}; run aag-evaluate on it again."
        )
    try:
        return _checked(path, content)
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(f"{path} is damaged, a part is missing or wrong; run aag-evaluate again.") from error


def _checked(path: Path, content: dict[str, Any]) -> SavedEvaluation:
    results = [
        FeatureResult(str(result["features"]), int(result["dim"]), [_measure(entry) for entry in result["measures"]])
        for result in content["results"]
    ]
    parts = {name: dict(content[name]) for name in ("subject", "data", "settings", "versions")}
    if not results or not {"dataset", "split", "num_bank", "num_queries"} <= set(parts["data"]):
        raise ValueError("no results, or nothing about the data")
    if not all(isinstance(parts["data"][name], int) for name in ("num_bank", "num_queries")):
        raise ValueError("a number of images is none")
    return SavedEvaluation(path, results, **parts, command=str(content["command"]))


def _measure(entry: dict[str, Any]) -> Measure:
    measure = Measure(**entry)
    numbers = [number for number in (measure.value, measure.low, measure.high) if number is not None]
    if not all(math.isfinite(number) for number in numbers) or (measure.low is None) != (measure.high is None):
        raise ValueError("a figure is no number, or half an interval")
    return Measure(**(entry | {"name": str(measure.name), "details": dict(measure.details)}))
