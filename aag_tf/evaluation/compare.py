"""`aag-evaluate --compare`: evaluations that were made before, in one table and one page."""

import dataclasses

from aag_tf.config import EvaluateConfig
from aag_tf.evaluation.comparison import Comparison, read_comparison
from aag_tf.files import user_path

DEFAULT_OUTPUT = "comparison.html"


def compare(config: EvaluateConfig) -> Comparison:
    """Reads what `config.compare` names and draws it as `comparison.html`; nothing is trained or judged again.

    Args:
        config: with `compare`; `output` is the HTML file.

    Raises:
        EvaluationError: an evaluation is missing, damaged or of another schema, they were judged on different images
            or with different settings, or the page cannot be written.
    """
    from aag_tf.evaluation.html import check_page_path, write_comparison  # what draws is loaded where pages are drawn

    path = user_path(config.output or DEFAULT_OUTPUT)
    check_page_path(path)
    comparison = dataclasses.replace(read_comparison(config.compared), path=path)
    write_comparison(comparison, path)
    return comparison
