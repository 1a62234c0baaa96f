"""Reports to look at: one HTML file each, without network or script, for every screen and for screen readers."""

from aag_tf.evaluation.html.comparison import write_comparison
from aag_tf.evaluation.html.material import Material
from aag_tf.evaluation.html.page import check_page_path
from aag_tf.evaluation.html.report import Content, report_page, write_report

__all__ = ["Content", "Material", "check_page_path", "report_page", "write_comparison", "write_report"]
