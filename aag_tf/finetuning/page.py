"""Draws the report of a fine-tuning: metrics, classes, confusion, calibration, trainings, in one HTML file."""

import numpy as np

from aag_tf.finetuning.figures import FINE_TUNED
from aag_tf.finetuning.output import TRIALS
from aag_tf.finetuning.record import Finetuning
from aag_tf.finetuning.results import AFTER, BEFORE
from aag_tf.report import chart
from aag_tf.report.chart import Chart, line_chart
from aag_tf.report.confusion import Confusion
from aag_tf.report.page import render
from aag_tf.report.results import make_table, plot_dots
from aag_tf.runs.metrics import Record, read_metrics

# Metrics of a trial: title of the chart, whether in percent.
CURVES = {
    "held_out_accuracy": ("Accuracy on held-out images", True),
    "held_out_cross_entropy": ("Cross-entropy on held-out images (lower is better)", False),
    "cross_entropy": ("Cross-entropy on the images to learn from", False),
}
STATES = {BEFORE: "as trained", AFTER: "with the temperature"}


def finetuning_page(result: Finetuning) -> str:
    """Returns the page as text; it reads the metrics of the trainings from their directories."""
    sections = {
        "metrics": "Metrics beside the baselines",
        "classes": "Each class",
        "confusion": "Which classes are confused",
        "calibration": "Calibration",
        "training": "Trainings",
        "settings": "Settings",
    }
    data = result.data
    counts = np.array(result.confusion)
    return render(
        "finetune.html",
        sections=sections,
        subject=str(result.path),
        introduction=(
            f"{data['dataset']}, {data['reported_split']} split: {data['reported']:,} images of "
            f"{data['num_classes']:,} classes; {result.learned}. From {result.encoder['source']}."
        ),
        table=make_table(result.results),
        dots=plot_dots(result.results),
        lines=result.lines,
        classes=result.classes,
        confusion=Confusion("classifier", data["class_names"], counts),
        calibration=result.calibration,
        states=STATES,
        reliability=_reliability(result),
        trials=result.trials,
        chosen=result.chosen,
        charts=_curves(result),
        chart_size=chart.SIZE,
        command=result.command,
        facts={
            "Encoder": result.encoder,
            "Data": {name: value for name, value in data.items() if name != "class_names" and value not in (None, "")},
            "Settings": {name: value for name, value in result.settings.items() if value is not None},
            "Seeds": result.seeds,
            "Versions": result.versions,
        },
    )


def _reliability(result: Finetuning) -> Chart | None:
    """Accuracy over confidence, before and after; on the line of equals where probabilities are right."""
    series = {
        STATES[state]: np.array([[100 * each.confidence, each.accuracy] for each in calibration.bins]).reshape(-1, 2).T
        for state, calibration in result.calibration[FINE_TUNED].items()
    }
    series["well calibrated"] = np.array([[0.0, 100.0], [0.0, 1.0]])
    return line_chart("Accuracy by confidence", series, x_name="confidence in percent", percent=True)


def _curves(result: Finetuning) -> list[Chart]:
    records = {
        each.trial.title: read_metrics(result.path / TRIALS / each.trial.name / "metrics.jsonl")
        for each in result.trials
    }
    charts = []
    for key, (title, percent) in CURVES.items():
        series = {name: _points(own, key) for name, own in records.items()}
        charts.append(line_chart(title, series, x_name="steps", percent=percent))
    return [each for each in charts if each is not None]


def _points(records: list[Record], key: str) -> np.ndarray:
    found = [(record["step"], record[key]) for record in records if key in record]
    return np.array(found, float).reshape(-1, 2).T
