"""Where the pages of `aag-evaluate` are written."""

from pathlib import Path

from aag_tf.config import EvaluateConfig
from aag_tf.evaluation import evaluation_path
from aag_tf.report.page import check_page_path
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.stores import file_to_write

COMPARISON_FILE = "comparison.html"


def report_path(config: EvaluateConfig) -> Path | None:
    """Returns the page of an evaluation: `report.html` in the run directory, or the name of `--output` with `.html`.

    `None` where no JSON file is written, or no report is wanted.

    Raises:
        EvaluationError: the page or the JSON file cannot be written, or is a file of someone else's.
    """
    results = evaluation_path(config)
    if results is None or not config.report:
        return None
    run = RunDirectory(results.parent)
    page = run.report if results.name == run.evaluation.name else results.with_suffix(".html")
    if page == results:
        raise EvaluationError(f"--output={results} is the JSON file; give it another name, as in evaluation.json.")
    if page.parent.is_dir():  # otherwise loading the run reports what is wrong with it
        check_page_path(page)
    return page


def comparison_path(config: EvaluateConfig) -> Path:
    """Returns the page of a comparison: `--output`, by default `comparison.html`.

    Raises:
        EvaluationError: it cannot be written, or is a file of someone else's.
    """
    page = file_to_write(config.output or COMPARISON_FILE)
    check_page_path(page)
    return page
