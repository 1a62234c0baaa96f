"""`comparison.html`: several evaluations in one page: their figures, what differs, and their training curves."""

from pathlib import Path

from aag_tf.evaluation.comparison import Comparison
from aag_tf.evaluation.results import measure_titles
from aag_tf.report import chart
from aag_tf.report.curves import read_metrics, training_charts
from aag_tf.report.figures import make_table, plot_dots
from aag_tf.report.page import render, write_page


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Draws a comparison as one HTML file; an earlier page of ours is replaced.

    Raises:
        EvaluationError: the path cannot be written, or is a file of someone else's.
    """
    columns = {result.features: result.measures for result in comparison.results}
    titles = measure_titles(comparison.results)
    charts = training_charts({run.name: read_metrics(run.metrics) for run in comparison.runs if run.metrics})
    sections = {
        "figures": "Figures",
        "differences": comparison.differences and "What differs in training",
        "training": charts and "Training curves",
        "runs": "How each was judged",
    }
    page = render(
        "comparison.html",
        sections={key: heading for key, heading in sections.items() if heading},
        comparison=comparison,
        table=make_table(columns, titles),
        dots=plot_dots(columns, titles),
        charts=charts,
        chart_size=chart.SIZE,
    )
    write_page(path, page)
