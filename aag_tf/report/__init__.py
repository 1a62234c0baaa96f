"""Draws evaluations and comparisons: one HTML file each, without network or script, for every screen and reader."""

from aag_tf.report.comparison import write_comparison
from aag_tf.report.page import check_page_path
from aag_tf.report.paths import comparison_path, report_path
from aag_tf.report.report import report_page, write_report

__all__ = ["check_page_path", "comparison_path", "report_page", "report_path", "write_comparison", "write_report"]
