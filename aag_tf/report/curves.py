"""Training curves: which metrics of `metrics.jsonl` are drawn, in which charts."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from aag_tf.report.chart import Chart, line_chart

Records = Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Panel:
    """The metrics of one chart, {key of a record: name of the line}, in percent or as they are."""

    title: str
    names: Mapping[str, str]
    percent: bool = False


PANELS = (
    Panel("Loss", {"loss": "loss"}),
    Panel("Accuracy on held-out images", {"knn_accuracy": "kNN", "linear_accuracy": "linear probe"}, percent=True),
    Panel("Effective rank of the embedding", {"effective_rank": "effective rank"}),
    Panel("Uniformity of the embedding (lower is better)", {"feature_uniformity": "uniformity"}),
    Panel("Contrastive accuracy", {"contrastive_accuracy": "contrastive accuracy"}, percent=True),
    Panel(
        "Cosine similarity", {"positive_similarity": "views of one image", "negative_similarity": "views of two images"}
    ),
    Panel("Alignment of projections (read with uniformity)", {"alignment": "alignment"}),
    Panel("Uniformity of projections (lower is better)", {"uniformity": "uniformity"}),
    Panel("Gradient norm", {"gradient_norm": "gradient norm"}),
    Panel("Learning rate", {"learning_rate": "learning rate"}),
    Panel("Images a second", {"images_per_second": "images a second"}),
)


def training_charts(runs: Mapping[str, Records]) -> list[Chart]:
    """Draws the panels that have data.

    Args:
        runs: records by the name of their run. The metrics of a panel share a chart if there is one run; with several
            runs each metric has a chart of its own, with a line for each run.
    """
    wanted: list[tuple[str, dict[str, np.ndarray], bool]] = []
    for panel in PANELS:
        if len(runs) == 1:
            (records,) = runs.values()
            series = {name: _points(records, key) for key, name in panel.names.items()}
            wanted.append((panel.title, series, panel.percent))
            continue
        for key, name in panel.names.items():
            title = panel.title if len(panel.names) == 1 else f"{panel.title}: {name}"
            wanted.append((title, {run: _points(records, key) for run, records in runs.items()}, panel.percent))
    made = [line_chart(title, series, x_name="steps", percent=percent) for title, series, percent in wanted]
    return [chart for chart in made if chart is not None]


def _points(records: Records, key: str) -> np.ndarray:
    """Returns steps and values, float [2, n]."""
    return np.array([(record["step"], record[key]) for record in records if key in record], float).reshape(-1, 2).T
