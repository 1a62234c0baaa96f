"""What an evaluation found: as a table for people and as JSON for programs (`docs/evaluation.md` has the schema)."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aag_tf.evaluation.candidate import Candidate
from aag_tf.evaluation.measure import Measure

SCHEMA = 2

# Whose features they are, in tables and in JSON.
RAW_PIXELS = "raw pixels"
UNTRAINED = "untrained encoder"
TRAINED = "trained encoder"
SUPERVISED = "supervised encoder"
GIVEN = "given features"

# What stands for a measure in tables; names with a share of the labels are completed by `title`.
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
    """All figures of one set of features.

    Args:
        features: whose they are: `RAW_PIXELS`, `UNTRAINED`, `TRAINED`, `SUPERVISED` or `GIVEN`; in a comparison, the
            name of a run.
        dim: numbers in a feature.
        measures: in the order in which they are shown.
    """

    features: str
    dim: int
    measures: list[Measure]

    def measure(self, name: str) -> Measure | None:
        """The figure of this name, `None` where it was not measured."""
        return next((measure for measure in self.measures if measure.name == name), None)


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of an encoder beside its baselines, and everything needed to repeat them.

    Args:
        results: one entry a set of features, baselines first.
        subject: what was judged: its path, its step or version, its image shape.
        data: data set, split, numbers of images and classes, names of the classes (`None` where unknown).
        settings: the flags of the evaluation.
        command: the command line that repeats it.
        seeds: of everything random in it.
        versions: of the software.
        seconds: in total.
        judged: the features, labels, neighbors and predictions of the encoder that was judged (the last of the
            results but for a supervised one), kept in memory for pictures; not in the JSON.
        path: the JSON file, `None` where none was asked for.
        report: the HTML file, `None` where none was asked for.
    """

    results: list[FeatureResult]
    subject: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    command: str
    seeds: dict[str, int]
    versions: dict[str, str]
    seconds: float
    judged: Candidate
    path: Path | None = None
    report: Path | None = None

    def result(self, features: str) -> FeatureResult | None:
        """The figures of one set of features, `None` where it was not judged."""
        return next((result for result in self.results if result.features == features), None)

    def table(self) -> str:
        """A row a measure, a column a set of features; shares in percent with their 95 % intervals."""
        return table(self.results)

    def __str__(self) -> str:
        """The table with the sentence that says what it stands for."""
        data = self.data
        classes = "no labels" if data["num_classes"] is None else f"{data['num_classes']} classes"
        title = (
            f"{data['dataset']}, {data['split']} split: {data['num_queries']} images judged by {data['num_bank']} "
            f"others, {classes}."
        )
        note = f" ({data['conversion']})" if data.get("conversion") else ""
        return f"{title}{note}\nAccuracy in per cent [95 % interval over the judged images].\n\n{self.table()}"

    def to_json(self) -> str:
        """The whole evaluation; accuracies are shares in [0, 1]."""
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
    """What a table calls a measure: "kNN (k=20)", "probe on 1% of the labels"."""
    base, _, percent = measure.name.rpartition("_")
    if percent.endswith("%") and base in TITLES:
        return TITLES[base].format(percent.replace("%", " %"))
    suffix = f" (k={measure.details['k']})" if "k" in measure.details else ""
    return TITLES.get(measure.name, measure.name) + suffix  # files of later versions may have more


def shown(measure: Measure | None) -> str:
    """A figure as a table shows it: `67.1 [66.2, 68.0]`, or four digits of a plain number."""
    if measure is None:
        return "–"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.4g}"
    return f"{100 * measure.value:.2f} [{100 * measure.low:.1f}, {100 * measure.high:.1f}]"


def measure_titles(results: Sequence[FeatureResult]) -> dict[str, str]:
    """What each measure is called, by its name, in the order in which results have them."""
    titles: dict[str, str] = {}
    for result in results:
        titles |= {measure.name: title(measure) for measure in result.measures if measure.name not in titles}
    return titles


def table(results: Sequence[FeatureResult]) -> str:
    """The figures of several sets of features side by side, aligned."""
    titles = measure_titles(results)
    rows = [["", *(result.features for result in results)], ["dim", *(str(result.dim) for result in results)]]
    rows += [[text, *(shown(result.measure(name)) for result in results)] for name, text in titles.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )
