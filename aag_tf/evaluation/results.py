"""The metrics of each feature set, and their table."""

import dataclasses
from collections.abc import Sequence

from aag_tf.evaluation.measure import Measure
from aag_tf.utils import text

TABLE_NOTE = "Accuracy in percent [95 % interval over the evaluated images]."

# Names of feature sets in tables and in JSON.
RAW_PIXELS = "raw pixels"
UNTRAINED = "untrained encoder"
TRAINED = "trained encoder"
SUPERVISED = "supervised encoder"
GIVEN = "given features"

ACCURACY = "accuracy"  # of a classifier of our own
MAJORITY = "majority"  # the metric of the answer that needs no features
BALANCED = "_balanced"  # ends the names of accuracies that are means over classes

# Titles of metrics in tables; `title` fills in the share of the labels.
TITLES = {
    ACCURACY: "accuracy",
    MAJORITY: "always the largest class",
    "knn": "kNN",
    "recall": "recall@{}",
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
    "alignment": "alignment (read with uniformity)",
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


def title(measure: Measure) -> str:
    """Returns the title of a metric: "kNN (k=20)", "probe on 1 % of the labels"; its name where it has none."""
    name = measure.name.removesuffix(BALANCED)
    balanced = ", balanced" if name != measure.name else ""
    base, _, percent = name.rpartition("_")
    if percent.endswith("%") and base in TITLES:
        return TITLES[base].format(percent.replace("%", " %")) + balanced
    base, _, k = name.partition("@")
    if k and base in TITLES:
        return TITLES[base].format(k)
    suffix = f" (k={measure.details['k']})" if "k" in measure.details else ""
    return TITLES.get(name, name) + balanced + suffix  # a file of a later version may have more metrics


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
    rows = [["", *(text.shown(result.features) for result in results)], ["dim", *(str(each.dim) for each in results)]]
    rows += [[text.shown(name), *(shown(each.measure(key)) for each in results)] for key, name in titles.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )
