"""Results of an evaluation, as a table for people and as JSON for programs (`docs/reference/file_formats.md`)."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.measure import Measure

SCHEMA = 2
TABLE_NOTE = "Accuracy in percent [95 % interval over the evaluated images]."

# Names of feature sets in tables and in JSON.
RAW_PIXELS = "raw pixels"
UNTRAINED = "untrained encoder"
TRAINED = "trained encoder"
SUPERVISED = "supervised encoder"
GIVEN = "given features"

# Titles of metrics in tables; `title` fills in the share of the labels.
TITLES = {
    "knn": "kNN",
    "linear": "linear probe, L-BFGS",
    "linear_sgd": "linear probe, SGD",
    "few_labels_probe": "probe on {} of the labels",
    "fine_tune": "fine-tuned on {} of the labels",
    "robustness": "probe, all corruptions",
    "robustness_noise": "probe, Gaussian noise",
    "robustness_blur": "probe, Gaussian blur",
    "robustness_contrast": "probe, low contrast",
    "robustness_jpeg": "probe, JPEG",
    "neighbor_purity": "neighbor purity",
    "alignment": "alignment (lower is better)",
    "uniformity": "uniformity (lower is better)",
    "rankme": "effective rank, RankMe",
}


@dataclasses.dataclass(frozen=True)
class FeatureResult:
    """All metrics of one feature set.

    Args:
        features: `RAW_PIXELS`, `UNTRAINED`, `TRAINED`, `SUPERVISED` or `GIVEN`; in a comparison, the name of a run.
        dim: length of a feature vector.
        measures: in the order of tables.
    """

    features: str
    dim: int
    measures: list[Measure]

    def measure(self, name: str) -> Measure | None:
        """Returns the metric `name`, or `None` where it was not measured."""
        return next((measure for measure in self.measures if measure.name == name), None)


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of an encoder and of its baselines, and everything needed to repeat them.

    Args:
        results: one entry for each feature set, baselines first.
        subject: what was evaluated: its path, its step or version, its image shape.
        data: data set, split, numbers of images and classes, class names (`None` where unknown).
        settings: the flags of the evaluation.
        command: the command line that repeats it.
        seeds: the seeds of everything random.
        versions: of the software.
        seconds: wall-clock time.
        feature_set: features, labels, neighbors and predictions of the evaluated encoder, for pictures; not in the
            JSON, so `None` in an evaluation that was read from a file.
        path: the JSON file; `None` where none was written.
    """

    results: list[FeatureResult]
    subject: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    command: str
    seeds: dict[str, int]
    versions: dict[str, str]
    seconds: float
    feature_set: FeatureSet | None = None
    path: Path | None = None

    def result(self, features: str) -> FeatureResult | None:
        """Returns the metrics of one feature set, or `None` where it was not evaluated."""
        return next((result for result in self.results if result.features == features), None)

    @property
    def main_result(self) -> FeatureResult:
        """The metrics of the evaluated encoder or features, without the baselines and the supervised encoder."""
        return self.result(TRAINED) or self.result(GIVEN) or self.results[-1]

    def class_name(self, label: int) -> str:
        """Returns the name of class `label`, or its number where no name is known."""
        names = self.data.get("class_names") or ()
        return names[label] if 0 <= label < len(names) else str(label)

    def table(self) -> str:
        """Formats the results as a table: a row for each metric, a column for each feature set."""
        return table(self.results)

    def __str__(self) -> str:
        """The table below a sentence that names the images."""
        data = self.data
        classes = "no labels" if data["num_classes"] is None else f"{data['num_classes']} classes"
        title = (
            f"{data['dataset']}, {data['split']} split: {data['num_queries']} images, evaluated with "
            f"{data['num_bank']} others to learn from, {classes}."
        )
        note = f" ({data['conversion']})" if data.get("conversion") else ""
        return f"{title}{note}\n{TABLE_NOTE}\n\n{self.table()}"

    def to_json(self) -> str:
        """Formats the whole evaluation; accuracies are shares in [0, 1]."""
        content = {
            "schema": SCHEMA,
            "command": self.command,
            "versions": self.versions,
            "seeds": self.seeds,
            "subject": self.subject,
            "data": self.data,
            "settings": self.settings,
            "seconds": self.seconds,
            "results": [dataclasses.asdict(result) for result in self.results],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"


def title(measure: Measure) -> str:
    """Returns the title of a metric: "kNN (k=20)", "probe on 1 % of the labels"; its name where it has none."""
    base, _, percent = measure.name.rpartition("_")
    if percent.endswith("%") and base in TITLES:
        return TITLES[base].format(percent.replace("%", " %"))
    suffix = f" (k={measure.details['k']})" if "k" in measure.details else ""
    return TITLES.get(measure.name, measure.name) + suffix  # a file of a later version may have more metrics


def shown(measure: Measure | None) -> str:
    """Formats a metric for a table: `67.1 [66.2, 68.0]`, or four digits of a plain number."""
    if measure is None:
        return "–"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.4g}"
    return f"{100 * measure.value:.2f} [{100 * measure.low:.1f}, {100 * measure.high:.1f}]"


def measure_titles(results: Sequence[FeatureResult]) -> dict[str, str]:
    """Returns the title of every metric by its name, in the order in which the results have them."""
    titles: dict[str, str] = {}
    for result in results:
        titles |= {measure.name: title(measure) for measure in result.measures if measure.name not in titles}
    return titles


def table(results: Sequence[FeatureResult]) -> str:
    """Formats the metrics of several feature sets side by side, aligned."""
    titles = measure_titles(results)
    rows = [["", *(result.features for result in results)], ["dim", *(str(result.dim) for result in results)]]
    rows += [[text, *(shown(result.measure(name)) for result in results)] for name, text in titles.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )
