"""Draws `comparison.html`: the metrics of several evaluations, what differs in training, and the training curves."""

from pathlib import Path

from aag_tf.evaluation import Comparison
from aag_tf.report import chart
from aag_tf.report.curves import training_charts
from aag_tf.report.page import check_page_path, render, write_page
from aag_tf.report.results import make_table, plot_dots
from aag_tf.runs.metrics import read_metrics
from aag_tf.utils.stores import local_path


def write_comparison(comparison: Comparison, path: str | Path) -> None:
    """Draws a comparison as one HTML file; an earlier page of ours is replaced.

    Raises:
        EvaluationError: the path cannot be written, or is a file of someone else's.
    """
    file = local_path(path)
    check_page_path(file)
    charts = training_charts({run.name: read_metrics(run.metrics) for run in comparison.runs if run.metrics})
    sections = {
        "metrics": "Metrics",
        "differences": comparison.differences and "What differs in training",
        "training": charts and "Training curves",
        "runs": "How each was evaluated",
    }
    page = render(
        "comparison.html",
        sections={key: heading for key, heading in sections.items() if heading},
        comparison=comparison,
        table=make_table(comparison.results),
        dots=plot_dots(comparison.results),
        charts=charts,
        chart_size=chart.SIZE,
    )
    write_page(file, page)
